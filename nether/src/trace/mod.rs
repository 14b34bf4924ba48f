//! Spans, and the W3C trace context that connects them beyond this process. What they are called, and which
//! fields they have, is an interface: `docs/tracing.md`.

mod callsite;
mod context;
mod draw;
mod linking;
mod sender;
mod state;

pub(crate) use self::callsite::{MessageSpans, SpanCallsite, SpanKind, SpanLevel};
pub use self::context::TraceContext;
pub(crate) use self::linking::LinkDepth;
pub(crate) use self::sender::SenderSpan;
