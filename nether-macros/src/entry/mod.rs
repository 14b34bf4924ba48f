//! `#[nether::main]` and `#[nether::test]`.

mod args;
mod expand;
mod seeds;
mod validate;

use proc_macro2::{Span, TokenStream};

use crate::block::Function;
use crate::diagnostics::Diagnostics;
use crate::entry::args::EntryArgs;
use crate::{features, recover};

/// Which attribute it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EntryKind {
    Main,
    Test,
}

impl EntryKind {
    /// The attribute, as it is written.
    pub(crate) fn attribute(self) -> &'static str {
        match self {
            EntryKind::Main => "nether::main",
            EntryKind::Test => "nether::test",
        }
    }

    /// What it gives: the name of the type.
    pub(crate) fn system(self) -> &'static str {
        match self {
            EntryKind::Main => "System",
            EntryKind::Test => "TestSystem",
        }
    }

    /// The function of the runtime.
    pub(crate) fn function(self) -> &'static str {
        match self {
            EntryKind::Main => "main",
            EntryKind::Test => "test",
        }
    }
}

/// The attribute's expansion.
pub(crate) fn attribute(kind: EntryKind, arguments: TokenStream, item: TokenStream) -> TokenStream {
    let diagnostics = Diagnostics::new();
    if kind == EntryKind::Test && !features::TEST {
        let message = "`#[nether::test]` needs the feature `test` of `nether`";
        diagnostics.error_at(Span::call_site(), message, features::ENABLE_TEST);
        // What the test is made of is not there either.
        return recover::unparsed(TokenStream::new(), diagnostics, None);
    }
    let args = EntryArgs::parse(kind, arguments, &diagnostics);
    let function = match syn::parse2::<Function>(item.clone()) {
        Ok(function) => function,
        Err(_) => {
            let error = validate::not_a_function(kind, item.clone());
            return recover::unparsed(item, diagnostics, error);
        }
    };
    let checked = validate::check(kind, args, function, &diagnostics);
    recover::finish(kind.attribute(), diagnostics, expand::expand(&checked))
}
