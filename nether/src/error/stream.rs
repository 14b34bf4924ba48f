//! [`StreamError`] and [`PushError`]: how a shared stream ends, and why it does not take an item.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

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

/// A stream that [`close`](crate::Context::close) has ended, because all that was left of the unit of work
/// waited for it, and only a handle outside of its handlers could have moved it on.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HeldStream {
    /// The name of the type of its items.
    pub item: &'static str,
    /// The name of the stream, if it has one.
    pub name: Option<String>,
    /// Whether it is held by a consumer that takes nothing; otherwise by a producer that neither pushes nor
    /// finishes.
    pub by_consumer: bool,
    /// How long `close` had waited; see
    /// [`SystemBuilder::close_patience`](crate::SystemBuilder::close_patience).
    pub patience: Duration,
}

impl fmt::Display for HeldStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the stream of `{}`", self.item)?;
        if let Some(name) = &self.name {
            write!(f, " named `{name}`")?;
        }
        write!(f, " was ended after {:?}: ", self.patience)?;
        f.write_str(match self.by_consumer {
            true => {
                "handlers wait for room in it, and a consumer outside of handlers takes nothing; take its items, or \
                 drop it, before `close`"
            }
            false => {
                "handlers wait for its items, and a producer of it has not finished that no running handler moves on; \
                 finish or drop it before `close`"
            }
        })
    }
}

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
