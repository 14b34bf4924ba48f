//! What a system does not do. The methods are here only to say so better than "no such method".

use crate::system::System;

/// Implemented by nothing.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "a `System` sends and asks nothing: a context does",
    label = "not from a `System`",
    note = "open a unit of work: `let ctx = system.context();`, send in it: `ctx.send(..).await?`, and end it: `ctx.close().await?`"
)]
pub trait SendsByItself<T> {
    /// Never called.
    fn refused(&self) -> T;
}

// What these give back is whatever the caller takes it for, so that nothing is said about it.
impl System {
    #[doc(hidden)]
    pub fn send<M, T>(&self, _: M) -> T
    where
        Self: SendsByItself<T>,
    {
        self.refused()
    }

    #[doc(hidden)]
    pub fn ask<M, T>(&self, _: M) -> T
    where
        Self: SendsByItself<T>,
    {
        self.refused()
    }

    #[doc(hidden)]
    pub fn publish<M, T>(&self, _: M) -> T
    where
        Self: SendsByItself<T>,
    {
        self.refused()
    }

    #[doc(hidden)]
    pub fn process<M, T>(&self, _: M) -> T
    where
        Self: SendsByItself<T>,
    {
        self.refused()
    }
}
