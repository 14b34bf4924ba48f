//! [`Books`]: what an exclusive module has done and not said.

use std::mem;

use crate::module::exclusive::ExclusiveCell;
use crate::module::{Exclusive, Module};
use crate::scope::Scope;

/// The counts of handled messages that are not reported yet.
#[derive(Default)]
pub(super) struct Books {
    /// Messages that the mailbox counts as waiting.
    pub(super) started: usize,
    pub(super) handled: u64,
    pub(super) failed: u64,
    /// Some of those that failed.
    pub(super) refused: u64,
    /// Whether the mailbox wakes the module when there is more: it need not look. This holds until the
    /// module's task ends its turn, since a wake-up counts from one turn to the next.
    pub(super) is_called: bool,
    /// Whether a handler has begun and not ended.
    pub(super) is_handling: bool,
}

impl Books {
    /// Reports what is done in a run; to the unit of work last, because a caller that waits for its end may
    /// look at the rest then.
    #[inline]
    pub(super) fn settle<M: Module + Exclusive>(&mut self, cell: &ExclusiveCell<M>, scope: &Scope) {
        let handled = mem::take(&mut self.handled);
        let failed = mem::take(&mut self.failed);
        if handled + failed > 0 {
            let refused = mem::take(&mut self.refused);
            cell.tally.add_alone(handled, failed, refused);
            scope.finish(handled + failed);
        }
    }

    /// Says that, and what room there is in the mailbox, when the module's task ends its turn.
    #[cold]
    pub(super) fn settle_all<M: Module + Exclusive>(
        &mut self,
        cell: &ExclusiveCell<M>,
        scope: &Scope,
    ) {
        self.is_called = false;
        self.say_started(cell);
        self.settle(cell, scope);
    }

    #[cold]
    pub(super) fn say_started<M: Module + Exclusive>(&mut self, cell: &ExclusiveCell<M>) {
        if self.started > 0 {
            cell.mailbox.started(mem::take(&mut self.started));
        }
    }
}
