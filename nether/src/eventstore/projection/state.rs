//! [`ProjectionState`]: the value of a projection, which queries read while events change it.
//!
//! A query holds the value that was there when it began, and no lock. An event needs the value for itself. It
//! waits for the queries that hold it, but not long if it can be copied.

use std::collections::HashMap;
use std::ops::Deref;
use std::pin::pin;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use tokio::sync::{Notify, OwnedRwLockWriteGuard, RwLock};
use tokio::time::timeout;

use crate::eventstore::backend::Position;
use crate::eventstore::follower::guarded_now;
use crate::eventstore::projection::Projection;
use crate::guarded::drop_unpanicked;
use crate::sync::lock;

/// How long an event waits for queries before it goes on with a copy. Most queries take less, and so copies
/// are made a hundred times in a second at most.
const COPY_AFTER: Duration = Duration::from_millis(10);

/// The value of a projection.
pub(super) struct ProjectionState<P> {
    pub(super) current: Arc<RwLock<Arc<P>>>,
    /// A query, or an event that is handled beside others, has let go of its value.
    released: Notify,
    /// The values that events have left to queries, and have gone on with copies of.
    left_behind: Mutex<Vec<Weak<P>>>,
    /// The stored events of which only a part is handled, and how many of the events that they become.
    pub(super) partly_handled: Mutex<HashMap<Position, usize>>,
}

/// The value of a projection, to be read.
pub(super) struct ProjectionView<'a, P> {
    /// There until it is dropped.
    value: Option<Arc<P>>,
    released: &'a Notify,
}

/// A value that another one has replaced.
pub(super) struct ReplacedValue<P> {
    pub(super) value: Arc<P>,
    left_behind: Vec<Weak<P>>,
}

/// The value of a projection, which no other task holds.
pub(super) struct OwnProjection<P>(OwnedRwLockWriteGuard<Arc<P>>);

impl<P: Projection> ProjectionState<P> {
    pub(super) fn new(projection: P) -> Self {
        ProjectionState {
            current: Arc::new(RwLock::new(Arc::new(projection))),
            released: Notify::new(),
            left_behind: Mutex::default(),
            partly_handled: Mutex::default(),
        }
    }

    /// The value as it is now.
    pub(super) async fn view(&self) -> ProjectionView<'_, P> {
        ProjectionView {
            value: Some(Arc::clone(&*self.current.read().await)),
            released: &self.released,
        }
    }

    /// The value, to be changed.
    pub(super) async fn own(&self) -> OwnProjection<P> {
        let mut value = Arc::clone(&self.current).write_owned().await;
        if Arc::get_mut(&mut value).is_some() {
            return OwnProjection(value);
        }
        let copied = match P::COPY {
            Some(copy)
                if timeout(COPY_AFTER, self.until_own(&mut value))
                    .await
                    .is_err() =>
            {
                // The user's code; if it panics, the queries are waited for.
                guarded_now(|| Ok(copy(&value))).ok()
            }
            _ => None,
        };
        match copied {
            Some(copied) => {
                let left = std::mem::replace(&mut *value, Arc::new(copied));
                self.leave_behind(&left);
                drop_unpanicked(left);
            }
            None => self.until_own(&mut value).await,
        }
        OwnProjection(value)
    }

    /// Notes a value that only queries hold from now on.
    fn leave_behind(&self, value: &Arc<P>) {
        let mut left_behind = lock(&self.left_behind);
        left_behind.retain(|left| left.strong_count() > 0);
        left_behind.push(Arc::downgrade(value));
    }

    /// Waits until no other task holds the value.
    async fn until_own(&self, value: &mut Arc<P>) {
        loop {
            let mut released = pin!(self.released.notified());
            released.as_mut().enable();
            if Arc::get_mut(value).is_some() {
                return;
            }
            released.await;
        }
    }

    /// Takes the value of another, which is given up, in place of its own.
    pub(super) async fn replace(&self, other: &Self) {
        drop_unpanicked(self.exchange(other).await);
    }

    /// Takes the value of another, which is given up, and returns its own, which queries may still hold.
    pub(super) async fn exchange(&self, other: &Self) -> ReplacedValue<P> {
        let new = Arc::clone(&*other.current.read().await);
        let partly_handled = std::mem::take(&mut *lock(&other.partly_handled));
        *lock(&self.partly_handled) = partly_handled;
        let value = std::mem::replace(&mut *self.current.write().await, new);
        let left_behind = std::mem::take(&mut *lock(&self.left_behind));
        ReplacedValue { value, left_behind }
    }

    /// Waits until no query holds a value that was replaced, or one that a copy had replaced before.
    pub(super) async fn until_unread(&self, replaced: &mut ReplacedValue<P>) {
        let ReplacedValue { value, left_behind } = replaced;
        self.until_own(value).await;
        loop {
            let mut released = pin!(self.released.notified());
            released.as_mut().enable();
            if left_behind.iter().all(|left| left.strong_count() == 0) {
                return;
            }
            released.await;
        }
    }
}

impl<P> OwnProjection<P> {
    pub(super) fn get(&mut self) -> &mut P {
        Arc::get_mut(&mut self.0).expect("it has one owner")
    }
}

impl<P> Deref for ProjectionView<'_, P> {
    type Target = P;

    fn deref(&self) -> &P {
        self.value
            .as_deref()
            .expect("it is there until it is dropped")
    }
}

impl<P> Drop for ProjectionView<'_, P> {
    fn drop(&mut self) {
        // It may be the last that holds a value that events have left behind.
        drop_unpanicked(self.value.take());
        self.released.notify_waiters();
    }
}
