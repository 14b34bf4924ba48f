//! The stages of a unit of work, in one byte: open, closing, ended; cancelled or not, by its owner or because
//! it was dropped; in a system that bounds what is in flight or not.

use std::fmt;

use crate::sync::{AtomicU8, Ordering};

const CLOSING: u8 = 1;
const ENDED: u8 = 2;
const CANCELLED: u8 = 4;
const LIMITED: u8 = 8;
const LEFT: u8 = 16;

/// Bits are only ever set.
pub(crate) struct ScopeState(AtomicU8);

impl ScopeState {
    pub(crate) fn new(is_limited: bool) -> Self {
        ScopeState(AtomicU8::new(if is_limited { LIMITED } else { 0 }))
    }

    /// Neither closing nor cancelled nor limited: the case on the hot path.
    #[inline]
    pub(crate) fn is_plain(&self) -> bool {
        // SeqCst pairs with the counters of `Scope`: either the closer sees the count, or the sender sees the
        // bit.
        self.0.load(Ordering::SeqCst) == 0
    }

    /// Whether the system bounds what is in flight. Never changes.
    #[inline]
    pub(crate) fn is_limited(&self) -> bool {
        self.0.load(Ordering::Relaxed) & LIMITED != 0
    }

    /// Neither closing nor cancelled.
    pub(crate) fn is_open(&self) -> bool {
        !self.has(CLOSING | CANCELLED)
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.has(ENDED)
    }

    #[inline]
    pub(crate) fn is_cancelled(&self) -> bool {
        self.has(CANCELLED)
    }

    pub(crate) fn close(&self) {
        self.set(CLOSING);
    }

    pub(crate) fn end(&self) {
        self.set(CLOSING | ENDED);
    }

    pub(crate) fn cancel(&self) {
        self.set(CANCELLED);
    }

    /// Cancels it, and notes that no owner asked for that, unless one has.
    pub(crate) fn leave(&self) {
        if !self.is_cancelled() {
            self.set(LEFT | CANCELLED);
        }
    }

    /// Whether its last handle was dropped before it ended, and its owner had not cancelled it.
    pub(crate) fn was_left(&self) -> bool {
        self.has(LEFT)
    }

    #[inline]
    fn has(&self, bit: u8) -> bool {
        self.0.load(Ordering::SeqCst) & bit != 0
    }

    fn set(&self, bits: u8) {
        self.0.fetch_or(bits, Ordering::SeqCst);
    }
}

impl fmt::Debug for ScopeState {
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
