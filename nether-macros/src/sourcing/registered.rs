//! Registration of aggregates, projections and sagas for the schema lock; and proofs that what they store has
//! a name that does not move with its type.

use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};
use syn::Type;
use syn::ext::IdentExt;

use crate::paths::Paths;
use crate::sourcing::descriptor::said;
use crate::spans::{self, Extent};
use crate::{suggest, types};

/// The registration of what is made by `make`, a function of the runtime.
pub(super) fn registered(
    make: &str,
    ty: &Ident,
    arguments: &TokenStream,
    paths: &Paths,
) -> TokenStream {
    let p = paths.private();
    let make = spans::name(make, spans::attribute());
    quote_spanned! {spans::attribute()=>
        #p::inventory::submit! { #p::eventstore::RegisteredName::#make::<#ty>(#arguments) }
    }
}

/// The schemas of events.
pub(super) fn schemas<'a>(events: impl Iterator<Item = &'a Type>, paths: &Paths) -> TokenStream {
    let schemas = events.map(|event| said(event, "StoredEvent", "SCHEMA", paths));
    quote_spanned!(spans::attribute()=> &[#(#schemas),*])
}

/// Asserts that the events have names of their own.
pub(super) fn named_events<'a>(
    events: impl Iterator<Item = &'a Type>,
    ty: &Ident,
    paths: &Paths,
) -> TokenStream {
    let checks = events.map(|event| {
        let schema = said(event, "StoredEvent", "SCHEMA", paths);
        let is_named = quote_spanned!(Extent::of(event).end=> #schema.is_named);
        named("event", event, ty, &is_named)
    });
    quote!(#(#checks)*)
}

/// Asserts that the commands of a saga have names of their own; `listed` is the trait that says so.
pub(super) fn named_commands<'a>(
    commands: impl Iterator<Item = &'a Type>,
    listed: &str,
    ty: &Ident,
    paths: &Paths,
) -> TokenStream {
    let checks = commands.map(|command| {
        let is_named = said(command, listed, "IS_NAMED", paths);
        named("command", command, ty, &is_named)
    });
    quote!(#(#checks)*)
}

/// Checks it while compiling; shown at the entry of the list.
fn named(word: &str, message: &Type, ty: &Ident, is_named: &TokenStream) -> TokenStream {
    let own = types::last_segment(message).map(|it| it.ident.unraw().to_string());
    let own = own.unwrap_or_else(|| types::text(message));
    let [of, what] = [&ty.unraw().to_string(), &own].map(|it| suggest::snake_case(it));
    let text = format!(
        "the {word} `{own}` is stored, but has no name of its own, so that stores would not know it when its type moves: \
         write `#[{word}(name = \"{of}.{what}\")]` above its definition, with the path so far as the name if stores hold it already"
    );
    quote_spanned!(Extent::of(message).end=> const _: () = ::core::assert!(#is_named, #text);)
}
