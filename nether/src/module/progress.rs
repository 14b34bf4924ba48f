//! [`Progress`]: what an exclusive module is handling, for who looks on from outside; and [`Pause`], which holds it up from
//! there.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::sync::Notify;

/// What a module is handling: the slot of the message, and a number that tells it from others. Zero if nothing.
#[derive(Debug, Default)]
pub(super) struct Progress(AtomicU64);

impl Progress {
    /// The module begins to handle a message; `turn` is another each time.
    #[inline]
    pub(super) fn begin(&self, turn: u32, slot: usize) {
        let current = u64::from(turn) << 32 | (slot as u64 + 1) & u64::from(u32::MAX);
        self.0.store(current, Ordering::Relaxed);
    }

    /// It handles nothing.
    #[inline]
    pub(super) fn rest(&self) {
        self.0.store(0, Ordering::Relaxed);
    }

    /// The turn, and the slot of the message.
    pub(super) fn current(&self) -> Option<(u64, usize)> {
        let current = self.0.load(Ordering::Relaxed);
        let slot = (current & u64::from(u32::MAX)).checked_sub(1)?;
        Some((current >> 32, slot as usize))
    }
}

/// Whether a module is held up.
#[derive(Debug, Default)]
pub(super) struct Pause {
    is_on: AtomicBool,
    over: Notify,
}

impl Pause {
    #[inline]
    pub(super) fn is_on(&self) -> bool {
        self.is_on.load(Ordering::Relaxed)
    }

    pub(super) fn set(&self, is_on: bool) {
        self.is_on.store(is_on, Ordering::SeqCst);
        if !is_on {
            self.over.notify_waiters();
        }
    }

    /// Waits until it is not held up.
    #[cold]
    pub(super) async fn over(&self) {
        loop {
            let told = self.over.notified();
            tokio::pin!(told);
            told.as_mut().enable();
            if !self.is_on.load(Ordering::SeqCst) {
                return;
            }
            told.await;
        }
    }
}
