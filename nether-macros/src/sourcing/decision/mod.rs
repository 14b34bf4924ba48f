//! `#[decision]`: commands that are decided upon with the states of several aggregates.

pub(super) mod args;
mod expand;
mod model;
mod stub;
pub(super) mod validate;

use proc_macro2::TokenStream;
use quote::quote;

use crate::header::Whose;
use crate::sourcing::decision::expand::DecisionExpander;
use crate::sourcing::decision::model::CheckedDecision;

pub(super) const WHOSE: Whose = Whose {
    attribute: "decision",
    noun: "decision",
    a_noun: "a decision",
    content: "the functions that decide",
};

/// The code of a decision; of one that has mistakes, a stub.
pub(super) fn expand(decision: &CheckedDecision) -> TokenStream {
    let block = &decision.block;
    let support = DecisionExpander::new(decision).map(|expander| {
        if decision.is_broken {
            stub::expand(&expander)
        } else {
            expander.support()
        }
    });
    quote!(#block #support)
}
