//! `#[module]`: makes a type a module.

mod args;
mod expand;
mod handlers;
mod hooks;
mod model;
mod signature;
mod validate;

use proc_macro2::TokenStream;
use syn::Error;
use syn::parse::{ParseStream, Parser};

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
        Err(error) => {
            return recover::unparsed(item.clone(), diagnostics, not_a_block(item, error));
        }
    };
    let checked = validate::check(args, block, &diagnostics);
    let expansion = expand::expand(&checked);
    recover::finish("module", diagnostics, expansion)
}

/// A module is an `impl` block.
fn not_a_block(item: TokenStream, error: Error) -> Error {
    let keyword = |input: ParseStream<'_>| {
        input.call(syn::Attribute::parse_outer)?;
        input.parse::<syn::Visibility>()?;
        let keyword = input.cursor().token_tree().map(|(token, _)| token);
        input.parse::<TokenStream>()?;
        Ok(keyword)
    };
    match keyword.parse2(item) {
        Ok(Some(keyword)) if !matches!(keyword.to_string().as_str(), "impl" | "unsafe") => {
            let message = format!(
                "`#[module]` stands above an `impl` block, not `{keyword}`\n\
                 help: move it down, to the `impl` block with the handlers: `#[module(handles = [..])] impl Name {{ .. }}`"
            );
            Error::new_spanned(keyword, message)
        }
        _ => error,
    }
}
