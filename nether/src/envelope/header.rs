//! [`Header`]: what is known of a message besides its content; [`Source`], the part that many have in common.

use std::sync::Arc;

use crate::envelope::Cause;
use crate::message::MessageDescriptor;
use crate::scope::Scope;

/// Which message of its unit of work it is. Two words, so that it travels in registers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Label {
    pub(crate) message: &'static MessageDescriptor,
    /// The number in the unit of work, times two; and one more if a caller waits for the reply.
    number: u64,
}

impl Label {
    #[inline]
    pub(crate) fn new(message: &'static MessageDescriptor, sequence: u64, awaited: bool) -> Self {
        Label {
            message,
            number: sequence << 1 | u64::from(awaited),
        }
    }

    /// The number in the unit of work.
    #[inline]
    pub(crate) fn sequence(self) -> u64 {
        self.number >> 1
    }

    /// Whether a caller waits for the reply.
    #[inline]
    pub(crate) fn is_awaited(self) -> bool {
        self.number & 1 == 1
    }
}

/// What is known of a message besides its content.
#[derive(Debug)]
pub(crate) struct Header {
    pub(crate) scope: Arc<Scope>,
    pub(crate) cause: Cause,
    pub(crate) label: Label,
}

/// Where a message comes from: what messages that follow each other mostly have in common, lent by who sends them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source<'a> {
    pub(crate) scope: &'a Arc<Scope>,
    pub(crate) cause: &'a Cause,
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
