//! [`Keyed`]: which thing a message is for.

/// A message with a key: `#[command(key = account_id)]`. Not to be implemented by hand.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no key",
    label = "no field is named as its key",
    note = "name the field that does, above the definition of `{Self}`: `#[command(key = ..)]`, `#[query(key = ..)]` or \
            `#[event(key = ..)]`",
    note = "an event that all values of a module with `per` are to handle needs no key: `#[handler(all)]` above its handler"
)]
pub trait Keyed {
    /// The type of that field.
    #[doc(hidden)]
    type Key;

    /// The field.
    #[doc(hidden)]
    fn key(&self) -> &Self::Key;
}
