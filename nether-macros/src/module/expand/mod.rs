//! The code of a checked module: the block as written, and beside it what ties its handlers to the runtime.

mod dispatch;
mod handler;
mod hooks;
mod keyed;
mod limits;

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::Type;
use syn::ext::IdentExt;

use crate::module::model::{CheckedModule, ContextArgument, Handler, Restart};
use crate::paths::Paths;
use crate::spans::{self, Extent};
use crate::{header, init, lints, recover, types};

pub(crate) fn expand(module: &CheckedModule) -> TokenStream {
    let block = &module.block;
    let Some(name) = &module.name else {
        return quote!(#block);
    };
    let expander = ModuleExpander {
        module,
        ty: &module.block.self_ty,
        name,
        paths: Paths::new(module.renamed.clone()),
    };
    let support = if module.is_further {
        expander.addition()
    } else {
        expander.support()
    };
    quote!(#block #support)
}

struct ModuleExpander<'a> {
    module: &'a CheckedModule,
    ty: &'a Type,
    name: &'a Ident,
    paths: Paths,
}

impl ModuleExpander<'_> {
    fn support(&self) -> TokenStream {
        let p = self.paths.private();
        let parts = [
            self.descriptor(),
            self.sender(),
            self.module(),
            self.construct(),
            self.dispatch(),
        ];
        let handlers = self.module.handlers.iter();
        let handlers = handlers.map(|handler| self.handler(handler));
        let lists = self.lists();
        let unhandled = module_unhandled(self.module);
        let standing_in =
            unhandled.map(|message| recover::handled_by(self.ty, message, &self.paths));
        // A fake is no part of the program: only those who attach it know it.
        let registration = (!self.module.is_fake).then(|| {
            quote_spanned!(spans::attribute()=> #p::inventory::submit! { #p::ModuleRegistration(&DESCRIPTOR) })
        });
        let unread = self
            .module
            .unread
            .iter()
            .map(|it| header::unread(&header::MODULE, it));
        let lints = lints::of_block(&self.module.block);
        quote_spanned! {spans::attribute()=>
            #lints
            const _: () = {
                #(#parts)*
                #(#handlers)*
                #(#standing_in)*
                #(#lists)*
                #(#unread)*
                #registration
            };
        }
    }

    fn descriptor(&self) -> TokenStream {
        let (p, ty, module) = (self.paths.private(), self.ty, self.module);
        // Two types of one name may have their blocks in one place.
        let path = types::path(ty).map(types::path_name);
        let name = path.unwrap_or_else(|| self.name.unraw().to_string());
        let kind = self.mode("Keyed", "Exclusive", "Shared");
        let handles = self.sound().map(|handler| {
            let taken = self.taken(handler);
            quote!(#taken::PROOF)
        });
        let listed = |message: &Type| quote!(<#message as #p::Message>::PROOF);
        let emits = module.emits.iter().flatten().map(listed);
        let calls = module.calls.iter().flatten().map(listed);
        let after = module.after.iter();
        let mailbox = match module.mailbox {
            Some(mailbox) => quote!(#p::Option::Some(#mailbox)),
            None => quote!(#p::Option::None),
        };
        let instances = module.instances;
        let (restart, breaker) = (self.restart(), self.breaker());
        let (limits, limited) = self.limited();
        let resources = module.hooks.init.as_ref();
        let resources = resources.map_or(&[][..], |init| &init.resources);
        let slots = init::slots(resources, &self.paths);
        let resources = init::descriptors(resources);
        let launch = if module.is_manual {
            quote!(#p::Option::None)
        } else {
            let launch = self.mode("launch_keyed", "launch", "launch");
            quote!(#p::Option::Some(#p::#launch::<#ty>))
        };
        quote_spanned! {spans::attribute()=>
            #slots
            #limits
            static DESCRIPTOR: #p::ModuleDescriptor = #p::ModuleDescriptor {
                declaration: #p::Declaration {
                    name: ::core::concat!(::core::module_path!(), "::", #name),
                    file: ::core::file!(),
                    line: ::core::line!(),
                    column: ::core::column!(),
                },
                kind: #p::ModuleKind::#kind,
                handles: &[#(#handles),*],
                emits: &[#(#emits),*],
                calls: &[#(#calls),*],
                after: &[#(<#after as #p::Module>::descriptor),*],
                instances: #instances,
                mailbox: #mailbox,
                restart: #restart,
                breaker: #breaker,
                handlers: &[#(#limited),*],
                resources: &[#(#resources),*],
                launch: #launch,
            };
        }
    }

    fn restart(&self) -> TokenStream {
        let p = self.paths.private();
        let Restart {
            rule,
            max_restarts,
            within,
            is_essential,
        } = &self.module.restart;
        let rule = spans::name(rule, spans::attribute());
        let within = within.as_millis() as u64;
        quote_spanned! {spans::attribute()=>
            #p::RestartPolicy {
                restart: #p::Restart::#rule,
                max_restarts: #max_restarts,
                within: #p::Duration::from_millis(#within),
                is_essential: #is_essential,
            }
        }
    }

    fn breaker(&self) -> TokenStream {
        let p = self.paths.private();
        let Some(breaker) = &self.module.breaker else {
            return quote!(#p::Option::None);
        };
        let failures = breaker.failures;
        let within = breaker.within.as_millis() as u64;
        let probe_after = breaker.probe_after.as_millis() as u64;
        quote_spanned! {spans::attribute()=>
            #p::Option::Some(#p::BreakerPolicy {
                failures: #failures,
                within: #p::Duration::from_millis(#within),
                probe_after: #p::Duration::from_millis(#probe_after),
            })
        }
    }

    /// A module with a list sends what its lists say, one without sends what the compiler sees a handler for.
    fn sender(&self) -> TokenStream {
        let (p, ty) = (self.paths.private(), self.ty);
        let rule = if self.has_lists() {
            "Listed"
        } else {
            "WithoutLists"
        };
        let rule = spans::name(rule, spans::attribute());
        let unlisted = (!self.has_lists()).then(|| {
            quote_spanned! {spans::attribute()=>
                #[automatically_derived]
                #[diagnostic::do_not_recommend]
                impl #p::Unlisted for #ty {}
            }
        });
        quote_spanned! {spans::attribute()=>
            #[automatically_derived]
            #[diagnostic::do_not_recommend]
            impl #p::Caller for #ty {
                type Rule = #p::#rule;
            }
            #unlisted
        }
    }

    fn module(&self) -> TokenStream {
        let (p, ty) = (self.paths.private(), self.ty);
        let handling = self.mode("PerKey", "OneAtATime", "Concurrently");
        let routes = self.routes();
        let on_start = self.on_start();
        let background = self.background();
        quote_spanned! {spans::attribute()=>
            #[automatically_derived]
            #[diagnostic::do_not_recommend]
            impl #p::Module for #ty {
                type Handling = #p::#handling;
                const DESCRIPTOR: &'static #p::ModuleDescriptor = &DESCRIPTOR;
                #routes
                #on_start
                #background
            }
        }
    }

    fn routes(&self) -> TokenStream {
        let p = self.paths.private();
        let routes = self.sound().map(|handler| {
            let taken = self.taken(handler);
            quote_spanned!(last_span(&handler.argument)=> #taken::add_to::<Self>)
        });
        quote_spanned! {spans::attribute()=>
            const ROUTES: &'static [fn(&mut #p::Routes<'_, Self>)] = &[#(#routes),*];
        }
    }

    /// What a further block of a module adds, so that its error is the only one: what it lists counts as
    /// handled and may be sent.
    fn addition(&self) -> TokenStream {
        let handled = self.module.handlers.iter().map(|handler| &handler.message);
        let handled = handled.chain(&self.module.unhandled);
        let handled = handled.map(|message| recover::handled_by(self.ty, message, &self.paths));
        let lists = self.lists();
        quote!(#(#handled)* #(#lists)*)
    }

    fn lists(&self) -> [TokenStream; 2] {
        [
            self.list("ListedInEmits", self.module.emits.as_deref()),
            self.list("ListedInCalls", self.module.calls.as_deref()),
        ]
    }

    /// What the module may send.
    fn list(&self, name: &str, messages: Option<&[Type]>) -> TokenStream {
        let (p, ty) = (self.paths.private(), self.ty);
        let name = spans::name(name, spans::attribute());
        let messages = messages.iter().copied().flatten();
        quote_spanned! {spans::attribute()=>
            #(
                #[automatically_derived]
                #[diagnostic::do_not_recommend]
                impl #p::#name<#ty> for #messages {}
            )*
        }
    }

    fn has_lists(&self) -> bool {
        self.module.emits.is_some() || self.module.calls.is_some()
    }

    /// The handlers that can be called.
    fn sound(&self) -> impl Iterator<Item = &Handler> {
        let handlers = self.module.handlers.iter();
        handlers.filter(|handler| handler.is_sound)
    }

    /// A name of the runtime that depends on whether the module handles one message at a time.
    fn either(&self, exclusive: &str, shared: &str) -> Ident {
        let is_exclusive = self.module.is_exclusive;
        spans::name(
            if is_exclusive { exclusive } else { shared },
            spans::attribute(),
        )
    }

    /// A name of the runtime that depends on how messages reach the module.
    fn mode(&self, keyed: &str, exclusive: &str, shared: &str) -> Ident {
        match self.module.keying {
            Some(_) => spans::name(keyed, spans::attribute()),
            None => self.either(exclusive, shared),
        }
    }

    /// What generated code has to know of a handler's message, it knows through this; shown at the handler's
    /// argument.
    fn taken(&self, handler: &Handler) -> TokenStream {
        self.taken_from(handler, last_span(&handler.argument))
    }

    /// The path of [`taken`](Self::taken), if the path as a whole is shown somewhere else, from `start` on.
    fn taken_from(&self, handler: &Handler, start: Span) -> TokenStream {
        let (message, end) = (handler.message(), last_span(&handler.argument));
        let p = self.paths.private_at(end);
        let taken = shown(handler.either("HandlerByReference", "HandlerByValue"), end);
        let open = quote_spanned!(start=> <);
        quote_spanned!(end=> #open #message as #p::#taken>)
    }

    /// The bound that the module is `Send` (or `Sync`), taken for granted: it is asserted once, for the
    /// module, or each of its futures would report it. The compiler believes a bound that is for any
    /// lifetime.
    fn granted(&self, bound: &str, place: Span) -> TokenStream {
        let (p, bound) = (self.paths.private(), shown(bound, place));
        quote_spanned!(spans::attribute()=> where for<'a> Self: #p::#bound)
    }

    /// The name of the context parameter: none if the method does not take it.
    fn ctx(&self, context: Option<&ContextArgument>) -> TokenStream {
        local_or_wild("ctx", context.is_some())
    }
}

/// What has an error for not being handled counts as handled. A fake handles nothing for others.
fn module_unhandled(module: &CheckedModule) -> impl Iterator<Item = &Type> {
    module.unhandled.iter().filter(|_| !module.is_fake)
}

fn last_span(tokens: &impl quote::ToTokens) -> Span {
    Extent::of(tokens).end
}

/// A generated name that is no local, at the very place of what the user wrote.
fn shown(text: &str, span: Span) -> Ident {
    Ident::new(text, span)
}

/// A local name of generated code.
fn local(name: &str) -> Ident {
    spans::name(name, spans::attribute())
}

/// A local name of generated code, or `_` where nothing may use it.
fn local_or_wild(name: &str, is_used: bool) -> TokenStream {
    let name = local(name);
    if is_used { quote!(#name) } else { quote!(_) }
}
