//! [`PolledWait`]: when a future was polled last, and how it is polled again.

use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Waker;

use crate::scope::last_roll;
use crate::sync::{Mutex, lock};

/// A future that waits: whether it was polled since a roll call, and its waker.
#[derive(Debug, Default)]
pub(crate) struct PolledWait {
    last_roll: AtomicU64,
    waker: Mutex<Option<Waker>>,
}

impl PolledWait {
    /// It was polled, and waits on.
    pub(crate) fn note(&self, waker: &Waker) {
        self.last_roll.store(last_roll(), Ordering::SeqCst);
        let old = lock(&self.waker).replace(waker.clone());
        drop(old); // What a waker holds is the user's.
    }

    /// The number of the last roll call before it was polled.
    pub(crate) fn last_roll(&self) -> u64 {
        self.last_roll.load(Ordering::SeqCst)
    }

    pub(crate) fn wake(&self) {
        let waker = lock(&self.waker).clone();
        waker.into_iter().for_each(Waker::wake);
    }
}
