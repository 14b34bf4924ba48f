//! [`ScopeGuard`]: what keeps a unit of work from ending, besides its messages; and [`Counted`], what keeps a
//! system from it.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::mediator::Mediator;
use crate::scope::Scope;

/// Keeps a scope that has something in flight from becoming idle, until dropped. It does not count as a
/// message.
#[derive(Debug)]
pub(crate) struct ScopeGuard(Arc<Scope>);

impl ScopeGuard {
    pub(crate) fn new(scope: Arc<Scope>) -> Self {
        scope.sent.fetch_add(1, Ordering::SeqCst);
        scope.add_to_limit(1);
        ScopeGuard(scope)
    }

    pub(crate) fn scope(&self) -> &Scope {
        &self.0
    }
}

impl Drop for ScopeGuard {
    fn drop(&mut self) {
        self.0.take_back(1);
    }
}

/// A task that a system waits for when it stops, until dropped.
pub(super) struct Counted(Arc<Mediator>);

impl Scope {
    /// Counts a task from now on.
    pub(super) fn count_task(&self) -> Counted {
        self.mediator.tasks.begin();
        Counted(Arc::clone(&self.mediator))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.tasks.end();
        self.0.stopping.notify_quiet();
    }
}
