//! `#[command]`, `#[query]`, `#[event]`: one pipeline for the three kinds.

mod access;
mod args;
mod borrowed;
mod checked;
mod conditional;
mod endpoint;
mod expand;
mod fields;
mod model;
mod rename;
mod requirement;
mod serde;
mod stored;
mod validate;

pub(crate) use self::conditional::derive;

use proc_macro2::TokenStream;

use crate::diagnostics::Diagnostics;
use crate::message::args::MessageArgs;
use crate::message::model::{Definition, Model};
use crate::{recover, source};

/// Which attribute it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MessageKind {
    Command,
    Query,
    Event,
}

impl MessageKind {
    /// The attribute's name, which is also the word for such a message.
    pub(crate) fn word(self) -> &'static str {
        match self {
            MessageKind::Command => "command",
            MessageKind::Query => "query",
            MessageKind::Event => "event",
        }
    }

    /// The name of the type by which its trait says that a type is such a message.
    pub(crate) fn itself(self) -> &'static str {
        match self {
            MessageKind::Command => "Sent",
            MessageKind::Query => "Asked",
            MessageKind::Event => "Published",
        }
    }

    /// The name of its trait, and of its variant of the runtime's `MessageKind`.
    pub(crate) fn type_name(self) -> &'static str {
        match self {
            MessageKind::Command => "Command",
            MessageKind::Query => "Query",
            MessageKind::Event => "Event",
        }
    }
}

/// The attribute's expansion.
pub(crate) fn attribute(
    kind: MessageKind,
    arguments: TokenStream,
    item: TokenStream,
) -> TokenStream {
    let diagnostics = Diagnostics::new();
    let definition = match syn::parse2::<Definition>(item.clone()) {
        Ok(definition) => definition,
        Err(_) => {
            let error = validate::not_a_message(kind, item.clone());
            return recover::unparsed(item, diagnostics, error);
        }
    };
    if conditional::is_conditional(&definition) {
        let _ = diagnostics.check();
        return conditional::postponed(kind, arguments, definition);
    }
    let args = MessageArgs::parse(kind, arguments, &diagnostics);
    let above = source::attributes_above(kind.word(), definition.ident());
    let model = Model::new(kind, args, definition, above);
    let checked = validate::check(model, &diagnostics);
    recover::finish(kind.word(), diagnostics, expand::expand(&checked))
}
