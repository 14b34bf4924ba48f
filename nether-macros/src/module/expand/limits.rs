//! What the module's descriptor says of handlers with limits or middleware, and what the handlers use of it.

use std::time::Duration;

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::Type;

use crate::module::expand::{ModuleExpander, last_span};
use crate::module::model::{Handler, Policy};
use crate::spans;

impl ModuleExpander<'_> {
    /// A constant for the limits of each handler that has some, and the descriptors of these handlers.
    pub(super) fn limited(&self) -> (TokenStream, Vec<TokenStream>) {
        let p = self.paths.private();
        let limited = || {
            let handlers = self.sound();
            handlers.filter_map(|handler| Some((handler, handler.policy.as_ref()?)))
        };
        let constants = limited().map(|(handler, policy)| self.constant(handler, policy));
        let descriptors = limited().map(|(handler, policy)| {
            let (taken, limits) = (self.taken(handler), self.limits(handler));
            let with = policy.with.iter().map(|middleware| {
                let known = self.middleware_itself(middleware);
                quote_spanned!(last_span(middleware)=> <#known as #p::IsMiddleware>::DESCRIPTOR)
            });
            quote_spanned! {spans::attribute()=>
                #p::HandlerDescriptor {
                    message: #taken::PROOF,
                    limits: #limits,
                    with: &[#(#with),*],
                }
            }
        });
        (quote!(#(#constants)*), descriptors.collect())
    }

    fn constant(&self, handler: &Handler, policy: &Policy) -> TokenStream {
        let (p, name) = (self.paths.private(), self.limits(handler));
        let timeout = match policy.timeout {
            Some(limit) => {
                let limit = millis(limit, &p);
                quote!(#p::Option::Some(#limit))
            }
            None => quote!(#p::Option::None),
        };
        let (first, longest) = (millis(policy.first, &p), millis(policy.longest, &p));
        let retries = policy.retries;
        quote_spanned! {spans::attribute()=>
            const #name: #p::HandlerLimits = #p::HandlerLimits {
                timeout: #timeout,
                retries: #retries,
                backoff: #p::Backoff { first: #first, longest: #longest },
            };
        }
    }

    /// The name of a handler's limits.
    pub(super) fn limits(&self, handler: &Handler) -> Ident {
        format_ident!("LIMITS_OF_{}", handler.variant, span = spans::attribute())
    }

    /// The call for the message: the handler, or middleware around it. Middleware that cannot stand around
    /// the message is left out here, because [`Self::surrounded`] reports it.
    pub(super) fn called(&self, handler: &Handler, policy: &Policy) -> TokenStream {
        let (p, parcel) = (self.paths.private(), self.parcel(handler));
        let inner_first = policy.with.iter().rev();
        inner_first.fold(quote!(()), |inner, middleware| {
            let known = self.middleware_itself(middleware);
            quote_spanned!(spans::attribute()=> (#p::fitting::<#known, #parcel>().entry(), #inner))
        })
    }

    /// The proof that the types in the list stand around the message: asserted once for each, at the type.
    pub(super) fn surrounded(&self, handler: &Handler) -> Option<TokenStream> {
        let with = &handler.policy.as_ref()?.with;
        let listed = &handler.message;
        let place = last_span(listed);
        let p = self.paths.private_at(place);
        let seen = (!with.is_empty())
            .then(|| quote_spanned!(place=> const _: () = #p::seen_by_middleware::<#listed>();));
        let parcel = self.parcel(handler);
        let around = with.iter().map(|middleware| {
            let (place, known) = (last_span(middleware), self.middleware_itself(middleware));
            let p = self.paths.private_at(place);
            quote_spanned!(place=> const _: fn() = || #p::fitting::<#known, #parcel>().stands_around();)
        });
        Some(quote!(#seen #(#around)*))
    }

    /// The type as one that is middleware: what is none has one error, wherever it is named.
    fn middleware_itself(&self, middleware: &Type) -> TokenStream {
        let place = last_span(middleware);
        let p = self.paths.private_at(place);
        quote_spanned!(place=> <#middleware as #p::IsMiddleware>::Itself)
    }
}

fn millis(duration: Duration, p: &TokenStream) -> TokenStream {
    let millis = duration.as_millis() as u64;
    quote_spanned!(spans::attribute()=> #p::Duration::from_millis(#millis))
}
