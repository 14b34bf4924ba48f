//! [`ProjectionHandle`]: how far a projection is, and what it can be told.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::eventstore::backend::{Position, StoreError};
use crate::eventstore::control::{Control, Order};
use crate::eventstore::parked::ParkedEvent;
use crate::eventstore::projection::Projection;
use crate::eventstore::store::Store;
use crate::sync::lock;

/// The handle to a projection that runs in this process; see [`Store::projection`].
pub struct ProjectionHandle<P> {
    store: Store,
    control: Arc<Control>,
    projection: PhantomData<fn() -> P>,
}

impl Store {
    /// The handle to a projection of a system that this store was provided to.
    ///
    /// # Errors
    /// If it does not run.
    pub fn projection<P: Projection>(&self) -> Result<ProjectionHandle<P>> {
        let control = self.follower(P::NAME).ok_or_else(|| {
            Error::msg(format!(
                "the projection `{}` does not run: no system that it is part of was started with this store",
                P::DESCRIPTOR.declaration.name
            ))
        })?;
        Ok(ProjectionHandle {
            store: self.clone(),
            control,
            projection: PhantomData,
        })
    }
}

impl<P: Projection> ProjectionHandle<P> {
    /// The position of the last event that it has handled, or that was none of its own.
    pub fn position(&self) -> Position {
        self.control.position.borrow().unwrap_or_default()
    }

    /// By how many events it is behind the store.
    ///
    /// # Errors
    /// If the store does not say where it is.
    pub async fn lag(&self) -> Result<u64, StoreError> {
        let head = self.store.head().await?;
        Ok(head.0.saturating_sub(self.position().0))
    }

    /// Waits until it has handled everything up to a position. An event that it has parked does not hold it
    /// up.
    pub async fn wait_for(&self, position: Position) {
        self.control.wait_for(position).await;
    }

    /// Waits until it has handled everything that is in the store now: so that who has written reads what
    /// they wrote.
    ///
    /// # Errors
    /// If the store does not say where it is.
    pub async fn caught_up(&self) -> Result<(), StoreError> {
        let head = self.store.head().await?;
        self.wait_for(head).await;
        Ok(())
    }

    /// Rebuilds the projection from all events, and waits until that is done. A projection in memory answers
    /// from its old data meanwhile; a projection with data elsewhere runs its `#[on_rebuild]` first. Parked
    /// events are handled again with the rest.
    ///
    /// # Errors
    /// If it has no `#[on_rebuild]` and is not in memory; if `#[on_rebuild]`, or making the new value, fails;
    /// if it stops meanwhile.
    pub async fn rebuild(&self) -> Result<()> {
        self.control.order(Order::Rebuild).await
    }

    /// The events that it could not handle.
    pub fn parked(&self) -> Vec<ParkedEvent> {
        lock(&self.control.parked).clone()
    }

    /// Lets it try again what it has parked of a stream, and then what waits behind it; gives how many events
    /// it has handled.
    ///
    /// # Errors
    /// If an event of them cannot be handled this time either: it is parked again.
    pub async fn retry_parked(&self, stream: &str) -> Result<usize> {
        let stream = stream.to_owned();
        self.control
            .order(|done| Order::Retry(Some(stream), done))
            .await
    }

    /// Handles the parked events of all streams again.
    ///
    /// # Errors
    /// If an event of them cannot be handled this time either: it is parked again.
    pub async fn retry_all_parked(&self) -> Result<usize> {
        self.control.order(|done| Order::Retry(None, done)).await
    }
}

impl<P> fmt::Debug for ProjectionHandle<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProjectionHandle")
            .field("position", &*self.control.position.borrow())
            .finish_non_exhaustive()
    }
}
