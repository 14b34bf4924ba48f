//! [`PlaceQueue`]: the units of work whose messages wait for places of a shared module.

use std::collections::HashMap;
use std::sync::Arc;

use crate::scope::Scope;
use crate::sync::{Mutex, lock};
use crate::waiting::Waiter;

/// Counts, for each unit of work, the messages that wait for a place of a shared module.
#[derive(Debug, Default)]
pub(crate) struct PlaceQueue(Mutex<HashMap<usize, usize>>);

impl PlaceQueue {
    /// Returns the queue of the module of this waiter.
    pub(crate) fn of(waiter: &Waiter) -> Arc<Self> {
        Arc::clone(waiter.place_queue.get_or_init(Arc::default))
    }

    /// Registers that a message of the unit of work waits, until the returned value is dropped.
    pub(crate) fn enter(self: &Arc<Self>, scope: &Scope) -> InPlaceQueue {
        let unit = scope.address();
        *lock(&self.0).entry(unit).or_default() += 1;
        InPlaceQueue {
            queue: Arc::clone(self),
            unit,
        }
    }

    /// Returns whether a message of the unit of work that has this address waits.
    pub(super) fn has(&self, unit: usize) -> bool {
        lock(&self.0).contains_key(&unit)
    }
}

/// A message that waits for a place. It leaves the queue when this is dropped.
pub(crate) struct InPlaceQueue {
    queue: Arc<PlaceQueue>,
    unit: usize,
}

impl Drop for InPlaceQueue {
    fn drop(&mut self) {
        let mut waiting = lock(&self.queue.0);
        if let Some(count) = waiting.get_mut(&self.unit) {
            *count -= 1;
            if *count == 0 {
                waiting.remove(&self.unit);
            }
        }
    }
}
