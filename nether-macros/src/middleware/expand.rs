//! The code of checked middleware: the block as written, and beside it what lets lists name the type.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;

use crate::middleware::validate::{CheckedAround, CheckedMethod, CheckedMiddleware, MIDDLEWARE};
use crate::paths::Paths;
use crate::spans::{self, Extent};
use crate::{header, lints};

pub(crate) fn expand(middleware: &CheckedMiddleware) -> TokenStream {
    let block = &middleware.block;
    let support = middleware.name.is_some().then(|| support(middleware));
    quote!(#block #support)
}

fn support(middleware: &CheckedMiddleware) -> TokenStream {
    let paths = Paths::new(middleware.renamed.clone());
    let (p, ty) = (paths.private(), &middleware.block.self_ty);
    // Asserted once: everything else takes it for granted.
    let place = Extent::of(ty).end;
    let shared = quote_spanned!(place=> const _: () = #p::shared_by_threads::<#ty>(););
    let (known, around) = (known(middleware, &paths), around(middleware, &paths));
    let unread = middleware.unread.iter();
    let unread = unread.map(|it| header::unread(&MIDDLEWARE, it));
    let lints = lints::of_block(&middleware.block);
    quote_spanned! {spans::attribute()=>
        #lints
        const _: () = {
            #shared
            #known
            #around
            #(#unread)*
        };
    }
}

/// The description of the middleware, which is the same for all messages.
fn known(middleware: &CheckedMiddleware, paths: &Paths) -> TokenStream {
    let (p, ty) = (paths.private(), &middleware.block.self_ty);
    let name = middleware
        .name
        .as_ref()
        .map(|name| name.unraw().to_string());
    let granted = quote!(where for<'a> Self: #p::Send + #p::Sync);
    let committed = middleware.committed.as_ref();
    let committed = committed.map(|method| committed_method(method, paths));
    quote_spanned! {spans::attribute()=>
        #[automatically_derived]
        #[diagnostic::do_not_recommend]
        impl #p::IsMiddleware for #ty #granted {
            type Itself = Self;
            const DESCRIPTOR: #p::MiddlewareDescriptor = #p::MiddlewareDescriptor {
                declaration: #p::Declaration {
                    name: ::core::concat!(::core::module_path!(), "::", #name),
                    file: ::core::file!(),
                    line: ::core::line!(),
                    column: ::core::column!(),
                },
                resource: #p::ResourceDescriptor::of::<#ty>("`builder.provide(..)`"),
            };
            #committed
        }
    }
}

fn committed_method(method: &CheckedMethod, paths: &Paths) -> TokenStream {
    let (p, place) = (paths.private(), method.method.span());
    let done = spans::name("done", spans::attribute());
    let call = call(method, &quote!(#done));
    // The statement keeps clippy from asking for an `async fn`, which would not say that its future is
    // `Send`.
    let body = quote_spanned!(place=> let (#done,) = (#done,); async move { #call });
    quote_spanned! {place=>
        const FOLLOWS_COMMITS: bool = true;
        fn committed(&self, #done: &#p::Committed<'_>) -> impl #p::Future<Output = ()> + #p::Send {
            #body
        }
    }
}

/// How it runs around a message. If there is an error about it, it lets everything through, so that no other
/// follows where it is listed.
fn around(middleware: &CheckedMiddleware, paths: &Paths) -> TokenStream {
    let (p, ty) = (paths.private(), &middleware.block.self_ty);
    let [given, next] = ["call", "next"].map(|name| spans::name(name, spans::attribute()));
    let Some(around) = &middleware.around else {
        return quote_spanned! {spans::attribute()=>
            #[automatically_derived]
            impl<__M: #p::Message> #p::Middleware<__M> for #ty
            where
                for<'a> Self: #p::Send + #p::Sync,
            {
                async fn around(
                    &self, #given: #p::Call<'_, __M>, #next: #p::Next<'_, __M>,
                ) -> #p::Answer<__M>
                where
                    __M: #p::Send + #p::Sync,
                {
                    #next.run(#given).await
                }
            }
        };
    };
    let CheckedAround {
        method,
        message,
        parameter,
        where_clause,
    } = around;
    let place = method.method.span();
    let (call, output) = (
        call(method, &quote!(#given, #next)),
        Extent::of(&method.output).end,
    );
    let answer = spans::name("answer", output);
    let typed = quote_spanned!(output=> let #answer: #p::Answer<#message> = #call;);
    let body = quote_spanned! {place=>
        let (#given, #next) = (#given, #next);
        async move { #typed #answer }
    };
    let predicates = where_clause.iter().flat_map(|clause| &clause.predicates);
    quote_spanned! {place=>
        #[automatically_derived]
        impl<#parameter> #p::Middleware<#message> for #ty
        where
            for<'a> Self: #p::Send + #p::Sync,
            #message: #p::Message,
            #(#predicates,)*
        {
            fn around(
                &self, #given: #p::Call<'_, #message>, #next: #p::Next<'_, #message>,
            ) -> impl #p::Future<Output = #p::Answer<#message>> + #p::Send
            where
                #message: #p::Send + #p::Sync,
            {
                #body
            }
        }
    }
}

/// Calls the method of the type's own. The call is shown at what it gives back, since that is what may be
/// wrong.
fn call(method: &CheckedMethod, arguments: &TokenStream) -> TokenStream {
    let Extent { start, end } = Extent::of(&method.output);
    let mut name = method.method.clone();
    name.set_span(start);
    let this = quote_spanned!(start=> Self);
    quote_spanned!(end=> #this::#name(self, #arguments).await)
}
