//! [`Keyed`]: which thing a message is for.

/// A message with a key: `#[command(key = account_id)]`. Not to be implemented by hand.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no key",
    label = "no field is named as its key",
    note = "name the field that does, above the definition of `{Self}`: `#[command(key = ..)]`, `#[query(key = ..)]` or \
            `#[event(key = ..)]`"
)]
pub trait Keyed {
    /// The type of that field.
    #[doc(hidden)]
    type Key;

    /// The field.
    #[doc(hidden)]
    fn key(&self) -> &Self::Key;
}
