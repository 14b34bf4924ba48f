//! [`Initial`]: what an aggregate is before anything has happened to it.

/// What has a state before anything has happened.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "nothing says what `{Self}` is before anything has happened to it",
    label = "no `Default`",
    note = "derive it: `#[derive(Default)]` above `{Self}`; or say it: `impl Default for {Self}`"
)]
pub trait Initial {
    /// The state before anything has happened.
    fn state() -> Self;
}

#[diagnostic::do_not_recommend]
impl<A: Default> Initial for A {
    fn state() -> Self {
        A::default()
    }
}

/// The state before anything has happened.
///
/// Not public API. Used by generated code.
#[doc(hidden)]
pub fn initial<A: Initial>() -> A {
    A::state()
}
