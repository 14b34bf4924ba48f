//! [`SenderSpan`]: what a message carries of where it was sent.

use tracing::Span;

use crate::trace::TraceContext;

/// The span in which a message was sent, which is the parent of the span of its handler: wherever that runs,
/// it is part of the same tree.
#[derive(Debug, Clone)]
pub(crate) struct SenderSpan {
    /// It may be a span of the program itself.
    pub(crate) span: Span,
    /// The trace, and the last span of Nether in it.
    pub(crate) trace: Option<TraceContext>,
}

impl SenderSpan {
    /// The current one; `None` if there is nothing to carry.
    pub(crate) fn current(trace: Option<TraceContext>) -> Option<Self> {
        let span = Span::current();
        let is_worth_it = trace.is_some() || !span.is_none();
        is_worth_it.then_some(SenderSpan { span, trace })
    }
}
