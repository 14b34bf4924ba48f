//! [`CheckedMessage`]: a message that makes sense. Only [`validate`](crate::message::validate) makes one; all
//! expansion reads it.

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::Type;

use crate::message::MessageKind;
use crate::message::args::MessageArgs;
use crate::message::endpoint::Endpoint;
use crate::message::model::Definition;
use crate::message::stored::Stored;
use crate::paths::Paths;

/// A message that makes sense.
pub(crate) struct CheckedMessage {
    pub(crate) kind: MessageKind,
    pub(crate) args: MessageArgs,
    pub(crate) definition: Definition,
    /// The derives above the attribute about which there is an error.
    pub(crate) derived_above: Vec<Ident>,
    /// The field of `key = ..`, and its type.
    pub(crate) key: Option<(Ident, Type)>,
    /// What `http = ".."` says.
    pub(crate) endpoint: Option<Endpoint>,
    /// How it is stored, if it is an event that can be.
    pub(crate) stored: Option<Stored>,
    /// Whether the type can be a message at all; if not, its definition alone is given back.
    pub(crate) is_message: bool,
}

impl CheckedMessage {
    /// The type of its reply.
    pub(crate) fn reply(&self) -> TokenStream {
        let reply = self.args.reply.as_ref();
        reply.map_or_else(|| quote!(()), |reply| quote!(#reply))
    }

    /// The type of its error.
    pub(crate) fn error(&self, paths: &Paths) -> TokenStream {
        let (error, p) = (self.args.error.as_ref(), paths.private());
        error.map_or_else(|| quote!(#p::Error), |error| quote!(#error))
    }
}
