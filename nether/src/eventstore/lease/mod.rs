//! Leases: of all processes that have a store open, one runs a projection or the sagas of a type.
//!
//! The right to run is a lease, a document in the store. Each time the lease is taken, its epoch rises. The
//! holder makes every write conditional on the lease document being unchanged since it took the lease (a
//! fencing token, as in Kleppmann's "How to do distributed locking"). So two runners that both believe they
//! hold the lease may both do the work, but only one of them can save it.
//!
//! The holder gives the lease back when it stops in order. A runner of this process that ends otherwise is
//! known to have ended. So is a runner of another process, if no other process can have the store open.
//! In all other cases the holder writes a heartbeat three times in each lease time, and a standby takes over
//! when the heartbeats stop.

mod candidate;
mod record;
mod runners;
mod stored;
mod watch;

pub(super) use self::candidate::{Bid, Candidate, OtherHolder};
pub(super) use self::runners::{is_waited_for, until_runner_ends};

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::SetOnce;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use self::runners::{is_done, until_standby};
pub(super) use self::stored::{HEARTBEATS, LEASES};
use self::stored::{HeldLease, LeaseChange, StoredLease};
use crate::eventstore::backend::{DocumentCondition, StoreError};
use crate::eventstore::store::Store;
use crate::guarded::{catch, said_last};
use crate::sync::lock;

/// The condition on which a command of a saga has an effect in the store: baggage of the unit of work in
/// which the command is sent. Another runner that takes over sends the command again, and may get another
/// answer. So a process that was suspended while it handled the command must not append events after that.
#[derive(Debug)]
pub(super) struct LeaseFence(pub(super) DocumentCondition);

/// A lease that this runner holds. Dropping it stops the heartbeats, and does not give the lease back.
pub(super) struct Lease {
    held: HeldLease,
    /// The document of the lease before this runner took it.
    taken_from: Option<Vec<u8>>,
    /// Set once it is known that another runner has taken the lease.
    lost: Arc<SetOnce<()>>,
    /// When the lease was last known to be held.
    alive_at: Arc<Mutex<Instant>>,
    lease_time: Duration,
    /// The task that writes heartbeats; dropped, it is aborted.
    _heart: JoinSet<()>,
}

impl Lease {
    /// Starts the heartbeats of a lease that was taken after `since`.
    fn begin(held: HeldLease, taken_from: Option<Vec<u8>>, since: Instant, store: &Store) -> Self {
        let lost = Arc::new(SetOnce::new());
        let alive_at = Arc::new(Mutex::new(since));
        let mut heart = JoinSet::new();
        let (set_lost, set_alive) = (Arc::clone(&lost), Arc::clone(&alive_at));
        heart.spawn(beat(store.clone(), held.clone(), set_lost, set_alive));
        Lease {
            held,
            taken_from,
            lost,
            alive_at,
            lease_time: store.settings().lease_time,
            _heart: heart,
        }
    }

    pub(super) fn epoch(&self) -> u64 {
        self.held.epoch
    }

    /// Whether no other runner has held the lease since it was found free.
    pub(super) fn follows(&self, free: &FreeLease) -> bool {
        self.taken_from == free.0
    }

    /// The condition on every write of the holder: the lease document is as the holder wrote it.
    pub(super) fn fence(&self) -> DocumentCondition {
        self.held.fence()
    }

    /// Whether it is known that another runner has taken the lease.
    pub(super) fn is_lost(&self) -> bool {
        self.lost.initialized()
    }

    /// Waits until it is known that another runner has taken the lease.
    pub(super) async fn lost(&self) {
        self.lost.wait().await;
    }

    /// Notes that another runner has taken the lease: the store has refused a write of this holder.
    pub(super) fn mark_lost(&self) {
        let _ = self.lost.set(());
    }

    /// Whether the lease time has passed since the lease was last known to be held, so that another runner
    /// may have taken it.
    pub(super) fn is_in_doubt(&self) -> bool {
        lock(&self.alive_at).elapsed() >= self.lease_time
    }

    /// Reads the lease from the store, and checks that this runner still holds it.
    ///
    /// # Errors
    /// [`StoreError::PreconditionFailed`] if it does not; or why the lease could not be read.
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
        *lock(&self.alive_at) = asked_at;
        Ok(())
    }

    /// Gives the lease back, so that another runner need not wait for the lease time.
    ///
    /// # Errors
    /// [`StoreError::PreconditionFailed`] if another runner has taken it; or why it could not be written.
    pub(super) async fn release(&self, store: &Store) -> Result<(), StoreError> {
        write(store, self.held.released()).await
    }
}

/// How long a start waits for a store, to learn whether a lease is free.
const FIND_WITHIN: Duration = Duration::from_secs(5);

/// A lease that was free, as it was found.
#[derive(Debug)]
pub(super) struct FreeLease(Option<Vec<u8>>);

impl FreeLease {
    /// The lease of that name, if it is free. If the store does not say so in time, it is not.
    pub(super) async fn find(name: &'static str, store: &Store) -> Option<Self> {
        // A user's backend may hang or panic.
        let read = catch(async { store.document(LEASES, name).await });
        let content = timeout(FIND_WITHIN, read).await.ok()?.ok()?.ok()?;
        let found = StoredLease::of(name, content, None).ok()?;
        let is_shared = store.is_shared();
        let is_free = found.holder().is_none_or(|it| is_done(it, is_shared));
        is_free.then(|| FreeLease(found.content().cloned()))
    }
}

/// Writes heartbeats until another runner has taken the lease. If no other process can have the store open,
/// it writes them only while a runner of this process waits for the lease.
async fn beat(
    store: Store,
    held: HeldLease,
    lost: Arc<SetOnce<()>>,
    alive_at: Arc<Mutex<Instant>>,
) {
    let interval = store.settings().lease_time / 3;
    for number in 1.. {
        if !store.is_shared() {
            until_standby(held.name()).await;
        }
        sleep(interval).await;
        let began = Instant::now();
        // A user's backend may panic.
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
            name = held.name(),
            error,
            "the heartbeat of a lease could not be written"
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
