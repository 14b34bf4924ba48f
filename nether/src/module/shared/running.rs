//! [`Running`]: the handlers of a shared module that are at work.

use std::collections::BTreeMap;
use std::sync::Mutex;

use tokio::time::Instant;

use crate::module::life::BeingHandled;
use crate::sync::lock;

/// The handlers at work that were not ready at once, by number.
#[derive(Default)]
pub(super) struct Running(Mutex<RunningHandlers>);

#[derive(Default)]
struct RunningHandlers {
    next: u64,
    begun: BTreeMap<u64, BeingHandled>,
}

impl Running {
    /// A handler is at work, for who looks on.
    #[cold]
    pub(super) fn begin(&self, slot: usize, is_of_report: bool) -> Begun<'_> {
        let mut running = lock(&self.0);
        let turn = running.next;
        running.next += 1;
        let handling = BeingHandled {
            turn,
            slot,
            since: Some(Instant::now()),
            is_of_report,
        };
        running.begun.insert(turn, handling);
        Begun {
            running: self,
            turn,
        }
    }

    /// All that are at work.
    pub(super) fn all(&self) -> Vec<BeingHandled> {
        lock(&self.0).begun.values().copied().collect()
    }
}

/// A handler that is at work, until dropped.
pub(super) struct Begun<'a> {
    running: &'a Running,
    turn: u64,
}

impl Drop for Begun<'_> {
    fn drop(&mut self) {
        lock(&self.running.0).begun.remove(&self.turn);
    }
}
