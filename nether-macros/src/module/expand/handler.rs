//! The call of one handler, and the proof that its message is handled.

use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};

use crate::module::expand::{Expander, last_span, local, shown};
use crate::module::model::Handler;
use crate::spans::{self, Extent};
use crate::types;

impl Expander<'_> {
    pub(super) fn handler(&self, handler: &Handler) -> TokenStream {
        let proof = (!handler.by_reference).then(|| self.handled_by(handler));
        if !handler.is_sound {
            return quote!(#proof);
        }
        let call = self.handler_call(handler);
        let may_change = self.may_change(handler);
        let same = self.same_type(handler);
        quote!(#call #may_change #same #proof)
    }

    fn handler_call(&self, handler: &Handler) -> TokenStream {
        let (p, ty) = (self.paths.private(), self.ty);
        let Taking {
            content,
            passed,
            replied,
            reply,
        } = if handler.by_reference {
            self.by_reference(handler)
        } else {
            self.by_value(handler)
        };
        let (how, module) = (self.either("Handles", "Serves"), local("module"));
        let context = handler.context.as_ref();
        let ctx = context.map(|context| spans::name("ctx", last_span(&context.tokens)));
        let arguments = [
            Some(quote!(#module)),
            Some(passed),
            ctx.map(|ctx| quote!(#ctx)),
        ];
        let call = call(
            &handler.method,
            &handler.output,
            handler.is_async,
            arguments.into_iter().flatten(),
        );
        let signature = self.signature(handler, &content, &replied);
        quote_spanned! {spans::attribute()=>
            #[automatically_derived]
            impl #p::#how<#content, #replied> for #ty {
                #signature {
                    #reply(#call)
                }
            }
        }
    }

    /// It begins and ends at the handler's name, where the compiler then shows a future that is not `Send`.
    fn signature(
        &self,
        handler: &Handler,
        content: &TokenStream,
        replied: &TokenStream,
    ) -> TokenStream {
        let p = self.paths.private();
        let name = handler.method.span();
        let (receiver, bound) = if self.module.is_exclusive {
            (quote!(&mut Self), "Send")
        } else {
            (quote!(&Self), "Sync")
        };
        let [module, message] = ["module", "message"].map(local);
        let ctx = self.ctx(handler.context.as_ref());
        let arguments = quote_spanned!(spans::attribute()=> (#module: #receiver, #message: #content, #ctx: &#p::Context<Self>) -> #replied);
        let granted = self.granted(bound, name);
        quote_spanned!(name=> async fn handle #arguments #granted)
    }

    /// A command or a query.
    fn by_value(&self, handler: &Handler) -> Taking {
        let (message, taken) = (handler.message_argument(), self.taken(handler));
        let end = last_span(message);
        let start = Extent::of(&handler.output).start;
        let p = self.paths.private_at(start);
        let passed = spans::name("message", end);
        Taking {
            content: quote!(#message),
            passed: quote!(#passed),
            replied: quote_spanned!(end=> #taken::Replied),
            reply: quote_spanned!(start=> #p::IntoReply::<#message, _, _, _>::into_reply),
        }
    }

    /// An event, which nobody answers.
    fn by_reference(&self, handler: &Handler) -> Taking {
        let (event, p) = (handler.message_argument(), self.paths.private());
        let start = Extent::of(&handler.output).start;
        let shown_at = self.paths.private_at(start);
        let passed = spans::name("message", last_span(event));
        Taking {
            content: quote!(#p::Arc<#event>),
            passed: quote!(&#passed),
            replied: quote!(#p::Result<(), #p::Error>),
            reply: quote_spanned!(start=> #shown_at::IntoOutcome::into_outcome),
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
        let Extent { start, end } = Extent::of(place);
        let (message, taken) = (handler.message_argument(), self.taken(handler));
        let (p, access) = (self.paths.private_at(start), shown("Access", end));
        Some(
            quote_spanned!(start=> const _: () = #p::assert_may_change::<#message, #taken::#access>();),
        )
    }

    /// The list and the handler may write one type in two ways, or two types in nearly one.
    fn same_type(&self, handler: &Handler) -> Option<TokenStream> {
        let (listed, message) = (&handler.message, handler.message_argument());
        let p = self.paths.private_at(last_span(message));
        (!types::same(listed, message)).then(|| {
            quote_spanned!(last_span(message)=> const _: () = #p::assert_same::<#message, #listed>();)
        })
    }

    fn handled_by(&self, handler: &Handler) -> TokenStream {
        let (p, ty, message) = (self.paths.private(), self.ty, &handler.message);
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
}

/// How a handler takes its message.
struct Taking {
    /// What the runtime gives it.
    content: TokenStream,
    /// What of that the method is passed.
    passed: TokenStream,
    /// What the runtime gets back.
    replied: TokenStream,
    /// How that is made of what the method gives back.
    reply: TokenStream,
}

/// Calls a method of the module. The call as a whole is shown at `output`, since its type is what may be wrong.
pub(super) fn call(
    method: &Ident,
    output: &TokenStream,
    is_async: bool,
    arguments: impl Iterator<Item = TokenStream>,
) -> TokenStream {
    let Extent { start, end } = Extent::of(output);
    let this = quote_spanned!(start=> Self);
    let awaits = is_async.then(|| quote_spanned!(end=> .await));
    quote_spanned!(end=> #this::#method(#(#arguments),*)#awaits)
}
