//! `#[projection]`: what is read off the events, kept up to date.

pub(super) mod args;
mod expand;
mod hooks;
mod model;
mod stub;
mod tables;
mod transactional;
mod transactions;
pub(super) mod validate;

pub(super) use self::hooks::unmark;

use proc_macro2::TokenStream;
use quote::quote;

use crate::header::Whose;
use crate::sourcing::projection::expand::ProjectionExpander;
use crate::sourcing::projection::model::CheckedProjection;

pub(super) const WHOSE: Whose = Whose {
    attribute: "projection",
    noun: "projection",
    a_noun: "a projection",
    content: "the handlers",
};

/// The code of a projection; of one that has mistakes, a stub.
pub(super) fn expand(projection: &CheckedProjection) -> TokenStream {
    let block = &projection.block;
    let support = ProjectionExpander::new(projection).map(|expander| {
        if projection.is_broken {
            stub::expand(&expander)
        } else {
            let support = expander.support();
            let transactions = transactional::expand(&expander);
            quote!(#support #transactions)
        }
    });
    quote!(#block #support)
}
