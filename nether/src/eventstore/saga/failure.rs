//! [`StepFailed`]: why a saga has failed, or did not begin, for what its command is answered with.

use std::any::Any;
use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use crate::context::SpanOutcome;
use crate::error::Error;
use crate::eventstore::backend::StoreError;
use crate::eventstore::follower::EventFailure;
use crate::guarded::{Shielded, drop_unpanicked};

/// Why a saga has failed, or did not begin: what its `answer` method makes an error of, for the command that
/// starts the saga.
///
/// Mostly a step has failed, which is a command that the saga sent, or the method that it was started with.
/// The other [kinds](StepFailureKind) are that the saga has failed by itself, that an operator has ended it,
/// and that another one with its key is under way. The error of a step keeps its type, also if another module
/// handled the command:
///
/// ```
/// use nether::eventstore::StepFailed;
/// # #[derive(Debug, thiserror::Error)] #[error("no seats")] pub struct NoSeats;
///
/// #[derive(Debug, thiserror::Error)]
/// pub enum EnrolError {
///     #[error("the course is full")]
///     Full,
///     #[error("{0}")]
///     Other(String),
/// }
///
/// fn answer(failed: &StepFailed) -> EnrolError {
///     match failed.error::<NoSeats>() {
///         Some(_) => EnrolError::Full,
///         None => EnrolError::Other(failed.to_string()),
///     }
/// }
/// ```
#[derive(Debug, Clone)]
pub struct StepFailed {
    command: Option<String>,
    kind: StepFailureKind,
    reason: String,
    error: ErrorOfHandler,
}

/// The error of a handler, if it returned one. Its `Drop`, which is code of the user's, may panic.
#[derive(Debug, Clone, Default)]
struct ErrorOfHandler(Option<Arc<dyn Any + Send + Sync>>);

impl Drop for ErrorOfHandler {
    fn drop(&mut self) {
        if let Some(error) = self.0.take() {
            drop_unpanicked(error);
        }
    }
}

/// Which kind of reason a [`StepFailed`] is: that a step has failed, or why else the saga has failed or did
/// not begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StepFailureKind {
    /// The handler of a command returned an error, or the method that the saga was started with did.
    Error,
    /// The handler of a command panicked, or the method that the saga was started with did.
    Panicked,
    /// The handler of a command exceeded its time-out, or the method that the saga was started with did.
    TimedOut,
    /// A command was not handled, and never will be: middleware did not let it through, it is not allowed, or
    /// it cannot be delivered, stored or read. If it is the one that was to start the saga, that did not
    /// begin.
    Refused,
    /// The saga has failed itself: by [`Step::fail`](crate::eventstore::Step::fail), or because a method of a
    /// `#[timeout]` failed.
    BySaga,
    /// An operator has [ended](crate::eventstore::SagaHandle::end) the saga before it had failed, or has
    /// [skipped](crate::eventstore::SagaHandle::skip_parked) the command that was to start it.
    Ended,
    /// The saga did not begin: another one with its key is under way, and goes on.
    UnderWay,
}

impl StepFailed {
    pub(super) fn new(kind: StepFailureKind, reason: impl Into<String>) -> Self {
        StepFailed {
            command: None,
            kind,
            reason: reason.into(),
            error: ErrorOfHandler::default(),
        }
    }

    /// A command that failed with an error of its handler.
    pub(super) fn of_handler(reason: String, error: impl Any + Send + Sync) -> Self {
        StepFailed {
            error: ErrorOfHandler(Some(Arc::new(error))),
            ..StepFailed::new(StepFailureKind::Error, reason)
        }
    }

    /// The error of the method that the saga was started with, or why the command could not be read for it.
    pub(super) fn of_start(error: Error) -> Self {
        let reason = Shielded::new(&error).to_string();
        let is_unread = matches!(error.downcast_ref(), Some(StoreError::Unknown { .. }));
        let failed = StepFailed::of_handler(reason, error);
        match is_unread {
            true => StepFailed {
                kind: StepFailureKind::Refused,
                ..failed.clone()
            },
            false => failed,
        }
    }

    /// The method that the saga was started with did not return.
    pub(super) fn of_method(failure: &EventFailure) -> Self {
        let kind = match failure.outcome {
            SpanOutcome::Panicked => StepFailureKind::Panicked,
            SpanOutcome::TimedOut => StepFailureKind::TimedOut,
            _ => StepFailureKind::Error,
        };
        StepFailed::new(kind, &*failure.text)
    }

    /// The failure of that command.
    pub(super) fn named(mut self, command: &str) -> Self {
        self.command = Some(command.to_owned());
        self
    }

    /// The name of the command that failed; `None` if none did, because the failure is not that of a command
    /// that the saga sent.
    pub fn command(&self) -> Option<&str> {
        self.command.as_deref()
    }

    /// Which kind of reason it is.
    pub fn kind(&self) -> StepFailureKind {
        self.kind
    }

    /// Why, as text.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// The error of the handler, if it returned an `E`, or a [`nether::Error`](crate::Error) with an `E`
    /// inside.
    pub fn error<E: StdError + 'static>(&self) -> Option<&E> {
        let error = self.error.0.as_deref()?;
        let boxed = || error.downcast_ref::<Error>()?.downcast_ref();
        error.downcast_ref().or_else(boxed)
    }
}

/// The reason, with the command that failed.
impl fmt::Display for StepFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.command {
            Some(command) => write!(f, "`{command}` failed: {}", self.reason),
            None => f.write_str(&self.reason),
        }
    }
}
