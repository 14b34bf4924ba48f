//! [`DelayedMessages`]: the messages of a system that are sent later.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::mediator::Mediator;
use crate::message::KeyValue;
use crate::sync::lock;
use crate::timetable::Timetable;

/// The report of a message that is lost, given what makes JSON of it.
pub(crate) type ReportLost<'a> = dyn Fn(&dyn Fn() -> Option<String>) + 'a;

/// A message that is sent later, whatever its type.
pub(crate) trait DelayedMessage: Send + Sync {
    /// Sends it. Refused, it is reported as a dead letter; so it is if user code panics meanwhile.
    fn send(&self, mediator: &Arc<Mediator>);

    /// Drops it, because its module has ended. `report` is given what makes JSON of it, unless it is a
    /// consequence of a report and so is not reported again.
    fn lose(&self, report: &ReportLost<'_>);

    /// Drops it.
    fn discard(&self);

    /// Makes it a dead letter if no handler has it so long after it was due.
    fn expire(&self, within: Duration);

    /// The names of the module that sends it, and of its type.
    fn names(&self) -> LostName;
}

/// The name of a module, and that of a message of it which was not sent.
pub(crate) type LostName = (&'static str, &'static str);

/// The messages of a system that are sent later.
pub(crate) struct DelayedMessages {
    pub(crate) timetable: Timetable<Instant, KeyValue, Arc<dyn DelayedMessage>>,
    /// Notified when a message was added that is due before all others, and when the timetable was closed.
    pub(crate) changed: Notify,
    /// Whether there is a task that sends what is due.
    is_driven: AtomicBool,
    /// How many were not sent. The counts only grow.
    lost: Mutex<BTreeMap<LostName, u64>>,
}

impl DelayedMessages {
    pub(super) fn new() -> Self {
        DelayedMessages {
            timetable: Timetable::new(),
            changed: Notify::new(),
            is_driven: AtomicBool::new(false),
            lost: Mutex::default(),
        }
    }

    /// Claims the task that sends what is due; `true` for the first caller.
    pub(crate) fn claim_driver(&self) -> bool {
        !self.is_driven.load(Ordering::Relaxed) && !self.is_driven.swap(true, Ordering::SeqCst)
    }

    pub(crate) fn count_lost(&self, names: LostName, count: u64) {
        *lock(&self.lost).entry(names).or_default() += count;
    }

    pub(crate) fn lost(&self) -> BTreeMap<LostName, u64> {
        lock(&self.lost).clone()
    }
}
