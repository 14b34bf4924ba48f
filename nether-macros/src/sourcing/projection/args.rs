//! The arguments of `#[projection]`, as written.

use proc_macro2::TokenStream;
use syn::{Lit, LitInt, LitStr, Path, Type};

use crate::diagnostics::Diagnostics;
use crate::keys::{Grammar, Key, Seen, TypeList};
use crate::limits::{BACKOFF, RETRY, TIMEOUT};
use crate::sourcing::settings::PolicyArgs;

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
            name: "transaction",
            form: "transaction = SqliteTransaction",
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
pub(in crate::sourcing) struct ProjectionArgs {
    pub(in crate::sourcing) handles: Option<TypeList>,
    pub(super) name: Option<LitStr>,
    /// The type of the store's transactions.
    pub(super) transaction: Option<Type>,
    pub(super) is_durable: bool,
    pub(super) version: Option<LitInt>,
    pub(super) from: Option<Lit>,
    pub(super) parallel: Option<LitInt>,
    pub(super) policy: PolicyArgs,
    pub(in crate::sourcing) renamed: Option<Path>,
    pub(super) seen: Seen,
}

impl ProjectionArgs {
    pub(in crate::sourcing) fn parse(arguments: TokenStream, diagnostics: &Diagnostics) -> Self {
        let mut args = ProjectionArgs::default();
        args.seen = GRAMMAR.read(arguments, diagnostics, |key, input| {
            let name = key.to_string();
            if args.policy.read(&name, input)? {
                return Ok(());
            }
            match name.as_str() {
                "handles" => args.handles = Some(TypeList::parse(key, input)?),
                "name" => args.name = Some(input.parse()?),
                "transaction" => args.transaction = Some(input.parse()?),
                "durable" => args.is_durable = true,
                "version" => args.version = Some(input.parse()?),
                "from" => args.from = Some(input.parse()?),
                "parallel" => args.parallel = Some(input.parse()?),
                _ => args.renamed = Some(input.call(Path::parse_mod_style)?),
            }
            Ok(())
        });
        args
    }
}
