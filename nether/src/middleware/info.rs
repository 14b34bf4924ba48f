//! [`MessageInfo`]: what is known of a message that is being handled, whatever its type.

use std::fmt;
use std::sync::Arc;

use tokio::time::Instant;

use crate::context::Handle;
use crate::message::{MessageDescriptor, MessageKind};
use crate::principal::Principal;
use crate::scope::{ContextId, MessageId};

/// What middleware and interceptors know of a message that is being handled, besides its content.
#[derive(Clone, Copy)]
pub struct MessageInfo<'a> {
    handle: &'a Handle,
    message: &'static MessageDescriptor,
    module: &'static str,
}

impl<'a> MessageInfo<'a> {
    pub(crate) fn new(
        handle: &'a Handle,
        message: &'static MessageDescriptor,
        module: &'static str,
    ) -> Self {
        MessageInfo {
            handle,
            message,
            module,
        }
    }

    pub(super) fn handle(&self) -> &'a Handle {
        self.handle
    }

    /// The message's name.
    pub fn message(&self) -> &'static str {
        self.message.name()
    }

    /// Whether it is a command, a query or an event.
    pub fn kind(&self) -> MessageKind {
        self.message.kind
    }

    /// The name of the module that handles it.
    pub fn module(&self) -> &'static str {
        self.module
    }

    /// Which attempt at the message this is, counted from 1; more than 1 only with a `retry`.
    pub fn attempt(&self) -> u32 {
        u32::from(self.handle.attempt()) + 1
    }

    /// On whose behalf the work is done, if that was said.
    pub fn principal(&self) -> Option<&'a Principal> {
        self.handle.scope.principal()
    }

    /// The instant after which nothing of the unit of work is started, if there is one.
    pub fn deadline(&self) -> Option<Instant> {
        self.handle.scope.deadline().map(|deadline| deadline.0)
    }

    /// The correlation ID; see [`QueryContext::correlation_id`](crate::QueryContext::correlation_id). The one
    /// of a saga's command is older than its unit of work, whose id is in [`message_id`](Self::message_id).
    pub fn correlation_id(&self) -> ContextId {
        self.handle.scope.correlation_id()
    }

    /// The id of the message.
    pub fn message_id(&self) -> Option<MessageId> {
        self.handle.message_id()
    }

    /// The id of the message whose handler sent this one; `None` if it came from outside.
    pub fn causation_id(&self) -> Option<MessageId> {
        self.handle.causation_id()
    }

    /// How many messages caused each other up to this one, itself included: 1 if it came from outside.
    pub fn depth(&self) -> u32 {
        self.handle.cause.depth
    }

    /// The value of that type that travels with the unit of work; see
    /// [`Context::with`](crate::Context::with).
    pub fn baggage<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        self.handle.scope.baggage()
    }
}

impl fmt::Debug for MessageInfo<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessageInfo")
            .field("message", &self.message())
            .field("module", &self.module)
            .field("attempt", &self.attempt())
            .finish_non_exhaustive()
    }
}
