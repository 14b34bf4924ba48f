//! What stands in for an aggregate that has mistakes, so that they are the only ones that are reported.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};

use crate::sourcing::aggregate::WHOSE;
use crate::sourcing::aggregate::expand::{AggregateExpander, variants};
use crate::sourcing::descriptor;
use crate::spans;
use crate::{header, recover};

/// It is an aggregate of its events, for what names it, and what it lists counts as handled.
pub(super) fn expand(expander: &AggregateExpander<'_>) -> TokenStream {
    let AggregateExpander {
        aggregate,
        ty,
        paths,
        ..
    } = expander;
    let descriptor = descriptor::stub(ty, paths);
    let events = expander.events(&variants(aggregate.events.iter()));
    let implementation = implementation(expander);
    let sender = aggregate
        .takes_context
        .then(|| descriptor::sender(ty, paths));
    let proofs = aggregate.handles.iter();
    let proofs = proofs.map(|message| recover::handled_by(ty, message, paths));
    let unread = aggregate.unread.iter();
    let unread = unread.map(|it| header::unread(&WHOSE, it));
    quote! {
        const _: () = {
            #descriptor
            #events
            #implementation
            #sender
            #(#proofs)*
            #(#unread)*
        };
    }
}

fn implementation(expander: &AggregateExpander<'_>) -> TokenStream {
    let AggregateExpander {
        ty, paths, event, ..
    } = expander;
    let p = paths.private();
    let es = quote!(#p::eventstore);
    let settings = expander.settings();
    let parts = expander.parts(None, &[]);
    quote_spanned! {spans::attribute()=>
        #parts
        #[automatically_derived]
        #[diagnostic::do_not_recommend]
        impl #es::Aggregate for #ty {
            type Itself = Self;
            const NAME: &'static str = "";
            const SETTINGS: #es::AggregateSettings = #settings;
            const DESCRIPTOR: &'static #p::ModuleDescriptor = &DESCRIPTOR;
            const ROUTES: &'static [fn(&mut #p::Routes<'_, #es::Aggregates<Self>>)] = &[];
            fn initial() -> Self {
                ::core::unreachable!()
            }
            fn resources(_: &#p::Resources) -> #p::Result<(), #p::Error> {
                #p::Result::Ok(())
            }
            fn apply(&mut self, _: &#event) {}
            fn encode(_: &#event, _: #es::Encoding) -> #p::Result<(#es::Encoded, #event), #es::Unreadable> {
                ::core::unreachable!()
            }
            fn decode(_: &#es::RecordedEvent) -> #p::Option<#p::Result<#event, #es::StoreError>> {
                #p::Option::None
            }
            async fn publish<__By: #p::Caller>(_: #event, _: &#p::Context<__By>) {}
        }
    }
}
