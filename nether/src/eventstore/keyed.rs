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
    message = "`{Self}` cannot name an aggregate: it does not implement `Display`",
    label = "has no text",
    note = "the key of a command that an aggregate handles becomes part of the name of its stream"
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
