//! [`LiveCount`]: how many of something there are, for those who wait until there are fewer.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

/// How many of something there are.
#[derive(Debug, Default)]
pub(super) struct LiveCount {
    count: AtomicUsize,
    /// How many wait until there are fewer. While none does, nothing is notified, because that takes a lock.
    awaiting: AtomicUsize,
    /// Notified when one is gone, while some wait for that.
    fewer: Notify,
}

/// One of them, until dropped.
#[derive(Debug)]
pub(in crate::module) struct LiveGuard(Arc<LiveCount>);

/// A value that is counted for as long as it is there, however it goes.
#[derive(Debug)]
pub(super) struct CountedValue<T> {
    pub(super) value: T,
    /// Dropped after the value.
    pub(super) guard: LiveGuard,
}

/// Guard of one that waits until there are fewer.
struct Awaiting<'a>(&'a LiveCount);

impl LiveCount {
    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.count.load(Ordering::SeqCst)
    }

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
        // Noted before the count is read: one that goes after that sees it, and notifies.
        self.awaiting.fetch_add(1, Ordering::SeqCst);
        let _awaiting = Awaiting(self);
        loop {
            let notified = self.fewer.notified();
            tokio::pin!(notified);
            notified.as_mut().enable();
            let count = self.count();
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
        if self.0.awaiting.load(Ordering::SeqCst) > 0 {
            self.0.fewer.notify_waiters();
        }
    }
}

impl Drop for Awaiting<'_> {
    fn drop(&mut self) {
        self.0.awaiting.fetch_sub(1, Ordering::SeqCst);
    }
}
