//! How many messages were handled, counted in the same way by all contestants: a number of the process.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Notify;

static HANDLED: AtomicU64 = AtomicU64::new(0);
static AWAITED: AtomicU64 = AtomicU64::new(u64::MAX);
static REACHED: Notify = Notify::const_new();

/// A handler is done.
pub(super) fn count() {
    if HANDLED.fetch_add(1, Ordering::SeqCst) + 1 == AWAITED.load(Ordering::SeqCst) {
        REACHED.notify_one();
    }
}

/// Waits until so many handlers are done, since the process began.
pub(super) async fn reach(count: u64) {
    AWAITED.store(count, Ordering::SeqCst);
    while HANDLED.load(Ordering::SeqCst) < count {
        REACHED.notified().await;
    }
}
