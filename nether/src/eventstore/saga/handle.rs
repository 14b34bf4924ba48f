//! [`SagaHandle`]: how far the sagas of one type are, and which orders they take.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex};

use tokio::sync::oneshot;

use crate::error::{Error, Result};
use crate::eventstore::backend::Position;
use crate::eventstore::control::{Control, FollowerKind, FollowerOrder, FollowerProgress};
use crate::eventstore::parked::ParkedEvent;
use crate::eventstore::saga::Saga;
use crate::eventstore::saga::status::SagaStatus;
use crate::eventstore::store::Store;
use crate::sync::lock;

/// The orders that only sagas take.
pub(super) enum SagaOrder {
    /// Sends the failed compensations of a saga again.
    RetryStuck(String, oneshot::Sender<Result<usize>>),
    /// Ends a saga, whatever it still has to do.
    End(String, oneshot::Sender<Result<bool>>),
}

/// The runners of sagas.
pub(super) struct SagaKind;

impl FollowerKind for SagaKind {
    type Order = SagaOrder;
    type Board = SagaBoard;

    fn refuse(order: SagaOrder, error: Error) {
        match order {
            SagaOrder::RetryStuck(_, done) => drop(done.send(Err(error))),
            SagaOrder::End(_, done) => drop(done.send(Err(error))),
        }
    }
}

/// What the runner of sagas shows.
#[derive(Default)]
pub(super) struct SagaBoard {
    /// The sagas under way, by key.
    pub(super) active: Mutex<BTreeMap<Arc<str>, SagaStatus>>,
}

/// The handle to the sagas of a type that run in this process; see [`Store::saga`].
///
/// Everything that waits returns [`NotRunning`](crate::eventstore::NotRunning) as soon as no system runs the
/// sagas any more, or if they have failed.
pub struct SagaHandle<S> {
    store: Store,
    control: Arc<Control<SagaKind>>,
    saga: PhantomData<fn() -> S>,
}

impl Store {
    /// The handle to the sagas of a type in a system that this store was provided to.
    ///
    /// # Errors
    /// If they do not run.
    pub fn saga<S: Saga>(&self) -> Result<SagaHandle<S>> {
        let control = self.follower(S::NAME).ok_or_else(|| {
            Error::msg(format!(
                "the saga `{}` does not run: no system that it is part of was started with this store",
                S::DESCRIPTOR.declaration.name
            ))
        })?;
        Ok(SagaHandle {
            store: self.clone(),
            control,
            saga: PhantomData,
        })
    }
}

impl<S: Saga> SagaHandle<S> {
    /// The one that runs now: another one may have taken the place of the one that was there first.
    fn control(&self) -> Arc<Control<SagaKind>> {
        let running = || self.store.follower(S::NAME);
        let running = self.control.runs_elsewhere().then(running).flatten();
        running.unwrap_or_else(|| Arc::clone(&self.control))
    }

    /// The sagas that are under way, by key: those that are over are forgotten.
    pub fn active(&self) -> Vec<SagaStatus> {
        let control = self.control();
        let active = lock(&control.board.active);
        active.values().cloned().collect()
    }

    /// The position up to which every event is handled, is parked, or was none of theirs.
    pub fn position(&self) -> Position {
        self.control().position()
    }

    /// Waits until they have handled everything up to a position; what they send because of it may not be
    /// handled yet.
    ///
    /// # Errors
    /// [`NotRunning`](crate::eventstore::NotRunning) if they do not run, or stop before that.
    pub async fn wait_for(&self, position: Position) -> Result<()> {
        self.control().wait_for(position).await
    }

    /// Waits until the sagas have nothing to do: they have handled all events in the store, including those
    /// that their own commands led to, and have nothing to send. A saga that waits for an event or a time-out
    /// has nothing to do.
    ///
    /// # Errors
    /// If the store does not say where it is; [`NotRunning`](crate::eventstore::NotRunning) if the sagas do
    /// not run, or stop before that.
    pub async fn settled(&self) -> Result<()> {
        let control = self.control();
        loop {
            let head = self.store.head().await?;
            control.wait_for(head).await?;
            control.until(FollowerProgress::is_idle).await?;
            let is_idle = control.progress.borrow().is_idle();
            if self.store.head().await? == head && is_idle {
                return Ok(());
            }
        }
    }

    /// The events that they could not handle.
    pub fn parked(&self) -> Vec<ParkedEvent> {
        lock(&self.control().parked).clone()
    }

    /// Lets the saga of a key try again the event that it has parked, and then what waits behind it; returns
    /// how many events a saga has handled.
    ///
    /// # Errors
    /// If an event of them cannot be handled this time either, or no saga takes the first of them because the
    /// one that it was for is over: it stays parked.
    pub async fn retry_parked(&self, key: &str) -> Result<usize> {
        let key = key.to_owned();
        self.control()
            .order(|done| FollowerOrder::Retry(Some(key), done))
            .await
    }

    /// Leaves out the event that the saga of a key has parked, for good, and handles what waits behind it;
    /// returns whether there was one.
    ///
    /// # Errors
    /// If they do not run.
    pub async fn skip_parked(&self, key: &str) -> Result<bool> {
        let key = key.to_owned();
        self.control()
            .order(|done| FollowerOrder::Skip(key, done))
            .await
    }

    /// Lets the saga of a key send again those compensations that failed; returns how many there are.
    ///
    /// # Errors
    /// If that cannot be written down.
    pub async fn retry_stuck(&self, key: &str) -> Result<usize> {
        let key = key.to_owned();
        self.control()
            .order(|done| FollowerOrder::Own(SagaOrder::RetryStuck(key, done)))
            .await
    }

    /// Ends the saga of a key that has failed, is ending, [repeats](SagaStatus::repeated) a command, or cannot
    /// be read, whatever it has to do still: what is not compensated stays as it is. Events that waited for
    /// its end are handled. Returns whether there was one.
    ///
    /// # Errors
    /// If the saga handles events still and repeats no command, or that cannot be written down.
    pub async fn end(&self, key: &str) -> Result<bool> {
        let key = key.to_owned();
        self.control()
            .order(|done| FollowerOrder::Own(SagaOrder::End(key, done)))
            .await
    }
}

impl<S> fmt::Debug for SagaHandle<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SagaHandle")
            .field("position", &self.control.position())
            .finish_non_exhaustive()
    }
}
