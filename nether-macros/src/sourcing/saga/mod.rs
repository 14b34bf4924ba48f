//! `#[saga]`: work in several steps, each of which may fail.

mod answering;
pub(super) mod args;
mod commands;
mod expand;
mod model;
mod stub;
mod timeouts;
pub(super) mod validate;

pub(super) use self::timeouts::unmark;

use proc_macro2::TokenStream;
use quote::quote;

use crate::header::Whose;
use crate::paths::Paths;
use crate::sourcing::saga::expand::SagaExpander;
use crate::sourcing::saga::model::CheckedSaga;

pub(super) const WHOSE: Whose = Whose {
    attribute: "saga",
    noun: "saga",
    a_noun: "a saga",
    content: "the handlers",
};

/// The code of a saga; of one that has mistakes, a stub.
pub(super) fn expand(saga: &CheckedSaga) -> TokenStream {
    let block = &saga.block;
    let support = saga.ty.as_ref().map(|ty| {
        let paths = Paths::new(saga.renamed.clone());
        match &saga.key {
            Some(key) if !saga.is_broken => SagaExpander {
                saga,
                ty,
                key,
                paths,
            }
            .support(),
            _ => stub::expand(saga, ty, &paths),
        }
    });
    quote!(#block #support)
}
