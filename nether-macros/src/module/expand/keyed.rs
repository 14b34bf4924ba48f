//! What a module with a value for each key has besides: how a value is made, and which one a message is for.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::Type;

use crate::init;
use crate::module::expand::handler::call;
use crate::module::expand::{ModuleExpander, last_span, local, local_or_wild};
use crate::module::model::{Handler, Hook, Init, InitKey, Keying};
use crate::spans::{self, Extent};

impl ModuleExpander<'_> {
    /// How the module makes its values. Without a key, which has its error, nothing is made.
    pub(super) fn keyed_module(&self, keying: &Keying) -> TokenStream {
        let (p, ty) = (self.paths.private(), self.ty);
        let made = self.module.hooks.init.as_ref();
        let made = made.and_then(|init| Some((init, init.key.as_ref()?)));
        let key_type: Type = match made {
            Some((_, key)) => key.ty.clone(),
            None => syn::parse_quote!(#p::String),
        };
        let keep = match keying.keep {
            Some(keep) => quote!(#p::Option::Some(#keep)),
            None => quote!(#p::Option::None),
        };
        let idle = match keying.idle {
            Some(idle) => {
                let idle = idle.as_millis() as u64;
                quote!(#p::Option::Some(#p::Duration::from_millis(#idle)))
            }
            None => quote!(#p::Option::None),
        };
        let on_idle = self.module.hooks.on_idle.as_ref();
        let has_on_idle = on_idle.is_some();
        let on_idle = on_idle.map(|hook| self.on_idle(hook));
        let uses_resources = made.is_some_and(|(init, _)| !init.resources.is_empty());
        let resources = local_or_wild("resources", uses_resources);
        let key = local_or_wild("key", made.is_some());
        let made = match made {
            Some((init, key)) => self.made_of_key(init, key),
            None => quote!(::core::future::pending().await),
        };
        let granted = self.granted("Send", spans::attribute());
        quote_spanned! {spans::attribute()=>
            #[automatically_derived]
            impl #p::KeyedModule for #ty {
                type Key = #key_type;
                const KEYING: #p::Keying = #p::Keying {
                    keep: #keep,
                    idle: #idle,
                    has_on_idle: #has_on_idle,
                };
                async fn make(
                    #key: &Self::Key, #resources: &#p::Resources,
                ) -> #p::Result<Self, #p::Error> #granted {
                    #made
                }
                #on_idle
            }
            #[automatically_derived]
            impl #p::Started for #ty {}
        }
    }

    fn made_of_key(&self, init: &Init, key: &InitKey) -> TokenStream {
        let Extent { start, end } = Extent::of(&init.output);
        let p = self.paths.private_at(start);
        let resources = local("resources");
        let mut arguments: Vec<_> = init::found(init.resources.len(), &resources).collect();
        let name = local("key");
        arguments.insert(key.index.min(arguments.len()), quote!(#name));
        let made = call(
            &init.method,
            &init.output,
            init.is_async,
            arguments.into_iter(),
        );
        let into = quote_spanned!(end=> #p::IntoModule::<Self, _>::into_module);
        quote_spanned!(end=> #into(#made))
    }

    fn on_idle(&self, hook: &Hook) -> TokenStream {
        let place = hook.method.span();
        let name = spans::name("on_idle", place);
        let [module, ctx] = ["module", "ctx"].map(local);
        let arguments = [Some(module), hook.context.as_ref().map(|_| ctx)];
        let arguments = arguments.into_iter().flatten();
        let result = self.outcome(hook, arguments.map(|name| quote!(#name)));
        let (module, ctx) = (local("module"), self.ctx(hook.context.as_ref()));
        let p = self.paths.private();
        let arguments =
            quote_spanned!(spans::attribute()=> (#module: Self, #ctx: &#p::Context<Self>));
        let granted = self.granted("Send", place);
        let shown = self.paths.private_at(place);
        quote_spanned! {place=>
            async fn #name #arguments -> #shown::Result<(), #shown::Error> #granted { #result }
        }
    }

    /// Which values the message of a handler is for: that of its key, or all. An error in the key is shown at
    /// the handler's argument.
    pub(super) fn of_key(
        &self,
        handler: &Handler,
        parcel_type: &TokenStream,
        attempt: Option<TokenStream>,
    ) -> TokenStream {
        let (p, ty, message) = (self.paths.private(), self.ty, handler.message());
        let place = last_span(&handler.argument);
        let shown = self.paths.private_at(place);
        let is_known = self.module.hooks.init.iter().any(|init| init.key.is_some());
        let (parcel, addressee) = if handler.is_for_all {
            let all = quote_spanned!(spans::attribute()=> #p::Addressee::All(#p::Clone::clone));
            (quote!(_), all)
        } else if is_known {
            let parcel = spans::name("parcel", place);
            let sent = quote_spanned!(place=> #parcel.shown());
            let key = quote_spanned!(place=> #shown::key_of::<Self, #message>(#sent));
            (quote!(#parcel), quote!(#p::Addressee::Key(#key)))
        } else {
            // The type of the key has its error.
            (quote!(_), quote!(loop {}))
        };
        quote_spanned! {spans::attribute()=>
            #[automatically_derived]
            impl #p::KeyedHandler<#parcel_type> for #ty {
                fn addressee(
                    #parcel: &#parcel_type,
                ) -> #p::Addressee<'_, #parcel_type, <Self as #p::KeyedModule>::Key> {
                    #addressee
                }
                #attempt
            }
        }
    }
}
