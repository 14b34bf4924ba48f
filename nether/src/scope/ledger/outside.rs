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
    /// Those of them that have places in shared modules, by the numbers of these; one for each place.
    with_places: HashMap<u64, Vec<u64>>,
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
        let mut with_places: HashMap<_, Vec<_>> = HashMap::new();
        for module in &ahead {
            if let Some(place_in) = module.place_in {
                with_places.entry(place_in).or_default().push(module.number);
            }
        }
        Outside {
            with_places,
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

    /// What is to answer a roll call.
    pub(super) fn into_waits(self) -> Vec<Arc<dyn WaitElsewhere>> {
        self.waits
    }

    /// What keeps this wait from its end, unless it was not there when it was looked for.
    pub(super) fn blockers(&self, wait: &Arc<dyn WaitElsewhere>) -> Option<&Blockers> {
        self.blockers.get(&address_of(wait))
    }

    /// What keeps the module of this number from going on, if it was looked for.
    pub(super) fn ahead(&self, module: u64) -> Option<&Blockers> {
        self.blockers(&self.ahead.get(&module)?.waits)
    }

    /// Who has places in the shared module of this number, and is of another unit of work; one for each
    /// place.
    pub(super) fn with_places(&self, module: u64) -> &[u64] {
        self.with_places.get(&module).map_or(&[], Vec::as_slice)
    }

    /// The modules that have messages of the unit of work behind handlers of others.
    pub(super) fn with_messages(&self) -> impl Iterator<Item = u64> {
        self.with_messages.iter().copied()
    }
}
