//! The stages of a unit of work, in one byte: open, closing, ended; cancelled or not; in a system that bounds what is in flight
//! or not.

use std::fmt;
use std::sync::atomic::{AtomicU8, Ordering};

const CLOSING: u8 = 1;
const ENDED: u8 = 2;
const CANCELLED: u8 = 4;
const LIMITED: u8 = 8;

/// Bits are only ever set.
pub(super) struct State(AtomicU8);

impl State {
    pub(super) fn new(is_limited: bool) -> Self {
        State(AtomicU8::new(if is_limited { LIMITED } else { 0 }))
    }

    /// Neither closing nor cancelled nor limited: the case on the hot path.
    #[inline]
    pub(super) fn is_plain(&self) -> bool {
        // SeqCst pairs with the counters of `Scope`: either the closer sees the count, or the sender sees the bit.
        self.0.load(Ordering::SeqCst) == 0
    }

    /// Whether the system bounds what is in flight. Never changes.
    #[inline]
    pub(super) fn is_limited(&self) -> bool {
        self.0.load(Ordering::Relaxed) & LIMITED != 0
    }

    /// Neither closing nor cancelled.
    pub(super) fn is_open(&self) -> bool {
        !self.has(CLOSING | CANCELLED)
    }

    pub(super) fn has_ended(&self) -> bool {
        self.has(ENDED)
    }

    #[inline]
    pub(super) fn is_cancelled(&self) -> bool {
        self.has(CANCELLED)
    }

    pub(super) fn close(&self) {
        self.set(CLOSING);
    }

    pub(super) fn end(&self) {
        self.set(CLOSING | ENDED);
    }

    pub(super) fn cancel(&self) {
        self.set(CANCELLED);
    }

    #[inline]
    fn has(&self, bit: u8) -> bool {
        self.0.load(Ordering::SeqCst) & bit != 0
    }

    fn set(&self, bits: u8) {
        self.0.fetch_or(bits, Ordering::SeqCst);
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = [
            (CLOSING, "closing"),
            (ENDED, "ended"),
            (CANCELLED, "cancelled"),
            (LIMITED, "limited"),
        ];
        f.debug_set()
            .entries(
                names
                    .iter()
                    .filter(|(bit, _)| self.has(*bit))
                    .map(|(_, name)| name),
            )
            .finish()
    }
}
