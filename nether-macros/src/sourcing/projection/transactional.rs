//! The code of a projection that writes in the store's transactions.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};

use crate::sourcing::descriptor::said;
use crate::sourcing::methods::Method;
use crate::sourcing::projection::expand::{ProjectionExpander, local};
use crate::sourcing::projection::model::OnRebuild;
use crate::spans::{self, Extent};

/// The additions to a projection whose attribute names the type of its transactions.
pub(super) fn expand(expander: &ProjectionExpander<'_>) -> Option<TokenStream> {
    let ProjectionExpander {
        projection,
        ty,
        paths,
    } = expander;
    let named = projection.transaction.as_ref()?;
    let p = paths.private();
    let es = quote!(#p::eventstore);
    let transaction = local("transaction");
    let type_of_it = transaction_type(spans::attribute(), expander);
    let place = Extent::of(named).start;
    let shown = paths.private_at(place);
    let store = quote_spanned!(place=> <#named as #shown::eventstore::StoreTransaction>::Store);
    let events = projection.events.iter().map(|it| event(it, expander));
    let clear = projection.hooks.on_rebuild.as_ref();
    let clear = clear.map(|hook| clear_in(hook, expander));
    Some(quote_spanned! {spans::attribute()=>
        #[automatically_derived]
        #[diagnostic::do_not_recommend]
        impl #es::TransactionalProjection for #ty {
            type Store = #store;
            fn project_in<'t>(
                &'t mut self,
                recorded: &'t #es::RecordedEvent,
                #transaction: &'t mut #type_of_it,
            ) -> #es::Worked<'t> {
                #(#events)*
                #es::Worked::done(#p::Result::Ok(()))
            }
            #clear
        }
    })
}

/// The type of the transaction, as the store has it.
fn transaction_type(place: Span, expander: &ProjectionExpander<'_>) -> TokenStream {
    let p = expander.paths.private_at(place);
    quote_spanned! {place=>
        <<Self as #p::eventstore::TransactionalProjection>::Store
            as #p::eventstore::TransactionalStore>::Transaction<'_>
    }
}

/// Handles the event if it is of that type: at once, or in a future.
fn event(method: &Method, expander: &ProjectionExpander<'_>) -> TokenStream {
    let p = expander.paths.private();
    let es = quote!(#p::eventstore);
    let [this, recorded, event, place, transaction] =
        ["self", "recorded", "event", "place", "transaction"].map(local);
    let (name, ty) = (&method.name, method.taken());
    let rest = expander.asked(method, &quote!(#place));
    let Extent { start, end } = Extent::of(&method.output);
    let shown = expander.paths.private_at(start);
    let into = quote_spanned!(start=> #shown::IntoOutcome::<(), _>::into_outcome);
    let awaited = method.is_async.then(|| quote!(.await));
    let call = quote_spanned!(end=> #into(Self::#name(#this, &#event, #(#rest),*) #awaited));
    let worked = if method.is_async {
        let work = quote_spanned! {spans::attribute()=>
            let #event = #event?;
            let #place = &mut #place;
            #call
        };
        waits(&method.asyncness, &work, expander)
    } else {
        quote_spanned! {spans::attribute()=>
            #es::Worked::done(match #event {
                #p::Result::Ok(#event) => {
                    let #place = &mut #place;
                    #call
                }
                #p::Result::Err(error) => #p::Result::Err(#p::From::from(error)),
            })
        }
    };
    let decoded = said(ty, "StoredEvent", "decoded", &expander.paths);
    quote_spanned! {spans::attribute()=>
        if let #p::Option::Some(#event) = #decoded(#recorded) {
            let mut #place = #es::EventPlace::within(#recorded, #transaction);
            return #worked;
        }
    }
}

fn clear_in(hook: &OnRebuild, expander: &ProjectionExpander<'_>) -> TokenStream {
    let p = expander.paths.private();
    let es = quote!(#p::eventstore);
    let [this, transaction] = ["self", "transaction"].map(local);
    let name = &hook.method;
    let type_of_it = transaction_type(spans::attribute(), expander);
    let Extent { start, end } = Extent::of(&hook.output);
    let shown = expander.paths.private_at(start);
    let into = quote_spanned!(start=> #shown::IntoOutcome::<(), _>::into_outcome);
    let awaited = hook.is_async.then(|| quote!(.await));
    let call = quote_spanned!(end=> #into(Self::#name(#this, #transaction) #awaited));
    let worked = if hook.is_async {
        waits(&hook.asyncness, &call, expander)
    } else {
        quote_spanned!(spans::attribute()=> #es::Worked::done(#call))
    };
    quote_spanned! {spans::attribute()=>
        fn clear_in<'t>(&'t mut self, #transaction: &'t mut #type_of_it) -> #es::Worked<'t> {
            #worked
        }
    }
}

/// Work that waits, in a transaction that must allow it: shown at the word `async`.
fn waits(
    asyncness: &TokenStream,
    work: &TokenStream,
    expander: &ProjectionExpander<'_>,
) -> TokenStream {
    let place = Extent::of(asyncness).start;
    let shown = expander.paths.private_at(place);
    let type_of_it = transaction_type(place, expander);
    let waits_in = quote_spanned!(place=> #shown::eventstore::waits_in::<#type_of_it>);
    quote_spanned!(place=> #waits_in(async move { #work }))
}
