//! The arguments of `#[saga]`, as written.

use proc_macro2::{Ident, TokenStream};
use syn::{Lit, LitStr, Path};

use crate::diagnostics::Diagnostics;
use crate::keys::{Grammar, Key, Seen, TypeList};
use crate::limits::{BACKOFF, RETRY, TIMEOUT};
use crate::sourcing::settings::PolicyArgs;

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
            form: "starts = [Event, Command, ..]",
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
        TIMEOUT,
        RETRY,
        BACKOFF,
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
    pub(super) policy: PolicyArgs,
    pub(super) from: Option<Lit>,
    pub(in crate::sourcing) renamed: Option<Path>,
    pub(super) seen: Seen,
}

impl SagaArgs {
    pub(in crate::sourcing) fn parse(arguments: TokenStream, diagnostics: &Diagnostics) -> Self {
        let mut args = SagaArgs::default();
        args.seen = GRAMMAR.read(arguments, diagnostics, |key, input| {
            let name = key.to_string();
            if args.policy.read(&name, input)? {
                return Ok(());
            }
            match name.as_str() {
                "key" => args.key = Some(input.parse()?),
                "handles" => args.handles = Some(TypeList::parse(key, input)?),
                "starts" => args.starts = Some(TypeList::parse(key, input)?),
                "ends" => args.ends = Some(TypeList::parse(key, input)?),
                "sends" => args.sends = Some(TypeList::parse(key, input)?),
                "name" => args.name = Some(input.parse()?),
                "from" => args.from = Some(input.parse()?),
                _ => args.renamed = Some(input.call(Path::parse_mod_style)?),
            }
            Ok(())
        });
        args
    }
}
