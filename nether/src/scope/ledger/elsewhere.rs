//! [`WaitElsewhere`]: a wait that the ledger of the handler's own unit of work cannot see, because it was
//! made with the context of another one, or with a clone.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::HeldMailbox;

/// The number of the last roll call of any unit of work.
static ROLL: AtomicU64 = AtomicU64::new(0);

/// A wait for a reply, for room, or for the end of a unit of work.
pub(crate) trait WaitElsewhere: Send + Sync {
    fn is_open(&self) -> bool;

    /// Wakes the future that waits, so that it is polled again, and those that its blockers wait with.
    fn wake(&self);

    /// The number of the last roll call before it was polled.
    fn answered(&self) -> u64;

    /// The number of the last roll call before it began.
    fn began(&self) -> u64;

    fn blockers(&self) -> Blockers;

    /// The thing waited for, in words.
    fn words(&self) -> String;
}

/// The modules that keep a wait from its end, by their numbers.
#[derive(Default)]
pub(crate) struct Blockers {
    /// Each of them does.
    pub(crate) modules: Vec<u64>,
    /// Which others a module waits for. It goes on when one of these waits ends.
    pub(crate) waits: HashMap<u64, Vec<BlockerWait>>,
}

/// The wait of a module that is among the blockers.
#[derive(Debug)]
pub(crate) struct BlockerWait {
    /// The number of the module that it waits for; of a unit of work that it closes, those of all that keep
    /// it from its end.
    pub(crate) others: Vec<u64>,
    /// The number of the last roll call before it was polled.
    pub(crate) answered: u64,
    /// The number of the last roll call before it began.
    pub(crate) began: u64,
}

impl Blockers {
    /// Returns whether all waits among these have answered the roll call of this number.
    pub(super) fn have_answered(&self, roll: u64) -> bool {
        let mut waits = self.waits.values().flatten();
        waits.all(|wait| wait.answered >= roll)
    }

    /// Whether some wait among these has begun since the roll call of this number.
    pub(super) fn have_begun_since(&self, roll: u64) -> bool {
        let mut waits = self.waits.values().flatten();
        waits.any(|wait| wait.began >= roll)
    }
}

/// A module that may have messages of the unit of work behind the handler of another one.
pub(crate) struct ModuleAhead {
    /// Its number.
    pub(crate) number: u64,
    /// Where its messages lie.
    pub(crate) mailbox: Option<Arc<dyn HeldMailbox>>,
    /// The wait for its handler.
    pub(crate) waits: Arc<dyn WaitElsewhere>,
}

/// The number of the last roll call.
pub(crate) fn last_roll() -> u64 {
    ROLL.load(Ordering::SeqCst)
}

/// A number for a roll call, higher than all others.
pub(crate) fn next_roll() -> u64 {
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
