//! `#[saga]`: work in several steps, each of which may fail.

pub(super) mod args;
pub(super) mod expand;
mod model;
mod stub;
mod timeouts;
pub(super) mod validate;

use crate::header::Whose;

pub(super) const WHOSE: Whose = Whose {
    attribute: "saga",
    noun: "saga",
    a_noun: "a saga",
};
