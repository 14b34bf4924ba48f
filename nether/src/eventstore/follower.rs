//! [`Follower`]: what a projection and the sagas of a type do alike: read on, wait for more, write down how
//! far they are, park what they cannot handle, and try again.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use crate::context::{Context, announce};
use crate::error::{Error, Result};
use crate::eventstore::backend::{DocumentChange, PAGE, Position, RecordedEvent, StoreError};
use crate::eventstore::control::Control;
use crate::eventstore::events::EventParked;
use crate::eventstore::parked::Parked;
use crate::eventstore::store::Store;
use crate::module::Backoff;
use crate::race::race;
use crate::routing::Caller;
use crate::sync::lock;

/// How long to wait before something is tried again.
const BACKOFF: Backoff = Backoff {
    first: Duration::from_millis(50),
    longest: Duration::from_secs(10),
};

/// Who follows a store.
pub(super) struct Follower<S: Caller> {
    /// That of its checkpoint.
    pub(super) name: &'static str,
    pub(super) store: Store,
    pub(super) control: Arc<Control>,
    /// Cancelled when the module is told to stop.
    pub(super) ctx: Context<S>,
}

impl<S: Caller> Follower<S> {
    /// Reads a page of events after a position; `None` if the module is told to stop.
    pub(super) async fn page(&self, after: Position) -> Option<Vec<RecordedEvent>> {
        self.persistently(|| self.store.read_all(after, PAGE)).await
    }

    /// Changes documents; `None` if the module is told to stop.
    pub(super) async fn save(&self, changes: Vec<DocumentChange>) -> Option<()> {
        self.persistently(|| self.store.change_documents(changes.clone()))
            .await
    }

    /// Does something with the store until that succeeds, or the module is told to stop: then `None`.
    pub(super) async fn persistently<T, F>(&self, mut attempt: impl FnMut() -> F) -> Option<T>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        let mut failed = 0;
        while !self.ctx.is_cancelled() {
            match attempt().await {
                Ok(done) => return Some(done),
                Err(error) => {
                    tracing::warn!(name = self.name, %error, "the event store failed: it is tried again");
                }
            }
            failed += 1;
            wait_after(failed, &self.ctx).await;
        }
        None
    }

    /// Tries to handle an event, and again so many times.
    pub(super) async fn tried<T, F>(
        &self,
        retries: u32,
        event: &RecordedEvent,
        mut attempt: impl FnMut() -> F,
    ) -> Result<T>
    where
        F: Future<Output = Result<T>>,
    {
        for failed in 1..=retries {
            match attempt().await {
                Ok(done) => return Ok(done),
                Err(error) => self.log_retry(event, &error),
            }
            // Also while the module stops: an event is not given up for that.
            sleep(wait(failed, &self.ctx)).await;
        }
        attempt().await
    }

    pub(super) fn log_retry(&self, event: &RecordedEvent, error: &Error) {
        let position = event.position;
        tracing::warn!(name = self.name, %position, %error, "an event is tried again");
    }

    /// Waits until there are events after a position, or reading says what is wrong; `false` if there will be
    /// none.
    pub(super) async fn has_news(&self, after: Position) -> bool {
        !matches!(
            self.store.wait_for_new(after).await,
            Err(StoreError::Closed)
        )
    }

    /// Parks an event that could not be handled, and gives what is to be saved of that.
    pub(super) fn park(
        &self,
        parked: &mut Parked,
        key: &str,
        event: &RecordedEvent,
        error: &Error,
    ) -> DocumentChange {
        let position = event.position;
        tracing::error!(name = self.name, key, %position, %error, "an event could not be handled and is parked");
        announce(self.ctx.handle(), || EventParked {
            name: self.name.to_owned(),
            key: key.to_owned(),
            position: position.0,
            error: error.to_string(),
        });
        parked.park(key, position, error.to_string())
    }

    /// Tells how far it is.
    pub(super) fn publish_position(&self, position: Position, parked: &Parked) {
        *lock(&self.control.parked) = parked.all();
        self.control.position.send_replace(Some(position));
    }
}

/// Waits before something is tried again that has failed so often; no longer than the module runs.
pub(super) async fn wait_after<S: Caller>(failed: u32, ctx: &Context<S>) {
    race(sleep(wait(failed, ctx)), ctx.cancelled()).await;
}

fn wait<S: Caller>(failed: u32, ctx: &Context<S>) -> Duration {
    BACKOFF.wait(failed, &ctx.handle().scope.mediator.chance)
}

/// Why an order is not carried out to its end.
pub(super) fn stopping() -> Error {
    Error::msg("it is stopping")
}
