//! What handlers, hooks and `#[init]` may give back: a value, or a `Result` of it.

use crate::error::{Error, Result};

/// A plain value.
#[derive(Debug, Clone, Copy)]
pub enum Plain {}

/// A `Result`.
#[derive(Debug, Clone, Copy)]
pub enum Fallible {}

/// What the handler of `M` gives back, if `M` declares the reply `R` and the error `E`.
#[diagnostic::on_unimplemented(
    message = "the handler of `{M}` cannot give back `{Self}`",
    label = "not the reply that `{M}` declares, nor a `Result` of it",
    note = "`{M}` declares the reply `{R}` and the error `{E}`: return `{R}`, or `Result<{R}, {E}>`",
    note = "or declare what is returned: `reply = ..` and `error = ..` in the attribute above `{M}`"
)]
pub trait IntoReply<M, R, E, Kind>: Sized {
    /// Turns the value into a `Result`.
    fn into_reply(self) -> Result<R, E>;
}

#[diagnostic::do_not_recommend]
impl<M, R, E> IntoReply<M, R, E, Plain> for R {
    fn into_reply(self) -> Result<R, E> {
        Ok(self)
    }
}

#[diagnostic::do_not_recommend]
impl<M, R, E> IntoReply<M, R, E, Fallible> for Result<R, E> {
    fn into_reply(self) -> Result<R, E> {
        self
    }
}

/// What an event handler, a hook, or `main` gives back: `R`, which is `()`.
#[diagnostic::on_unimplemented(
    message = "this function cannot give back `{Self}`",
    label = "return nothing, or `nether::Result<()>`",
    note = "event handlers, hooks and `main` return `()` or a `Result<(), E>` whose error is a `std::error::Error`",
    note = "an `anyhow::Error` is none: `.map_err(nether::Error::boxed)?` makes a `nether::Error` of it"
)]
pub trait IntoOutcome<R, Kind>: Sized {
    /// Turns the value into a `Result`.
    fn into_outcome(self) -> Result<R>;
}

#[diagnostic::do_not_recommend]
impl<R> IntoOutcome<R, Plain> for R {
    fn into_outcome(self) -> Result<R> {
        Ok(self)
    }
}

#[diagnostic::do_not_recommend]
impl<R, E: Into<Error>> IntoOutcome<R, Fallible> for Result<R, E> {
    fn into_outcome(self) -> Result<R> {
        self.map_err(Into::into)
    }
}

/// What `#[init]` gives back.
#[diagnostic::on_unimplemented(
    message = "`#[init]` of `{M}` cannot give back `{Self}`",
    label = "return `Self`, or `nether::Result<Self>`",
    note = "`#[init]` makes the module: it returns `Self` or a `Result<Self, E>` whose error is a `std::error::Error`"
)]
pub trait IntoModule<M, Kind>: Sized {
    /// Turns the value into a `Result`.
    fn into_module(self) -> Result<M>;
}

#[diagnostic::do_not_recommend]
impl<M> IntoModule<M, Plain> for M {
    fn into_module(self) -> Result<M> {
        Ok(self)
    }
}

#[diagnostic::do_not_recommend]
impl<M, E: Into<Error>> IntoModule<M, Fallible> for Result<M, E> {
    fn into_module(self) -> Result<M> {
        self.map_err(Into::into)
    }
}
