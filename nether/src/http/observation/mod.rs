//! The observation of requests: the span of each, its line in the access log, and the trace that it is part
//! of. Names, fields and levels are documented in `docs/tracing.md`, and do not change.
//!
//! While no subscriber listens, and the client sends no `traceparent`, a request pays for one look at its
//! headers.

mod access_line;
pub(super) mod observed;
mod observer;
mod propagation;

pub(super) use self::observed::ObservedRequest;
pub(super) use self::observer::RequestObserver;
