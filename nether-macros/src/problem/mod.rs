//! `#[derive(Problem)]`: an error says which problem (RFC 9457) clients see it as.

mod args;
mod expand;
mod headers;
mod model;
mod validate;

use proc_macro2::TokenStream;

use crate::diagnostics::Diagnostics;
use crate::problem::model::DerivedItem;
use crate::recover;

/// The derive's expansion. The definition itself is no part of it.
pub(crate) fn derive(item: TokenStream) -> TokenStream {
    let diagnostics = Diagnostics::new();
    let expansion = match syn::parse2::<DerivedItem>(item) {
        Ok(definition) => validate::check(definition, &diagnostics).map(expand::expand),
        Err(error) => {
            diagnostics.push(error);
            None
        }
    };
    let expansion = expansion.unwrap_or_default();
    recover::finish("derive(Problem)", diagnostics, expansion)
}
