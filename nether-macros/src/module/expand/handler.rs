//! The call of one handler, and the proof that its message is handled.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{quote, quote_spanned};

use crate::home;
use crate::module::expand::{ModuleExpander, last_span, local};
use crate::module::model::{Handler, Policy};
use crate::spans::{self, Extent};
use crate::types;

/// What the function that calls a handler takes.
const ARGUMENTS: [&str; 4] = ["module", "parcel", "ctx", "settle"];

impl ModuleExpander<'_> {
    pub(super) fn handler(&self, handler: &Handler) -> TokenStream {
        let is_route = !handler.by_reference && !self.module.is_fake;
        let proof = is_route.then(|| self.handled_by(handler));
        if !handler.is_sound {
            return quote!(#proof);
        }
        let parts = [
            self.name(handler),
            Some(self.handler_call(handler)),
            self.may_change(handler),
            self.same_type(handler),
            self.surrounded(handler),
        ];
        quote!(#(#parts)* #proof)
    }

    /// A name for a message that is written in several words, so that it can be shown at the last of them.
    fn name(&self, handler: &Handler) -> Option<TokenStream> {
        let name = handler.alias.as_ref()?;
        let written = handler.message_argument();
        Some(quote_spanned!(spans::attribute()=> type #name = #written;))
    }

    fn handler_call(&self, handler: &Handler) -> TokenStream {
        let (p, ty) = (self.paths.private(), self.ty);
        let how = self.either("ExclusiveHandler", "SharedHandler");
        let parcel = self.parcel(handler);
        let signature = self.signature(handler);
        let result = self.settled(handler);
        let taken = taken_in(handler);
        let result = quote_spanned!(handler.method.span()=> async move { #taken #result });
        let attempt = handler.policy.as_ref();
        let attempt = attempt.map(|policy| self.attempt(handler, policy, &parcel));
        let (attempt, of_key) = match self.module.keying {
            Some(_) => (None, Some(self.of_key(handler, &parcel, attempt))),
            None => (attempt, None),
        };
        quote_spanned! {spans::attribute()=>
            #[automatically_derived]
            impl #p::#how<#parcel> for #ty {
                #signature {
                    #result
                }
                #attempt
            }
            #of_key
        }
    }

    /// What stands between the message and the handler: a time-out, retries, middleware. An error that the
    /// message cannot be tried again is shown at the handler's argument.
    fn attempt(
        &self,
        handler: &Handler,
        policy: &Policy,
        parcel_type: &TokenStream,
    ) -> TokenStream {
        let p = self.paths.private();
        let attempt = quote!(#p::Attempt<<#parcel_type as #p::Parcel>::Message>);
        let (receiver, gives_back) = match (&self.module.keying, self.module.is_exclusive) {
            (Some(_), _) => (quote!(&mut Self), attempt),
            (None, true) => (quote!(&mut Self), quote!(#p::Verdict)),
            (None, false) => (quote!(&Self), attempt),
        };
        let run = self.mode("attempt_of_key", "attempt_alone", "attempt_beside");
        let name = self.mode("attempt_of_key", "attempt", "attempt");
        let (limits, again) = (self.limits(handler), self.again(handler, policy));
        let called = self.called(handler, policy);
        let [module, parcel, ctx] = ["module", "parcel", "ctx"].map(local);
        quote_spanned! {spans::attribute()=>
            fn #name(
                #module: #receiver, #parcel: &mut #parcel_type, #ctx: &#p::Context<Self>,
            ) -> impl #p::Future<Output = #gives_back> + #p::Send
            where
                for<'a> Self: #p::Module,
                for<'a> #parcel_type: #p::Parcel,
            {
                const POLICY: &#p::HandlerPolicy<#parcel_type> = &#p::HandlerPolicy {
                    limits: #limits,
                    again: #again,
                };
                #p::#run(POLICY, #called, #module, #parcel, #ctx)
            }
        }
    }

    /// How the message is had once more.
    fn again(&self, handler: &Handler, policy: &Policy) -> TokenStream {
        let place = last_span(&handler.argument);
        let (p, message) = (self.paths.private_at(place), handler.message());
        if policy.retries == 0 {
            quote!(#p::Option::None)
        } else if handler.by_reference {
            quote!(#p::Option::Some(#p::Clone::clone))
        } else {
            quote_spanned!(place=> #p::Option::Some(#p::repeated::<#message>))
        }
    }

    /// Its future, an `async` block, stands at the handler's name: there the compiler shows one that is not
    /// `Send`. An `async fn` would be shown by this function's name, which the user never wrote.
    fn signature(&self, handler: &Handler) -> TokenStream {
        let p = self.paths.private();
        let (parcel_type, content) = (self.parcel(handler), self.content(handler));
        let name = handler.method.span();
        let (receiver, bound) = if self.module.is_exclusive {
            (quote!(&mut Self), "Send")
        } else {
            (quote!(&Self), "Sync")
        };
        let [module, parcel, ctx, settle] = ARGUMENTS.map(local);
        let arguments = quote_spanned! {spans::attribute()=>
            <__S: #p::ReplySink<#parcel_type>>(
                #module: #receiver, #parcel: &mut #content, #ctx: &#p::Context<Self>, #settle: __S,
            )
        };
        let granted = self.granted(bound, name);
        let p = self.paths.private_at(name);
        quote_spanned!(name=> fn handle #arguments -> impl #p::Future<Output = __S::Settled> + #p::Send #granted)
    }

    /// Calls the method, and settles what it gives back; that is shown at its return type if it is wrong.
    fn settled(&self, handler: &Handler) -> TokenStream {
        let [module, settle] = ["module", "settle"].map(local);
        let place = last_span(&handler.argument);
        let parcel = spans::name("parcel", place);
        let message = quote_spanned!(place=> #parcel.message());
        let context = handler.context.as_ref();
        let ctx = context.map(|context| spans::name("ctx", last_span(&context.tokens)));
        let arguments = [
            Some(quote!(#module)),
            Some(message),
            ctx.map(|ctx| quote!(#ctx)),
        ];
        let answer = call(
            &handler.method,
            &handler.output,
            handler.is_async,
            arguments.into_iter().flatten(),
        );
        let Extent { start, end } = Extent::of(&handler.output);
        let taken = self.taken_from(handler, start);
        let made = quote_spanned!(end=> #taken::settle);
        quote_spanned!(spans::attribute()=> #made(#settle, #answer))
    }

    /// A query is answered by reading alone. Asserted once, at the `mut` of `&mut self` or at the context.
    fn may_change(&self, handler: &Handler) -> Option<TokenStream> {
        let receiver = handler.receiver.as_ref();
        let mutable = receiver.and_then(|receiver| named(&receiver.tokens, "mut"));
        let context = handler.context.as_ref();
        let writing = context.and_then(|context| named(&context.tokens, "Context"));
        let place = mutable.or(writing).filter(|_| !handler.by_reference)?;
        let taken = self.taken(handler);
        let access = quote_spanned!(place=> _);
        Some(
            quote_spanned!(last_span(&handler.argument)=> const _: fn() = #taken::may_change::<#access>;),
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

    /// The proof that the module handles the message. A `manual` module need not be the only one that does.
    fn handled_by(&self, handler: &Handler) -> TokenStream {
        let (ty, is_only) = (self.ty, !self.module.is_manual);
        let place = last_span(ty);
        home::handled_by(&quote!(#ty), &handler.message, place, is_only, &self.paths)
    }
}

/// The handler's future takes in all arguments, as that of an `async fn` does: without the context, which
/// most handlers leave out, each message to an exclusive module took 8 instructions more.
fn taken_in(handler: &Handler) -> TokenStream {
    let taken = ARGUMENTS.map(|name| {
        let is_used = name != "ctx" || handler.context.is_some();
        let (argument, unused) = (local(name), local("__unused"));
        let kept = if is_used { &argument } else { &unused };
        quote_spanned!(spans::attribute()=> let #kept = #argument;)
    });
    quote!(#(#taken)*)
}

/// The place of the name.
fn named(tokens: &TokenStream, name: &str) -> Option<Span> {
    let mut tokens = tokens.clone().into_iter();
    let found = tokens.find(|token| matches!(token, TokenTree::Ident(ident) if ident == name));
    found.map(|token| token.span())
}

/// Calls a method of the module. The call as a whole is shown at `output`, since its type is what may be
/// wrong.
pub(super) fn call(
    method: &Ident,
    output: &TokenStream,
    is_async: bool,
    arguments: impl Iterator<Item = TokenStream>,
) -> TokenStream {
    let Extent { start, end } = Extent::of(output);
    let mut method = method.clone();
    method.set_span(start);
    let this = quote_spanned!(start=> Self);
    let awaits = is_async.then(|| quote_spanned!(end=> .await));
    quote_spanned!(end=> #this::#method(#(#arguments),*)#awaits)
}
