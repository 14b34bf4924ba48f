//! [`Watch`]: whether the task that watches for slow handlers runs. It sleeps while nothing is handled, so
//! that an idle system is idle.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// Whether the task that looks after handlers is awake.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    is_awake: AtomicBool,
    busy: Notify,
}

impl Watch {
    /// Something is being handled: it has to be looked after.
    #[inline]
    pub(crate) fn notify_busy(&self) {
        if !self.is_awake.load(Ordering::Relaxed) {
            self.wake();
        }
    }

    #[cold]
    fn wake(&self) {
        if !self.is_awake.swap(true, Ordering::SeqCst) {
            self.busy.notify_one();
        }
    }

    /// Makes each handler that begins from now on say so. One that has begun just before may not have, and is
    /// seen by a later look.
    pub(crate) fn doze(&self) {
        self.is_awake.store(false, Ordering::SeqCst);
    }

    /// Waits until something is being handled.
    pub(crate) async fn until_busy(&self) {
        self.busy.notified().await;
    }
}
