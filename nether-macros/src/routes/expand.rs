//! The code of a checked function: itself, and its registration.

use proc_macro2::{Group, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::Type;
use syn::ext::IdentExt;

use crate::lints;
use crate::paths::Paths;
use crate::routes::validate::CheckedRoutes;
use crate::spans::{self, Extent};

pub(crate) fn expand(routes: &CheckedRoutes) -> TokenStream {
    let function = &routes.function;
    let registration = routes.gives.as_ref().map(|ty| registration(routes, ty));
    quote!(#function #registration)
}

fn registration(routes: &CheckedRoutes, ty: &Type) -> TokenStream {
    let paths = Paths::new(routes.renamed.clone());
    let p = paths.private();
    let name = routes.function.signature.ident.unraw().to_string();
    let call = call(routes, ty);
    let lints = lints::inherited(&routes.function.attributes);
    let deprecated = lints::of_deprecated(&routes.function.attributes);
    quote_spanned! {spans::attribute()=>
        #lints
        #deprecated
        const _: () = {
            #p::inventory::submit! {
                #p::http::RoutesRegistration {
                    declaration: #p::Declaration {
                        name: ::core::concat!(::core::module_path!(), "::", #name),
                        file: ::core::file!(),
                        line: ::core::line!(),
                        column: ::core::column!(),
                    },
                    build: || #call,
                }
            }
        };
    }
}

/// The call, shown at the return type: there the compiler says what it should be.
fn call(routes: &CheckedRoutes, ty: &Type) -> TokenStream {
    let Extent { start, end } = Extent::of(ty);
    let mut name = routes.function.signature.ident.clone();
    name.set_span(name.span().located_at(start));
    let mut arguments = Group::new(proc_macro2::Delimiter::Parenthesis, TokenStream::new());
    arguments.set_span(end);
    let arguments = arguments.into_token_stream();
    quote!(#name #arguments)
}
