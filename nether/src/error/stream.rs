//! [`StreamError`] and [`PushError`]: how a shared stream ends, and why it does not take an item.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use crate::error::boxed::Error;

/// Why a shared stream ended, if not in order: what consumers get after its last item.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum StreamError {
    /// A producer was dropped before it said that it had finished: its handler failed, panicked or was cut
    /// off, so items are likely to be missing.
    Unfinished,
    /// The stream was failed, see [`SharedStream::fail`](crate::SharedStream::fail).
    Failed(Arc<Error>),
    /// The context was cancelled; what was still in the stream is given up.
    Cancelled,
    /// The context's deadline passed; what was still in the stream is given up.
    DeadlineExceeded,
}

impl StreamError {
    /// Whether consumers get no more of what is still in the stream.
    pub(crate) fn cuts_off(&self) -> bool {
        matches!(self, StreamError::Cancelled | StreamError::DeadlineExceeded)
    }
}

impl fmt::Display for StreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StreamError::Unfinished => f.write_str(
                "a producer of the stream was dropped before it called `finish`, so items may be missing",
            ),
            StreamError::Failed(error) => error.fmt(f),
            StreamError::Cancelled => f.write_str("the stream's context was cancelled"),
            StreamError::DeadlineExceeded => f.write_str("the stream's context passed its deadline"),
        }
    }
}

impl StdError for StreamError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            StreamError::Failed(error) => error.as_std().source(),
            _ => None,
        }
    }
}

/// Why a shared stream did not take an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PushError {
    /// There is no room; only `try_push` says so, `push` waits.
    Full,
    /// Every consumer is gone.
    Unwanted,
    /// The stream has ended.
    Ended,
    /// The context was cancelled.
    Cancelled,
    /// The context's deadline passed.
    DeadlineExceeded,
}

impl fmt::Display for PushError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PushError::Full => "the stream is full",
            PushError::Unwanted => "the stream's consumers are all gone",
            PushError::Ended => "the stream has ended",
            PushError::Cancelled => "the stream's context was cancelled",
            PushError::DeadlineExceeded => "the stream's context passed its deadline",
        })
    }
}

impl StdError for PushError {}

/// An item that a shared stream did not take, handed back with why.
pub struct TryPushError<T> {
    /// The item.
    pub item: T,
    /// Why it was not taken.
    pub error: PushError,
}

impl<T> fmt::Debug for TryPushError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TryPushError")
            .field("error", &self.error)
            .finish_non_exhaustive()
    }
}

impl<T> fmt::Display for TryPushError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl<T> StdError for TryPushError<T> {}
