//! The code of a checked module: the block as written, and beside it what ties its handlers to the runtime.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{Ident, Type};

use crate::module::model::{Checked, ContextArgument, Handler, Hook, Init};
use crate::paths::Paths;
use crate::spans::{self, Extent};

pub(crate) fn expand(module: &Checked) -> TokenStream {
    let block = &module.block;
    let Some(name) = &module.name else {
        return quote!(#block);
    };
    let paths = Paths::new(module.renamed.clone());
    let p = paths.private();
    let expander = Expander {
        module,
        ty: &module.block.self_ty,
        name,
        paths,
    };
    let parts = [
        expander.descriptor(),
        expander.sender(),
        expander.module(),
        expander.construct(),
        if module.is_exclusive {
            expander.exclusive()
        } else {
            expander.shared()
        },
    ];
    let handlers = module
        .handlers
        .iter()
        .map(|handler| expander.handler(handler));
    let lists = [
        expander.list("Emits", module.emits.as_deref()),
        expander.list("Calls", module.calls.as_deref()),
    ];
    let support = quote_spanned! {spans::attribute()=>
        const _: () = {
            #(#parts)*
            #(#handlers)*
            #(#lists)*
            #p::inventory::submit! { #p::ModuleRegistration(&DESCRIPTOR) }
        };
    };
    quote!(#block #support)
}

struct Expander<'a> {
    module: &'a Checked,
    ty: &'a Type,
    name: &'a Ident,
    paths: Paths,
}

impl Expander<'_> {
    fn descriptor(&self) -> TokenStream {
        let (p, ty, module) = (self.paths.private(), self.ty, self.module);
        let name = self.name.to_string();
        let kind = spans::name(
            if module.is_exclusive {
                "Exclusive"
            } else {
                "Shared"
            },
            spans::attribute(),
        );
        let after = module
            .after
            .iter()
            .map(|after| quote!(<#after as #p::Module>::descriptor));
        let mailbox = match module.mailbox {
            Some(mailbox) => quote!(#p::Option::Some(#mailbox)),
            None => quote!(#p::Option::None),
        };
        let resources = module.hooks.init.iter().flat_map(|init| &init.resources);
        let resources = resources.map(|resource| quote!(#p::ResourceDescriptor::of::<#resource>()));
        let launch = if module.is_manual {
            quote!(#p::Option::None)
        } else {
            quote!(#p::Option::Some(#p::launch::<#ty>))
        };
        quote_spanned! {spans::attribute()=>
            static DESCRIPTOR: #p::ModuleDescriptor = #p::ModuleDescriptor {
                declaration: #p::Declaration {
                    name: ::core::concat!(::core::module_path!(), "::", #name),
                    file: ::core::file!(),
                    line: ::core::line!(),
                    column: ::core::column!(),
                },
                kind: #p::ModuleKind::#kind,
                handles: <#ty as #p::Module>::HANDLES,
                emits: <#ty as #p::Module>::EMITS,
                calls: <#ty as #p::Module>::CALLS,
                after: &[#(#after),*],
                mailbox: #mailbox,
                resources: &[#(#resources),*],
                launch: #launch,
            };
        }
    }

    /// A module with a list sends what its lists say, one without sends what the compiler sees a handler for.
    fn sender(&self) -> TokenStream {
        let (p, ty) = (self.paths.private(), self.ty);
        let has_list = self.module.emits.is_some() || self.module.calls.is_some();
        let rule = spans::name(if has_list { "Listed" } else { "Open" }, spans::attribute());
        quote_spanned! {spans::attribute()=>
            #[automatically_derived]
            impl #p::Sender for #ty {
                type Rule = #p::#rule;
            }
        }
    }

    fn module(&self) -> TokenStream {
        let (p, ty, module) = (self.paths.private(), self.ty, self.module);
        let cell = spans::name(
            if module.is_exclusive {
                "ExclusiveCell"
            } else {
                "SharedCell"
            },
            spans::attribute(),
        );
        let handles = self.proofs(
            "HANDLES",
            module
                .handlers
                .iter()
                .filter(|handler| handler.is_sound)
                .map(|handler| &handler.message),
        );
        let emits = self.proofs("EMITS", module.emits.iter().flatten());
        let calls = self.proofs("CALLS", module.calls.iter().flatten());
        let routes = self.routes();
        let on_start = module
            .hooks
            .on_start
            .as_ref()
            .map(|hook| self.hook("on_start", receiver(true), hook));
        let on_stop = module
            .hooks
            .on_stop
            .as_ref()
            .filter(|_| module.is_exclusive);
        let on_stop = on_stop.map(|hook| self.hook("on_stop", receiver(true), hook));
        let background = self.background();
        quote_spanned! {spans::attribute()=>
            #[automatically_derived]
            impl #p::Module for #ty {
                type Cell = #p::#cell<Self>;
                #handles
                #emits
                #calls
                fn descriptor() -> &'static #p::ModuleDescriptor {
                    &DESCRIPTOR
                }
                #routes
                #on_start
                #on_stop
                #background
            }
        }
    }

    fn proofs<'t>(&self, name: &str, messages: impl Iterator<Item = &'t Type>) -> TokenStream {
        let p = self.paths.private();
        let name = spans::name(name, spans::attribute());
        let proofs = messages.map(|message| quote!(<#message as #p::Message>::PROOF));
        quote_spanned!(spans::attribute()=> const #name: &'static [#p::MessageProof] = &[#(#proofs),*];)
    }

    /// The one place that asserts how each message may be taken; shown at the handler's argument.
    fn routes(&self) -> TokenStream {
        let p = self.paths.private();
        let mut handlers = self
            .module
            .handlers
            .iter()
            .filter(|handler| handler.is_sound)
            .peekable();
        let routes = if handlers.peek().is_some() {
            local("routes")
        } else {
            quote!(_)
        };
        let adds = handlers.map(|handler| {
            let span = Extent::of(&handler.argument).start;
            let parcel = self.parcel(handler);
            quote_spanned!(span=> routes.add::<#parcel>();)
        });
        quote_spanned! {spans::attribute()=>
            fn routes(#routes: &mut #p::Routes<'_, Self>) {
                #(#adds)*
            }
        }
    }

    /// How the handler's message travels, shown at the handler's argument.
    fn parcel(&self, handler: &Handler) -> TokenStream {
        let Extent { start, .. } = Extent::of(&handler.argument);
        let p = self.paths.private_at(start);
        let message = spans::moved(&handler.message, last_span(&handler.argument));
        let parcel = spans::name(
            if handler.by_reference {
                "Shown"
            } else {
                "Given"
            },
            start,
        );
        quote_spanned!(start=> #p::#parcel<#message>)
    }

    fn hook(&self, name: &str, receiver: TokenStream, hook: &Hook) -> TokenStream {
        let p = self.paths.private();
        let name = spans::name(name, hook.method.span());
        let result = self.call(
            &hook.method,
            &hook.output,
            hook.is_async,
            None,
            hook.context.as_ref(),
        );
        let ctx = self.ctx(hook.context.as_ref());
        quote_spanned! {spans::at(hook.method.span())=>
            async fn #name(#receiver, #ctx: &#p::Context<Self>) -> #p::Result<(), #p::Error> {
                #p::IntoOutcome::into_outcome(#result)
            }
        }
    }

    fn background(&self) -> Option<TokenStream> {
        let p = self.paths.private();
        let hooks = &self.module.hooks.background;
        let runs = hooks.iter().map(|hook| {
            let span = spans::at(hook.method.span());
            let method = &hook.method;
            let ctx = self.ctx(hook.context.as_ref());
            let argument = hook.context.as_ref().map(|context| if context.by_reference { quote_spanned!(span=> &ctx) } else { quote_spanned!(span=> ctx) });
            let Extent { start, end } = Extent::of(&hook.output);
            let awaits = hook.is_async.then(|| quote_spanned!(end=> .await));
            if hook.has_receiver {
                let this = quote_spanned!(start=> Self);
                quote_spanned! {span=>
                    tasks.run_shared(|module, #ctx| async move {
                        #p::IntoOutcome::into_outcome(#this::#method(&module, #argument)#awaits)
                    });
                }
            } else {
                let this = quote_spanned!(start=> Self);
                quote_spanned! {span=>
                    tasks.run(|#ctx| async move { #p::IntoOutcome::into_outcome(#this::#method(#argument)#awaits) });
                }
            }
        });
        (!hooks.is_empty()).then(|| {
            quote_spanned! {spans::attribute()=>
                fn background(tasks: &mut #p::Background<Self>) {
                    #(#runs)*
                }
            }
        })
    }

    /// By `#[init]`, or by `Default`. A manual module is made by whoever attaches it.
    fn construct(&self) -> TokenStream {
        if self.module.is_manual {
            return TokenStream::new();
        }
        let (p, ty) = (self.paths.private(), self.ty);
        let is_init_missing = self.module.hooks.init.is_none();
        let resources = if is_init_missing {
            quote!(_)
        } else {
            local("resources")
        };
        let made = match &self.module.hooks.init {
            Some(init) => self.init(init),
            // What is wrong with the block may be the `#[init]` that is missing here.
            None if self.module.is_broken => quote!(::core::future::pending().await),
            None => {
                let span = Extent::of(ty).start;
                let (p, this) = (self.paths.private_at(span), spans::moved(ty, last_span(ty)));
                quote_spanned!(span=> #p::Result::Ok(#p::by_default::<#this>()))
            }
        };
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
        let p = self.paths.private();
        let Init {
            method,
            is_async,
            resources,
            output,
        } = init;
        let Extent { start, end } = Extent::of(output);
        let this = quote_spanned!(start=> Self);
        let name = spans::name("resources", spans::attribute());
        let arguments = resources
            .iter()
            .map(|resource| quote!(#name.get::<#resource>()?));
        let awaits = is_async.then(|| quote!(.await));
        let call = quote_spanned!(end=> (#(#arguments),*)#awaits);
        quote_spanned!(spans::at(method.span())=> #p::IntoModule::into_module(#this::#method #call))
    }

    /// One message at a time: the inbox with a variant for each, by value.
    fn exclusive(&self) -> TokenStream {
        let (p, ty) = (self.paths.private(), self.ty);
        let inbox = quote::format_ident!("{}Inbox", self.name, span = spans::attribute());
        let handlers: Vec<&Handler> = self
            .module
            .handlers
            .iter()
            .filter(|handler| handler.is_sound)
            .collect();
        let variants = handlers.iter().map(|handler| {
            let (variant, parcel) = (&handler.variant, self.parcel(handler));
            quote!(#variant(#parcel))
        });
        let conversions = handlers.iter().map(|handler| {
            let (variant, parcel) = (&handler.variant, self.parcel(handler));
            quote_spanned! {spans::attribute()=>
                #[automatically_derived]
                impl #p::From<#parcel> for #inbox {
                    fn from(parcel: #parcel) -> Self {
                        #inbox::#variant(parcel)
                    }
                }
            }
        });
        let arms = handlers.iter().map(|handler| {
            let variant = &handler.variant;
            quote_spanned!(spans::attribute()=> #inbox::#variant(parcel) => parcel.handle(self, ctx).await)
        });
        let ctx = if handlers.is_empty() {
            quote!(_)
        } else {
            local("ctx")
        };
        quote_spanned! {spans::attribute()=>
            #[doc(hidden)]
            #[allow(missing_debug_implementations, private_interfaces, clippy::large_enum_variant)]
            pub enum #inbox {
                #(#variants),*
            }
            #(#conversions)*
            #[automatically_derived]
            impl #p::Exclusive for #ty {
                type Inbox = #inbox;
                async fn dispatch(&mut self, inbox: #inbox, #ctx: &#p::Context<Self>) -> #p::Verdict {
                    match inbox {
                        #(#arms,)*
                    }
                }
            }
        }
    }

    fn shared(&self) -> TokenStream {
        let p = self.paths.private();
        let ty = self.ty;
        let on_stop = self
            .module
            .hooks
            .on_stop
            .as_ref()
            .map(|hook| self.hook("on_stop_shared", receiver(false), hook));
        quote_spanned! {spans::attribute()=>
            #[automatically_derived]
            impl #p::Shared for #ty {
                #on_stop
            }
        }
    }

    /// The call of one handler, and the proof that the message is handled.
    fn handler(&self, handler: &Handler) -> TokenStream {
        let call = handler.is_sound.then(|| self.handler_call(handler));
        let may_change = handler.is_sound.then(|| self.may_change(handler));
        let proof = (!handler.by_reference).then(|| self.handled_by(&handler.message));
        quote!(#call #may_change #proof)
    }

    fn handler_call(&self, handler: &Handler) -> TokenStream {
        let p = self.paths.private();
        let ty = self.ty;
        let message = &handler.message;
        let argument = spans::at(last_span(&handler.argument));
        let parcel = self.parcel(handler);
        let (content, passed, output, convert) = if handler.by_reference {
            let passed = quote_spanned!(argument=> &message);
            (
                quote!(#p::Arc<#message>),
                passed,
                quote!(#p::Result<(), #p::Error>),
                quote!(#p::IntoOutcome::into_outcome),
            )
        } else {
            let passed = quote_spanned!(argument=> message);
            (
                quote!(#message),
                passed,
                quote!(#p::Replied<#message>),
                quote!(#p::IntoReply::<#message, _>::into_reply),
            )
        };
        let result = self.call(
            &handler.method,
            &handler.output,
            handler.is_async,
            Some(passed),
            handler.context.as_ref(),
        );
        let (how, receiver) = if self.module.is_exclusive {
            ("Handles", receiver(true))
        } else {
            ("Serves", receiver(false))
        };
        let how = spans::name(how, spans::attribute());
        let ctx = self.ctx(handler.context.as_ref());
        // A future that is not `Send` is shown at the handler's name.
        let function = spans::at(handler.method.span());
        let signature = quote_spanned! {function=>
            async fn handle(#receiver, message: #content, #ctx: &#p::Context<Self>) -> #output
        };
        quote_spanned! {spans::attribute()=>
            #[automatically_derived]
            impl #p::#how<#parcel> for #ty {
                #signature {
                    #convert(#result)
                }
            }
        }
    }

    /// Calls the method on `self`. The call as a whole is shown at `output`, since its type is what may be wrong.
    fn call(
        &self,
        method: &Ident,
        output: &TokenStream,
        is_async: bool,
        message: Option<TokenStream>,
        context: Option<&ContextArgument>,
    ) -> TokenStream {
        let Extent { start, end } = Extent::of(output);
        let this = quote_spanned!(start=> self);
        let ctx = context.map(|context| {
            let span = spans::at(last_span(&context.tokens));
            quote_spanned!(span=> ctx)
        });
        let arguments = message.into_iter().chain(ctx);
        let awaits = is_async.then(|| quote_spanned!(end=> .await));
        quote_spanned!(end=> #this.#method(#(#arguments),*)#awaits)
    }

    /// The name of the context parameter: none if the method does not take it.
    fn ctx(&self, context: Option<&ContextArgument>) -> TokenStream {
        match context {
            Some(_) => local("ctx"),
            None => quote!(_),
        }
    }

    /// A query is answered by reading alone. Asserted once, at `&mut self` or at the context.
    fn may_change(&self, handler: &Handler) -> Option<TokenStream> {
        let mutable = handler
            .receiver
            .as_ref()
            .filter(|receiver| receiver.is_mutable)
            .map(|receiver| &receiver.tokens);
        let writing = handler
            .context
            .as_ref()
            .filter(|context| !context.only_reads)
            .map(|context| &context.tokens);
        let place = mutable.or(writing).filter(|_| !handler.by_reference)?;
        let Extent { start, .. } = Extent::of(place);
        let p = self.paths.private_at(start);
        let message = spans::moved(&handler.message, last_span(place));
        Some(quote_spanned!(start=> const _: () = #p::assert_may_change::<#message>();))
    }

    fn handled_by(&self, message: &Type) -> TokenStream {
        let (p, ty) = (self.paths.private(), self.ty);
        quote_spanned! {spans::attribute()=>
            #[automatically_derived]
            #[diagnostic::do_not_recommend]
            impl #p::HandledBy<#ty> for #message {
                fn handler() -> #p::Option<&'static #p::Declaration> {
                    #p::Option::Some(&DESCRIPTOR.declaration)
                }
            }
        }
    }

    /// What the module may send. With a single entry, inference would take it for whatever is sent; so there are two.
    fn list(&self, name: &str, messages: Option<&[Type]>) -> Option<TokenStream> {
        let (p, ty) = (self.paths.private(), self.ty);
        let name = spans::name(name, spans::attribute());
        let messages = messages.filter(|messages| !messages.is_empty())?;
        let entries = messages
            .iter()
            .map(|message| quote!(#message))
            .chain([quote!(#p::NoMessage)]);
        let entries = entries.map(|message| {
            quote_spanned! {spans::attribute()=>
                #[automatically_derived]
                #[diagnostic::do_not_recommend]
                impl #p::#name<#message, #p::Listed, #p::Listed> for #ty {}
            }
        });
        Some(quote!(#(#entries)*))
    }
}

fn last_span(tokens: &impl quote::ToTokens) -> proc_macro2::Span {
    Extent::of(tokens).end
}

/// A local name of generated code, to stand where `_` could.
fn local(name: &str) -> TokenStream {
    let name = spans::name(name, spans::attribute());
    quote!(#name)
}

/// The receiver of a generated method. Its `self` is the one that generated bodies mean.
fn receiver(is_mutable: bool) -> TokenStream {
    if is_mutable {
        quote_spanned!(spans::attribute()=> &mut self)
    } else {
        quote_spanned!(spans::attribute()=> &self)
    }
}
