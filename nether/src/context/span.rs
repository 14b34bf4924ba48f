//! [`HandlerSpan`]: the span of one message in its handler. Names, fields and levels are documented in
//! `docs/tracing.md`, and do not change.

use tracing::field::{Value, debug, display};
use tracing::span::Entered;
use tracing::{Level, Span};

use crate::context::{Handle, Origin};
use crate::envelope::Label;
use crate::message::MessageDescriptor;
use crate::principal::Principal;
use crate::scope::Scope;
use crate::trace::{SpanCallsite, SpanKind, SpanLevel, TraceContext};

/// What all spans of handlers have.
static HANDLER: SpanKind = SpanKind {
    target: "nether::handler",
    fields: &[
        "otel.kind",
        "module",
        "context",
        "sequence",
        "cause",
        "attempt",
        "principal",
        "baggage",
        "trace_id",
        "span_id",
        "parent_span_id",
        OUTCOME,
        STATUS,
    ],
};

const OUTCOME: &str = "outcome";

/// What exporters for OpenTelemetry read.
const STATUS: &str = "otel.status_code";

/// How the work of a span ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SpanOutcome {
    Handled,
    /// An error that is for the sender to do better.
    Refused,
    Failed,
    Panicked,
    TimedOut,
    /// It was dropped before it ended: its caller left, or its module was cut off.
    Cancelled,
}

impl SpanOutcome {
    fn name(self) -> &'static str {
        match self {
            SpanOutcome::Handled => "ok",
            SpanOutcome::Refused => "refused",
            SpanOutcome::Failed => "failed",
            SpanOutcome::Panicked => "panicked",
            SpanOutcome::TimedOut => "timed_out",
            SpanOutcome::Cancelled => "cancelled",
        }
    }

    fn is_error(self) -> bool {
        matches!(
            self,
            SpanOutcome::Failed | SpanOutcome::Panicked | SpanOutcome::TimedOut
        )
    }

    /// The outcome of work that is dropped before it ended.
    pub(crate) fn of_dropped() -> Self {
        match std::thread::panicking() {
            true => SpanOutcome::Panicked,
            false => SpanOutcome::Cancelled,
        }
    }

    /// Writes down how the work ended.
    pub(crate) fn record(self, span: &Span) {
        span.record(OUTCOME, self.name());
        if self.is_error() {
            span.record(STATUS, "error");
        }
    }
}

/// The span of one message in its handler; or, if no subscriber wants that, the span in which the message was
/// sent, so that what the handler logs is still found there.
#[derive(Debug)]
pub(crate) struct HandlerSpan {
    span: Span,
    /// Whether it is the handler's own, and how it ended is to be recorded.
    is_open: bool,
}

impl HandlerSpan {
    /// Whether anybody may want the spans of handlers.
    #[inline]
    pub(crate) fn may_be_wanted() -> bool {
        tracing::level_enabled!(Level::INFO)
    }

    /// Makes it the current one, for one poll.
    pub(crate) fn enter(&self) -> Entered<'_> {
        self.span.enter()
    }

    /// Ends it. A handler that fails in a unit of work that is cancelled, or late, is most likely one that
    /// heeds that.
    #[cold]
    pub(crate) fn end(self: Box<Self>, outcome: SpanOutcome, scope: &Scope) {
        let mut span = self;
        let is_cancelled = outcome == SpanOutcome::Failed && scope.obstacle().is_some();
        span.record(match is_cancelled {
            true => SpanOutcome::Cancelled,
            false => outcome,
        });
        drop(span);
    }

    fn record(&mut self, outcome: SpanOutcome) {
        if std::mem::take(&mut self.is_open) {
            outcome.record(&self.span);
        }
    }
}

impl Drop for HandlerSpan {
    fn drop(&mut self) {
        self.record(SpanOutcome::of_dropped());
    }
}

impl Handle {
    /// The span in which the message of this handle is handled, if there is one. From then on, what the
    /// handle sends is part of it.
    #[inline]
    pub(crate) fn span(&mut self, module: &'static str) -> Option<Box<HandlerSpan>> {
        if HandlerSpan::may_be_wanted() {
            self.open_span(module)
        } else {
            None
        }
    }

    #[cold]
    #[inline(never)]
    fn open_span(&mut self, module: &'static str) -> Option<Box<HandlerSpan>> {
        self.scope.mediator.links.note_spans();
        let message = self.message?.message;
        // What an earlier attempt, or another message of the same cause, has left.
        self.cause.set_own_trace(None);
        let is_first = self.cause.depth <= 1 && !message.is_of_framework();
        let level = match is_first {
            true => SpanLevel::Info,
            false => SpanLevel::Debug,
        };
        let sender = self.cause.sender().map(|sender| &sender.span);
        let callsite = callsite_of(message, level);
        let Some(recorder) = callsite.recorder(sender) else {
            let span = sender.filter(|span| !span.is_none())?.clone();
            return Some(Box::new(HandlerSpan {
                span,
                is_open: false,
            }));
        };
        let parent = self.cause.trace().or_else(|| self.scope.trace());
        let own = parent.map_or_else(TraceContext::start, TraceContext::child);
        let span = self.with_values(module, (&own, parent), level, |values| {
            callsite.span(&recorder, sender, values)
        });
        self.cause.set_own_trace(Some(own));
        Some(Box::new(HandlerSpan {
            span,
            is_open: true,
        }))
    }

    /// Gives the values of the fields to `make`.
    fn with_values(
        &self,
        module: &'static str,
        (own, parent): (&TraceContext, Option<&TraceContext>),
        level: SpanLevel,
        make: impl FnOnce(&[Option<&dyn Value>]) -> Span,
    ) -> Span {
        let is_awaited = self.message.is_some_and(Label::is_awaited);
        let is_task = matches!(self.origin, Origin::Task(_) | Origin::RootTask(_));
        let is_called = is_awaited || is_task;
        let kind = if is_called { "internal" } else { "consumer" };
        let module = (!module.is_empty()).then_some(module);
        let attempt = self
            .message
            .map_or(1, |label| u64::from(label.attempt()) + 1);
        let baggage = match level {
            SpanLevel::Debug => self.scope.all_baggage(),
            SpanLevel::Info => Vec::new(),
        };
        let baggage = (!baggage.is_empty()).then(|| debug(&baggage));
        let (trace, span) = (own.trace_id(), own.span_id());
        let parent = parent.map(TraceContext::span_id);
        make(&[
            Some(&kind),
            Some(&module),
            Some(&display(self.scope.id())),
            Some(&self.message.map(Label::sequence)),
            Some(&self.cause.sequence),
            Some(&attempt),
            Some(&self.scope.principal().map(Principal::id)),
            Some(&baggage),
            Some(&display(&trace)),
            Some(&display(&span)),
            Some(&parent.as_ref().map(display)),
            None,
            None,
        ])
    }
}

fn callsite_of(message: &'static MessageDescriptor, level: SpanLevel) -> &'static SpanCallsite {
    let declaration = &message.declaration;
    let place = Some((declaration.file, declaration.line));
    let (spans, name) = (&message.spans, declaration.name);
    spans.at(level, name, &HANDLER, place)
}
