//! Leases: of all processes that have a store open, one runs a projection or the sagas of a type.
//!
//! The right to run is a lease, a document in the store. Each change of hands raises its epoch, and whatever
//! is written as the holder is written on condition that the lease is still as the holder took it (a fencing
//! token, as in Kleppmann's "How to do distributed locking"). So that two believe to hold it costs time, and
//! never makes both write.
//!
//! The holder gives it back when it stops in order. A holder of the same process that ends otherwise is known
//! to have ended, as is one of another process if the store is this process's alone. Where somebody may wait
//! for it, the holder writes a heartbeat three times in each lease time, and a standby takes over when that
//! stops.

mod candidate;
mod record;
mod runners;
mod stored;
mod watch;

pub(super) use self::candidate::{Bid, Candidate, OtherHolder};
pub(super) use self::runners::one_ends;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::SetOnce;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use self::runners::somebody_waits;
use self::stored::{HeldLease, LeaseChange};
use crate::eventstore::backend::{DocumentCondition, StoreError};
use crate::eventstore::store::Store;
use crate::guarded::{catch, said_last};
use crate::sync::lock;

/// A lease that is held. Dropped, it gives no sign of life any more.
pub(super) struct Lease {
    held: HeldLease,
    lost: Arc<SetOnce<()>>,
    /// When the holder gave the last sign of life; `None` if nobody can miss one while this process is
    /// suspended.
    alive_at: Option<Arc<Mutex<Instant>>>,
    lease_time: Duration,
    _heart: JoinSet<()>,
}

impl Lease {
    /// A lease that was taken, not before `since`.
    fn begin(held: HeldLease, since: Instant, store: &Store) -> Self {
        let lost = Arc::new(SetOnce::new());
        let alive_at = Arc::new(Mutex::new(since));
        let mut heart = JoinSet::new();
        let (told, alive) = (Arc::clone(&lost), Arc::clone(&alive_at));
        heart.spawn(beat(store.clone(), held.clone(), told, alive));
        Lease {
            held,
            lost,
            alive_at: store.is_shared().then_some(alive_at),
            lease_time: store.settings().lease_time,
            _heart: heart,
        }
    }

    pub(super) fn epoch(&self) -> u64 {
        self.held.epoch
    }

    /// What has to be in the store for anything to be written as the holder.
    pub(super) fn fence(&self) -> DocumentCondition {
        self.held.fence()
    }

    /// Whether it is known that somebody else has taken it.
    pub(super) fn is_lost(&self) -> bool {
        self.lost.initialized()
    }

    /// Waits until it is known that somebody else has taken it.
    pub(super) async fn lost(&self) {
        self.lost.wait().await;
    }

    /// The store has refused what was to be written as the holder.
    pub(super) fn lose(&self) {
        let _ = self.lost.set(());
    }

    /// Whether the holder has been silent for so long that another may have taken it.
    pub(super) fn is_in_doubt(&self) -> bool {
        let silent_since = self.alive_at.as_ref().map(|it| *lock(it));
        silent_since.is_some_and(|since| since.elapsed() >= self.lease_time)
    }

    /// Asks the store whether it is held still.
    ///
    /// # Errors
    /// [`StoreError::PreconditionFailed`] if it is not; else why that could not be read.
    pub(super) async fn confirm(&self, store: &Store) -> Result<(), StoreError> {
        let asked_at = Instant::now();
        let fence = self.fence();
        let found = store.document(&fence.collection, &fence.key).await?;
        if found != fence.content {
            return Err(StoreError::PreconditionFailed {
                collection: fence.collection,
                key: fence.key,
            });
        }
        if let Some(alive_at) = &self.alive_at {
            *lock(alive_at) = asked_at;
        }
        Ok(())
    }

    /// Gives it back, so that another need not wait until the lease time is over.
    pub(super) async fn release(&self, store: &Store) -> Result<(), StoreError> {
        write(store, self.held.released()).await
    }
}

/// Writes heartbeats until somebody else has taken the lease; if the store is this process's alone, only
/// while a runner of this process waits for it.
async fn beat(
    store: Store,
    held: HeldLease,
    lost: Arc<SetOnce<()>>,
    alive_at: Arc<Mutex<Instant>>,
) {
    let interval = store.settings().lease_time / 3;
    for number in 1.. {
        if !store.is_shared() {
            somebody_waits(held.name()).await;
        }
        sleep(interval).await;
        let began = Instant::now();
        // A backend of the user's may panic.
        let beaten = catch(write(&store, held.beat(number))).await;
        let error = match beaten {
            Ok(Ok(())) => {
                *lock(&alive_at) = began;
                continue;
            }
            Ok(Err(StoreError::PreconditionFailed { .. })) => {
                let _ = lost.set(());
                return;
            }
            Ok(Err(error)) => error.to_string(),
            Err(panic) => format!("it panicked: {}", said_last(panic)),
        };
        tracing::warn!(
            error,
            "the event store does not take the heartbeat of a lease"
        );
    }
}

async fn write(store: &Store, change: LeaseChange) -> Result<(), StoreError> {
    let LeaseChange {
        changes,
        conditions,
    } = change;
    store.change_documents(changes, conditions).await
}
