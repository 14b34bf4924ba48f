//! [`IntoAnswer`]: what the methods of an aggregate's queries may give back, with the texts of the compile
//! errors.

use crate::answer::{Fallible, Plain};

/// What the method of the query `Q` gives back, if `Q` declares the reply `R` and the error `E`.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "the query `{Q}` cannot be answered with `{Self}`",
    label = "not the reply that `{Q}` declares, nor a `Result` of it",
    note = "`{Q}` declares the reply `{R}` and the error `{E}`: return `{R}`, or `Result<{R}, {E}>`",
    note = "a query changes nothing, so that no events come of it: what leads to events of `{A}` is a `#[command(key = ..)]`"
)]
pub trait IntoAnswer<A, Q, R, E, Kind>: Sized {
    /// Turns the value into a `Result`.
    fn into_answer(self) -> Result<R, E>;
}

#[diagnostic::do_not_recommend]
impl<A, Q, R, E> IntoAnswer<A, Q, R, E, Plain> for R {
    fn into_answer(self) -> Result<R, E> {
        Ok(self)
    }
}

#[diagnostic::do_not_recommend]
impl<A, Q, R, E> IntoAnswer<A, Q, R, E, Fallible> for Result<R, E> {
    fn into_answer(self) -> Result<R, E> {
        self
    }
}
