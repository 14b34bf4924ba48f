//! `#[aggregate]`, `#[decision]`, `#[projection]`, `#[saga]`: types that are made of events, decide over
//! several of these, are read off events, or act upon them.

mod aggregate;
mod decision;
mod definition;
mod descriptor;
mod methods;
mod projection;
mod registered;
mod saga;
mod settings;

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::Path;

use crate::block::Block;
use crate::diagnostics::Diagnostics;
use crate::header::{self, Whose};
use crate::keys::TypeList;
use crate::paths::Paths;
use crate::{features, recover};

pub(crate) fn aggregate(arguments: TokenStream, item: TokenStream) -> TokenStream {
    if !features::EVENTSTORE {
        let args =
            unfounded(|diagnostics| aggregate::args::AggregateArgs::parse(arguments, diagnostics));
        return refuse(&aggregate::WHOSE, args.handles, args.renamed, item);
    }
    attribute(&aggregate::WHOSE, item, |block, diagnostics| {
        let args = aggregate::args::AggregateArgs::parse(arguments, diagnostics);
        if header::check_single(&block, &aggregate::WHOSE, diagnostics) {
            return standing_in(block, args.handles, args.renamed);
        }
        let checked = aggregate::validate::check(args, block, diagnostics);
        aggregate::expand(&checked)
    })
}

pub(crate) fn decision(arguments: TokenStream, item: TokenStream) -> TokenStream {
    if !features::EVENTSTORE {
        let args =
            unfounded(|diagnostics| decision::args::DecisionArgs::parse(arguments, diagnostics));
        return refuse(&decision::WHOSE, args.handles, args.renamed, item);
    }
    attribute(&decision::WHOSE, item, |block, diagnostics| {
        let args = decision::args::DecisionArgs::parse(arguments, diagnostics);
        if header::check_single(&block, &decision::WHOSE, diagnostics) {
            return standing_in(block, args.handles, args.renamed);
        }
        let checked = decision::validate::check(args, block, diagnostics);
        decision::expand(&checked)
    })
}

pub(crate) fn projection(arguments: TokenStream, item: TokenStream) -> TokenStream {
    if !features::EVENTSTORE {
        let args = unfounded(|diagnostics| {
            projection::args::ProjectionArgs::parse(arguments, diagnostics)
        });
        return refuse(&projection::WHOSE, args.handles, args.renamed, item);
    }
    attribute(&projection::WHOSE, item, |block, diagnostics| {
        let args = projection::args::ProjectionArgs::parse(arguments, diagnostics);
        if header::check_single(&block, &projection::WHOSE, diagnostics) {
            return standing_in(block, args.handles, args.renamed);
        }
        let checked = projection::validate::check(args, block, diagnostics);
        projection::expand(&checked)
    })
}

pub(crate) fn saga(arguments: TokenStream, item: TokenStream) -> TokenStream {
    if !features::EVENTSTORE {
        let args = unfounded(|diagnostics| saga::args::SagaArgs::parse(arguments, diagnostics));
        return refuse(&saga::WHOSE, args.handles, args.renamed, item);
    }
    attribute(&saga::WHOSE, item, |block, diagnostics| {
        let args = saga::args::SagaArgs::parse(arguments, diagnostics);
        if header::check_single(&block, &saga::WHOSE, diagnostics) {
            return standing_in(block, args.handles, args.renamed);
        }
        let checked = saga::validate::check(args, block, diagnostics);
        saga::expand(&checked)
    })
}

/// Without the feature, that is the one mistake.
fn refuse(
    whose: &Whose,
    handles: Option<TypeList>,
    renamed: Option<Path>,
    item: TokenStream,
) -> TokenStream {
    let diagnostics = Diagnostics::new();
    let attribute = whose.attribute;
    let message = format!("`#[{attribute}]` needs the feature `eventstore` of `nether`");
    diagnostics.error_at(Span::call_site(), message, features::ENABLE_EVENTSTORE);
    let Ok(block) = syn::parse2::<Block>(item.clone()) else {
        return recover::unparsed(item, diagnostics, None);
    };
    let expansion = standing_in(block, handles, renamed);
    recover::finish(attribute, diagnostics, expansion)
}

/// What stands in for a block that has its one error: its methods, and proofs that what it lists is handled.
fn standing_in(mut block: Block, handles: Option<TypeList>, renamed: Option<Path>) -> TokenStream {
    methods::unmark(&mut block);
    projection::unmark(&mut block);
    saga::unmark(&mut block);
    let (ty, paths) = (&block.self_ty, Paths::new(renamed));
    let listed = handles.iter().flat_map(|list| &list.types);
    let proofs = listed.map(|message| recover::handled_by(ty, message, &paths));
    quote!(#block #(#proofs)*)
}

/// Reads something and leaves its mistakes for later.
fn unfounded<T>(read: impl FnOnce(&Diagnostics) -> T) -> T {
    let mistakes = Diagnostics::new();
    let value = read(&mistakes);
    let _ = mistakes.check();
    value
}

/// What the four have in common.
fn attribute(
    whose: &Whose,
    item: TokenStream,
    make: impl FnOnce(Block, &Diagnostics) -> TokenStream,
) -> TokenStream {
    let diagnostics = Diagnostics::new();
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
