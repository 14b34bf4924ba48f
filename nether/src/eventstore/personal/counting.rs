//! Counts the personal values that are written, so that none is overlooked in what was written, and nothing
//! is taken for one that is none.

use std::cell::Cell;

thread_local! {
    /// How many were written in this thread.
    static WRITTEN: Cell<u64> = const { Cell::new(0) };
}

/// Notes that a personal value is written.
pub(super) fn note_written() {
    WRITTEN.set(WRITTEN.get() + 1);
}

/// What some writing gives, and how many personal values it has written.
pub(super) fn counted<T>(write: impl FnOnce() -> T) -> (T, u64) {
    let before = WRITTEN.get();
    let written = write();
    (written, WRITTEN.get() - before)
}
