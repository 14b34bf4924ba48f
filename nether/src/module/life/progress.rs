//! What a module is handling, for who looks on from outside: [`BeingHandled`], which an exclusive module
//! keeps as its [`Progress`]; and [`Pause`], which holds a module up from there.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use tokio::sync::Notify;
use tokio::time::Instant;

/// A message that is being handled.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BeingHandled {
    /// The number that distinguishes it from others of the same instance.
    pub(crate) turn: u64,
    /// The slot of its type.
    pub(crate) slot: usize,
    /// When it began, if that is known.
    pub(crate) since: Option<Instant>,
    /// Whether it is a consequence of a report.
    pub(crate) is_of_report: bool,
}

/// The flags that a module reads and writes with each message. On a cache line apart from what others write:
/// on two threads that costs more than all else.
#[derive(Debug, Default)]
#[repr(align(64))]
pub(in crate::module) struct Progress {
    /// What it is handling: the slot of the message, and a number that distinguishes it from others. Zero if
    /// nothing.
    current: AtomicU64,
    /// The last turn in which it handled a consequence of a report.
    report_turn: AtomicU32,
    pub(in crate::module) pause: Pause,
}

impl Progress {
    /// The module begins to handle a message; `turn` is another each time.
    #[inline]
    pub(in crate::module) fn begin(&self, turn: u32, slot: usize) {
        let current = u64::from(turn) << 32 | (slot as u64 + 1) & u64::from(u32::MAX);
        self.current.store(current, Ordering::Relaxed);
    }

    /// Says whether what it handles in that turn is a consequence of a report.
    #[cold]
    pub(in crate::module) fn mark_report(&self, turn: u32, is_of_report: bool) {
        if is_of_report {
            self.report_turn.store(turn, Ordering::Relaxed);
        }
    }

    /// Whether what it handles in that turn is a consequence of a report.
    pub(in crate::module) fn is_of_report(&self, turn: u64) -> bool {
        u64::from(self.report_turn.load(Ordering::Relaxed)) == turn
    }

    /// It handles nothing.
    #[inline]
    pub(in crate::module) fn rest(&self) {
        self.current.store(0, Ordering::Relaxed);
    }

    /// The turn, and the slot of the message.
    pub(in crate::module) fn current(&self) -> Option<(u64, usize)> {
        let current = self.current.load(Ordering::Relaxed);
        let slot = (current & u64::from(u32::MAX)).checked_sub(1)?;
        Some((current >> 32, slot as usize))
    }
}

/// Whether a module is held up.
#[derive(Debug, Default)]
pub(in crate::module) struct Pause {
    is_on: AtomicBool,
    over: Notify,
}

impl Pause {
    #[inline]
    pub(in crate::module) fn is_on(&self) -> bool {
        self.is_on.load(Ordering::Relaxed)
    }

    pub(in crate::module) fn set(&self, is_on: bool) {
        self.is_on.store(is_on, Ordering::SeqCst);
        if !is_on {
            self.over.notify_waiters();
        }
    }

    /// Waits until it is not held up.
    #[cold]
    pub(in crate::module) async fn over(&self) {
        loop {
            let notified = self.over.notified();
            tokio::pin!(notified);
            notified.as_mut().enable();
            if !self.is_on.load(Ordering::SeqCst) {
                return;
            }
            notified.await;
        }
    }
}
