//! `#[module]`: makes a type a module.

mod args;
mod expand;
mod handlers;
mod hooks;
mod keying;
mod model;
mod policy;
mod restart;
mod signature;
mod unhandled;
mod validate;

use proc_macro2::TokenStream;

use crate::block::Block;
use crate::diagnostics::Diagnostics;
use crate::module::args::ModuleArgs;
use crate::{header, recover};

/// The attribute's expansion.
pub(crate) fn attribute(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let diagnostics = Diagnostics::new();
    let args = ModuleArgs::parse(arguments, &diagnostics);
    let block = match syn::parse2::<Block>(item.clone()) {
        Ok(block) => block,
        Err(_) => {
            return recover::unparsed(
                item.clone(),
                diagnostics,
                header::not_a_block(item, &header::MODULE),
            );
        }
    };
    let checked = validate::check(args, block, &diagnostics);
    let expansion = expand::expand(&checked);
    recover::finish("module", diagnostics, expansion)
}
