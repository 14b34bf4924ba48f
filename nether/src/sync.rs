//! Locks whose holders cannot panic.

pub(crate) use std::sync::Mutex;
pub(crate) use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{MutexGuard, PoisonError};

/// Locks `mutex`. A poisoned lock is taken as it is: no critical section of this crate leaves its data
/// half-changed.
#[inline]
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Held while a call is refused, so that of two calls that close one circle together only one is.
pub(crate) fn refusing() -> &'static Mutex<()> {
    static REFUSING: Mutex<()> = Mutex::new(());
    &REFUSING
}
