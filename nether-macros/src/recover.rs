//! The one place where an expansion leaves the crate: alone, or with the errors that were found.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::Error;

use crate::diagnostics::Diagnostics;

/// The expansion, or, if there are mistakes, the errors and behind them what keeps them the only ones: the user's item
/// and whatever stands in for the expansion.
pub(crate) fn finish(
    attribute: &str,
    diagnostics: Diagnostics,
    expansion: TokenStream,
) -> TokenStream {
    let errors = diagnostics.check().err().map(Error::into_compile_error);
    let output = quote!(#errors #expansion);
    print_if_asked(attribute, &output);
    output
}

/// What does not parse is given back as it is, so that the compiler and editors see all of it.
pub(crate) fn unparsed(item: impl ToTokens, diagnostics: Diagnostics, error: Error) -> TokenStream {
    diagnostics.push(error);
    let errors = diagnostics.check().err().map(Error::into_compile_error);
    let item = item.into_token_stream();
    quote!(#errors #item)
}

fn print_if_asked(attribute: &str, output: &TokenStream) {
    if std::env::var_os("NETHER_MACROS_DEBUG").is_some_and(|value| value == "1") {
        eprintln!("// expansion of `#[{attribute}]`\n{output}\n");
    }
}
