//! Sends delayed messages when they are due, and makes dead letters of those whose module ends.

use std::any::TypeId;
use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::{Arc, Mutex};

use tokio::task::coop::consume_budget;
use tokio::time::{Instant, sleep_until};

use crate::context::handle::{Handle, Origin};
use crate::context::later::entry::report_lost;
use crate::error::FailureKind;
use crate::guarded::{catch_now, said_last};
use crate::mediator::{DelayedMessage, LostName, Mediator};
use crate::race::race;
use crate::scope::{Scope, ScopeKind};
use crate::sync::lock;
use crate::timetable::NextDue;

/// Makes sure that there is a task which sends what is due, and that it looks at what is due first.
pub(super) fn notice_first(mediator: &Arc<Mediator>) {
    if mediator.delayed.claim_driver() {
        mediator.runtime.spawn(drive(Arc::clone(mediator)));
    } else {
        mediator.delayed.changed.notify_waiters();
    }
}

/// Sends what is due, until the timetable is closed.
async fn drive(mediator: Arc<Mediator>) {
    let delayed = &mediator.delayed;
    loop {
        let mut changed = pin!(delayed.changed.notified());
        changed.as_mut().enable();
        while send_first(&mediator) {
            consume_budget().await;
        }
        match delayed.timetable.next_due() {
            NextDue::At(at) => race(changed, sleep_until(at)).await,
            NextDue::Nothing => changed.await,
            NextDue::Closed => return,
        }
    }
}

/// Sends the first message, if it is due, and says whether it was. A system that stops waits for that:
/// between the timetable and a mailbox, no module counts the message.
fn send_first(mediator: &Arc<Mediator>) -> bool {
    mediator.tasks.begin();
    let due = mediator.delayed.timetable.take_due(Instant::now());
    if let Some(due) = &due {
        beside_the_others(&**due, &mut || due.send(mediator));
    }
    mediator.tasks.end();
    mediator.stopping.notify_quiet();
    due.is_some()
}

/// Does something to one delayed message. A panic of user code in it, such as a subscriber of `tracing`, must
/// not keep the others from what is done to them.
fn beside_the_others(delayed: &dyn DelayedMessage, what: &mut dyn FnMut()) {
    if let Err(panic) = catch_now(what) {
        let (module, message) = delayed.names();
        let panic = said_last(panic);
        // What has panicked may be the log.
        let _ = catch_now(&mut || {
            tracing::error!(message, module, panic, "a delayed message panicked");
        });
    }
}

/// What the values of one module type have delayed, as one of these values sees it.
pub(crate) struct ModuleDelays {
    mediator: Arc<Mediator>,
    module: TypeId,
    /// Whether this value runs. Locked while that changes, so that the value counts in the timetable as it
    /// says here.
    is_running: Mutex<bool>,
}

impl ModuleDelays {
    /// Those of the module type `M`.
    pub(crate) fn of<M: 'static>(mediator: &Arc<Mediator>) -> Arc<Self> {
        Arc::new(ModuleDelays {
            mediator: Arc::clone(mediator),
            module: TypeId::of::<M>(),
            is_running: Mutex::new(false),
        })
    }

    /// From now on the value delays messages.
    pub(crate) fn begin(&self) {
        let mut is_running = lock(&self.is_running);
        if !*is_running {
            self.mediator.delayed.timetable.begin(self.module);
            *is_running = true;
        }
    }

    /// The value delays messages no more. With the last value of the type, what is delayed becomes dead
    /// letters. It never panics.
    pub(crate) fn end(&self) {
        let lost = {
            let mut is_running = lock(&self.is_running);
            if !*is_running {
                return;
            }
            *is_running = false;
            self.mediator.delayed.timetable.end(self.module)
        };
        lose_all(&self.mediator, lost);
    }
}

/// Ends what modules have delayed, because the system stops.
pub(crate) fn end_delayed(mediator: &Arc<Mediator>) {
    let delayed = &mediator.delayed;
    lose_all(mediator, delayed.timetable.close());
    delayed.changed.notify_waiters();
}

/// Makes dead letters of messages whose module has ended, in one scope. In the log, those of one type are one
/// line: a stop in order ends timers by the thousand.
///
/// It never panics: it is part of the end of a module and of a system, which others wait for.
pub(super) fn lose_all(mediator: &Arc<Mediator>, messages: Vec<Arc<dyn DelayedMessage>>) {
    let Some(first) = messages.first() else {
        return;
    };
    let mut counts: BTreeMap<LostName, u64> = BTreeMap::new();
    for message in &messages {
        *counts.entry(message.names()).or_default() += 1;
    }
    // Counted first: user code that panics must not change the count.
    for (names, count) in &counts {
        mediator.delayed.count_lost(*names, *count);
    }
    beside_the_others(&**first, &mut || log_lost(&counts));
    let scope = Scope::new(Arc::clone(mediator), ScopeKind::Standing);
    let handle = Handle::new(Arc::new(scope), Origin::Handler);
    for message in &messages {
        let names = message.names();
        beside_the_others(&**message, &mut || {
            message.lose(&|json| report_lost(&handle, names, &FailureKind::Stopped, json));
        });
    }
}

fn log_lost(counts: &BTreeMap<LostName, u64>) {
    for (&(module, message), count) in counts {
        tracing::info!(
            message,
            module,
            count,
            "delayed messages were not sent: the module stopped"
        );
    }
}
