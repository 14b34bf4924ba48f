//! The task that sends what is due, and the end of what is not.

use std::any::TypeId;
use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::task::coop::consume_budget;
use tokio::time::{Instant, sleep_until};

use crate::guarded::{catch_now, said_last};
use crate::mediator::{DelayedMessage, LostName, Mediator};
use crate::race::race;
use crate::timetable::NextDue;

/// Makes sure that there is a task which sends what is due, and that it looks at what is due first.
pub(super) fn notice_first(mediator: &Arc<Mediator>) {
    if mediator.delayed.needs_driver() {
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
        while let Some(due) = delayed.timetable.take_due(Instant::now()) {
            send(&*due, &mediator);
            consume_budget().await;
        }
        match delayed.timetable.next_due() {
            NextDue::At(at) => race(changed, sleep_until(at)).await,
            NextDue::Nothing => changed.await,
            NextDue::Closed => return,
        }
    }
}

/// Sends one message. A panic of user code beside its handler must not keep the others from being sent.
fn send(due: &dyn DelayedMessage, mediator: &Arc<Mediator>) {
    if let Err(panic) = catch_now(&mut || due.send(mediator)) {
        let (module, message) = due.names();
        let panic = said_last(panic);
        tracing::error!(
            message,
            module,
            panic,
            "a message panicked while it was sent"
        );
    }
}

/// What the values of one module type have delayed, as one of these values sees it.
pub(crate) struct ModuleDelays {
    mediator: Arc<Mediator>,
    module: TypeId,
    /// Whether this value runs.
    is_running: AtomicBool,
}

impl ModuleDelays {
    /// Those of the module type `M`.
    pub(crate) fn of<M: 'static>(mediator: &Arc<Mediator>) -> Arc<Self> {
        Arc::new(ModuleDelays {
            mediator: Arc::clone(mediator),
            module: TypeId::of::<M>(),
            is_running: AtomicBool::new(false),
        })
    }

    /// From now on the value delays messages.
    pub(crate) fn begin(&self) {
        if !self.is_running.swap(true, Ordering::SeqCst) {
            self.mediator.delayed.timetable.begin(self.module);
        }
    }

    /// The value delays messages no more. With the last value of the type, what is delayed becomes dead
    /// letters.
    pub(crate) fn end(&self) {
        if self.is_running.swap(false, Ordering::SeqCst) {
            lose_all(
                &self.mediator,
                self.mediator.delayed.timetable.end(self.module),
            );
        }
    }
}

/// Ends what modules have delayed, because the system stops.
pub(crate) fn end_delayed(mediator: &Arc<Mediator>) {
    let delayed = &mediator.delayed;
    lose_all(mediator, delayed.timetable.close());
    delayed.changed.notify_waiters();
}

/// Makes dead letters of messages whose module has ended. In the log, those of one type are one line: a stop
/// in order ends timers by the thousand.
pub(super) fn lose_all(mediator: &Arc<Mediator>, messages: Vec<Arc<dyn DelayedMessage>>) {
    let mut counts: BTreeMap<LostName, u64> = BTreeMap::new();
    for message in &messages {
        *counts.entry(message.names()).or_default() += 1;
    }
    // Counted first: user code that panics must not change the count.
    for ((module, message), count) in counts {
        mediator.delayed.count_lost((module, message), count);
        tracing::info!(
            message,
            module,
            count,
            "delayed messages were not sent: the module stopped"
        );
    }
    for message in messages {
        message.lose(mediator);
    }
}
