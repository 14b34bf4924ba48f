//! [`Hold`]: what keeps a unit of work from ending, besides its messages.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::scope::Scope;

/// Keeps a scope that has something in flight from becoming idle, until dropped. It does not count as a message.
#[derive(Debug)]
pub(crate) struct Hold(Arc<Scope>);

impl Hold {
    pub(crate) fn new(scope: Arc<Scope>) -> Self {
        scope.sent.fetch_add(1, Ordering::SeqCst);
        scope.add_to_limit(1);
        Hold(scope)
    }

    pub(crate) fn scope(&self) -> &Scope {
        &self.0
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.0.take_back(1);
    }
}
