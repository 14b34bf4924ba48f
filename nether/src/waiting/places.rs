//! [`PlaceHolders`]: who has the places of a shared module, and who waits for one.

use std::collections::HashMap;
use std::sync::Arc;

use crate::scope::Scope;
use crate::sync::{Mutex, lock};
use crate::waiting::{DELIVERY, DeliveryWaiter, Waiter, current};

/// Who has the places of a shared module, and who waits for one.
#[derive(Debug, Default)]
pub(crate) struct PlaceHolders(Mutex<PlaceBooks>);

#[derive(Debug, Default)]
struct PlaceBooks {
    /// How many messages of a unit of work wait, by its address.
    waiting: HashMap<usize, usize>,
    /// Handlers that have a place and are not done, by their numbers here.
    holders: HashMap<u64, PlaceHolder>,
    next: u64,
}

/// A handler that has a place.
#[derive(Debug, Clone, Copy)]
struct PlaceHolder {
    /// The number of the waiter in whose task it waits; 0 as long as it has waited for nothing.
    waiter: u64,
    /// The address of its unit of work.
    unit: usize,
}

impl PlaceHolders {
    /// They are those of the module of this waiter.
    pub(crate) fn of(waiter: &Waiter) -> Arc<Self> {
        let holders = waiter.places.get_or_init(Arc::default);
        Arc::clone(holders)
    }

    /// A message of the unit of work waits for a place, until dropped.
    pub(crate) fn wait(self: &Arc<Self>, scope: &Scope) -> WaitsForPlace {
        let unit = scope.address();
        *lock(&self.0).waiting.entry(unit).or_default() += 1;
        WaitsForPlace {
            of: Arc::clone(self),
            unit,
        }
    }

    /// A handler of the unit of work has a place and is not done, until dropped.
    pub(crate) fn hold(self: &Arc<Self>, scope: &Scope) -> HoldsPlace {
        let mut books = lock(&self.0);
        let number = books.next;
        books.next += 1;
        let holder = PlaceHolder {
            waiter: 0,
            unit: scope.address(),
        };
        books.holders.insert(number, holder);
        HoldsPlace {
            of: Arc::clone(self),
            number,
            waiter: 0,
        }
    }

    /// Whether a message of the unit of work that has this address waits for a place.
    pub(super) fn are_waited_for(&self, unit: usize) -> bool {
        lock(&self.0).waiting.contains_key(&unit)
    }

    /// The numbers of the waiters in whose tasks handlers have places that are not of the unit of work that
    /// has this address; one for each place.
    pub(super) fn others(&self, unit: usize) -> Vec<u64> {
        let books = lock(&self.0);
        let others = books.holders.values().filter(|it| it.unit != unit);
        others.map(|holder| holder.waiter).collect()
    }
}

/// That a message waits for a place, until dropped.
pub(crate) struct WaitsForPlace {
    of: Arc<PlaceHolders>,
    unit: usize,
}

impl Drop for WaitsForPlace {
    fn drop(&mut self) {
        let mut books = lock(&self.of.0);
        if let Some(count) = books.waiting.get_mut(&self.unit) {
            *count -= 1;
            if *count == 0 {
                books.waiting.remove(&self.unit);
            }
        }
    }
}

/// That a handler has a place, until dropped.
pub(crate) struct HoldsPlace {
    of: Arc<PlaceHolders>,
    number: u64,
    waiter: u64,
}

impl HoldsPlace {
    /// Notes in whose task the handler was polled.
    pub(crate) fn note_polled(&mut self, waiter: &DeliveryWaiter) {
        let number = waiter.number().unwrap_or_else(current);
        if number != self.waiter && number != DELIVERY {
            self.waiter = number;
            if let Some(holder) = lock(&self.of.0).holders.get_mut(&self.number) {
                holder.waiter = number;
            }
        }
    }
}

impl Drop for HoldsPlace {
    fn drop(&mut self) {
        lock(&self.of.0).holders.remove(&self.number);
    }
}
