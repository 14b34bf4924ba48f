//! [`EventFailure`]: why an event could not be handled. All code of the user's that a runner runs is run
//! inside of [`guarded`].

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use tokio::time::timeout;

use crate::context::SpanOutcome;
use crate::error::{Error, Result};
use crate::eventstore::backend::StoreError;
use crate::guarded::{PanicPayload, Shielded, catch, drop_unpanicked, said_last};

/// Why an event could not be handled.
#[derive(Debug, Clone)]
pub(in crate::eventstore) struct EventFailure {
    pub(in crate::eventstore) text: String,
    /// Whether another attempt would fail in the same way.
    pub(in crate::eventstore) is_final: bool,
    /// Whether this program does not know the event, and another one may: the next one that runs tries again.
    pub(in crate::eventstore) is_unknown: bool,
    /// How the span of the handler ends.
    pub(in crate::eventstore) outcome: SpanOutcome,
}

impl EventFailure {
    pub(in crate::eventstore) fn new(text: impl Into<String>) -> Self {
        EventFailure {
            text: text.into(),
            is_final: false,
            is_unknown: false,
            outcome: SpanOutcome::Failed,
        }
    }

    /// An error of the user's. Its `Display` and its `Drop` may panic.
    pub(in crate::eventstore) fn of(error: Error) -> Self {
        let is_unreadable = matches!(error.downcast_ref(), Some(StoreError::Unknown { .. }));
        let failure = EventFailure {
            is_final: is_unreadable,
            ..EventFailure::new(Shielded::new(&error).to_string())
        };
        drop_unpanicked(error);
        failure
    }

    pub(in crate::eventstore) fn panicked(panic: PanicPayload) -> Self {
        EventFailure {
            outcome: SpanOutcome::Panicked,
            ..EventFailure::new(format!("panicked: {}", said_last(panic)))
        }
    }

    pub(in crate::eventstore) fn into_error(self) -> Error {
        Error::msg(self.text)
    }
}

/// Runs code of the user's.
pub(in crate::eventstore) async fn guarded<T>(
    work: impl Future<Output = Result<T>>,
) -> Result<T, EventFailure> {
    match catch(work).await {
        Ok(done) => done.map_err(EventFailure::of),
        Err(panic) => Err(EventFailure::panicked(panic)),
    }
}

/// Runs a handler of a projection or saga, but no longer than `limit`.
///
/// # Errors
/// Why it failed. Being cut off is a failure like others: it is tried again.
pub(in crate::eventstore) async fn guarded_within<T>(
    limit: Option<Duration>,
    handler: impl Future<Output = Result<T>> + Send,
) -> Result<T, EventFailure> {
    let Some(limit) = limit else {
        return guarded(handler).await;
    };
    let mut handler = Box::pin(guarded(handler));
    let result = match timeout(limit, handler.as_mut()).await {
        Ok(result) => result,
        Err(_) => Err(EventFailure {
            outcome: SpanOutcome::TimedOut,
            ..EventFailure::new(format!("its handler took longer than {limit:?}"))
        }),
    };
    drop_unpanicked(handler);
    result
}

/// Runs code of the user's that does not wait.
pub(in crate::eventstore) fn guarded_now<T>(
    work: impl FnOnce() -> Result<T>,
) -> Result<T, EventFailure> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(done) => done.map_err(EventFailure::of),
        Err(panic) => Err(EventFailure::panicked(panic)),
    }
}
