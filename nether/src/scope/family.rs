//! Units of work within units of work: what a nested one has of its parent, and what the parent learns of it.

use std::sync::{Arc, Weak};

use crate::error::{ContextError, Failure, FailureKind, TransactionReport};
use crate::guarded::Shielded;
use crate::scope::{Scope, ScopeGuard, ScopeKind};
use crate::sync::lock;

/// The units of work that were opened within one.
pub(super) type Children = Vec<Weak<Scope>>;

/// What stands for the message, in the failure of a nested unit of work.
const NESTED: &str = "nested context";

impl Scope {
    /// A unit of work within this one. It has its deadline, principal and baggage, and is cancelled with it.
    pub(crate) fn nest(self: &Arc<Self>) -> Arc<Scope> {
        let kind = if self.is_of_report() {
            ScopeKind::UnitOfReport
        } else {
            ScopeKind::Unit
        };
        let nested = Scope::new(Arc::clone(&self.mediator), kind);
        nested.set_parent(Arc::clone(self));
        let nested = Arc::new(nested);
        {
            let mut children = lock(&self.extras_or_new().children);
            children.retain(|child| child.strong_count() > 0);
            children.push(Arc::downgrade(&nested));
        }
        // Asked when it is among them: whoever cancels sets the bit, and looks then.
        if self.is_cancelled() || self.has_ended() {
            nested.cancel();
        }
        nested
    }

    /// Cancels what is nested in it.
    pub(super) fn cancel_children(&self) {
        let Some(extras) = self.extras() else { return };
        let children = std::mem::take(&mut *lock(&extras.children));
        let open = children.iter().filter_map(Weak::upgrade);
        open.filter(|child| !child.has_ended())
            .for_each(|child| child.cancel());
    }

    /// A unit of work was dropped without being closed, and is cancelled. Once what has begun is over its
    /// transactions are rolled back, and what was lost is told: at `warn`, and to the one that it is nested
    /// in, which does not end before.
    pub(super) fn clear_up(self: &Arc<Self>) {
        if !self.has_enlisted() && self.is_idle() {
            if self.has_failures() {
                self.report_lost(TransactionReport::default());
            }
            return self.end_subscriptions();
        }
        let guard = self
            .parent()
            .map(|parent| ScopeGuard::new(Arc::clone(parent)));
        let (scope, counted) = (Arc::clone(self), self.count_task());
        // Not the thread's own runtime: it may have none.
        self.mediator.runtime.spawn(async move {
            scope.drain_in_time().await;
            let transactions = scope.settle(false).await;
            scope.end_subscriptions();
            if scope.has_failures() || !transactions.are_committed() {
                scope.report_lost(transactions);
            }
            drop((guard, counted));
        });
    }

    #[cold]
    fn report_lost(&self, transactions: TransactionReport) {
        let error = ContextError {
            transactions: Box::new(transactions),
            ..self.error(0)
        };
        let lost = Shielded::new(&error);
        tracing::warn!(context = %self.id(), %lost, "context dropped without `close`");
        if let Some(parent) = self.parent() {
            parent.fail(Failure {
                message: NESTED,
                module: None,
                sequence: 0,
                kind: FailureKind::Nested(Box::new(error)),
            });
        }
    }

    /// What has gone wrong in it, but for its transactions.
    pub(crate) fn error(&self, unfinished: u64) -> ContextError {
        ContextError {
            failures: self.failures(),
            cancelled: self.is_cancelled(),
            unfinished,
            transactions: Default::default(),
        }
    }
}
