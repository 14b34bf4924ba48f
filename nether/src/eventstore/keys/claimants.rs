//! [`ClaimGuard`]: which claims of this process are about to be settled.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{LazyLock, Mutex};

use crate::eventstore::keys::record::Claimant;
use crate::eventstore::process::PROCESS;
use crate::sync::lock;

/// The numbers of the claims that are in progress.
static CLAIMS: LazyLock<Mutex<HashSet<u64>>> = LazyLock::new(Mutex::default);

/// A claim of this process, which is in progress until this is dropped.
#[derive(Debug)]
pub(super) struct ClaimGuard(u64);

/// The state of a claimant, as far as this process can see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ClaimantState {
    /// It is about to settle the key.
    Alive,
    /// It is in another process, and may be about to settle the key.
    MayBeAlive,
    /// It does not settle the key any more.
    Dead,
}

impl ClaimGuard {
    pub(super) fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        lock(&CLAIMS).insert(number);
        ClaimGuard(number)
    }

    /// The claimant, as it is written down. `is_alone` says that no other process can have the store open.
    pub(super) fn claimant(&self, is_alone: bool) -> Claimant {
        Claimant {
            process: *PROCESS,
            claim: self.0,
            is_alone,
        }
    }
}

impl Drop for ClaimGuard {
    fn drop(&mut self) {
        lock(&CLAIMS).remove(&self.0);
    }
}

/// Finds the state of a claimant. `is_shared` says whether other processes may have the store open.
pub(super) fn state_of(claimant: &Claimant, is_shared: bool) -> ClaimantState {
    let is_own = claimant.process == *PROCESS;
    if is_own && lock(&CLAIMS).contains(&claimant.claim) {
        ClaimantState::Alive
    } else if !is_own && is_shared && !claimant.is_alone {
        ClaimantState::MayBeAlive
    } else {
        ClaimantState::Dead
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::{ClaimGuard, ClaimantState, state_of};

    #[test]
    fn a_claimant_is_dead_once_it_cannot_settle_its_claim() {
        let guard = ClaimGuard::new();
        let own = guard.claimant(false);
        assert_eq!(state_of(&own, false), ClaimantState::Alive);
        drop(guard);
        assert_eq!(state_of(&own, true), ClaimantState::Dead);

        let mut elsewhere = own;
        elsewhere.process = Uuid::now_v7();
        assert_eq!(state_of(&elsewhere, true), ClaimantState::MayBeAlive);
        assert_eq!(state_of(&elsewhere, false), ClaimantState::Dead);
        elsewhere.is_alone = true;
        assert_eq!(state_of(&elsewhere, true), ClaimantState::Dead);
    }
}
