//! The code of a checked problem: its `impl`.

use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};
use syn::LitStr;

use crate::paths::Paths;
use crate::problem::validate::{CheckedProblem, Kind, Kinds};
use crate::spans;

pub(crate) fn expand(problem: CheckedProblem) -> TokenStream {
    let paths = Paths::new(problem.renamed);
    let p = paths.private();
    let (ident, lints) = (&problem.ident, &problem.lints);
    let (generics, arguments, clause) = problem.generics.split_for_impl();
    let (kinds, which) = match &problem.kinds {
        Kinds::Struct(kind) => (vec![kind], quote!(&KINDS[0])),
        Kinds::Enum(variants) => {
            let kinds = variants.iter().map(|(_, kind)| kind);
            (kinds.collect(), which(variants))
        }
    };
    let kinds = kinds.into_iter().map(|kind| self::kind(kind, &paths));
    quote_spanned! {spans::attribute()=>
        #lints
        const _: () = {
            const KINDS: &[#p::http::ProblemKind] = &[#(#kinds),*];
            #[automatically_derived]
            impl #generics #p::http::Problem for #ident #arguments #clause {
                const KINDS: &'static [#p::http::ProblemKind] = KINDS;
                fn kind(&self) -> &'static #p::http::ProblemKind {
                    #which
                }
            }
        };
    }
}

fn kind(kind: &Kind, paths: &Paths) -> TokenStream {
    let p = paths.private();
    let (status, texts) = (kind.status, &kind.texts);
    let (title, type_uri) = (text(&texts.title, paths), text(&texts.type_uri, paths));
    let www_authenticate = text(&texts.www_authenticate, paths);
    let retry_after = match texts.retry_after {
        Some(seconds) => quote!(#p::Option::Some(#seconds)),
        None => quote!(#p::Option::None),
    };
    quote_spanned! {spans::attribute()=>
        #p::http::ProblemKind {
            status: #status,
            title: #title,
            type_uri: #type_uri,
            www_authenticate: #www_authenticate,
            retry_after: #retry_after,
        }
    }
}

fn text(text: &Option<LitStr>, paths: &Paths) -> TokenStream {
    let p = paths.private();
    match text {
        Some(text) => quote!(#p::Option::Some(#text)),
        None => quote!(#p::Option::None),
    }
}

/// The kind of each variant, in their order.
fn which(variants: &[(Ident, Kind)]) -> TokenStream {
    if variants.is_empty() {
        return quote_spanned!(spans::attribute()=> match *self {});
    }
    let arms = variants.iter().enumerate().map(|(index, (ident, _))| {
        quote_spanned!(spans::attribute()=> Self::#ident { .. } => &KINDS[#index])
    });
    quote_spanned!(spans::attribute()=> match self { #(#arms,)* })
}
