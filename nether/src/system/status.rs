//! [`ModuleStatus`]: what a running module is doing.

use crate::module::{KeyedStatus, LeaseStatus, ModuleKind, ModuleState};
use crate::system::System;

/// The counts and the state of a running module, at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ModuleStatus {
    /// Its name.
    pub name: &'static str,
    /// Which of its instances it is, from 0. Values of one type that were attached have the same one, 0.
    pub instance: usize,
    /// One at a time, or concurrently.
    pub kind: ModuleKind,
    /// What it is doing.
    pub state: ModuleState,
    /// How often it was restarted after a crash.
    pub restarts: u64,
    /// How many messages wait in its mailbox; a shared module has none.
    pub waiting: usize,
    /// For how many messages its mailbox has room; `None` for a shared module.
    pub mailbox_capacity: Option<usize>,
    /// How many messages it has accepted that have not ended.
    pub in_flight: u64,
    /// How many messages it handled.
    pub handled: u64,
    /// How many messages failed: by an error, or by a panic.
    pub failed: u64,
    /// How many of those that failed were refused: by an error that derives `Problem`, with a status from 400
    /// to 499. Without the feature `http` there is no such error.
    pub refused: u64,
    /// Which process runs the module, if it runs in one process at a time; `None` for other modules, and
    /// until that is known.
    pub lease: Option<LeaseStatus>,
    /// How many values it has, if it has one [for each key](crate::keyed); `None` for other modules.
    pub keyed: Option<KeyedStatus>,
}

impl System {
    /// The running modules and what each did, in the order they were started. The numbers are of this moment:
    /// of modules that are at work, they may be a little behind.
    pub fn modules(&self) -> Vec<ModuleStatus> {
        let status = |instance: &std::sync::Arc<dyn crate::module::AnyInstance>| {
            let (descriptor, work) = (instance.descriptor(), instance.work());
            // In this order, as `ended` says.
            let ended = instance.ended();
            let in_flight = instance.accepted().saturating_sub(ended);
            ModuleStatus {
                name: descriptor.declaration.name,
                instance: instance.index(),
                kind: descriptor.kind,
                state: instance.state(),
                restarts: instance.life().restarts(),
                waiting: work.waiting,
                mailbox_capacity: work.room,
                in_flight,
                handled: work.handled,
                failed: work.failed,
                refused: work.refused,
                lease: instance.lease(),
                keyed: instance.keyed(),
            }
        };
        self.instances().iter().map(status).collect()
    }
}
