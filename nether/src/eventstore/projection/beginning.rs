//! [`Beginning`]: what a projection without `#[init]` is before it has read anything.

/// What can be made of nothing.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "nothing says how to make the projection `{Self}`",
    label = "neither `Default` nor `#[init]`",
    note = "derive it: `#[derive(Default)]` above `{Self}`; or write `#[init] fn new() -> Self` inside the `#[projection]` block"
)]
pub trait Beginning {
    /// Makes it.
    fn made() -> Self;
}

#[diagnostic::do_not_recommend]
impl<P: Default> Beginning for P {
    fn made() -> Self {
        P::default()
    }
}

/// Makes a projection that has no `#[init]`.
///
/// Not public API. Used by generated code.
#[doc(hidden)]
pub fn begin<P: Beginning>() -> P {
    P::made()
}
