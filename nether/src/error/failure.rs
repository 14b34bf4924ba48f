//! [`Failure`]: one message of a unit of work that failed while no caller waited for it.

use std::fmt;
use std::sync::Arc;

use crate::error::boxed::{Error, HandlerError};
use crate::error::call::{CallError, Panic, TimedOut};
use crate::error::context::ContextError;
use crate::error::crash_looping::CrashLooping;
use crate::error::rejection::Rejection;
use crate::error::stream::HeldStream;

/// One message that failed while no caller waited for its reply, or that was not handled at all.
///
/// A failure that a caller got as a [`CallError`](crate::CallError) is not listed here.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Failure {
    /// The message's name.
    pub message: &'static str,
    /// The module that handled it, or should have; `None` for a nested unit of work, for a stream, and for a
    /// task that no module spawned.
    pub module: Option<&'static str>,
    /// The message's number within its context, see [`MessageId`](crate::MessageId).
    pub sequence: u64,
    /// What went wrong.
    pub kind: FailureKind,
}

/// What went wrong with a message.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum FailureKind {
    /// The handler gave back an error.
    Handler(Arc<Error>),
    /// The handler panicked.
    Panicked(Box<Panic>),
    /// The handler took longer than it may and was cut off.
    TimedOut(Box<TimedOut>),
    /// Middleware or an interceptor did not let it through.
    Rejected(Box<Rejection>),
    /// A unit of work within this one did not succeed, and was dropped, so that no caller there got its
    /// error; see [`Nested`](crate::Nested).
    Nested(Box<ContextError>),
    /// No message failed, but `close` had to end a stream that was held outside of handlers.
    HeldStream(Box<HeldStream>),
    /// It was still waiting when its context was cancelled.
    Cancelled,
    /// It was still waiting when its context's deadline passed.
    DeadlineExceeded,
    /// No handler had taken it in the time that [`Delayed::expires`](crate::Delayed::expires) or
    /// [`Apart::expires`](crate::Apart::expires) gave it.
    Expired,
    /// Its module had failed too often, and its `breaker` was open.
    BreakerOpen,
    /// Its module had crashed too often, and was left alone until its next try.
    CrashLooping(Box<CrashLooping>),
    /// Its module stopped before its turn came, or was cut off while it handled it.
    Stopped,
}

impl FailureKind {
    /// Whether the deadline or the cancellation of the unit of work ended the message. Its opener set both.
    pub(crate) fn is_end_of_unit(&self) -> bool {
        matches!(self, FailureKind::Cancelled | FailureKind::DeadlineExceeded)
    }

    /// The error of a call, if no caller waited for its reply.
    pub(crate) fn of<E: HandlerError>(error: CallError<E>) -> Self {
        match error {
            CallError::Handler(error) => FailureKind::Handler(Arc::new(error.into_error())),
            CallError::Panicked(panic) => FailureKind::Panicked(panic),
            CallError::TimedOut(timed_out) => FailureKind::TimedOut(timed_out),
            CallError::Rejected(rejection) => FailureKind::Rejected(rejection),
            CallError::Cancelled { .. } => FailureKind::Cancelled,
            CallError::DeadlineExceeded { .. } => FailureKind::DeadlineExceeded,
            CallError::BreakerOpen { .. } => FailureKind::BreakerOpen,
            CallError::CrashLooping(error) => FailureKind::CrashLooping(error),
            CallError::Stopped { .. } | CallError::Stopping { .. } => FailureKind::Stopped,
            other => FailureKind::Handler(Arc::new(other.into())),
        }
    }
}

impl FailureKind {
    /// The error of a caller whose message ended like this, without a reply of its handler.
    pub(crate) fn into_call_error<E>(self, message: &'static str) -> CallError<E> {
        match self {
            FailureKind::Panicked(panic) => CallError::Panicked(panic),
            FailureKind::TimedOut(timed_out) => CallError::TimedOut(timed_out),
            FailureKind::Rejected(rejection) => CallError::Rejected(rejection),
            FailureKind::Cancelled => CallError::Cancelled { message },
            FailureKind::DeadlineExceeded | FailureKind::Expired => {
                CallError::DeadlineExceeded { message }
            }
            FailureKind::BreakerOpen => CallError::BreakerOpen { message },
            FailureKind::CrashLooping(error) => CallError::CrashLooping(error),
            FailureKind::Stopped
            | FailureKind::Handler(_)
            | FailureKind::Nested(_)
            | FailureKind::HeldStream(_) => CallError::Stopped { message },
        }
    }

    /// Whether the message was never handled: a dead letter.
    pub fn is_dead_letter(&self) -> bool {
        !matches!(
            self,
            FailureKind::Handler(_)
                | FailureKind::Panicked(_)
                | FailureKind::TimedOut(_)
                | FailureKind::Rejected(_)
                | FailureKind::Nested(_)
                | FailureKind::HeldStream(_)
        )
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.module {
            None => write!(f, "`{}`: {}", self.message, self.kind),
            Some(module) => write!(f, "`{}` in `{module}`: {}", self.message, self.kind),
        }
    }
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FailureKind::Handler(error) => error.fmt(f),
            FailureKind::Panicked(panic) => write!(f, "panicked: {}", panic.text),
            FailureKind::TimedOut(timed_out) => {
                write!(f, "cut off after {:?}", timed_out.limit)
            }
            FailureKind::Rejected(rejection) => rejection.fmt(f),
            FailureKind::Nested(error) => error.fmt(f),
            FailureKind::HeldStream(held) => held.fmt(f),
            FailureKind::Cancelled => f.write_str("not handled: the context was cancelled"),
            FailureKind::DeadlineExceeded => {
                f.write_str("not handled: the context's deadline passed")
            }
            FailureKind::Expired => f.write_str("not handled: it expired before its turn came"),
            FailureKind::BreakerOpen => f.write_str("not handled: the module's breaker is open"),
            FailureKind::CrashLooping(_) => {
                f.write_str("not handled: the module crashes again and again")
            }
            FailureKind::Stopped => f.write_str("not handled: the module stopped"),
        }
    }
}
