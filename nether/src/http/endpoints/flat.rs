//! What may be flattened into a message that requests are read as: `#[serde(flatten)]`. Serde keeps the
//! values of such fields before it knows their types: text, which has none of its own, would stay text.

#![allow(missing_docs)] // Not public API. Used by generated code.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value};

/// What takes all values as text.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be flattened in a message that a GET asks",
    label = "serde reads what is flattened before it knows its types, and a query is text",
    note = "write the fields of `{Self}` into the message itself, or let it be read from a body: `http = \"POST ..\"`",
    note = "what may be flattened is a map from `String` to `String`: it takes all that no other field does"
)]
pub trait MapOfText {}

impl<S> MapOfText for HashMap<String, String, S> {}
impl MapOfText for BTreeMap<String, String> {}
impl<S> MapOfText for HashMap<String, Value, S> {}
impl MapOfText for BTreeMap<String, Value> {}
impl MapOfText for Map<String, Value> {}

/// Asserts that a query may be read into a flattened field.
pub const fn flat_in_query<T: MapOfText>(_is_option: bool) {}

/// Asserts that a body may be read into a flattened field.
pub const fn flat_in_body<T>(is_option: bool) {
    assert!(
        !is_option,
        "a flattened `Option` is `None` if a value in it is wrong: flatten the struct itself, with \
         `#[serde(default)]` where it may be missing"
    );
}
