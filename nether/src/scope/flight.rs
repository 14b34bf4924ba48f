//! [`Flight`]: what is in flight in a unit of work, and whether it takes more. Its interleavings are tried
//! out, all of them, in `tests/models`.

use crate::scope::state::ScopeState;
use crate::sync::{AtomicU64, Ordering};

/// The counters of a unit of work, lent by it, in the places where it keeps them.
///
/// `sent` and `done` only grow. Whatever is sent from inside a handler is counted before that handler is
/// done, so once no new work from outside is taken, `done == sent` (read in this order) means that nothing is
/// in flight and nothing ever will be.
pub(crate) struct Flight<'a> {
    pub(crate) state: &'a ScopeState,
    pub(crate) sent: &'a AtomicU64,
    pub(crate) done: &'a AtomicU64,
}

/// What becomes of a message that was counted as sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Admission {
    /// It is accepted.
    Open,
    /// It is accepted, but there is something to see to.
    Special,
    /// It is refused, and to be counted as done: the unit of work is cancelled.
    Cancelled,
    /// It is refused, and to be counted as done: the unit of work is closing or closed.
    Closed,
}

impl Flight<'_> {
    /// Counts so many messages as sent, and gives the number of the first. Work that `is_external` is refused
    /// by a unit of work that closes; what handlers cause is part of what closing waits for. If it is
    /// cancelled it refuses what handlers cause only if that `ends` it.
    #[inline]
    pub(crate) fn send(&self, count: u64, is_external: bool, ends: bool) -> (u64, Admission) {
        let sequence = self.sent.fetch_add(count, Ordering::SeqCst);
        if self.state.is_plain() {
            return (sequence, Admission::Open);
        }
        (sequence, self.special(is_external, ends))
    }

    #[cold]
    fn special(&self, is_external: bool, ends: bool) -> Admission {
        if self.state.is_open() {
            Admission::Special
        } else if self.state.is_cancelled() && (is_external || ends) {
            Admission::Cancelled
        } else if is_external || self.state.has_ended() {
            Admission::Closed
        } else {
            Admission::Special
        }
    }

    /// Counts so many messages as done. Says whether there is something to see to.
    #[inline]
    pub(crate) fn finish(&self, count: u64) -> bool {
        self.done.fetch_add(count, Ordering::SeqCst);
        !self.state.is_plain()
    }

    /// How many messages are in flight.
    pub(crate) fn in_flight(&self) -> u64 {
        let done = self.done.load(Ordering::SeqCst);
        self.sent.load(Ordering::SeqCst).saturating_sub(done)
    }
}
