//! [`Header`]: what is known of a message besides its content; [`Stamp`], the same, lent by who sends.

use std::sync::Arc;

use crate::envelope::Cause;
use crate::message::MessageDescriptor;
use crate::scope::Scope;

/// Which message of its unit of work it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Label {
    pub(crate) message: &'static MessageDescriptor,
    pub(crate) sequence: u64,
    /// Whether a caller waits for the reply.
    pub(crate) awaited: bool,
}

/// What is known of a message besides its content.
#[derive(Debug)]
pub(crate) struct Header {
    pub(crate) scope: Arc<Scope>,
    pub(crate) cause: Cause,
    pub(crate) label: Label,
}

/// A header that is not kept yet. Messages that follow each other mostly have all but the label in common, so a mailbox
/// keeps that once for many.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stamp<'a> {
    pub(crate) scope: &'a Arc<Scope>,
    pub(crate) cause: &'a Cause,
    pub(crate) label: Label,
}

impl Header {
    /// The header, lent.
    #[inline]
    pub(crate) fn stamp(&self) -> Stamp<'_> {
        Stamp {
            scope: &self.scope,
            cause: &self.cause,
            label: self.label,
        }
    }
}

impl Stamp<'_> {
    /// The header, to keep.
    pub(crate) fn to_header(self) -> Header {
        Header {
            scope: Arc::clone(self.scope),
            cause: self.cause.clone(),
            label: self.label,
        }
    }
}
