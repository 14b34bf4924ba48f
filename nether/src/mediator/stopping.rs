//! [`Stopping`]: how far a system is with its end, for all who have to know or to say so.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// Whether a system is stopping; known to its contexts and to its modules.
#[derive(Debug, Default)]
pub(crate) struct Stopping {
    /// Set once: new work from outside is refused from then on.
    begun: AtomicBool,
    /// Set once: every module has stopped.
    ended: AtomicBool,
    /// Set once: which module is gone that the system cannot do without, and why.
    demanded: OnceLock<String>,
    /// Whether modules that run out of work have to say so: set by `begin`, and by callers that wait for it.
    is_asked: AtomicBool,
    /// Notified by `begin`, and by modules that ran out of work.
    changed: Notify,
}

impl Stopping {
    /// Refuses new work from outside from now on.
    pub(crate) fn begin(&self) {
        self.begun.store(true, Ordering::SeqCst);
        self.is_asked.store(true, Ordering::SeqCst);
        self.changed.notify_waiters();
    }

    /// Waits until the system begins to stop.
    pub(crate) async fn begun(&self) {
        self.until(|| self.has_begun()).await;
    }

    /// Asks for the system to stop, for the reason given.
    pub(crate) fn demand(&self, reason: String) {
        let _ = self.demanded.set(reason); // The first reason counts.
        self.changed.notify_waiters();
    }

    /// Waits until that is asked for, or the system stops anyway. Says whether it is asked for.
    pub(crate) async fn demanded(&self) -> bool {
        let is_demanded = || self.demanded.get().is_some();
        self.until(|| is_demanded() || self.has_begun()).await;
        is_demanded()
    }

    /// Why the system was asked to stop, if it was.
    pub(crate) fn reason(&self) -> Option<&str> {
        self.demanded.get().map(String::as_str)
    }

    /// Says that every module has stopped.
    pub(crate) fn end(&self) {
        self.ended.store(true, Ordering::SeqCst);
    }

    /// Whether every module has stopped, so that nothing will be published any more.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::SeqCst)
    }

    /// Whether new work from outside is refused.
    #[inline]
    pub(crate) fn has_begun(&self) -> bool {
        self.begun.load(Ordering::SeqCst)
    }

    /// Lets modules say when they run out of work.
    #[cfg(feature = "test")]
    pub(crate) fn ask_quiet(&self) {
        self.is_asked.store(true, Ordering::SeqCst);
    }

    /// Called by a module that ran out of work. Costs a load unless a caller waits for that.
    #[inline]
    pub(crate) fn notify_quiet(&self) {
        if self.is_asked.load(Ordering::SeqCst) {
            self.changed.notify_waiters();
        }
    }

    /// Waits until `is_so`, which is asked again when the system begins to stop and whenever a module runs
    /// out of work.
    pub(crate) async fn until(&self, is_so: impl Fn() -> bool) {
        loop {
            let notified = self.changed.notified();
            tokio::pin!(notified);
            notified.as_mut().enable();
            if is_so() {
                return;
            }
            notified.await;
        }
    }
}
