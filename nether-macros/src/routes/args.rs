//! The arguments of `#[routes]`, as written.

use proc_macro2::TokenStream;
use syn::Path;

use crate::diagnostics::Diagnostics;
use crate::keys::{Grammar, Key};

const CRATE: Key = Key {
    name: "crate",
    form: "crate = path",
};

/// What was given. Nothing is known to make sense yet.
#[derive(Default)]
pub(crate) struct RoutesArgs {
    pub(crate) renamed: Option<Path>,
}

impl RoutesArgs {
    pub(crate) fn parse(arguments: TokenStream, diagnostics: &Diagnostics) -> Self {
        let grammar = Grammar {
            attribute: "routes",
            keys: &[CRATE],
        };
        let mut args = RoutesArgs::default();
        grammar.read(arguments, diagnostics, |_, input| {
            args.renamed = Some(input.call(Path::parse_mod_style)?);
            Ok(())
        });
        args
    }
}
