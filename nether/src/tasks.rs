//! [`Tasks`]: what runs in a system besides its modules: what contexts spawn, and the end of their
//! transactions.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Notify;
use tokio::time::Instant;

/// The tasks of contexts. The counts only grow.
#[derive(Debug, Default)]
pub(crate) struct Tasks {
    begun: AtomicU64,
    ended: AtomicU64,
    /// How many pieces of work were begun: spawned tasks, ends of transactions, and steps that were cut off.
    work_begun: AtomicU64,
    /// How many pieces of work were done. One that was cut off never is.
    work_done: AtomicU64,
    /// Set once, when they are to end: the instant until which the stop waits for that.
    over_until: OnceLock<Instant>,
    over: Notify,
}

impl Tasks {
    pub(crate) fn begin(&self) {
        self.begun.fetch_add(1, Ordering::SeqCst);
    }

    pub(crate) fn end(&self) {
        self.ended.fetch_add(1, Ordering::SeqCst);
    }

    pub(crate) fn begun(&self) -> u64 {
        self.begun.load(Ordering::SeqCst)
    }

    pub(crate) fn ended(&self) -> u64 {
        self.ended.load(Ordering::SeqCst)
    }

    /// Counts a piece of work as cut off until it is [done](Tasks::end_work).
    pub(crate) fn begin_work(&self) {
        self.work_begun.fetch_add(1, Ordering::SeqCst);
    }

    pub(crate) fn end_work(&self) {
        self.work_done.fetch_add(1, Ordering::SeqCst);
    }

    /// Counts a step that was cut off, of work that goes on.
    pub(crate) fn count_cut_off(&self) {
        self.begin_work(); // It never ends.
    }

    /// Ends those that run. The stop waits for that until the instant given.
    pub(crate) fn cut_off(&self, until: Instant) {
        let _ = self.over_until.set(until); // A system stops once.
        self.over.notify_waiters();
    }

    /// Waits until they are to end. Returns the instant until which the stop waits for that.
    pub(crate) async fn until_over(&self) -> Instant {
        loop {
            let over = self.over.notified();
            tokio::pin!(over);
            over.as_mut().enable();
            if let Some(until) = self.over_until.get() {
                return *until;
            }
            over.await;
        }
    }

    /// How many pieces of work were cut off, or would be now: those that were begun and are not done.
    pub(crate) fn were_cut_off(&self) -> u64 {
        // Read first: work that begins meanwhile must not hide work that is not done.
        let done = self.work_done.load(Ordering::SeqCst);
        self.work_begun.load(Ordering::SeqCst) - done
    }
}
