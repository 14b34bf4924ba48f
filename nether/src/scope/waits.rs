//! What registers in the [`Ledger`](crate::scope::ledger::Ledger) of a unit of work, until dropped.

use std::sync::Arc;
use std::task::Waker;

use crate::scope::Scope;
use crate::scope::ledger::{DeliveryKey, ParkedIn, PendingReply, Queued, WaitElsewhere, WaitKind};

/// A wait that a delivery has registered, until dropped.
pub(crate) struct Waiting {
    scope: Arc<Scope>,
    of: DeliveryKey,
    id: u64,
}

impl Waiting {
    /// The future has polled again, and still waits.
    pub(crate) fn answer(&self) {
        if let Some(extras) = self.scope.extras() {
            extras.ledger.answer(self.of, self.id);
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(extras) = self.scope.extras() {
            extras.ledger.end(self.of, self.id);
        }
        self.scope.notify_moved();
    }
}

/// A handler that is not being polled, until dropped.
pub(crate) struct ParkedGuard<'a> {
    scope: &'a Scope,
    handler: DeliveryKey,
}

impl Drop for ParkedGuard<'_> {
    fn drop(&mut self) {
        if let Some(extras) = self.scope.extras() {
            extras.ledger.unpark(self.handler);
        }
    }
}

/// Something in flight that has no handler, and waits, until dropped.
pub(crate) struct QueuedWait {
    scope: Arc<Scope>,
    id: u64,
}

impl QueuedWait {
    /// The future that waits is polled: it may be accepted now. Returns whether it still waits; if not, the
    /// unit of work has taken the message back.
    pub(crate) fn begin_poll(&self) -> bool {
        self.poll(None)
    }

    /// It was polled, and waits on.
    pub(crate) fn end_poll(&self, waker: &Waker) {
        self.poll(Some(waker.clone()));
        self.scope.notify_moved();
    }

    fn poll(&self, waker: Option<Waker>) -> bool {
        let extras = self.scope.extras();
        extras.is_some_and(|extras| extras.ledger.poll_queued(self.id, waker))
    }
}

impl Drop for QueuedWait {
    fn drop(&mut self) {
        if let Some(extras) = self.scope.extras() {
            extras.ledger.leave(self.id);
        }
        self.scope.notify_moved();
    }
}

impl Scope {
    /// Registers a wait of a delivery. `None` unless the unit of work is closing.
    #[cold]
    pub(crate) fn begin_waiting(
        self: &Arc<Self>,
        of: DeliveryKey,
        kind: WaitKind,
    ) -> Option<Waiting> {
        if !self.is_closing() {
            return None;
        }
        let id = self.extras_or_new().ledger.begin(of, kind);
        let scope = Arc::clone(self);
        Some(Waiting { scope, of, id })
    }

    /// Registers that the delivery waits for a reply to the message of this number, from the exclusive module
    /// of this number.
    #[cold]
    pub(crate) fn expect_reply(
        &self,
        of: DeliveryKey,
        callee: (u64, u64),
        reply: Arc<dyn PendingReply>,
    ) {
        if self.kind.is_unit() {
            self.extras_or_new().ledger.expect_reply(of, callee, reply);
        }
    }

    /// The delivery has polled for the reply at this address again. Only of interest while it is closing.
    #[cold]
    pub(crate) fn still_expects(&self, reply: usize) {
        if let Some(extras) = self.extras() {
            extras.ledger.answer_reply(reply);
        }
    }

    /// Marks a handler as parked. `None` unless the unit of work is closing.
    #[inline]
    pub(crate) fn park(
        &self,
        handler: Option<DeliveryKey>,
        message: &'static str,
        module: impl FnOnce() -> Option<(ParkedIn, Vec<Arc<dyn WaitElsewhere>>)>,
    ) -> Option<ParkedGuard<'_>> {
        if !self.is_closing() {
            return None;
        }
        self.park_now(handler?, message, module()?)
    }

    #[cold]
    fn park_now(
        &self,
        handler: DeliveryKey,
        message: &'static str,
        module: (ParkedIn, Vec<Arc<dyn WaitElsewhere>>),
    ) -> Option<ParkedGuard<'_>> {
        if !self.kind.is_unit() {
            return None;
        }
        self.extras_or_new().ledger.park(handler, message, module);
        self.notify_moved();
        let scope = self;
        Some(ParkedGuard { scope, handler })
    }

    /// Registers `count` deliveries that wait without a handler behind something, of the message of this
    /// number. The waker is that of the future that waits, if a sender may cease to poll it: it says when it
    /// is polled, and whether it was taken back.
    #[cold]
    pub(crate) fn queue(
        self: &Arc<Self>,
        behind: (u64, Queued),
        count: u64,
        waker: Option<Waker>,
    ) -> QueuedWait {
        let id = self.extras_or_new().ledger.queue(behind, count, waker);
        self.notify_moved();
        let scope = Arc::clone(self);
        QueuedWait { scope, id }
    }
}
