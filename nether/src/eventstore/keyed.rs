//! [`Keyed`]: which aggregate a command is for.

use std::fmt;

/// A message with a key: `#[command(key = account_id)]`. Not to be implemented by hand.
#[diagnostic::on_unimplemented(
    message = "nothing says which aggregate `{Self}` is for",
    label = "the command has no key",
    note = "name the field that does: `#[command(key = ..)]` above the definition of `{Self}`"
)]
pub trait Keyed {
    /// The type of that field.
    #[doc(hidden)]
    type Key;

    /// The field.
    #[doc(hidden)]
    fn key(&self) -> &Self::Key;
}

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
