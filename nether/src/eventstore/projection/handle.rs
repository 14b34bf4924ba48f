//! [`ProjectionHandle`]: how far a projection is, and which orders it takes.

use std::fmt;
use std::marker::PhantomData;

use tokio::sync::oneshot;

use crate::error::{Error, Result};
use crate::eventstore::backend::{Position, StoreError};
use crate::eventstore::control::FollowerKind;
use crate::eventstore::definition::StoredDefinition;
use crate::eventstore::handle::FollowerHandle;
use crate::eventstore::parked::ParkedEvent;
use crate::eventstore::projection::Projection;
use crate::eventstore::store::Store;
use crate::eventstore::tables::Tables;

/// The orders that only a projection takes.
pub(super) enum ProjectionOrder {
    /// Reads all events again.
    Rebuild(oneshot::Sender<Result<()>>),
}

/// The runners of projections.
pub(super) struct ProjectionKind;

impl FollowerKind for ProjectionKind {
    type Order = ProjectionOrder;
    type Board = ();

    fn refuse(order: ProjectionOrder, error: Error) {
        let ProjectionOrder::Rebuild(done) = order;
        let _ = done.send(Err(error));
    }
}

/// The handle to a projection that runs in this process; see [`Store::projection`].
///
/// A method that waits returns [`NotRunning`](crate::eventstore::NotRunning) if the projection stops or fails
/// before that. If another process runs the projection, the methods show and wait for what that one has
/// saved, and orders return `NotRunning`, which names it.
pub struct ProjectionHandle<P> {
    follower: FollowerHandle<ProjectionKind>,
    projection: PhantomData<fn() -> P>,
}

impl Store {
    /// The handle to a projection of a system that this store was provided to.
    ///
    /// # Errors
    /// If it does not run.
    pub fn projection<P: Projection>(&self) -> Result<ProjectionHandle<P>> {
        let follower = FollowerHandle::find(self, P::NAME).ok_or_else(|| {
            Error::msg(format!(
                "the projection `{}` does not run: no system that it is part of was started with this store",
                P::DESCRIPTOR.declaration.name
            ))
        })?;
        Ok(ProjectionHandle {
            follower,
            projection: PhantomData,
        })
    }
}

impl<P: Projection> ProjectionHandle<P> {
    /// The position up to which every event is handled, is parked, or was none of its own.
    pub fn position(&self) -> Position {
        self.follower.position()
    }

    /// By how many events it is behind the store.
    ///
    /// # Errors
    /// If the store does not say where it is.
    pub async fn lag(&self) -> Result<u64, StoreError> {
        let head = self.follower.store.head().await?;
        Ok(head.0.saturating_sub(self.position().0))
    }

    /// Waits until it has handled everything up to a position. An event that it has parked does not hold it
    /// up.
    ///
    /// # Errors
    /// [`NotRunning`](crate::eventstore::NotRunning) if it does not run, or stops before that.
    pub async fn wait_for(&self, position: Position) -> Result<()> {
        self.follower.wait_for(position).await
    }

    /// Waits until it has handled everything that is in the store now: so that who has written reads what
    /// they wrote.
    ///
    /// # Errors
    /// If the store does not say where it is; [`NotRunning`](crate::eventstore::NotRunning) if the projection
    /// does not run, or stops before that.
    pub async fn caught_up(&self) -> Result<()> {
        let head = self.follower.store.head().await?;
        self.wait_for(head).await
    }

    /// Rebuilds the projection from all events, or those from where it [began](macro@crate::projection#keys),
    /// and waits until that is done. A projection in memory answers from its old data meanwhile, and one that
    /// [names its tables](macro@crate::projection#rebuilt-beside-its-tables) from its old tables. Any other
    /// one runs its `#[on_rebuild]` first, and stays where it was if that fails. Parked events are handled
    /// again with the rest.
    ///
    /// # Errors
    /// If it has no `#[on_rebuild]` and is not in memory; if `#[on_rebuild]`, or making the new value, fails;
    /// [`NotRunning`](crate::eventstore::NotRunning) if another process runs it; or if it stops meanwhile.
    pub async fn rebuild(&self) -> Result<()> {
        self.follower.order(ProjectionOrder::Rebuild).await
    }

    /// Reads from the store which tables its queries read: for what reads them beside the projection, and
    /// reads them soon, because a rebuild replaces them.
    ///
    /// # Errors
    /// If the store does not say so.
    pub async fn tables(&self) -> Result<Tables, StoreError> {
        let stored = StoredDefinition::load(&self.follower.store, P::NAME).await?;
        let first = || Tables::new(0, P::DEFINITION.version);
        Ok(stored.map_or_else(first, |stored| stored.live_tables()))
    }

    /// The events that it could not handle.
    pub fn parked(&self) -> Vec<ParkedEvent> {
        self.follower.parked()
    }

    /// Handles the parked event of a stream again, and then the events that wait behind it; returns how many
    /// events were handled.
    ///
    /// # Errors
    /// If one of the events fails again: it is parked again. [`NotRunning`](crate::eventstore::NotRunning) if
    /// it does not run, or another process runs it.
    pub async fn retry_parked(&self, stream: &str) -> Result<usize> {
        self.follower.retry(Some(stream)).await
    }

    /// Handles the parked events of all streams again; returns how many events were handled. Events that are
    /// still retried automatically are not parked, and are not affected.
    ///
    /// # Errors
    /// As [`retry_parked`](Self::retry_parked).
    pub async fn retry_all_parked(&self) -> Result<usize> {
        self.follower.retry(None).await
    }

    /// Skips the event of a stream that it has parked, for good, and handles the events that wait behind it;
    /// returns whether there was one.
    ///
    /// # Errors
    /// [`NotRunning`](crate::eventstore::NotRunning) if it does not run, or another process runs it.
    pub async fn skip_parked(&self, stream: &str) -> Result<bool> {
        self.follower.skip(stream).await
    }
}

impl<P> fmt::Debug for ProjectionHandle<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProjectionHandle")
            .field("position", &self.follower.position())
            .finish_non_exhaustive()
    }
}
