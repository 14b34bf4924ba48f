//! [`Committed`]: a unit of work that is over, and succeeded.

use std::fmt;
use std::sync::Arc;

use crate::principal::Principal;
use crate::scope::{ContextId, Scope};

/// A unit of work that was committed, for the `committed` of
/// [`#[nether::middleware]`](macro@crate::middleware).
pub struct Committed<'a> {
    scope: &'a Scope,
}

impl<'a> Committed<'a> {
    pub(super) fn new(scope: &'a Scope) -> Self {
        Committed { scope }
    }

    /// The id of the unit of work: the `context` in the [`MessageId`](crate::MessageId) of each of its
    /// messages.
    pub fn context_id(&self) -> ContextId {
        self.scope.id()
    }

    /// The correlation ID: what [`MessageInfo::correlation_id`](crate::MessageInfo::correlation_id) of each
    /// of its messages was. Units of work that sagas open share it.
    pub fn correlation_id(&self) -> ContextId {
        self.scope.correlation_id()
    }

    /// The id of the unit of work that it was nested in, if it was.
    pub fn parent_id(&self) -> Option<ContextId> {
        self.scope.parent_id()
    }

    /// On whose behalf the work was done, if that was said.
    pub fn principal(&self) -> Option<&'a Principal> {
        self.scope.principal()
    }

    /// The value of that type that travelled with the unit of work.
    pub fn baggage<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        self.scope.baggage()
    }

    /// How many messages were handled in it.
    pub fn handled(&self) -> u64 {
        self.scope.handled()
    }
}

impl fmt::Debug for Committed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Committed")
            .field("context", &self.context_id())
            .field("handled", &self.handled())
            .finish()
    }
}
