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

    /// The call for the message: the handler, or middleware around it. Each type in the list is asserted to
    /// stand around the message here alone, and the error is shown at the type.
    pub(super) fn called(&self, policy: &Policy) -> TokenStream {
        let inner_first = policy.with.iter().rev();
        inner_first.fold(quote!(()), |inner, middleware| {
            let (place, known) = (last_span(middleware), self.middleware_itself(middleware));
            let p = self.paths.private_at(place);
            let named = quote_spanned!(place=> #p::named::<#known>());
            quote!((#named, #inner))
        })
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
