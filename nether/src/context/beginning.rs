//! Units of work that must have begun by a deadline, and are finished once they have.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::context::Context;
use crate::instants::in_future;
use crate::routing::External;
use crate::scope::Scope;

impl Context<External> {
    /// Sets a deadline for the beginning, this long from now: a unit of work none of whose messages is being
    /// handled by then never begins, and one that has begun has no deadline any more.
    pub(crate) fn with_start_timeout(self, timeout: Duration) -> Self {
        self.handle().scope.set_start_deadline(in_future(timeout));
        self
    }

    /// Whether it begins, for who does not hold it open.
    pub(crate) fn unit_start(&self) -> UnitStart {
        UnitStart(Arc::clone(&self.handle().scope))
    }
}

/// Tells whether a unit of work with a deadline for its beginning has begun.
#[derive(Clone)]
pub(crate) struct UnitStart(Arc<Scope>);

impl UnitStart {
    /// Whether one of its messages was, or is being, handled. After the deadline, and once the first call has
    /// ended, this does not change any more.
    pub(crate) fn has_begun(&self) -> bool {
        self.0.has_begun()
    }
}

impl fmt::Debug for UnitStart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("UnitStart").field(&self.has_begun()).finish()
    }
}
