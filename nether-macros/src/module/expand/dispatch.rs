//! How messages reach the handlers: through an inbox, one at a time, or each on its own.

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};

use crate::module::expand::{ModuleExpander, last_span, local, local_or_wild};
use crate::module::model::Handler;
use crate::spans;

impl ModuleExpander<'_> {
    pub(super) fn dispatch(&self) -> TokenStream {
        if self.module.keying.is_some() {
            // Its handlers are called one by one, by the key of their messages.
            TokenStream::new()
        } else if self.module.is_exclusive {
            self.exclusive()
        } else {
            self.shared()
        }
    }

    /// One message at a time: the inbox with a variant for each, by value.
    fn exclusive(&self) -> TokenStream {
        let (p, ty) = (self.paths.private(), self.ty);
        let inbox = format_ident!("{}Inbox", self.name, span = spans::attribute());
        let variants: Vec<_> = self.sound().map(|handler| &handler.variant).collect();
        let parcels: Vec<_> = self.sound().map(|handler| self.parcel(handler)).collect();
        let arms = self.sound().map(|handler| {
            let (variant, call) = (&handler.variant, self.delivery(handler));
            quote_spanned!(spans::attribute()=> #inbox::#variant(ref mut parcel) => #call)
        });
        let erased = self.sound().map(|handler| {
            let (variant, taken) = (&handler.variant, self.taken(handler));
            let parcel = local("parcel");
            quote_spanned!(spans::attribute()=> #inbox::#variant(ref mut #parcel) => #taken::erased(#parcel))
        });
        let has_handlers = !variants.is_empty();
        let (module, ctx) = (
            local_or_wild("module", has_handlers),
            local_or_wild("ctx", has_handlers),
        );
        let send = self.granted("Send", spans::attribute());
        let on_stop = self.on_stop();
        quote_spanned! {spans::attribute()=>
            #[doc(hidden)]
            pub enum #inbox {
                #(#variants(#parcels)),*
            }
            #(
                #[automatically_derived]
                impl #p::From<#parcels> for #inbox {
                    fn from(parcel: #parcels) -> Self {
                        #inbox::#variants(parcel)
                    }
                }
            )*
            #[automatically_derived]
            impl #p::Exclusive for #ty {
                type Inbox = #inbox;
                async fn dispatch(#module: &mut Self, inbox: &mut #inbox, #ctx: &#p::Context<Self>) -> #p::Verdict #send {
                    match *inbox {
                        #(#arms,)*
                    }
                }
                fn parcel(inbox: &mut #inbox) -> &mut dyn #p::AnyParcel {
                    match *inbox {
                        #(#erased,)*
                    }
                }
                #on_stop
            }
        }
    }

    fn shared(&self) -> TokenStream {
        let (p, ty) = (self.paths.private(), self.ty);
        let on_stop = self.on_stop();
        quote_spanned! {spans::attribute()=>
            #[automatically_derived]
            impl #p::Shared for #ty {
                #on_stop
            }
        }
    }

    /// How the handler's message travels.
    pub(super) fn parcel(&self, handler: &Handler) -> TokenStream {
        let (p, message) = (self.paths.private(), handler.message());
        let parcel = spans::name(handler.either("Shown", "Given"), spans::attribute());
        quote!(#p::#parcel<#message>)
    }

    /// What the handler gets of the parcel.
    pub(super) fn content(&self, handler: &Handler) -> TokenStream {
        if handler.by_reference || !self.module.is_exclusive {
            return self.parcel(handler);
        }
        let (p, message) = (self.paths.private(), handler.message());
        let content = spans::name("Content", spans::attribute());
        quote!(#p::#content<#message>)
    }

    /// Hands the parcel to the handler.
    fn delivery(&self, handler: &Handler) -> TokenStream {
        let taken = self.taken(handler);
        let [parcel, module, ctx] = ["parcel", "module", "ctx"].map(local);
        quote_spanned!(last_span(&handler.argument)=> #taken::handle(#parcel, #module, #ctx).await)
    }
}
