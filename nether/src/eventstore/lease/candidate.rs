//! [`Candidate`]: a runner that takes a lease as soon as it is free.

use std::time::Duration;

use tokio::time::Instant;

use crate::eventstore::backend::StoreError;
use crate::eventstore::lease::record::LeaseHolder;
use crate::eventstore::lease::runners::{RunnerId, StandbyGuard, has_ended};
use crate::eventstore::lease::stored::{HEARTBEATS, HeldLease, LEASES, StoredLease};
use crate::eventstore::lease::watch::LeaseWatch;
use crate::eventstore::lease::{Lease, write};
use crate::eventstore::store::Store;

/// How long a standby waits between two looks at the lease.
const LOOK_AFTER: Duration = Duration::from_millis(250);

/// A runner that takes a lease as soon as it is free. Other runners of this process see it as running until
/// it is dropped, so it is kept while it holds the lease.
pub(in crate::eventstore) struct Candidate {
    name: &'static str,
    store: Store,
    holder: LeaseHolder,
    watch: LeaseWatch,
    /// The zero of its clock.
    began: Instant,
    /// There while another runner holds the lease.
    standby: Option<StandbyGuard>,
    _runner: RunnerId,
}

/// The result of an attempt to take a lease.
pub(in crate::eventstore) enum Bid {
    Taken(Lease),
    /// Another runner holds it.
    Refused(OtherHolder),
}

/// Another runner that holds a lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::eventstore) struct OtherHolder {
    /// The name of its process.
    pub(in crate::eventstore) name: String,
    pub(in crate::eventstore) epoch: u64,
}

impl Candidate {
    pub(in crate::eventstore) fn new(name: &'static str, store: &Store) -> Self {
        let runner = RunnerId::new();
        Candidate {
            name,
            store: store.clone(),
            holder: runner.holder(store.settings().lease_time),
            watch: LeaseWatch::default(),
            began: Instant::now(),
            standby: None,
            _runner: runner,
        }
    }

    /// The name of this process.
    pub(in crate::eventstore) fn process(&self) -> &str {
        &self.holder.name
    }

    /// Takes the lease, if it is free.
    ///
    /// # Errors
    /// Why the lease could not be read or written. It may be written all the same: the next bid finds that
    /// out.
    pub(in crate::eventstore) async fn bid(&mut self) -> Result<Bid, StoreError> {
        loop {
            let began = Instant::now();
            let found = self.read().await?;
            if let Some(held) = HeldLease::if_own(&found, &self.holder) {
                return Ok(Bid::Taken(Lease::begin(held, began, &self.store)));
            }
            let is_shared = self.store.is_shared();
            let has_ended = found.holder().is_some_and(|it| has_ended(it, is_shared));
            if !self.watch.observe(&found, has_ended, self.began.elapsed()) {
                let name = self.name;
                self.standby.get_or_insert_with(|| StandbyGuard::new(name));
                let record = found.record.as_ref();
                return Ok(Bid::Refused(OtherHolder {
                    name: found.holder().map(|it| it.name.clone()).unwrap_or_default(),
                    epoch: record.map_or(0, |it| it.epoch),
                }));
            }
            self.standby = None;
            let (held, taken) = found.taken_by(&self.holder);
            match write(&self.store, taken).await {
                Ok(()) => return Ok(Bid::Taken(Lease::begin(held, began, &self.store))),
                // The lease has changed since it was read: another runner took it, or its holder is alive.
                Err(StoreError::PreconditionFailed { .. }) => {}
                Err(error) => return Err(error),
            }
        }
    }

    async fn read(&self) -> Result<StoredLease, StoreError> {
        let content = self.store.document(LEASES, self.name).await?;
        let heartbeat = self.store.document(HEARTBEATS, self.name).await?;
        StoredLease::of(self.name, content, heartbeat)
    }

    /// How long to wait before the next look, if this one took `look`: so long that looks take about a
    /// twentieth of the time at most.
    pub(in crate::eventstore) fn pause(&self, look: Duration) -> Duration {
        let usual = LOOK_AFTER.min(self.store.settings().lease_time / 4);
        usual.max(look * 20)
    }
}
