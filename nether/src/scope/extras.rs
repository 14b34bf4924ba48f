//! [`Extras`]: the parts of a unit of work besides its messages. They are created on first use.

use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, OnceLock};

use tokio::sync::Notify;

use crate::mediator::Subscribers;
use crate::scope::Scope;
use crate::scope::after_commit::AfterCommit;
use crate::scope::calls::OpenCalls;
use crate::scope::family::Children;
use crate::scope::ledger::Ledger;
use crate::scope::streams::Streams;
use crate::scope::transaction::Enlisted;

/// The parts of a unit of work besides its messages.
#[derive(Default)]
pub(super) struct Extras {
    /// The subscriptions of this context, of a type that only `context` knows.
    subscriptions: OnceLock<Box<dyn Subscribers>>,
    pub(super) calls: OpenCalls,
    pub(super) streams: Streams,
    /// What its deliveries wait for.
    pub(super) ledger: Ledger,
    /// Notified, while it closes, when a delivery begins or ceases to wait.
    pub(super) moved: Notify,
    pub(super) enlisted: Enlisted,
    pub(super) after_commit: AfterCommit,
    /// Units of work that were opened within this one.
    pub(super) children: Mutex<Children>,
    /// The first handler that failed: enlisted transactions must not be committed, even if its caller got the
    /// error.
    rollback_cause: OnceLock<RollbackCause>,
    /// How many messages failed after the list of failures was full.
    pub(super) unlisted_failures: AtomicU64,
}

/// The handler whose failure prevents the commit.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RollbackCause {
    pub(crate) message: &'static str,
    pub(crate) module: &'static str,
}

impl Scope {
    #[inline]
    pub(super) fn extras(&self) -> Option<&Extras> {
        self.extras.get().map(Box::as_ref)
    }

    pub(super) fn extras_or_new(&self) -> &Extras {
        if let Some(extras) = self.extras() {
            return extras;
        }
        let extras = self.extras.get_or_init(Box::default);
        if self.is_closing() {
            // From now on there may be streams, which closing sees to.
            self.changed.notify_waiters();
        }
        extras
    }

    /// The subscriptions that `context` keeps here, if there are any.
    #[inline]
    pub(crate) fn subscriptions(&self) -> Option<&dyn Subscribers> {
        self.extras()?.subscriptions.get().map(Box::as_ref)
    }

    /// Ends the subscriptions: their subscribers see what there is, then the end.
    pub(crate) fn end_subscriptions(&self) {
        if let Some(subscriptions) = self.subscriptions() {
            subscriptions.end();
        }
    }

    /// The subscriptions, created by `make` on first use.
    pub(crate) fn subscriptions_or(&self, make: fn() -> Box<dyn Subscribers>) -> &dyn Subscribers {
        let subscriptions = &self.extras_or_new().subscriptions;
        subscriptions.get_or_init(make).as_ref()
    }

    /// Records that a handler failed that may have changed something.
    #[cold]
    pub(crate) fn set_rollback_only(&self, message: &'static str, module: &'static str) {
        if !self.kind.is_unit() {
            return;
        }
        let rollback_cause = &self.extras_or_new().rollback_cause;
        rollback_cause.get_or_init(|| RollbackCause { message, module });
    }

    pub(crate) fn rollback_cause(&self) -> Option<RollbackCause> {
        self.extras()?.rollback_cause.get().copied()
    }
}
