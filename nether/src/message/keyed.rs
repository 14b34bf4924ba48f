//! [`Keyed`]: which thing a message is for.

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
