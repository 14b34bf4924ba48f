//! [`StreamKey`]: which aggregate a command is for.

use std::fmt;

use crate::message::Keyed;

/// What a field must be to name an aggregate: it has a text, which is the same whenever it is the same.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a key: it does not implement `Display`",
    label = "has no text",
    note = "its text says which aggregate a command, or which saga an event is for, and is part of what is kept of it"
)]
pub trait StreamKey {
    /// Its text.
    fn text(&self) -> String;
}

#[diagnostic::do_not_recommend]
impl<K: fmt::Display> StreamKey for K {
    fn text(&self) -> String {
        self.to_string()
    }
}

/// The text of a command's key.
///
/// Not public API. Used by generated code.
#[doc(hidden)]
pub fn key_of<C: Keyed<Key: StreamKey>>(command: &C) -> String {
    command.key().text()
}
