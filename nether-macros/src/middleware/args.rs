//! The arguments of `#[middleware]`, as written.

use proc_macro2::TokenStream;
use syn::Path;

use crate::diagnostics::Diagnostics;
use crate::keys::{Grammar, Key};

const GRAMMAR: Grammar = Grammar {
    attribute: "middleware",
    keys: &[Key {
        name: "crate",
        form: "crate = path",
    }],
};

/// What was given. Nothing is known to make sense yet.
#[derive(Default)]
pub(crate) struct MiddlewareArgs {
    pub(crate) renamed: Option<Path>,
}

impl MiddlewareArgs {
    pub(crate) fn parse(arguments: TokenStream, diagnostics: &Diagnostics) -> Self {
        let mut args = MiddlewareArgs::default();
        GRAMMAR.read(arguments, diagnostics, |_, input| {
            args.renamed = Some(input.call(Path::parse_mod_style)?);
            Ok(())
        });
        args
    }
}
