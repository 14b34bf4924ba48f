//! [`WaiterLookup`]: what closing asks of the wait-for graph, which is in a layer above.

use std::collections::HashSet;

use crate::scope::ModuleAhead;

/// What closing asks of those who know which handlers wait for whom, about the unit of work that has an
/// address.
pub(crate) struct WaiterLookup {
    /// Whether it happens in a handler or task of it.
    pub(crate) is_inside: fn(usize) -> bool,
    /// Wakes what its handlers and tasks wait for in other units of work.
    pub(crate) wake_elsewhere: fn(usize),
    /// The modules of these numbers, and those that have messages of it.
    pub(crate) modules_ahead: fn(usize, &HashSet<u64>) -> Vec<ModuleAhead>,
}

impl WaiterLookup {
    /// For a unit of work that is cancelled, whose streams have ended.
    pub(crate) const NONE: WaiterLookup = WaiterLookup {
        is_inside: |_| false,
        wake_elsewhere: |_| {},
        modules_ahead: |_, _| Vec::new(),
    };
}
