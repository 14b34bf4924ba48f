//! [`Outside`]: what a look finds outside of the ledger.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::HeldMailbox;
use super::elsewhere::{Blockers, ModuleAhead, WaitElsewhere, address_of, blockers_of};

/// What a look finds outside of the ledger. Dropped after the lock of that is released: to drop a module or a
/// waker runs user code.
#[derive(Default)]
pub(super) struct Outside {
    /// Modules whose handlers may be of other units of work, by their numbers.
    ahead: HashMap<u64, ModuleAhead>,
    /// Those of them that have messages of this one.
    with_messages: HashSet<u64>,
    /// What parked handlers wait for in other units of work, and what these modules do.
    waits: Vec<Arc<dyn WaitElsewhere>>,
    /// What keeps each of those waits from its end, by their addresses.
    blockers: HashMap<usize, Blockers>,
    /// The mailboxes of the modules whose handlers are parked.
    pub(super) held: Vec<Arc<dyn HeldMailbox>>,
}

impl Outside {
    pub(super) fn new(mut waits: Vec<Arc<dyn WaitElsewhere>>, ahead: Vec<ModuleAhead>) -> Self {
        waits.extend(ahead.iter().map(|module| Arc::clone(&module.waits)));
        Outside {
            ahead: ahead.into_iter().map(|it| (it.number, it)).collect(),
            with_messages: HashSet::new(),
            blockers: blockers_of(&waits),
            waits,
            held: Vec::new(),
        }
    }

    /// How many waits were looked at.
    pub(super) fn examined(&self) -> usize {
        let blockers = self.blockers.values();
        blockers.map(|blockers| blockers.waits.len()).sum()
    }

    /// Counts the messages of the unit of work that has this address which are behind handlers of others. A
    /// module that `is_held` has a handler of it.
    pub(super) fn count_behind(&mut self, unit: usize, is_held: impl Fn(u64) -> bool) -> u64 {
        let mut sum = 0;
        for (number, module) in &self.ahead {
            let mailbox = module.mailbox.as_ref().filter(|_| !is_held(*number));
            let count = mailbox.map_or(0, |mailbox| mailbox.count_behind_handler(unit));
            if count > 0 {
                self.with_messages.insert(*number);
            }
            sum += count;
        }
        sum
    }

    /// Whether a wait is new since the roll call of this number.
    pub(super) fn has_begun_since(&self, roll: u64) -> bool {
        self.waits.iter().any(|wait| wait.began() >= roll)
            || self.blockers.values().any(|it| it.have_begun_since(roll))
    }

    /// Returns whether all waits have answered the roll call of this number.
    pub(super) fn have_answered(&self, roll: u64) -> bool {
        self.waits.iter().all(|wait| wait.answered() >= roll)
            && self.blockers.values().all(|it| it.have_answered(roll))
    }

    /// Wakes the handlers of the modules, and whatever these wait for.
    pub(super) fn wake_modules(&self) {
        self.ahead.values().for_each(|module| module.waits.wake());
    }

    /// What keeps this wait from its end, unless it was not there when it was looked for.
    pub(super) fn blockers(&self, wait: &Arc<dyn WaitElsewhere>) -> Option<&Blockers> {
        self.blockers.get(&address_of(wait))
    }

    /// What keeps the module of this number from going on, if it was looked for.
    pub(super) fn ahead(&self, module: u64) -> Option<&Blockers> {
        self.blockers(&self.ahead.get(&module)?.waits)
    }

    /// The modules that have messages of the unit of work behind handlers of others.
    pub(super) fn with_messages(&self) -> impl Iterator<Item = u64> {
        self.with_messages.iter().copied()
    }
}
