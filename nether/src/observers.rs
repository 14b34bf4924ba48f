//! [`Observers`]: who wants to know of every handler that runs, in one byte; and [`Onlooker`], one of them at
//! one handler.

use std::fmt;
use std::sync::atomic::{AtomicU8, Ordering};

use crate::error::Rejection;

/// The kinds of observers that want to know of every handler that runs. While there are none, a message costs
/// one load.
#[derive(Debug, Default)]
pub(crate) struct Observers(AtomicU8);

impl Observers {
    /// How long handlers take is asked for.
    pub(crate) const TIMES: u8 = 1;
    /// There are interceptors.
    pub(crate) const INTERCEPTORS: u8 = 1 << 1;

    /// Adds one, for good.
    pub(crate) fn add(&self, observer: u8) {
        self.0.fetch_or(observer, Ordering::Relaxed);
    }

    /// Whether there are any.
    #[inline]
    pub(crate) fn are_any(&self) -> bool {
        self.0.load(Ordering::Relaxed) != 0
    }

    /// Whether this one is there.
    pub(crate) fn are(&self, observer: u8) -> bool {
        self.0.load(Ordering::Relaxed) & observer != 0
    }
}

/// An observer of one handler.
pub(crate) trait Onlooker: fmt::Debug + Send + Sync {
    /// Why the message is not let through, if it is not.
    fn rejection(&self) -> Option<&Rejection>;

    /// Learns how the handler ended.
    fn end(&mut self, how: Ending, error: Option<&dyn fmt::Display>);
}

/// The ways in which an attempt at a message ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Ending {
    /// The handler gave its reply.
    Handled,
    /// The handler returned an error.
    Failed,
    /// The handler returned an error that is the sender's to see to: a problem with a status from 400 to 499.
    Refused,
    /// Middleware, or an interceptor behind this one, did not let the message through.
    Rejected,
    /// The handler, or its middleware, panicked.
    Panicked,
    /// It took longer than its `timeout`.
    TimedOut,
    /// Something failed that the handler depends on: the event store of an aggregate.
    Unavailable,
    /// It was dropped: its module was cut off, its unit of work ended, or no caller waited any more for the
    /// answer to a query.
    CutOff,
}
