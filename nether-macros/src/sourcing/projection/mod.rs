//! `#[projection]`: what is read off the events, kept up to date.

pub(super) mod args;
pub(super) mod expand;
mod hooks;
mod model;
mod stub;
pub(super) mod validate;

use crate::header::Whose;

pub(super) const WHOSE: Whose = Whose {
    attribute: "projection",
    noun: "projection",
    a_noun: "a projection",
};
