//! The arguments of `#[saga]`, as written.

use proc_macro2::{Ident, TokenStream};
use syn::{Lit, LitInt, LitStr, Path};

use crate::diagnostics::Diagnostics;
use crate::keys::{Grammar, Key, Seen, TypeList};

const GRAMMAR: Grammar = Grammar {
    attribute: "saga",
    keys: &[
        Key {
            name: "key",
            form: "key = field",
        },
        Key {
            name: "handles",
            form: "handles = [Event, ..]",
        },
        Key {
            name: "starts",
            form: "starts = [Event, ..]",
        },
        Key {
            name: "ends",
            form: "ends = [Event, ..]",
        },
        Key {
            name: "sends",
            form: "sends = [Command, ..]",
        },
        Key {
            name: "name",
            form: "name = \"fulfilment\"",
        },
        Key {
            name: "from",
            form: "from = \"now\"",
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
pub(in crate::sourcing) struct SagaArgs {
    pub(super) key: Option<Ident>,
    pub(in crate::sourcing) handles: Option<TypeList>,
    pub(super) starts: Option<TypeList>,
    pub(super) ends: Option<TypeList>,
    pub(super) sends: Option<TypeList>,
    pub(super) name: Option<LitStr>,
    pub(super) from: Option<Lit>,
    pub(super) retries: Option<LitInt>,
    pub(in crate::sourcing) renamed: Option<Path>,
    pub(super) seen: Seen,
}

impl SagaArgs {
    pub(in crate::sourcing) fn parse(arguments: TokenStream, diagnostics: &Diagnostics) -> Self {
        let mut args = SagaArgs::default();
        args.seen = GRAMMAR.read(arguments, diagnostics, |key, input| {
            match key.to_string().as_str() {
                "key" => args.key = Some(input.parse()?),
                "handles" => args.handles = Some(TypeList::parse(key, input)?),
                "starts" => args.starts = Some(TypeList::parse(key, input)?),
                "ends" => args.ends = Some(TypeList::parse(key, input)?),
                "sends" => args.sends = Some(TypeList::parse(key, input)?),
                "name" => args.name = Some(input.parse()?),
                "from" => args.from = Some(input.parse()?),
                "retries" => args.retries = Some(input.parse()?),
                _ => args.renamed = Some(input.call(Path::parse_mod_style)?),
            }
            Ok(())
        });
        args
    }
}
