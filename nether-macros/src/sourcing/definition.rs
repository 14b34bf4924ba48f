//! The definition of a projection or saga that is stored beside its checkpoint: its version, what it handles,
//! and where a new one begins.

use proc_macro2::TokenStream;
use quote::quote_spanned;
use syn::Lit;

use crate::diagnostics::Diagnostics;
use crate::paths::Paths;
use crate::sourcing::descriptor::said;
use crate::sourcing::methods::Method;
use crate::spans;

/// `from = ..`: the first event of a new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StartFrom {
    Beginning,
    /// The first one that is stored after its first start.
    Now,
    /// The one at that position.
    Event(u64),
}

/// The value of `from`.
pub(super) fn from(given: Option<&Lit>, diagnostics: &Diagnostics) -> Option<StartFrom> {
    let given = given?;
    let from = match given {
        Lit::Str(text) if text.value() == "beginning" => Some(StartFrom::Beginning),
        Lit::Str(text) if text.value() == "now" => Some(StartFrom::Now),
        Lit::Int(position) => position.base10_parse().ok().and_then(|position| {
            let is_position = position > 0;
            is_position.then_some(StartFrom::Event(position))
        }),
        _ => None,
    };
    if from.is_none() {
        let message = "`from` is not a place in the store";
        let help = "write `from = \"beginning\"`, `from = \"now\"`, or the position of the first event that it is to handle, from 1 on";
        diagnostics.error(given, message, help);
    }
    from
}

/// The names of the events that the methods take.
pub(super) fn names<'m>(
    events: &'m [Method],
    paths: &'m Paths,
) -> impl Iterator<Item = TokenStream> + 'm {
    events.iter().map(|event| {
        let schema = said(event.taken(), "StoredEvent", "SCHEMA", paths);
        quote_spanned!(spans::attribute()=> #schema.name)
    })
}

/// The constant that says it to the runtime, with the names of what is handled.
pub(super) fn constant(
    version: u32,
    from: Option<StartFrom>,
    names: impl Iterator<Item = TokenStream>,
    names_tables: bool,
    paths: &Paths,
) -> TokenStream {
    let p = paths.private();
    let from = match from {
        None => quote_spanned!(spans::attribute()=> #p::Option::None),
        Some(from) => {
            let from = from.value(paths);
            quote_spanned!(spans::attribute()=> #p::Option::Some(#from))
        }
    };
    quote_spanned! {spans::attribute()=>
        const DEFINITION: #p::eventstore::Definition = #p::eventstore::Definition {
            version: #version,
            handles: &[#(#names),*],
            from: #from,
            names_tables: #names_tables,
        };
    }
}

impl StartFrom {
    fn value(self, paths: &Paths) -> TokenStream {
        let p = paths.private();
        match self {
            StartFrom::Beginning => {
                quote_spanned!(spans::attribute()=> #p::eventstore::StartFrom::Beginning)
            }
            StartFrom::Now => quote_spanned!(spans::attribute()=> #p::eventstore::StartFrom::Now),
            StartFrom::Event(position) => {
                quote_spanned!(spans::attribute()=> #p::eventstore::StartFrom::Event(#position))
            }
        }
    }
}
