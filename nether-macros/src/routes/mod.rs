//! `#[routes]`: a function that gives routes of axum's, which the web server serves beside the endpoints.

mod args;
mod expand;
mod validate;

use proc_macro2::TokenStream;

use crate::block::Function;
use crate::diagnostics::Diagnostics;
use crate::recover;
use crate::routes::args::RoutesArgs;

/// The attribute's expansion.
pub(crate) fn attribute(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let diagnostics = Diagnostics::new();
    let args = RoutesArgs::parse(arguments, &diagnostics);
    let function = match syn::parse2::<Function>(item.clone()) {
        Ok(function) => function,
        Err(_) => {
            let error = validate::not_a_function(item.clone());
            return recover::unparsed(item, diagnostics, error);
        }
    };
    let checked = validate::check(args, function, &diagnostics);
    recover::finish("routes", diagnostics, expand::expand(&checked))
}
