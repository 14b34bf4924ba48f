//! Draws the ids of traces and spans.

use std::hash::{BuildHasher, RandomState};
use std::num::{NonZeroU64, NonZeroU128};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// A number that no other process draws either: the hash, under keys that the operating system gave this
/// process, of how many were drawn before. Spans are many, and must not read from the system each.
fn drawn() -> u64 {
    static KEYS: OnceLock<RandomState> = OnceLock::new();
    static DRAWN: AtomicU64 = AtomicU64::new(0);
    let keys = KEYS.get_or_init(RandomState::new);
    keys.hash_one(DRAWN.fetch_add(1, Ordering::Relaxed))
}

/// The id of a new span.
pub(super) fn span_id() -> NonZeroU64 {
    loop {
        if let Some(id) = NonZeroU64::new(drawn()) {
            return id;
        }
    }
}

/// The id of a new trace.
pub(super) fn trace_id() -> NonZeroU128 {
    loop {
        let id = u128::from(drawn()) << 64 | u128::from(drawn());
        if let Some(id) = NonZeroU128::new(id) {
            return id;
        }
    }
}
