//! Transactions of a unit of work: [`Context::enlist`] and [`Context::transaction`].

use std::any::type_name;

use crate::context::Context;
use crate::error::{EnlistError, Result};
use crate::routing::Caller;
use crate::scope::Transaction;

impl<S: Caller> Context<S> {
    /// Makes a transaction part of the unit of work. It is committed when the unit of work is closed and
    /// nothing in it has failed, and rolled back otherwise: also when the unit of work is cancelled, dropped,
    /// or passes its deadline.
    ///
    /// A commit or rollback may take longer than the deadline: [`close`](Context::close) waits for it.
    ///
    /// The unit of work has failed if a handler of a command or an event returned an error or panicked, or if
    /// a message was not handled, even if the caller got the error. Work whose error the caller can handle
    /// belongs into a unit of work of its own, see [`nested`](Context::nested).
    ///
    /// ```
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicBool, Ordering};
    /// use nether::prelude::*;
    /// use nether::Transaction;
    ///
    /// struct Flag(Arc<AtomicBool>);
    ///
    /// impl Transaction for Flag {
    ///     async fn commit(self) -> nether::Result<()> {
    ///         self.0.store(true, Ordering::Relaxed);
    ///         Ok(())
    ///     }
    ///     async fn rollback(self) -> nether::Result<()> {
    ///         Ok(())
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> nether::Result<()> {
    /// # let system = System::builder().isolated().start().await?;
    /// let is_set = Arc::new(AtomicBool::new(false));
    /// let ctx = system.context();
    /// ctx.enlist(Flag(is_set.clone()))?;
    /// assert_eq!(ctx.close().await?.committed, 1);
    /// assert!(is_set.load(Ordering::Relaxed));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// Hands the transaction back if the unit of work is over, or if this is the context of a hook or a
    /// background task, which is not a unit of work: open one there with [`nested`](Context::nested).
    pub fn enlist<T: Transaction>(&self, transaction: T) -> Result<(), EnlistError<T>> {
        let enlisted = self.handle().scope.enlist(transaction);
        enlisted.map_err(EnlistError::new)
    }

    /// The transaction of type `T` that this unit of work shares: the first call begins and enlists it, all
    /// others wait for that and get a clone of the same handle.
    ///
    /// There is one transaction of each type: for a second database, use another type. `begin` may ask for
    /// the transactions of other types, but not for its own.
    ///
    /// `T` is a handle that can be cloned, such as a connection behind a lock. After the end of the unit of
    /// work, clones that are left must do nothing: `T` has to ensure that.
    ///
    /// # Errors
    /// The error of `begin`; or that the unit of work takes no transaction, as for
    /// [`enlist`](Context::enlist).
    pub async fn transaction<T: Transaction + Clone + Sync>(
        &self,
        begin: impl AsyncFnOnce() -> Result<T>,
    ) -> Result<T> {
        let shared = self.handle().scope.transaction(begin).await?;
        shared.ok_or_else(|| EnlistError::new(type_name::<T>()).into())
    }
}
