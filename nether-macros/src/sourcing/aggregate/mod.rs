//! `#[aggregate]`: state that is decided upon by commands and made of events.

pub(super) mod args;
pub(super) mod expand;
mod model;
mod stub;
pub(super) mod validate;

use crate::header::Whose;

pub(super) const WHOSE: Whose = Whose {
    attribute: "aggregate",
    noun: "aggregate",
    a_noun: "an aggregate",
};
