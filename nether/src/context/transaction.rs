//! Transactions of a unit of work: [`Context::enlist`] and [`Context::transaction`].

use std::any::type_name;

use crate::context::Context;
use crate::error::{NotEnlisted, Result};
use crate::routing::Sender;
use crate::scope::Transaction;

impl<S: Sender> Context<S> {
    /// Makes a transaction part of the unit of work: it is committed when that is closed and nothing in it
    /// has failed, and rolled back otherwise, also when it is cancelled, dropped, or passes its deadline.
    ///
    /// To commit and to roll back may take longer than the deadline: [`close`](Context::close) waits for it.
    ///
    /// Failed means: a handler of a command or an event gave back an error or fell, or a message was not
    /// handled, whoever was told. An error that a caller can live with belongs into a unit of work of its
    /// own, see [`nested`](Context::nested).
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
    /// The transaction, if the unit of work is over; or if this is the context of a hook or a background
    /// task, which is none: open one there with [`nested`](Context::nested).
    pub fn enlist<T: Transaction>(&self, transaction: T) -> Result<(), NotEnlisted<T>> {
        let enlisted = self.handle().scope.enlist(transaction);
        enlisted.map_err(NotEnlisted::new)
    }

    /// The transaction of type `T` that all in this unit of work share: begun and enlisted by the first who
    /// asks for it, a clone of the same handle for all others, who wait meanwhile.
    ///
    /// There is one of each type: for a second database, make it another type. `begin` may ask for others,
    /// but not for itself.
    ///
    /// `T` is a handle that can be cloned, such as one to a connection behind a lock. After the end of the
    /// unit of work, clones that are left must do nothing any more: that is for `T` to see to.
    ///
    /// # Errors
    /// What `begin` gave back; or that no transaction is taken, as for [`enlist`](Context::enlist).
    pub async fn transaction<T: Transaction + Clone + Sync>(
        &self,
        begin: impl AsyncFnOnce() -> Result<T>,
    ) -> Result<T> {
        let shared = self.handle().scope.transaction(begin).await?;
        shared.ok_or_else(|| NotEnlisted::new(type_name::<T>()).into())
    }
}
