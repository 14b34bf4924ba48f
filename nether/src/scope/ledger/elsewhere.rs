//! [`WaitElsewhere`]: what a handler waits for that is no delivery of its own unit of work.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The number of the last roll call of any unit of work.
static ROLL: AtomicU64 = AtomicU64::new(0);

/// A wait for another unit of work: for the reply to a message of it, or for its end.
pub(crate) trait WaitElsewhere: Send + Sync {
    fn is_open(&self) -> bool;

    /// Wakes the future that waits, so that it is polled again.
    fn wake(&self);

    /// The number of the last roll call before it was polled.
    fn answered(&self) -> u64;

    fn blockers(&self) -> Blockers;

    /// What is waited for.
    fn words(&self) -> String;
}

/// The modules that keep a wait from its end, by their numbers.
#[derive(Default)]
pub(crate) struct Blockers {
    /// Each of them does.
    pub(crate) modules: Vec<u64>,
    /// Which others a module waits for: for all of them, to go on.
    pub(crate) waits: HashMap<u64, Vec<u64>>,
}

/// The number of the last roll call.
pub(crate) fn last_roll() -> u64 {
    ROLL.load(Ordering::SeqCst)
}

/// A number for a roll call, higher than all others.
pub(super) fn next_roll() -> u64 {
    ROLL.fetch_add(1, Ordering::SeqCst) + 1
}

/// What keeps the waits from their ends, by the addresses of these.
pub(super) fn blockers_of(waits: &[Arc<dyn WaitElsewhere>]) -> HashMap<usize, Blockers> {
    let blockers = waits.iter().map(|wait| (address_of(wait), wait.blockers()));
    blockers.collect()
}

pub(super) fn address_of(wait: &Arc<dyn WaitElsewhere>) -> usize {
    Arc::as_ptr(wait).cast::<()>().addr()
}
