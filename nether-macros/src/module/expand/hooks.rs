//! `#[init]`, `#[on_start]`, `#[on_stop]`, `#[background]`, of a module that is one value.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};

use crate::init;
use crate::module::expand::handler::call;
use crate::module::expand::{ModuleExpander, last_span, local, local_or_wild};
use crate::module::model::{Hook, Init};
use crate::spans::{self, Extent};

impl ModuleExpander<'_> {
    pub(super) fn on_start(&self) -> Option<TokenStream> {
        let hook = self.module.hooks.on_start.as_ref()?;
        Some(self.hook("on_start", true, hook))
    }

    pub(super) fn on_stop(&self) -> Option<TokenStream> {
        let hook = self.module.hooks.on_stop.as_ref()?;
        Some(self.hook("on_stop", self.module.is_exclusive, hook))
    }

    fn hook(&self, name: &str, is_mutable: bool, hook: &Hook) -> TokenStream {
        let p = self.paths.private();
        let place = hook.method.span();
        let name = spans::name(name, place);
        let (receiver, bound) = if is_mutable {
            (quote!(&mut Self), "Send")
        } else {
            (quote!(&Self), "Sync")
        };
        let [module, ctx] = ["module", "ctx"].map(local);
        let arguments = [Some(module), hook.context.as_ref().map(|_| ctx)];
        let result = self.outcome(
            hook,
            arguments.into_iter().flatten().map(|name| quote!(#name)),
        );
        let (module, ctx) = (local("module"), self.ctx(hook.context.as_ref()));
        let arguments =
            quote_spanned!(spans::attribute()=> (#module: #receiver, #ctx: &#p::Context<Self>));
        let granted = self.granted(bound, place);
        let shown = self.paths.private_at(place);
        quote_spanned! {place=>
            async fn #name #arguments -> #shown::Result<(), #shown::Error> #granted { #result }
        }
    }

    pub(super) fn background(&self) -> Option<TokenStream> {
        let p = self.paths.private();
        let hooks = &self.module.hooks.background;
        let tasks = hooks.iter().map(|hook| self.task(hook));
        let parameter = local("tasks");
        (!hooks.is_empty()).then(|| {
            quote_spanned! {spans::attribute()=>
                fn background(#parameter: &mut #p::Background<Self>) {
                    #(#tasks)*
                }
            }
        })
    }

    /// A task is shown at its method's name: its future may not be `Send`.
    fn task(&self, hook: &Hook) -> TokenStream {
        let place = hook.method.span();
        let (tasks, module) = (local("tasks"), local("module"));
        let passed = hook.context.as_ref().map(|context| {
            let ctx = spans::name("ctx", last_span(&context.tokens));
            if context.by_reference {
                quote!(&#ctx)
            } else {
                quote!(#ctx)
            }
        });
        let ctx = self.ctx(hook.context.as_ref());
        if hook.has_receiver {
            let result = self.outcome(hook, [Some(quote!(&#module)), passed].into_iter().flatten());
            quote_spanned!(place=> #tasks.run_shared(|#module, #ctx| async move { #result });)
        } else {
            let result = self.outcome(hook, passed.into_iter());
            quote_spanned!(place=> #tasks.run(|#ctx| async move { #result });)
        }
    }

    /// What a hook gives back, as a `Result`.
    pub(super) fn outcome(
        &self,
        hook: &Hook,
        arguments: impl Iterator<Item = TokenStream>,
    ) -> TokenStream {
        let Extent { start, end } = Extent::of(&hook.output);
        let p = self.paths.private_at(start);
        let result = call(&hook.method, &hook.output, hook.is_async, arguments);
        let made = quote_spanned!(end=> #p::IntoOutcome::<(), _>::into_outcome);
        quote_spanned!(end=> #made(#result))
    }

    /// By `#[init]`, or by `Default`. A manual module is made by the code that attaches it.
    pub(super) fn construct(&self) -> TokenStream {
        if let Some(keying) = &self.module.keying {
            return self.keyed_module(keying);
        }
        if self.module.is_manual {
            return TokenStream::new();
        }
        let (p, ty) = (self.paths.private(), self.ty);
        let init = self.module.hooks.init.as_ref();
        let made = match init {
            Some(init) => self.init(init),
            // The mistake in the block may be the `#[init]` that is missing here.
            None if self.module.is_broken => quote!(::core::future::pending().await),
            None => self.by_default(),
        };
        let uses_resources = init.is_some_and(|init| !init.resources.is_empty());
        let resources = local_or_wild("resources", uses_resources);
        quote_spanned! {spans::attribute()=>
            #[automatically_derived]
            impl #p::Construct for #ty {
                async fn construct(#resources: &#p::Resources) -> #p::Result<Self, #p::Error> {
                    #made
                }
            }
        }
    }

    fn init(&self, init: &Init) -> TokenStream {
        let Extent { start, end } = Extent::of(&init.output);
        let p = self.paths.private_at(start);
        let resources = local("resources");
        let arguments = init::found(init.resources.len(), &resources);
        let made = call(&init.method, &init.output, init.is_async, arguments);
        let into = quote_spanned!(end=> #p::IntoModule::<Self, _>::into_module);
        quote_spanned!(end=> #into(#made))
    }

    fn by_default(&self) -> TokenStream {
        let place = last_span(self.ty);
        let (p, shown) = (self.paths.private(), self.paths.private_at(place));
        let this = spans::moved(self.ty, place);
        let made = quote_spanned!(place=> #shown::by_default::<#this>());
        quote!(#p::Result::Ok(#made))
    }
}
