//! [`ModuleWait`]: that a module or message waits for a module, whatever that does: to be there, or to have
//! room.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::Waker;

use tokio::sync::Notify;

use crate::envelope::ExpectedReply;
use crate::error::Deadlock;
use crate::race::race;
use crate::scope::{PendingReply, Scope, last_roll};
use crate::waiting::node::Wait;
use crate::waiting::polled::PolledWait;
use crate::waiting::{Waiter, inner, is_in_module, this};

/// What the message of a wait is called that is for a module to be started, by the `after` of another.
const AFTER: &str = "after";

/// A wait for a module, until dropped.
pub(crate) struct ModuleWait(Arc<ModuleWaitCell>);

#[derive(Default)]
struct ModuleWaitCell {
    is_over: AtomicBool,
    owner: AtomicU64,
    refused: OnceLock<Deadlock>,
    told: Notify,
    /// When it was polled, unless it is for something that a module does before it handles messages.
    poll: Option<PolledWait>,
}

impl PendingReply for ModuleWaitCell {
    fn is_open(&self) -> bool {
        !self.is_over.load(Ordering::SeqCst)
    }

    fn wake(&self) {
        if let Some(poll) = &self.poll {
            poll.wake();
        }
    }

    fn close(&self) {
        self.is_over.store(true, Ordering::SeqCst);
    }
}

impl ExpectedReply for ModuleWaitCell {
    fn owner(&self) -> u64 {
        self.owner.load(Ordering::SeqCst)
    }

    fn set_owner(&self, module: u64) {
        self.owner.store(module, Ordering::SeqCst);
    }

    fn last_roll(&self) -> u64 {
        self.poll.as_ref().map_or(u64::MAX, PolledWait::last_roll)
    }

    fn refuse(&self, deadlock: Deadlock) {
        self.close();
        let _ = self.refused.set(deadlock);
        self.told.notify_one();
        self.wake();
    }
}

impl ModuleWait {
    fn begin(this: &Waiter, message: &'static str, module: &Waiter) -> Result<Self, Deadlock> {
        ModuleWait::within(this, (message, 0, Vec::new()), module, None)
    }

    /// The message is of the unit of work that has this address, and is nested in those.
    pub(super) fn within(
        this: &Waiter,
        (message, unit, parents): (&'static str, usize, Vec<usize>),
        module: &Waiter,
        poll: Option<PolledWait>,
    ) -> Result<Self, Deadlock> {
        let cell = Arc::new(ModuleWaitCell {
            poll,
            ..ModuleWaitCell::default()
        });
        let wait = Wait {
            message,
            handler: Arc::clone(&module.node),
            reply: Arc::clone(&cell) as _,
            unit,
            parents,
            is_known: true,
            began: last_roll(),
            inner: inner::current(),
        };
        this.node.add(wait)?;
        Ok(ModuleWait(cell))
    }

    /// Registers that a module does not start before another has.
    ///
    /// # Errors
    /// If it would never start.
    pub(crate) fn after(this: &Waiter, other: &Waiter) -> Result<Self, Deadlock> {
        ModuleWait::begin(this, AFTER, other)
    }

    /// Registers that a delivery waits until its message has room in the mailbox of a module. `None`
    /// elsewhere: no module waits for room.
    #[cold]
    pub(crate) fn for_room(
        message: &'static str,
        scope: &Scope,
        module: &Waiter,
        waker: &Waker,
    ) -> Option<Self> {
        if is_in_module() {
            return None;
        }
        let of = (message, scope.address(), scope.parents());
        let poll = PolledWait::default();
        poll.note(waker);
        ModuleWait::within(&*this()?, of, module, Some(poll)).ok()
    }

    /// It was polled, and waits on.
    pub(crate) fn note_polled(&self, waker: &Waker) {
        if let Some(poll) = &self.0.poll {
            poll.note(waker);
        }
    }

    /// The circle that the wait is in, if there is no way out of it.
    pub(super) fn deadlock(&self) -> Option<Deadlock> {
        self.0.refused.get().cloned()
    }

    /// The circle that the wait is in, once there is no way out of it.
    async fn refused(&self) -> Deadlock {
        loop {
            if let Some(deadlock) = self.0.refused.get() {
                return deadlock.clone();
            }
            self.0.told.notified().await;
        }
    }
}

impl Drop for ModuleWait {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// Waits until `made`, which ends when the module is there that handles the message.
///
/// # Errors
/// If the module in whose task this runs would wait for ever.
pub(crate) async fn until_made<T>(
    message: &'static str,
    module: &Waiter,
    made: impl Future<Output = T>,
) -> Result<T, Deadlock> {
    let Some(this) = this() else {
        return Ok(made.await);
    };
    let wait = ModuleWait::begin(&this, message, module)?;
    race(async { Ok(made.await) }, async {
        Err(wait.refused().await)
    })
    .await
}
