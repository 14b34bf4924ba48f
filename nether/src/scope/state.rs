//! The stages of a unit of work, in one byte: open, closing, ended; cancelled or not.

use std::fmt;
use std::sync::atomic::{AtomicU8, Ordering};

const CLOSING: u8 = 1;
const ENDED: u8 = 2;
const CANCELLED: u8 = 4;

/// Bits are only ever set.
#[derive(Default)]
pub(super) struct State(AtomicU8);

impl State {
    /// Neither closing nor cancelled: the case on the hot path.
    #[inline]
    pub(super) fn is_open(&self) -> bool {
        // SeqCst pairs with the counters of `Scope`: either the closer sees the count, or the sender sees the bit.
        self.0.load(Ordering::SeqCst) == 0
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
