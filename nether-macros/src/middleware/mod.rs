//! `#[middleware]`: lets a type stand around handlers.

mod args;
mod expand;
mod validate;

use proc_macro2::TokenStream;

use crate::block::Block;
use crate::diagnostics::Diagnostics;
use crate::middleware::args::MiddlewareArgs;
use crate::recover;

/// The attribute's expansion.
pub(crate) fn attribute(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let diagnostics = Diagnostics::new();
    let args = MiddlewareArgs::parse(arguments, &diagnostics);
    let block = match syn::parse2::<Block>(item.clone()) {
        Ok(block) => block,
        Err(_) => {
            let error = validate::not_a_block(item.clone());
            return recover::unparsed(item, diagnostics, error);
        }
    };
    let checked = validate::check(args, block, &diagnostics);
    recover::finish("middleware", diagnostics, expand::expand(&checked))
}
