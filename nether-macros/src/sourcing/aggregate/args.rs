//! The arguments of `#[aggregate]`, as written.

use proc_macro2::TokenStream;
use syn::{LitInt, LitStr, Path};

use crate::diagnostics::Diagnostics;
use crate::keys::{Grammar, Key, Seen, TypeList};
use crate::limits::{BACKOFF, RETRY, TIMEOUT};
use crate::sourcing::settings::PolicyArgs;

const GRAMMAR: Grammar = Grammar {
    attribute: "aggregate",
    keys: &[
        Key {
            name: "handles",
            form: "handles = [Command, .., Query, ..]",
        },
        Key {
            name: "events",
            form: "events = [Event, ..]",
        },
        Key {
            name: "name",
            form: "name = \"account\"",
        },
        Key {
            name: "snapshot_every",
            form: "snapshot_every = 100",
        },
        Key {
            name: "snapshot_version",
            form: "snapshot_version = 1",
        },
        Key {
            name: "cache",
            form: "cache = 10000",
        },
        Key {
            name: "idle",
            form: "idle = \"5m\"",
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
pub(in crate::sourcing) struct AggregateArgs {
    pub(in crate::sourcing) handles: Option<TypeList>,
    pub(super) events: Option<TypeList>,
    pub(super) name: Option<LitStr>,
    pub(super) snapshot_every: Option<LitInt>,
    pub(super) snapshot_version: Option<LitInt>,
    pub(super) cache: Option<LitInt>,
    pub(super) idle: Option<LitStr>,
    pub(super) policy: PolicyArgs,
    pub(in crate::sourcing) renamed: Option<Path>,
    pub(super) seen: Seen,
}

impl AggregateArgs {
    pub(in crate::sourcing) fn parse(arguments: TokenStream, diagnostics: &Diagnostics) -> Self {
        let mut args = AggregateArgs::default();
        args.seen = GRAMMAR.read(arguments, diagnostics, |key, input| {
            let name = key.to_string();
            if args.policy.read(&name, input)? {
                return Ok(());
            }
            match name.as_str() {
                "handles" => args.handles = Some(TypeList::parse(key, input)?),
                "events" => args.events = Some(TypeList::parse(key, input)?),
                "name" => args.name = Some(input.parse()?),
                "snapshot_every" => args.snapshot_every = Some(input.parse()?),
                "snapshot_version" => args.snapshot_version = Some(input.parse()?),
                "cache" => args.cache = Some(input.parse()?),
                "idle" => args.idle = Some(input.parse()?),
                _ => args.renamed = Some(input.call(Path::parse_mod_style)?),
            }
            Ok(())
        });
        args
    }
}
