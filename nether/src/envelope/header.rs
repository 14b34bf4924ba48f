//! [`Header`]: what is known of a message besides its content; [`Source`], the part that many have in common.

use std::sync::Arc;

use crate::envelope::Cause;
use crate::error::{Failure, FailureKind};
use crate::escaped::Escaped;
use crate::guarded::Shielded;
use crate::message::MessageDescriptor;
use crate::scope::Scope;

/// Which message of its unit of work it is. Two words, so that it travels in registers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Label {
    pub(crate) message: &'static MessageDescriptor,
    /// From the lowest bit: whether a caller waits for the reply; how often it was tried, in eight bits; the
    /// number in the unit of work.
    number: u64,
}

const ATTEMPT: u32 = 1;
const SEQUENCE: u32 = 9;

impl Label {
    #[inline]
    pub(crate) fn new(message: &'static MessageDescriptor, sequence: u64, awaited: bool) -> Self {
        Label {
            message,
            number: sequence << SEQUENCE | u64::from(awaited),
        }
    }

    /// The number in the unit of work.
    #[inline]
    pub(crate) fn sequence(self) -> u64 {
        self.number >> SEQUENCE
    }

    /// Whether a caller waits for the reply.
    #[inline]
    pub(crate) fn is_awaited(self) -> bool {
        self.number & 1 == 1
    }

    /// How often it was tried before.
    pub(crate) fn attempt(self) -> u8 {
        (self.number >> ATTEMPT) as u8
    }

    /// The label for one more attempt. A message is to be tried at most 255 times.
    pub(crate) fn tried(self) -> Self {
        Label {
            number: self.number + (1 << ATTEMPT),
            ..self
        }
    }
}

/// The header of a message: all that goes along with its content.
#[derive(Debug, Clone)]
pub(crate) struct Header {
    pub(crate) scope: Arc<Scope>,
    pub(crate) cause: Cause,
    pub(crate) label: Label,
}

/// Where a message comes from: what messages that follow each other mostly have in common, lent by who sends
/// them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source<'a> {
    pub(crate) scope: &'a Arc<Scope>,
    pub(crate) cause: &'a Cause,
}

/// Whose failure an error is if no caller takes it: one message, in one module.
#[derive(Debug)]
pub(crate) struct FailureOrigin {
    pub(crate) scope: Arc<Scope>,
    pub(crate) message: &'static str,
    pub(crate) module: &'static str,
    pub(crate) sequence: u64,
}

impl FailureOrigin {
    /// Keeps the failure for the `close` of the unit of work; if that is over, it can only be logged.
    #[cold]
    pub(crate) fn keep(self, kind: FailureKind) {
        let FailureOrigin {
            scope,
            message,
            module,
            sequence,
        } = self;
        if scope.has_ended() {
            let error = Shielded::new(&kind);
            if kind.is_end_of_unit() {
                tracing::debug!(message, module, error = %Escaped(&error), "a message ended with its context");
            } else {
                tracing::warn!(message, module, error = %Escaped(&error), "a failure came after the end of its context");
            }
        }
        scope.fail(Failure {
            message,
            module: Some(module),
            sequence,
            kind,
        });
    }
}

impl Header {
    #[inline]
    pub(crate) fn source(&self) -> Source<'_> {
        Source {
            scope: &self.scope,
            cause: &self.cause,
        }
    }
}

impl Source<'_> {
    /// The header of a message from here, to keep.
    pub(crate) fn header(self, label: Label) -> Header {
        Header {
            scope: Arc::clone(self.scope),
            cause: self.cause.clone(),
            label,
        }
    }
}
