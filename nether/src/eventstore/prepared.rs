//! [`Store::prepare_append`]: events that a transaction of the program appends.

use crate::context::Context;
use crate::eventstore::aggregate::metadata;
use crate::eventstore::backend::{Append, Expected, StoreError, StreamId};
use crate::eventstore::store::Store;
use crate::eventstore::stored::{self, StoredEvent};
use crate::routing::Caller;

impl Store {
    /// Writes events down as this store does, for a transaction of its backend that appends them: with the
    /// unit of work, the cause and the principal of the context, and with personal values encrypted. Nothing
    /// is stored by this call.
    ///
    /// Aggregates append by themselves. This is for a unit of work that commits rows of the program and
    /// events together, as `PostgresTransaction` of `nether-postgres` does.
    ///
    /// ```
    /// use nether::eventstore::{Expected, Store};
    /// use nether::prelude::*;
    ///
    /// #[event(name = "guest.visited")]
    /// pub struct Visited { pub guest: String }
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> nether::Result<()> {
    /// # let system = System::builder().isolated().start().await?;
    /// # let ctx = system.context();
    /// let store = Store::memory();
    /// let visited = Visited { guest: "ann".into() };
    /// let append = store.prepare_append(&ctx, "guest/ann", Expected::Any, [visited]).await?;
    /// assert_eq!(append.events.len(), 1);
    /// assert_eq!(store.head().await?.0, 0);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`StoreError::Codec`] if an event cannot be written down; or why the key of a personal value could not
    /// be read or made.
    pub async fn prepare_append<E: StoredEvent, S: Caller>(
        &self,
        ctx: &Context<S>,
        stream: impl Into<StreamId>,
        expected: Expected,
        events: impl IntoIterator<Item = E>,
    ) -> Result<Append, StoreError> {
        let encoding = self.settings().encoding;
        let events = events.into_iter();
        let events = events.map(|event| stored::new_event(&event, encoding));
        let append = Append {
            stream: stream.into(),
            expected,
            events: events.collect::<Result<_, _>>()?,
            metadata: metadata(ctx, None),
            conditions: Vec::new(),
        };
        #[cfg(feature = "erasure")]
        let append = self.personal.sealed(append).await?;
        Ok(append)
    }
}
