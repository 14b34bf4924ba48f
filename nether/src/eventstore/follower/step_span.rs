//! [`StepSpan`]: the span of a projection or saga that handles a stored event, or a time-out. Names, fields
//! and levels are documented in `docs/tracing.md`, and do not change.
//!
//! The span in which the event happened is long over, perhaps in another process: what connects the two is
//! the trace that was stored with the event.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Mutex, PoisonError};

use tracing::field::{Value, display};
use tracing::{Level, Span};

use crate::context::SpanOutcome;
use crate::error::Result;
use crate::eventstore::backend::{HandlerWork, RecordedEvent, Worked};
use crate::eventstore::follower::EventFailure;
use crate::trace::{MessageSpans, SpanCallsite, SpanKind, SpanLevel, TraceContext};

/// What all spans of handlers of stored events have.
static FOLLOWER: SpanKind = SpanKind {
    target: "nether::follower",
    fields: &[
        "otel.kind",
        "module",
        "stream",
        "position",
        "key",
        "principal",
        "trace_id",
        "span_id",
        "parent_span_id",
        "outcome",
        "otel.status_code",
    ],
};

/// The span of one event, or of one time-out, in its handler; nothing if no subscriber wants it.
pub(in crate::eventstore) struct StepSpan(Option<Box<OpenStep>>);

struct OpenStep {
    span: Span,
    trace: TraceContext,
    /// Whether it is yet to be recorded how it ended.
    is_open: bool,
}

/// The event or time-out that a span is about.
struct SpannedWork<'a> {
    name: &'a str,
    event: Option<&'a RecordedEvent>,
    key: Option<&'a str>,
    parent: Option<TraceContext>,
}

impl StepSpan {
    /// The span of an event that the projection or saga named `follower` handles; a saga has a key.
    #[inline]
    pub(in crate::eventstore) fn of_event(
        follower: &'static str,
        key: Option<&str>,
        event: &RecordedEvent,
    ) -> Self {
        if !tracing::level_enabled!(Level::DEBUG) {
            return StepSpan(None);
        }
        let work = SpannedWork {
            name: &event.name,
            event: Some(event),
            key,
            parent: event.metadata.entries.trace_context(),
        };
        work.open(follower)
    }

    /// The span of a time-out of a saga; `parent` is the trace in which it was set.
    #[inline]
    pub(in crate::eventstore) fn of_time_out(
        saga: &'static str,
        name: &str,
        key: &str,
        parent: Option<&TraceContext>,
    ) -> Self {
        if !tracing::level_enabled!(Level::DEBUG) {
            return StepSpan(None);
        }
        let work = SpannedWork {
            name,
            event: None,
            key: Some(key),
            parent: parent.cloned(),
        };
        work.open(saga)
    }

    /// The trace that what is done in it belongs to, if it is there.
    pub(in crate::eventstore) fn trace(&self) -> Option<&TraceContext> {
        self.0.as_deref().map(|open| &open.trace)
    }

    /// Runs the handler in it.
    pub(in crate::eventstore) async fn run<T>(
        mut self,
        work: impl Future<Output = Result<T, EventFailure>>,
    ) -> Result<T, EventFailure> {
        let mut work = pin!(work);
        let result = poll_fn(|cx| {
            let _entered = self.0.as_ref().map(|open| open.span.enter());
            work.as_mut().poll(cx)
        })
        .await;
        self.end(match &result {
            Ok(_) => SpanOutcome::Handled,
            Err(failure) => failure.outcome,
        });
        result
    }

    /// Runs a handler in it that works in a transaction.
    pub(in crate::eventstore) fn run_in_transaction<'t>(
        mut self,
        work: impl FnOnce() -> Worked<'t>,
    ) -> Worked<'t> {
        let worked = {
            let _entered = self.0.as_ref().map(|open| open.span.enter());
            work()
        };
        let Worked(HandlerWork::Waits(mut work)) = worked else {
            if let Worked(HandlerWork::Done(result)) = &worked {
                self.end(outcome_of(result));
            }
            return worked;
        };
        if self.0.is_none() {
            return Worked(HandlerWork::Waits(work));
        }
        Worked::waits(async move {
            let result = poll_fn(|cx| {
                let _entered = self.0.as_ref().map(|open| open.span.enter());
                work.as_mut().poll(cx)
            })
            .await;
            self.end(outcome_of(&result));
            result
        })
    }

    fn end(&mut self, outcome: SpanOutcome) {
        if let Some(open) = &mut self.0 {
            open.record(outcome);
        }
    }
}

fn outcome_of(result: &Result<()>) -> SpanOutcome {
    match result {
        Ok(()) => SpanOutcome::Handled,
        Err(_) => SpanOutcome::Failed,
    }
}

impl OpenStep {
    fn record(&mut self, outcome: SpanOutcome) {
        if std::mem::take(&mut self.is_open) {
            outcome.record(&self.span);
        }
    }
}

impl Drop for OpenStep {
    fn drop(&mut self) {
        self.record(SpanOutcome::of_dropped());
    }
}

impl SpannedWork<'_> {
    #[cold]
    fn open(self, follower: &'static str) -> StepSpan {
        let callsite = callsite_of(self.name);
        // What runs the follower is not part of the trace.
        let Some(recorder) = callsite.recorder(None) else {
            return StepSpan(None);
        };
        let parent = self.parent.as_ref();
        let trace = parent.map_or_else(TraceContext::start, TraceContext::child);
        let event = self.event;
        let (trace_id, span_id) = (trace.trace_id(), trace.span_id());
        let parent = parent.map(TraceContext::span_id);
        let principal = event.and_then(|event| event.metadata.principal.as_deref());
        let values: &[Option<&dyn Value>] = &[
            Some(&"consumer"),
            Some(&follower),
            Some(&event.map(|event| event.stream.as_str())),
            Some(&event.map(|event| event.position.0)),
            Some(&self.key),
            Some(&principal),
            Some(&display(&trace_id)),
            Some(&display(&span_id)),
            Some(&parent.as_ref().map(display)),
            None,
            None,
        ];
        let span = callsite.root(&recorder, values);
        StepSpan(Some(Box::new(OpenStep {
            span,
            trace,
            is_open: true,
        })))
    }
}

/// The callsite of spans of that name. Names are those of the events and time-outs that the program handles,
/// so there are few.
fn callsite_of(name: &str) -> &'static SpanCallsite {
    static KNOWN: Mutex<BTreeMap<&'static str, &'static MessageSpans>> =
        Mutex::new(BTreeMap::new());
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let (name, spans) = match known.get_key_value(name) {
        Some((name, spans)) => (*name, *spans),
        None => {
            let name: &'static str = Box::leak(name.into());
            let spans: &'static MessageSpans = Box::leak(Box::default());
            known.insert(name, spans);
            (name, spans)
        }
    };
    drop(known);
    spans.at(SpanLevel::Debug, name, &FOLLOWER, None)
}
