//! The arguments of `#[decision]`, as written.

use proc_macro2::{Ident, TokenStream};
use syn::parse::{Parse, ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::{Path, Result, Token, Type, bracketed, parenthesized};

use crate::diagnostics::Diagnostics;
use crate::keys::{Grammar, Key, Seen, TypeList};
use crate::limits::{BACKOFF, RETRY, TIMEOUT};
use crate::sourcing::settings::PolicyArgs;

const GRAMMAR: Grammar = Grammar {
    attribute: "decision",
    keys: &[
        Key {
            name: "handles",
            form: "handles = [Command, ..]",
        },
        Key {
            name: "of",
            form: "of = [Aggregate(field), Aggregate(field), ..]",
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
pub(in crate::sourcing) struct DecisionArgs {
    pub(in crate::sourcing) handles: Option<TypeList>,
    pub(super) of: Option<ParticipantList>,
    pub(super) policy: PolicyArgs,
    pub(in crate::sourcing) renamed: Option<Path>,
    pub(super) seen: Seen,
}

/// `of = [Account(from), Account(to)]`
pub(super) struct ParticipantList {
    /// The key, to point at when the list as a whole is meant.
    pub(super) key: Ident,
    pub(super) participants: Vec<Participant>,
}

/// An aggregate, and the field of the command that has its key: `Account(from)`.
#[derive(Clone)]
pub(super) struct Participant {
    pub(super) aggregate: Type,
    pub(super) field: syn::Member,
}

impl Parse for Participant {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let path = input.call(Path::parse_mod_style)?;
        let content;
        parenthesized!(content in input);
        let field = content.parse()?;
        if !content.is_empty() {
            return Err(content.error("expected one field"));
        }
        Ok(Participant {
            aggregate: Type::Path(syn::TypePath {
                attrs: Vec::new(),
                qself: None,
                path,
            }),
            field,
        })
    }
}

impl DecisionArgs {
    pub(in crate::sourcing) fn parse(arguments: TokenStream, diagnostics: &Diagnostics) -> Self {
        let mut args = DecisionArgs::default();
        args.seen = GRAMMAR.read(arguments, diagnostics, |key, input| {
            let name = key.to_string();
            if args.policy.read(&name, input)? {
                return Ok(());
            }
            match name.as_str() {
                "handles" => args.handles = Some(TypeList::parse(key, input)?),
                "of" => {
                    let content;
                    bracketed!(content in input);
                    // Apart from the input, which would report what is left of a list that is not sound.
                    let list: TokenStream = content.parse()?;
                    let list =
                        Punctuated::<Participant, Token![,]>::parse_terminated.parse2(list)?;
                    args.of = Some(ParticipantList {
                        key: key.clone(),
                        participants: list.into_iter().collect(),
                    });
                }
                _ => args.renamed = Some(input.call(Path::parse_mod_style)?),
            }
            Ok(())
        });
        args
    }
}
