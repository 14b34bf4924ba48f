//! What a module has of each unit of work, for those who wait for the end of one.

use std::iter;
use std::sync::{Arc, Weak};

use crate::context::Handle;
use crate::module::exclusive::ExclusiveCell;
use crate::module::exclusive::backlog::BacklogRest;
use crate::module::{Exclusive, Module};
use crate::scope::{HeldMailbox, HeldModule, ParkedIn, Scope, WaitElsewhere};
use crate::sync::lock;
use crate::waiting::waits_elsewhere;

/// The units of work whose messages were taken, and how many of each. The first is that of the message being
/// handled, which does not count.
#[derive(Default)]
pub(super) struct TakenUnits {
    /// In which turn that was noted: in another it says nothing.
    turn: u64,
    units: Vec<(Weak<Scope>, usize)>,
}

impl<M: Module + Exclusive> ExclusiveCell<M> {
    /// Notes of which units of work messages were taken: `left` of that of `current`, whose message is being
    /// handled in this turn, and those of the others.
    #[cold]
    pub(super) fn note_taken(
        &self,
        turn: u32,
        rest: &BacklogRest<'_, M::Inbox>,
        (current, left): (&Handle, usize),
    ) {
        let others = rest.runs.iter().map(|run| (&run.scope, run.length));
        let units = iter::once((&current.scope, left)).chain(others);
        let mut taken = lock(&self.taken);
        taken.turn = u64::from(turn);
        taken.units.clear();
        taken
            .units
            .extend(units.map(|(scope, count)| (Arc::downgrade(scope), count)));
    }

    /// Returns the units of work whose messages were taken and not begun, and how many of each, if a handler
    /// waits.
    fn taken_now(&self) -> Vec<(Arc<Scope>, usize)> {
        let taken = lock(&self.taken);
        let turn = self.progress.current().map(|(turn, _)| turn);
        let is_now = turn == Some(taken.turn);
        let units = taken.units.iter().filter(|_| is_now);
        units
            .filter_map(|(scope, count)| Some((scope.upgrade()?, *count)))
            .collect()
    }

    /// The module, whose handler waits; it has taken so many messages of the same unit of work with its own.
    #[cold]
    pub(super) fn held(
        &self,
        taken: u64,
        unit: usize,
    ) -> Option<(ParkedIn, Vec<Arc<dyn WaitElsewhere>>)> {
        let module = HeldModule {
            number: self.waiter.number(),
            mailbox: Weak::clone(self.this.get()?),
            taken,
        };
        Some((ParkedIn::Exclusive(module), waits_elsewhere(unit)))
    }
}

impl<M: Module + Exclusive> HeldMailbox for ExclusiveCell<M> {
    fn count_of(&self, unit: usize) -> u64 {
        self.mailbox.count_of(unit)
    }

    fn holds(&self, unit: usize) -> bool {
        if self.mailbox.count_of(unit) > 0 {
            return true;
        }
        let taken = self.taken_now();
        taken.iter().any(|(scope, _)| scope.is_within(unit))
    }

    fn count_behind_handler(&self, unit: usize) -> u64 {
        let taken = self.taken_now().into_iter();
        let taken = taken.filter(|(scope, _)| scope.address() == unit);
        self.mailbox.count_of(unit) + taken.map(|(_, count)| count as u64).sum::<u64>()
    }

    fn handles(&self, unit: usize) -> bool {
        let taken = self.taken_now();
        taken
            .first()
            .is_some_and(|(scope, _)| scope.address() == unit)
    }
}
