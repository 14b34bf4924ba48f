//! The arguments of `#[nether::main]` and `#[nether::test]`, as written.

use proc_macro2::TokenStream;
use syn::{LitInt, LitStr, Path};

use crate::diagnostics::Diagnostics;
use crate::entry::EntryKind;
use crate::keys::{Grammar, Key, TypeList};

const KEYS: &[Key] = &[
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

/// What was given. Nothing is known to make sense yet.
#[derive(Default)]
pub(crate) struct Args {
    pub(crate) flavor: Option<LitStr>,
    pub(crate) worker_threads: Option<LitInt>,
    pub(crate) modules: Option<TypeList>,
    pub(crate) renamed: Option<Path>,
}

impl Args {
    pub(crate) fn parse(
        kind: EntryKind,
        arguments: TokenStream,
        diagnostics: &Diagnostics,
    ) -> Self {
        let mut args = Args::default();
        let grammar = Grammar {
            attribute: kind.attribute(),
            keys: KEYS,
        };
        grammar.read(arguments, diagnostics, |key, input| {
            match key.to_string().as_str() {
                "flavor" => args.flavor = Some(input.parse()?),
                "worker_threads" => args.worker_threads = Some(input.parse()?),
                "modules" => args.modules = Some(TypeList::parse(key, input)?),
                _ => args.renamed = Some(input.call(Path::parse_mod_style)?),
            }
            Ok(())
        });
        args
    }
}
