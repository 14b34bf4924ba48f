//! [`LinkDepth`]: from which depth on messages carry more of their cause than its number.

use std::sync::atomic::{AtomicU32, Ordering};

/// The depth from which on a message carries a link to its cause: the names of a chain that may be a runaway,
/// and the span that it was sent in. One number for both, so that a message without either pays for one
/// comparison.
#[derive(Debug)]
pub(crate) struct LinkDepth {
    /// The depth in use: `long`, or 0 while there are spans.
    from: AtomicU32,
    long: u32,
}

impl LinkDepth {
    /// For chains that may be as long as `max_depth`.
    pub(crate) fn new(max_depth: u32) -> Self {
        let long = max_depth / 2;
        LinkDepth {
            from: AtomicU32::new(long),
            long,
        }
    }

    /// Whether a message of that depth carries a link.
    #[inline]
    pub(crate) fn is_linked(&self, depth: u32) -> bool {
        depth > self.from.load(Ordering::Relaxed)
    }

    /// Whether a chain of that length may be a runaway.
    pub(crate) fn is_long(&self, depth: u32) -> bool {
        depth > self.long
    }

    /// From now on, messages carry the span that they were sent in, if spans are wanted at all.
    #[inline]
    pub(crate) fn look_for_spans(&self) {
        if tracing::level_enabled!(tracing::Level::INFO) {
            self.note_spans();
        }
    }

    #[cold]
    pub(crate) fn note_spans(&self) {
        self.from.store(0, Ordering::Relaxed);
    }

    /// There are no spans any more.
    pub(crate) fn forget_spans(&self) {
        self.from.store(self.long, Ordering::Relaxed);
    }
}
