//! The arguments of `#[module]`, as written.

use proc_macro2::{Ident, TokenStream};
use syn::ext::IdentExt;
use syn::{LitInt, LitStr, Path};

use crate::diagnostics::Diagnostics;
use crate::keys::{Grammar, Key, Seen, TypeList};
use crate::limits::{BACKOFF, RETRY, TIMEOUT};

/// What stands around handlers.
pub(crate) const WITH: Key = Key {
    name: "with",
    form: "with = [Middleware, ..]",
};

/// Which argument of `#[init]` is the key that each value has.
pub(crate) const PER: Key = Key {
    name: "per",
    form: "per = key",
};
/// How many values are kept.
pub(crate) const KEEP: Key = Key {
    name: "keep",
    form: "keep = 100_000",
};
/// How long a value is kept that is not in use.
pub(crate) const IDLE: Key = Key {
    name: "idle",
    form: "idle = \"5m\"",
};

const GRAMMAR: Grammar = Grammar {
    attribute: "module",
    keys: &[
        Key {
            name: "handles",
            form: "handles = [Message, ..]",
        },
        Key {
            name: "emits",
            form: "emits = [Message, ..]",
        },
        Key {
            name: "calls",
            form: "calls = [Message, ..]",
        },
        Key {
            name: "after",
            form: "after = [Module, ..]",
        },
        Key {
            name: "instances",
            form: "instances = 4",
        },
        PER,
        KEEP,
        IDLE,
        Key {
            name: "mailbox",
            form: "mailbox = 1024",
        },
        TIMEOUT,
        RETRY,
        BACKOFF,
        WITH,
        Key {
            name: "breaker",
            form: "breaker = \"5 in 10s, probe after 30s\"",
        },
        Key {
            name: "restart",
            form: "restart = \"always\"",
        },
        Key {
            name: "max_restarts",
            form: "max_restarts = \"5 in 30s\"",
        },
        Key {
            name: "essential",
            form: "essential",
        },
        Key {
            name: "manual",
            form: "manual",
        },
        Key {
            name: "fake",
            form: "fake",
        },
        Key {
            name: "crate",
            form: "crate = path",
        },
    ],
};

/// What was given. Nothing is known to make sense yet.
#[derive(Default)]
pub(crate) struct ModuleArgs {
    pub(crate) handles: Option<TypeList>,
    pub(crate) emits: Option<TypeList>,
    pub(crate) calls: Option<TypeList>,
    pub(crate) after: Option<TypeList>,
    pub(crate) instances: Option<LitInt>,
    pub(crate) per: Option<Ident>,
    pub(crate) keep: Option<LitInt>,
    pub(crate) idle: Option<LitStr>,
    pub(crate) mailbox: Option<LitInt>,
    pub(crate) timeout: Option<LitStr>,
    pub(crate) retry: Option<LitInt>,
    pub(crate) backoff: Option<LitStr>,
    pub(crate) with: Option<TypeList>,
    pub(crate) breaker: Option<LitStr>,
    pub(crate) restart: Option<LitStr>,
    pub(crate) max_restarts: Option<LitStr>,
    pub(crate) is_essential: bool,
    pub(crate) is_manual: bool,
    pub(crate) is_fake: bool,
    pub(crate) renamed: Option<Path>,
    /// The keys as written, to point at and to know what was meant to be there.
    pub(crate) seen: Seen,
}

impl ModuleArgs {
    pub(crate) fn parse(arguments: TokenStream, diagnostics: &Diagnostics) -> Self {
        let mut args = ModuleArgs::default();
        args.seen = GRAMMAR.read(arguments, diagnostics, |key, input| {
            match key.to_string().as_str() {
                "handles" => args.handles = Some(TypeList::parse(key, input)?),
                "emits" => args.emits = Some(TypeList::parse(key, input)?),
                "calls" => args.calls = Some(TypeList::parse(key, input)?),
                "after" => args.after = Some(TypeList::parse(key, input)?),
                "instances" => args.instances = Some(input.parse()?),
                "per" => args.per = Some(input.call(Ident::parse_any)?),
                "keep" => args.keep = Some(input.parse()?),
                "idle" => args.idle = Some(input.parse()?),
                "mailbox" => args.mailbox = Some(input.parse()?),
                "timeout" => args.timeout = Some(input.parse()?),
                "retry" => args.retry = Some(input.parse()?),
                "backoff" => args.backoff = Some(input.parse()?),
                "with" => args.with = Some(TypeList::parse(key, input)?),
                "breaker" => args.breaker = Some(input.parse()?),
                "restart" => args.restart = Some(input.parse()?),
                "max_restarts" => args.max_restarts = Some(input.parse()?),
                "essential" => args.is_essential = true,
                "manual" => args.is_manual = true,
                "fake" => (args.is_manual, args.is_fake) = (true, true),
                _ => args.renamed = Some(input.call(Path::parse_mod_style)?),
            }
            Ok(())
        });
        args
    }
}
