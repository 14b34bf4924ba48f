//! `#[module]`: makes a type a module.

mod args;
mod expand;
mod handlers;
mod hooks;
mod lists;
mod model;
mod policy;
mod restart;
mod signature;
mod unhandled;
mod validate;

use proc_macro2::TokenStream;
use syn::Error;

use crate::block::Block;
use crate::diagnostics::Diagnostics;
use crate::module::args::Args;
use crate::recover;

/// The attribute's expansion.
pub(crate) fn attribute(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let diagnostics = Diagnostics::new();
    let args = Args::parse(arguments, &diagnostics);
    let block = match syn::parse2::<Block>(item.clone()) {
        Ok(block) => block,
        Err(_) => return recover::unparsed(item.clone(), diagnostics, not_a_block(item)),
    };
    let checked = validate::check(args, block, &diagnostics);
    let expansion = expand::expand(&checked);
    recover::finish("module", diagnostics, expansion)
}

/// A module is an `impl` block.
fn not_a_block(item: TokenStream) -> Option<Error> {
    let keyword = recover::keyword(item)?;
    if matches!(keyword.to_string().as_str(), "impl" | "unsafe") {
        return None;
    }
    let message = format!(
        "`#[module]` stands above an `impl` block, not `{keyword}`\n\
         help: move it down, to the `impl` block with the handlers: `#[module(handles = [..])] impl Name {{ .. }}`"
    );
    Some(Error::new_spanned(keyword, message))
}
