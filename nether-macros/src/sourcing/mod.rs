//! `#[aggregate]`, `#[projection]`, `#[saga]`: types that are made of events, read off them, or act upon
//! them.

mod aggregate;
mod descriptor;
mod methods;
mod projection;
mod saga;
mod settings;

use proc_macro2::{Span, TokenStream};

use crate::block::Block;
use crate::diagnostics::Diagnostics;
use crate::header::{self, Whose};
use crate::{features, recover};

pub(crate) fn aggregate(arguments: TokenStream, item: TokenStream) -> TokenStream {
    attribute(&aggregate::WHOSE, item, |block, diagnostics| {
        let args = aggregate::args::Args::parse(arguments, diagnostics);
        let checked = aggregate::validate::check(args, block, diagnostics);
        aggregate::expand(&checked)
    })
}

pub(crate) fn projection(arguments: TokenStream, item: TokenStream) -> TokenStream {
    attribute(&projection::WHOSE, item, |block, diagnostics| {
        let args = projection::args::Args::parse(arguments, diagnostics);
        let checked = projection::validate::check(args, block, diagnostics);
        projection::expand(&checked)
    })
}

pub(crate) fn saga(arguments: TokenStream, item: TokenStream) -> TokenStream {
    attribute(&saga::WHOSE, item, |block, diagnostics| {
        let args = saga::args::Args::parse(arguments, diagnostics);
        let checked = saga::validate::check(args, block, diagnostics);
        saga::expand(&checked)
    })
}

/// What the three have in common.
fn attribute(
    whose: &Whose,
    item: TokenStream,
    make: impl FnOnce(Block, &Diagnostics) -> TokenStream,
) -> TokenStream {
    let diagnostics = Diagnostics::new();
    if !features::EVENTSTORE {
        let attribute = whose.attribute;
        let message = format!("`#[{attribute}]` needs the feature `eventstore` of `nether`");
        diagnostics.error_at(Span::call_site(), message, features::ENABLE_EVENTSTORE);
        return recover::unparsed(item, diagnostics, None);
    }
    let block = match syn::parse2::<Block>(item.clone()) {
        Ok(block) => block,
        Err(_) => {
            let error = header::not_a_block(item.clone(), whose);
            return recover::unparsed(item, diagnostics, error);
        }
    };
    let expansion = make(block, &diagnostics);
    recover::finish(whose.attribute, diagnostics, expansion)
}
