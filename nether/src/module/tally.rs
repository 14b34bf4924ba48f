//! [`Tally`]: what a module has done so far. The counts only grow.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::context::SpanOutcome;
use crate::sync::lock;

/// How a message ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(hidden)]
pub enum Verdict {
    /// The handler gave its reply.
    Handled,
    /// The handler gave back an error. The module's state stays.
    Failed,
    /// The handler gave back an error that is the caller's to see to: a refusal. The module's state stays.
    Refused,
    /// The handler crashed, and the module with it.
    Crashed(CrashCause),
    /// The handler failed, and is to be tried again.
    Again,
    /// The handler crashed, and the module with it; it is to be tried again.
    CrashedAgain(CrashCause),
}

impl Verdict {
    /// How the span of the handler ends.
    pub(crate) fn outcome(self) -> SpanOutcome {
        match self {
            Verdict::Handled => SpanOutcome::Handled,
            Verdict::Failed | Verdict::Again => SpanOutcome::Failed,
            Verdict::Refused => SpanOutcome::Refused,
            Verdict::Crashed(cause) | Verdict::CrashedAgain(cause) => cause.outcome(),
        }
    }
}

/// Why a handler crashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(hidden)]
pub enum CrashCause {
    Panicked,
    TimedOut,
}

/// A crash of a module.
#[derive(Debug)]
pub(crate) struct Crash {
    /// Why it crashed, in words.
    pub(crate) reason: String,
    /// Whether it crashed in consequence of a report, so that the crash is not reported.
    pub(crate) is_of_report: bool,
}

impl CrashCause {
    /// How the span of the handler ends.
    pub(crate) fn outcome(self) -> SpanOutcome {
        match self {
            CrashCause::Panicked => SpanOutcome::Panicked,
            CrashCause::TimedOut => SpanOutcome::TimedOut,
        }
    }

    /// Why a module crashed, in words.
    pub(crate) fn reason(self, message: &'static str) -> String {
        match self {
            CrashCause::Panicked => format!("panicked in the handler of `{message}`"),
            CrashCause::TimedOut => format!("the handler of `{message}` took too long"),
        }
    }
}

/// What a module did, and what it has to do.
#[derive(Debug, Clone)]
pub(crate) struct WorkCounts {
    pub(crate) handled: u64,
    pub(crate) failed: u64,
    /// How many of those that failed were refused.
    pub(crate) refused: u64,
    /// How many messages wait in its mailbox.
    pub(crate) waiting: usize,
    /// For how many its mailbox has room, if it has one.
    pub(crate) room: Option<usize>,
    /// Dead letters, by message name.
    pub(crate) letters: BTreeMap<&'static str, u64>,
}

/// What a module has done so far. On a cache line apart from what senders look at.
#[derive(Debug, Default)]
#[repr(align(64))]
pub(crate) struct Tally {
    handled: AtomicU64,
    /// Those that failed and were not refused. Counted by themselves: the difference of two counts that grow
    /// one after the other may fall.
    broken: AtomicU64,
    refused: AtomicU64,
    dead: AtomicU64,
    /// Refused too late, or queries whose caller went away.
    abandoned: AtomicU64,
    /// Dead letters, by message name.
    letters: Mutex<BTreeMap<&'static str, u64>>,
}

impl Tally {
    #[inline]
    pub(crate) fn count(&self, verdict: Verdict) {
        let counter = match verdict {
            Verdict::Handled => &self.handled,
            Verdict::Failed | Verdict::Crashed(_) => &self.broken,
            Verdict::Refused => &self.refused,
            Verdict::Again | Verdict::CrashedAgain(_) => return,
        };
        counter.fetch_add(1, Ordering::SeqCst);
    }

    /// Counts messages of a module that no other thread counts: it needs no atomic addition, which would cost
    /// much more. Those that were refused are among those that failed.
    #[inline]
    pub(crate) fn add_alone(&self, handled: u64, failed: u64, refused: u64) {
        add_alone(&self.handled, handled);
        if failed > 0 {
            add_alone(&self.broken, failed - refused);
            add_alone(&self.refused, refused);
        }
    }

    pub(crate) fn count_dead(&self, message: &'static str) {
        *lock(&self.letters).entry(message).or_default() += 1;
        self.dead.fetch_add(1, Ordering::SeqCst);
    }

    pub(crate) fn count_abandoned(&self) {
        self.abandoned.fetch_add(1, Ordering::SeqCst);
    }

    pub(crate) fn handled(&self) -> u64 {
        self.handled.load(Ordering::SeqCst)
    }

    /// How many failed and were not refused.
    pub(crate) fn broken(&self) -> u64 {
        self.broken.load(Ordering::SeqCst)
    }

    pub(crate) fn refused(&self) -> u64 {
        self.refused.load(Ordering::SeqCst)
    }

    /// How many messages ended, one way or another.
    pub(crate) fn ended(&self) -> u64 {
        self.handled()
            + self.broken()
            + self.refused()
            + self.dead.load(Ordering::SeqCst)
            + self.abandoned.load(Ordering::SeqCst)
    }

    /// Dead letters, by message name.
    pub(crate) fn letters(&self) -> BTreeMap<&'static str, u64> {
        lock(&self.letters).clone()
    }
}

#[inline]
fn add_alone(counter: &AtomicU64, count: u64) {
    // The thread that adds goes on to `Scope::finish`, whose addition orders this before what it reads then.
    counter.store(counter.load(Ordering::Relaxed) + count, Ordering::Release);
}

#[cfg(test)]
mod tests {
    use super::{Tally, Verdict};

    #[test]
    fn a_refusal_changes_no_count_of_failures() {
        let tally = Tally::default();
        tally.count(Verdict::Failed);
        tally.add_alone(1, 3, 2);
        tally.count(Verdict::Refused);
        assert_eq!((tally.broken(), tally.refused()), (2, 3));
        assert_eq!((tally.handled(), tally.ended()), (1, 6));
    }
}
