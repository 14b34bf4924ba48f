//! [`SagaHandle`]: shows the progress of the sagas of one type, and gives them orders.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex};

use tokio::sync::oneshot;

use crate::error::{Error, Result};
use crate::eventstore::backend::Position;
use crate::eventstore::control::{FollowerKind, FollowerProgress};
use crate::eventstore::handle::FollowerHandle;
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

/// The kind of the runners of sagas.
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

/// What only the runner of sagas shows.
#[derive(Default)]
pub(super) struct SagaBoard {
    /// The sagas under way, by key.
    pub(super) active: Mutex<BTreeMap<Arc<str>, SagaStatus>>,
    /// Those among them that wait for an operator, and why.
    pub(super) blocked: Mutex<BTreeMap<Arc<str>, String>>,
}

impl SagaBoard {
    /// Shows these sagas, and no others.
    pub(super) fn show_all(&self, all: BTreeMap<Arc<str>, SagaStatus>) {
        let blocked = all.iter().filter_map(|(key, status)| {
            let why = status.blocked()?;
            Some((Arc::clone(key), why))
        });
        *lock(&self.blocked) = blocked.collect();
        *lock(&self.active) = all;
    }

    /// Shows that of a key, whose status replaces the one that was shown; or that there is none any more.
    pub(super) fn show_blocked(&self, key: &Arc<str>, status: Option<&SagaStatus>) {
        let mut blocked = lock(&self.blocked);
        match status.and_then(SagaStatus::blocked) {
            Some(why) => drop(blocked.insert(Arc::clone(key), why)),
            None => drop(blocked.remove(key)),
        }
    }
}

/// The handle to the sagas of a type that run in this process; see [`Store::saga`].
///
/// A method that waits returns [`NotRunning`](crate::eventstore::NotRunning) if the sagas stop or fail before
/// that. If another process runs the sagas, the methods show and wait for what that one has saved, and orders
/// return `NotRunning`, which names it.
pub struct SagaHandle<S> {
    follower: FollowerHandle<SagaKind>,
    saga: PhantomData<fn() -> S>,
}

impl Store {
    /// The handle to the sagas of a type in a system that this store was provided to.
    ///
    /// # Errors
    /// If they do not run.
    pub fn saga<S: Saga>(&self) -> Result<SagaHandle<S>> {
        let follower = FollowerHandle::find(self, S::NAME).ok_or_else(|| {
            Error::msg(format!(
                "the saga `{}` does not run: no system that it is part of was started with this store",
                S::DESCRIPTOR.declaration.name
            ))
        })?;
        Ok(SagaHandle {
            follower,
            saga: PhantomData,
        })
    }
}

impl<S: Saga> SagaHandle<S> {
    /// The sagas that are under way, by key: those that are over are forgotten.
    pub fn active(&self) -> Vec<SagaStatus> {
        let control = self.follower.control();
        let active = lock(&control.board.active);
        active.values().cloned().collect()
    }

    /// The position up to which every event is handled, is parked, or was none of theirs.
    pub fn position(&self) -> Position {
        self.follower.position()
    }

    /// Waits until they have handled every event up to a position. The commands that they send because of
    /// these events may not be handled yet.
    ///
    /// # Errors
    /// [`NotRunning`](crate::eventstore::NotRunning) if they do not run, or stop before that.
    pub async fn wait_for(&self, position: Position) -> Result<()> {
        self.follower.wait_for(position).await
    }

    /// Waits until the sagas have nothing to do: they have handled all events in the store, including those
    /// that their own commands led to, and have nothing to send. A saga that waits for an event or a time-out
    /// has nothing to do.
    ///
    /// # Errors
    /// If the store does not say where it is; [`NotRunning`](crate::eventstore::NotRunning) if the sagas do
    /// not run, or stop before that.
    pub async fn settled(&self) -> Result<()> {
        loop {
            let control = self.follower.control();
            let head = self.follower.store.head().await?;
            self.wait_for(head).await?;
            let idle = control.until(FollowerProgress::is_idle).await;
            let is_same = Arc::ptr_eq(&control, &self.follower.control());
            if is_same {
                idle?;
            }
            let is_idle = is_same && control.progress.borrow().is_idle();
            if self.follower.store.head().await? == head && is_idle {
                return Ok(());
            }
        }
    }

    /// The events that they could not handle.
    pub fn parked(&self) -> Vec<ParkedEvent> {
        self.follower.parked()
    }

    /// Handles the parked event of a key again, and then the events that wait behind it; returns how many
    /// events a saga has handled.
    ///
    /// # Errors
    /// If one of the events fails again, or no saga takes the first one because its saga is over: it stays
    /// parked. [`NotRunning`](crate::eventstore::NotRunning) if the sagas do not run, or another process runs
    /// them.
    pub async fn retry_parked(&self, key: &str) -> Result<usize> {
        self.follower.retry(Some(key)).await
    }

    /// Skips the parked event of a key, for good, and handles the events that wait behind it; returns whether
    /// there was one. If it is a command that was to start a saga, it is answered as
    /// [`Ended`](crate::eventstore::StepFailureKind::Ended).
    ///
    /// # Errors
    /// [`NotRunning`](crate::eventstore::NotRunning) if the sagas do not run, or another process runs them.
    pub async fn skip_parked(&self, key: &str) -> Result<bool> {
        self.follower.skip(key).await
    }

    /// Sends the failed compensations of the saga of a key again; returns how many there are.
    ///
    /// # Errors
    /// If this cannot be written down; [`NotRunning`](crate::eventstore::NotRunning) if the sagas do not run,
    /// or another process runs them.
    pub async fn retry_stuck(&self, key: &str) -> Result<usize> {
        let key = key.to_owned();
        self.follower
            .order(|done| SagaOrder::RetryStuck(key, done))
            .await
    }

    /// Ends a saga that has failed, is ending, [repeats](SagaStatus::repeated) a command, or cannot be read.
    /// Its remaining commands are dropped, and what is not compensated stays as it is. Events that waited for
    /// its end are handled. The command that it was started by is answered. Returns whether there was a saga
    /// with that key.
    ///
    /// # Errors
    /// If the saga still handles events and repeats no command; if this cannot be written down;
    /// [`NotRunning`](crate::eventstore::NotRunning) if the sagas do not run, or another process runs them.
    pub async fn end(&self, key: &str) -> Result<bool> {
        let key = key.to_owned();
        self.follower.order(|done| SagaOrder::End(key, done)).await
    }
}

impl<S> fmt::Debug for SagaHandle<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SagaHandle")
            .field("position", &self.follower.position())
            .finish_non_exhaustive()
    }
}
