//! [`StartWait`]: that a module, or a message, waits for a module that is not there yet.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use tokio::sync::Notify;

use crate::envelope::ExpectedReply;
use crate::error::Deadlock;
use crate::race::race;
use crate::scope::PendingReply;
use crate::waiting::graph::Wait;
use crate::waiting::{Waiter, current, holders, of};

/// What the message of a wait is called that is for a module to be started, by the `after` of another.
const AFTER: &str = "after";

/// A wait for a module that is not there yet, until dropped.
pub(crate) struct StartWait(Arc<StartCell>);

#[derive(Default)]
struct StartCell {
    is_over: AtomicBool,
    owner: AtomicU64,
    refused: OnceLock<Deadlock>,
    told: Notify,
}

impl PendingReply for StartCell {
    fn is_open(&self) -> bool {
        !self.is_over.load(Ordering::SeqCst)
    }

    fn wake(&self) {}

    fn close(&self) {
        self.is_over.store(true, Ordering::SeqCst);
    }
}

impl ExpectedReply for StartCell {
    fn owner(&self) -> u64 {
        self.owner.load(Ordering::SeqCst)
    }

    fn set_owner(&self, module: u64) {
        self.owner.store(module, Ordering::SeqCst);
    }

    fn refuse(&self, deadlock: Deadlock) {
        self.close();
        let _ = self.refused.set(deadlock);
        self.told.notify_one();
    }
}

impl StartWait {
    fn begin(this: &Waiter, message: &'static str, module: &Waiter) -> Result<Self, Deadlock> {
        let cell = Arc::<StartCell>::default();
        let wait = Wait {
            message,
            handler: Arc::clone(&module.node),
            reply: Arc::clone(&cell) as _,
            unit: 0,
            parents: Vec::new(),
        };
        this.node.add(wait, &holders)?;
        Ok(StartWait(cell))
    }

    /// Registers that a module does not start before another has.
    ///
    /// # Errors
    /// If it would never start.
    pub(crate) fn after(this: &Waiter, other: &Waiter) -> Result<Self, Deadlock> {
        StartWait::begin(this, AFTER, other)
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

impl Drop for StartWait {
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
    let Some(this) = of(current()) else {
        return Ok(made.await);
    };
    let wait = StartWait::begin(&this, message, module)?;
    race(async { Ok(made.await) }, async {
        Err(wait.refused().await)
    })
    .await
}
