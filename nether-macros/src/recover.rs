//! The one place where an expansion leaves the crate: alone, or with the errors that were found.

use proc_macro2::{TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::parse::{ParseStream, Parser};
use syn::{Attribute, Error, Type, Visibility};

use crate::diagnostics::Diagnostics;
use crate::paths::Paths;
use crate::{prelude, spans};

/// The expansion, or, if there are mistakes, the errors and behind them what keeps them the only ones: the
/// user's item and whatever stands in for the expansion.
pub(crate) fn finish(
    attribute: &str,
    diagnostics: Diagnostics,
    expansion: TokenStream,
) -> TokenStream {
    let errors = diagnostics.check().err().map(Error::into_compile_error);
    let output = prelude::settle(quote!(#errors #expansion));
    print_if_asked(attribute, &output);
    output
}

/// What cannot be read is given back as it is, so that the compiler and editors see all of it. `error` tells
/// what it should have been; there is none if it only does not parse, for that the compiler has reported
/// before it handed it over.
pub(crate) fn unparsed(
    item: impl ToTokens,
    diagnostics: Diagnostics,
    error: Option<Error>,
) -> TokenStream {
    if let Some(error) = error {
        diagnostics.push(error);
    }
    let errors = diagnostics.check().err().map(Error::into_compile_error);
    let item = item.into_token_stream();
    quote!(#errors #item)
}

/// Stands in for the proof that `ty` handles a message, where an error says why it does not: so that no
/// second one follows where the message is sent. Events need no such proof, so the bound says "a command or a
/// query"; one that is for any lifetime is one that the compiler believes of what is no message at all.
pub(crate) fn handled_by(ty: impl ToTokens, message: &Type, paths: &Paths) -> TokenStream {
    let p = paths.private();
    quote_spanned! {spans::attribute()=>
        #[automatically_derived]
        #[diagnostic::do_not_recommend]
        impl #p::HandledBy<#ty> for #message where for<'a> #message: #p::ByValue {
            fn handler() -> #p::Option<&'static #p::Declaration> {
                #p::Option::None
            }
        }
    }
}

/// The word that says what an item is: the first behind its attributes and visibility.
pub(crate) fn keyword(item: TokenStream) -> Option<TokenTree> {
    let first = |input: ParseStream<'_>| {
        input.call(Attribute::parse_outer)?;
        input.parse::<Visibility>()?;
        let first = input.cursor().token_tree().map(|(token, _)| token);
        input.parse::<TokenStream>()?;
        Ok(first)
    };
    first.parse2(item).ok()?
}

fn print_if_asked(attribute: &str, output: &TokenStream) {
    if std::env::var_os("NETHER_MACROS_DEBUG").is_some_and(|value| value == "1") {
        eprintln!("// expansion of `#[{attribute}]`\n{output}\n");
    }
}
