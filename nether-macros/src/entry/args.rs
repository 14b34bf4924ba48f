//! The arguments of `#[nether::main]` and `#[nether::test]`, as written.

use proc_macro2::TokenStream;
use syn::{LitBool, LitInt, LitStr, Path, Token};

use crate::diagnostics::Diagnostics;
use crate::entry::EntryKind;
use crate::keys::{Grammar, Key, Seen, TypeList};

const MAIN: &[Key] = &[
    Key {
        name: "flavor",
        form: "flavor = \"current_thread\"",
    },
    Key {
        name: "worker_threads",
        form: "worker_threads = 2",
    },
    Key {
        name: "modules",
        form: "modules = [Module, ..]",
    },
    Key {
        name: "crate",
        form: "crate = path",
    },
];

const TEST: &[Key] = &[
    Key {
        name: "only",
        form: "only = [Module, ..]",
    },
    Key {
        name: "seed",
        form: "seed = 7",
    },
    Key {
        name: "seeds",
        form: "seeds = 0..1000",
    },
    Key {
        name: "crashes",
        form: "crashes = true",
    },
    Key {
        name: "flavor",
        form: "flavor = \"multi_thread\"",
    },
    Key {
        name: "worker_threads",
        form: "worker_threads = 2",
    },
    Key {
        name: "modules",
        form: "modules = [Module, ..]",
    },
    Key {
        name: "crate",
        form: "crate = path",
    },
];

/// What was given. Nothing is known to make sense yet.
#[derive(Default)]
pub(crate) struct EntryArgs {
    pub(crate) flavor: Option<LitStr>,
    pub(crate) worker_threads: Option<LitInt>,
    pub(crate) modules: Option<TypeList>,
    pub(crate) only: Option<TypeList>,
    pub(crate) seed: Option<LitInt>,
    pub(crate) seeds: Option<(LitInt, LitInt)>,
    pub(crate) crashes: Option<LitBool>,
    pub(crate) renamed: Option<Path>,
    /// The keys as written, to point at.
    pub(crate) seen: Seen,
}

impl EntryArgs {
    pub(crate) fn parse(
        kind: EntryKind,
        arguments: TokenStream,
        diagnostics: &Diagnostics,
    ) -> Self {
        let mut args = EntryArgs::default();
        let grammar = Grammar {
            attribute: kind.attribute(),
            keys: match kind {
                EntryKind::Main => MAIN,
                EntryKind::Test => TEST,
            },
        };
        args.seen = grammar.read(arguments, diagnostics, |key, input| {
            match key.to_string().as_str() {
                "flavor" => args.flavor = Some(input.parse()?),
                "worker_threads" => args.worker_threads = Some(input.parse()?),
                "modules" => args.modules = Some(TypeList::parse(key, input)?),
                "only" => args.only = Some(TypeList::parse(key, input)?),
                "seed" => args.seed = Some(input.parse()?),
                "seeds" => {
                    let first = input.parse()?;
                    input.parse::<Token![..]>()?;
                    args.seeds = Some((first, input.parse()?));
                }
                "crashes" => args.crashes = Some(input.parse()?),
                _ => args.renamed = Some(input.call(Path::parse_mod_style)?),
            }
            Ok(())
        });
        args
    }
}
