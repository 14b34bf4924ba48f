//! Layer 0: what threads share: locks whose holders cannot panic, and lines of the cache that they do not share.

use std::ops::Deref;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks `mutex`. A poisoned lock is taken as it is: no critical section of this crate leaves its data half-changed.
#[inline]
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Keeps what one side writes off the cache lines of what the other side writes.
#[derive(Debug, Default)]
#[repr(align(64))]
pub(crate) struct OwnLine<T>(T);

impl<T> Deref for OwnLine<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.0
    }
}
