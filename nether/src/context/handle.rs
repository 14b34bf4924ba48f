//! [`Handle`]: the part of a context that does not know who sends. Admission and causes live here.

use std::sync::Arc;

use crate::declaration::Declaration;
use crate::envelope::{Cause, Header, Label, Source};
use crate::error::{NoRoute, SendError, TooDeep};
use crate::message::MessageDescriptor;
use crate::scope::{MessageId, Scope};

/// A handle to a unit of work.
#[derive(Debug, Clone)]
pub(crate) struct Handle {
    pub(crate) scope: Arc<Scope>,
    pub(crate) origin: Origin,
    /// The message being handled; `None` outside handlers.
    pub(crate) message: Option<Label>,
    pub(crate) cause: Cause,
}

/// Where what a handle sends comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// From outside: it waits at a full mailbox, and a stopping system refuses it.
    External,
    /// From a module's `#[on_start]` or `#[on_stop]`: it is accepted while the system stops.
    Hook,
    /// From a handler: it is never held up by a mailbox.
    Handler,
    /// The same, but from a clone of a handler's context, of which nobody knows who uses it and for how long.
    Loose,
}

impl Handle {
    pub(crate) fn new(scope: Arc<Scope>, origin: Origin) -> Self {
        Handle {
            scope,
            origin,
            message: None,
            cause: Cause::default(),
        }
    }

    /// The handle given to the handler of a message.
    #[inline]
    pub(crate) fn of(header: Header) -> Self {
        Handle {
            scope: header.scope,
            origin: Origin::Handler,
            message: Some(header.label),
            cause: header.cause,
        }
    }

    /// Whether what it sends waits for room in mailboxes.
    #[inline]
    pub(crate) fn is_external(&self) -> bool {
        self.origin == Origin::External
    }

    /// Counts `count` deliveries of a message as in flight and gives their number, or says why they are
    /// refused.
    #[inline]
    pub(crate) fn admit(
        &self,
        message: &'static MessageDescriptor,
        count: u64,
    ) -> Result<u64, SendError> {
        let limit = self.scope.mediator.max_depth;
        if self.cause.depth >= limit {
            return Err(SendError::TooDeep(Box::new(self.too_deep(message, limit))));
        }
        if self.origin == Origin::External && self.scope.mediator.stopping.has_begun() {
            return Err(SendError::Stopping {
                message: message.name(),
            });
        }
        self.scope.admit(count, self.is_external(), message.name())
    }

    #[cold]
    fn too_deep(&self, message: &'static MessageDescriptor, limit: u32) -> TooDeep {
        let chain = self
            .cause
            .chain(self.message.map(|label| label.message.name()));
        TooDeep {
            message: message.name(),
            limit,
            chain,
        }
    }

    /// Where the message that is being handled comes from.
    pub(crate) fn source(&self) -> Source<'_> {
        Source {
            scope: &self.scope,
            cause: &self.cause,
        }
    }

    /// What the cause of a message is that it sends.
    #[inline]
    pub(crate) fn next_cause(&self) -> Cause {
        let parent = self
            .message
            .map(|label| (label.message.name(), label.sequence()));
        self.cause.child(parent, self.scope.mediator.max_depth)
    }

    /// Whether a test has drawn that the handler of its message crashes.
    #[inline]
    pub(crate) fn crashes(&self) -> bool {
        let is_own = |label: Label| label.message.is_of_framework();
        self.scope.mediator.chance.crashes() && !self.message.is_some_and(is_own)
    }

    /// The number of the message being handled; 0 outside handlers.
    pub(crate) fn sequence(&self) -> u64 {
        self.message.map_or(0, Label::sequence)
    }

    /// Why there is no route for the message.
    #[cold]
    pub(crate) fn no_route(
        &self,
        message: &'static MessageDescriptor,
        handler: Option<&'static Declaration>,
    ) -> SendError {
        if self.scope.mediator.stopping.has_begun() {
            return SendError::Stopping {
                message: message.name(),
            };
        }
        SendError::NoRoute(Box::new(NoRoute {
            message: message.name(),
            declared: message.declaration,
            handler,
            registered: self.scope.mediator.knows(message.slot()),
        }))
    }

    pub(crate) fn message_id(&self) -> Option<MessageId> {
        self.message.map(|label| MessageId {
            context: self.scope.id(),
            sequence: label.sequence(),
        })
    }

    pub(crate) fn causation_id(&self) -> Option<MessageId> {
        self.cause.sequence.map(|sequence| MessageId {
            context: self.scope.id(),
            sequence,
        })
    }
}
