//! [`ClaimantId`]: which stores of keys of this process are alive.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{LazyLock, Mutex};

use uuid::Uuid;

use crate::eventstore::keys::record::Claimant;
use crate::sync::lock;

/// The id of this process.
static PROCESS: LazyLock<Uuid> = LazyLock::new(Uuid::now_v7);

static ALIVE: Mutex<BTreeSet<u64>> = Mutex::new(BTreeSet::new());

/// A store of keys of this process, which is alive until this is dropped.
#[derive(Debug)]
pub(super) struct ClaimantId {
    number: u64,
    claims: AtomicU64,
}

/// What is known of whoever has claimed a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ClaimantState {
    /// It is this one.
    Own,
    /// It will settle the key, or may.
    MayBeAlive,
    /// It will not settle the key any more.
    Dead,
}

impl ClaimantId {
    pub(super) fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        lock(&ALIVE).insert(number);
        ClaimantId {
            number,
            claims: AtomicU64::new(0),
        }
    }

    /// Another claim of this one. `is_alone` says that no other process can have the store open.
    pub(super) fn claimant(&self, is_alone: bool) -> Claimant {
        Claimant {
            process: *PROCESS,
            keys: self.number,
            claim: self.claims.fetch_add(1, Ordering::Relaxed),
            is_alone,
        }
    }

    /// What is known of a claimant. `is_shared` says whether other processes may have the store open.
    pub(super) fn state_of(&self, claimant: &Claimant, is_shared: bool) -> ClaimantState {
        if claimant.process != *PROCESS {
            return match is_shared && !claimant.is_alone {
                true => ClaimantState::MayBeAlive,
                false => ClaimantState::Dead,
            };
        }
        match claimant.keys {
            keys if keys == self.number => ClaimantState::Own,
            keys if lock(&ALIVE).contains(&keys) => ClaimantState::MayBeAlive,
            _ => ClaimantState::Dead,
        }
    }
}

impl Drop for ClaimantId {
    fn drop(&mut self) {
        lock(&ALIVE).remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::{ClaimantId, ClaimantState};

    #[test]
    fn a_claimant_is_dead_once_it_cannot_settle_its_claims() {
        let (own, other) = (ClaimantId::new(), ClaimantId::new());
        let of_other = other.claimant(true);
        assert_eq!(own.state_of(&own.claimant(true), true), ClaimantState::Own);
        assert_eq!(own.state_of(&of_other, false), ClaimantState::MayBeAlive);
        drop(other);
        assert_eq!(own.state_of(&of_other, false), ClaimantState::Dead);

        let mut elsewhere = own.claimant(false);
        elsewhere.process = Uuid::now_v7();
        let state = |is_shared| own.state_of(&elsewhere, is_shared);
        assert_eq!(state(true), ClaimantState::MayBeAlive);
        assert_eq!(state(false), ClaimantState::Dead);
        elsewhere.is_alone = true;
        assert_eq!(own.state_of(&elsewhere, true), ClaimantState::Dead);
    }
}
