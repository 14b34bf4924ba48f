//! [`LiveCount`]: how many of something there are, for those who wait until there are fewer.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

/// How many of something there are.
#[derive(Debug, Default)]
pub(super) struct LiveCount {
    count: AtomicUsize,
    /// Notified when one is gone.
    fell: Notify,
}

/// One of them, until dropped.
#[derive(Debug)]
pub(in crate::module) struct LiveGuard(Arc<LiveCount>);

impl LiveCount {
    /// Counts one more.
    pub(super) fn enter(self: &Arc<Self>) -> LiveGuard {
        self.count.fetch_add(1, Ordering::SeqCst);
        LiveGuard(Arc::clone(self))
    }

    /// Waits until there is none.
    pub(super) async fn none(&self) {
        self.room(1).await;
    }

    /// Waits until there are fewer than `most`, and returns how many may come.
    pub(super) async fn room(&self, most: usize) -> usize {
        loop {
            let notified = self.fell.notified();
            tokio::pin!(notified);
            notified.as_mut().enable();
            let count = self.count.load(Ordering::SeqCst);
            if count < most {
                return most - count;
            }
            notified.await;
        }
    }
}

impl Drop for LiveGuard {
    fn drop(&mut self) {
        self.0.count.fetch_sub(1, Ordering::SeqCst);
        self.0.fell.notify_waiters();
    }
}
