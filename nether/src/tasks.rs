//! [`Tasks`]: what runs in a system besides its modules: what contexts spawn, and the end of their
//! transactions.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::sync::Notify;

/// The tasks of contexts. The counts only grow.
#[derive(Debug, Default)]
pub(crate) struct Tasks {
    begun: AtomicU64,
    ended: AtomicU64,
    /// How many ended because they were cut off.
    cut_off: AtomicU64,
    is_over: AtomicBool,
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

    /// Ends those that run.
    pub(crate) fn cut_off(&self) {
        self.is_over.store(true, Ordering::SeqCst);
        self.over.notify_waiters();
    }

    /// Waits until they are to end; then it is counted that one did.
    pub(crate) async fn until_cut_off(&self) {
        self.until_over().await;
        self.count_cut_off();
    }

    /// Counts one that ended because it was cut off.
    pub(crate) fn count_cut_off(&self) {
        self.cut_off.fetch_add(1, Ordering::SeqCst);
    }

    /// Waits until they are to end.
    pub(crate) async fn until_over(&self) {
        let over = self.over.notified();
        tokio::pin!(over);
        over.as_mut().enable();
        if !self.is_over.load(Ordering::SeqCst) {
            over.await;
        }
    }

    /// How many were.
    pub(crate) fn were_cut_off(&self) -> u64 {
        self.cut_off.load(Ordering::SeqCst)
    }
}
