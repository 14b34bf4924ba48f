//! `#[aggregate]`: state that is decided upon by commands and made of events.

pub(super) mod args;
mod expand;
mod model;
mod stub;
pub(super) mod validate;

use proc_macro2::TokenStream;
use quote::quote;

use crate::header::Whose;
use crate::sourcing::aggregate::expand::AggregateExpander;
use crate::sourcing::aggregate::model::CheckedAggregate;

pub(super) const WHOSE: Whose = Whose {
    attribute: "aggregate",
    noun: "aggregate",
    a_noun: "an aggregate",
    content: "the handlers",
};

/// The code of an aggregate; of one that has mistakes, a stub.
pub(super) fn expand(aggregate: &CheckedAggregate) -> TokenStream {
    let block = &aggregate.block;
    let support = AggregateExpander::new(aggregate).map(|expander| {
        if aggregate.is_broken {
            stub::expand(&expander)
        } else {
            expander.support()
        }
    });
    quote!(#block #support)
}
