//! Units of work within units of work: what a nested one has of its parent, and what the parent learns of it.

use std::sync::{Arc, Weak};

use crate::error::{ContextError, Failure, FailureKind, TransactionReport};
use crate::guarded::Shielded;
use crate::scope::{Scope, ScopeGuard, ScopeKind, WaiterLookup};
use crate::sync::lock;

/// The units of work that were opened within one.
pub(super) type Children = Vec<Weak<Scope>>;

/// The fewest children that there is room for.
const FEW: usize = 8;

/// Forgets what has been dropped. This looks at all children, so it is done when they fill their vector,
/// which then gets room for twice as many as are left: each child that is added pays for a look at two.
fn forget_dropped(children: &mut Children) {
    children.retain(|child| child.strong_count() > 0);
    let room = (2 * children.len()).max(FEW);
    children.shrink_to(room);
    children.reserve_exact(room - children.len());
}

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
            if children.len() == children.capacity() {
                forget_dropped(&mut children);
            }
            children.push(Arc::downgrade(&nested));
        }
        // Asked when it is among them: the task that cancels sets the bit, and looks then.
        if self.is_cancelled() || self.has_ended() {
            nested.cancel();
        }
        nested
    }

    /// Cancels what is nested in it, and what is nested in that: in a loop, since that may be deep.
    #[inline]
    pub(super) fn cancel_children(&self) {
        if self.extras().is_some() {
            self.cancel_descendants();
        }
    }

    #[cold]
    fn cancel_descendants(&self) {
        let mut open = self.take_children();
        while let Some(child) = open.pop() {
            child.cancel_alone();
            open.extend(child.take_children());
        }
    }

    /// Takes the units of work that are nested in it and have not ended.
    fn take_children(&self) -> Vec<Arc<Scope>> {
        let Some(extras) = self.extras() else {
            return Vec::new();
        };
        let children = std::mem::take(&mut *lock(&extras.children));
        let open = children.iter().filter_map(Weak::upgrade);
        open.filter(|child| !child.has_ended()).collect()
    }

    /// A unit of work was dropped without being closed, and is cancelled. Once what has begun is over, or its
    /// deadline passes, its transactions are rolled back, and what was lost is reported: at `warn`, and to
    /// the one that it is nested in, which does not end before.
    pub(super) fn clear_up(self: &Arc<Self>) {
        if !self.has_enlisted() && self.is_idle() {
            if self.has_failures() {
                self.report_lost(0, TransactionReport::default());
            }
            return self.end_subscriptions();
        }
        let guard = self
            .parent()
            .map(|parent| ScopeGuard::new(Arc::clone(parent)));
        let (scope, counted) = (Arc::clone(self), self.count_task());
        // Not the thread's own runtime: it may have none.
        self.mediator.runtime.spawn(async move {
            let unfinished = scope.drain_in_time(&WaiterLookup::NONE).await;
            let transactions = scope.settle(false).await;
            scope.end_subscriptions();
            if unfinished > 0 || scope.has_failures() || !transactions.are_committed() {
                scope.report_lost(unfinished, transactions);
            }
            drop((guard, counted));
        });
    }

    #[cold]
    fn report_lost(&self, unfinished: u64, transactions: TransactionReport) {
        let error = ContextError {
            transactions: Box::new(transactions),
            ..self.error(unfinished)
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
            unlisted: self.unlisted_failures(),
            cancelled: self.is_cancelled(),
            unfinished,
            deadlock: None,
            transactions: Default::default(),
        }
    }
}
