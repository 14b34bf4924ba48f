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

/// How long a standby waits between two bids at most.
const BID_AFTER: Duration = Duration::from_millis(250);

/// How often a lease is read again after it has changed before it could be taken.
const ATTEMPTS: usize = 16;

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
    /// What a bid takes that is being written, or failed in a way that does not say whether it was written.
    pending: Option<HeldLease>,
    runner: RunnerId,
}

/// The result of an attempt to take a lease.
pub(in crate::eventstore) enum Bid {
    Taken(Lease),
    /// Another runner holds it.
    Refused(OtherHolder),
    /// It is free, and this runner must not take it: why.
    Withheld(String),
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
            holder: runner.holder(store.settings().lease_time, !store.is_shared()),
            watch: LeaseWatch::default(),
            began: Instant::now(),
            standby: None,
            pending: None,
            runner,
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
        for _ in 0..ATTEMPTS {
            let began = Instant::now();
            let found = self.read().await?;
            let from = found.content().cloned();
            if let Some(held) = HeldLease::if_own(&found, &self.holder) {
                self.pending = None;
                return Ok(Bid::Taken(Lease::begin(held, from, began, &self.store)));
            }
            if let Some(holder) = self.refused(&found) {
                let name = self.name;
                self.standby.get_or_insert_with(|| StandbyGuard::new(name));
                return Ok(Bid::Refused(holder));
            }
            self.standby = None;
            let (held, taken) = found.taken_by(&self.holder);
            self.pending = Some(held.clone());
            match write(&self.store, taken).await {
                Ok(()) => {
                    self.pending = None;
                    return Ok(Bid::Taken(Lease::begin(held, from, began, &self.store)));
                }
                // The lease has changed since it was read: another runner took it, or its holder is alive.
                Err(StoreError::PreconditionFailed { .. }) => self.pending = None,
                Err(error) => {
                    // The holder may have been unable to write as well: its silence proves nothing.
                    self.watch = LeaseWatch::default();
                    return Err(error);
                }
            }
        }
        Err(StoreError::Failed {
            reason: format!(
                "the lease of `{}` was another one {ATTEMPTS} times after it was read: the store has to keep documents byte for byte",
                self.name
            ),
            source: None,
        })
    }

    /// Learns who holds the lease, without taking it, because this runner must not: why.
    ///
    /// # Errors
    /// Why the lease could not be read, or not be given back, if an earlier bid has taken it.
    pub(in crate::eventstore) async fn withhold(&mut self, why: String) -> Result<Bid, StoreError> {
        self.withdraw().await?;
        let found = self.read().await?;
        let refused = self.refused(&found);
        Ok(refused.map_or(Bid::Withheld(why), Bid::Refused))
    }

    /// The runner that holds a lease as it was read, if that cannot be taken.
    fn refused(&mut self, found: &StoredLease) -> Option<OtherHolder> {
        let is_shared = self.store.is_shared();
        let has_ended = found.holder().is_some_and(|it| has_ended(it, is_shared));
        let (now, own) = (self.began.elapsed(), self.store.settings().lease_time);
        if self.watch.observe(found, has_ended, now, own) {
            return None;
        }
        Some(OtherHolder {
            name: found.holder().map(|it| it.name.clone()).unwrap_or_default(),
            epoch: found.record.as_ref().map_or(0, |it| it.epoch),
        })
    }

    async fn read(&self) -> Result<StoredLease, StoreError> {
        let content = self.store.document(LEASES, self.name).await?;
        let heartbeat = self.store.document(HEARTBEATS, self.name).await?;
        StoredLease::of(self.name, content, heartbeat)
    }

    /// Whether a bid may have taken the lease without this runner knowing it.
    pub(in crate::eventstore) fn may_have_taken(&self) -> bool {
        self.pending.is_some()
    }

    /// Gives the lease back, if a bid has taken it or is about to.
    ///
    /// # Errors
    /// Why the lease could not be read or written.
    pub(in crate::eventstore) async fn withdraw(&mut self) -> Result<(), StoreError> {
        let Some(held) = &self.pending else {
            return Ok(());
        };
        // A store writes in order: this comes behind the bid.
        match write(&self.store, held.released()).await {
            Err(StoreError::PreconditionFailed { .. }) => {
                let found = self.read().await?;
                if let Some(held) = HeldLease::if_own(&found, &self.holder) {
                    write(&self.store, held.released()).await?;
                }
            }
            released => released?,
        }
        // Only now: what has failed is tried again.
        self.pending = None;
        Ok(())
    }

    /// Its runner ends in order: nothing that it has begun is written after that.
    pub(in crate::eventstore) fn end_in_order(&mut self) {
        self.runner.end_in_order();
    }

    /// How long a standby waits between two bids.
    pub(in crate::eventstore) fn pause(&self) -> Duration {
        BID_AFTER.min(self.store.settings().lease_time / 4)
    }
}
