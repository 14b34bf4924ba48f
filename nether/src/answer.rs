//! Layer 2: what handlers, hooks and `#[init]` may give back: a value, or a `Result` of it.

use crate::error::{Error, Result};
use crate::message::Message;

/// A plain value.
#[derive(Debug, Clone, Copy)]
pub enum Plain {}

/// A `Result`.
#[derive(Debug, Clone, Copy)]
pub enum Fallible {}

/// What the handler of `M` gives back.
#[diagnostic::on_unimplemented(
    message = "the handler of `{M}` cannot give back `{Self}`",
    label = "not the reply that `{M}` declares, nor a `Result` of it",
    note = "return what the message declares (`reply = ..`, `()` if it does not), or `Result<reply, error>` with its `error = ..` (`nether::Error` if it does not)",
    note = "or declare what is returned above the definition of `{M}`: `reply = {Self}`"
)]
pub trait IntoReply<M: Message, Kind>: Sized {
    /// The same, as a `Result`.
    fn into_reply(self) -> Result<M::Reply, M::Error>;
}

#[diagnostic::do_not_recommend]
impl<M: Message<Reply = R>, R> IntoReply<M, Plain> for R {
    fn into_reply(self) -> Result<M::Reply, M::Error> {
        Ok(self)
    }
}

#[diagnostic::do_not_recommend]
impl<M: Message<Reply = R, Error = E>, R, E> IntoReply<M, Fallible> for Result<R, E> {
    fn into_reply(self) -> Result<M::Reply, M::Error> {
        self
    }
}

/// What an event handler, a hook, or `main` gives back.
#[diagnostic::on_unimplemented(
    message = "this function cannot give back `{Self}`",
    label = "return nothing, or `nether::Result<()>`",
    note = "event handlers, hooks and `main` return `()` or a `Result<(), E>` whose error is a `std::error::Error`"
)]
pub trait IntoOutcome<Kind>: Sized {
    /// The same, as a `Result`.
    fn into_outcome(self) -> Result<()>;
}

#[diagnostic::do_not_recommend]
impl IntoOutcome<Plain> for () {
    fn into_outcome(self) -> Result<()> {
        Ok(())
    }
}

#[diagnostic::do_not_recommend]
impl<E: Into<Error>> IntoOutcome<Fallible> for Result<(), E> {
    fn into_outcome(self) -> Result<()> {
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
    /// The same, as a `Result`.
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
