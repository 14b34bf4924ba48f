//! The arguments of `#[projection]`, as written.

use proc_macro2::TokenStream;
use syn::{Lit, LitInt, LitStr, Path};

use crate::diagnostics::Diagnostics;
use crate::keys::{Grammar, Key, Seen, TypeList};

const GRAMMAR: Grammar = Grammar {
    attribute: "projection",
    keys: &[
        Key {
            name: "handles",
            form: "handles = [Event, .., Query, ..]",
        },
        Key {
            name: "name",
            form: "name = \"balances\"",
        },
        Key {
            name: "durable",
            form: "durable",
        },
        Key {
            name: "version",
            form: "version = 2",
        },
        Key {
            name: "from",
            form: "from = \"now\"",
        },
        Key {
            name: "parallel",
            form: "parallel = 8",
        },
        Key {
            name: "retries",
            form: "retries = 3",
        },
        Key {
            name: "crate",
            form: "crate = path",
        },
    ],
};

/// What was given. Nothing is known to make sense yet.
#[derive(Default)]
pub(in crate::sourcing) struct ProjectionArgs {
    pub(in crate::sourcing) handles: Option<TypeList>,
    pub(super) name: Option<LitStr>,
    pub(super) is_durable: bool,
    pub(super) version: Option<LitInt>,
    pub(super) from: Option<Lit>,
    pub(super) parallel: Option<LitInt>,
    pub(super) retries: Option<LitInt>,
    pub(in crate::sourcing) renamed: Option<Path>,
    pub(super) seen: Seen,
}

impl ProjectionArgs {
    pub(in crate::sourcing) fn parse(arguments: TokenStream, diagnostics: &Diagnostics) -> Self {
        let mut args = ProjectionArgs::default();
        args.seen = GRAMMAR.read(arguments, diagnostics, |key, input| {
            match key.to_string().as_str() {
                "handles" => args.handles = Some(TypeList::parse(key, input)?),
                "name" => args.name = Some(input.parse()?),
                "durable" => args.is_durable = true,
                "version" => args.version = Some(input.parse()?),
                "from" => args.from = Some(input.parse()?),
                "parallel" => args.parallel = Some(input.parse()?),
                "retries" => args.retries = Some(input.parse()?),
                _ => args.renamed = Some(input.call(Path::parse_mod_style)?),
            }
            Ok(())
        });
        args
    }
}
