//! [`Places`] of a shared module: how work waits for one, and is taken back if it does not get one.

use std::future::{pending, poll_fn};
use std::sync::Arc;
use std::task::Poll;

use tokio::sync::{Semaphore, watch};

use crate::envelope::Header;
use crate::error::SendError;
use crate::race::race;
use crate::scope::{self, Queued, QueuedWait, Scope};

/// How many handlers of a shared module may run. Work from outside waits for a place; what handlers cause
/// runs in tasks of its own and waits there; a call from inside a handler needs none, for a caller must never
/// wait for itself.
pub(super) struct Places {
    /// Never closed: what handlers cause still gets its place while the module stops.
    free: Semaphore,
    /// Whether the module accepts nothing now.
    closed: watch::Sender<bool>,
    /// How many there are, and whose they are.
    all: scope::SharedPlaces,
}

impl Places {
    /// The places of the module that has this number.
    pub(super) fn new(bound: usize, module: u64) -> Self {
        Places {
            all: scope::SharedPlaces {
                module,
                count: bound,
            },
            free: Semaphore::new(bound.min(Semaphore::MAX_PERMITS)),
            closed: watch::Sender::new(false),
        }
    }

    /// Takes a place if there is one, and says whether. To be given back with
    /// [`give_back`](Places::give_back).
    #[inline]
    pub(super) fn take(&self) -> bool {
        let place = self.free.try_acquire();
        place.map(|place| place.forget()).is_ok()
    }

    #[inline]
    pub(super) fn give_back(&self, has_place: bool) {
        if has_place {
            self.free.add_permits(1);
        }
    }

    /// Takes a place for what does not wait for one. Work from outside needs it.
    pub(super) fn try_take(&self, header: &Header, is_external: bool) -> Result<bool, SendError> {
        let has_place = self.take();
        if !has_place && is_external {
            header.scope.take_back(1);
            let message = header.label.message.name();
            return Err(SendError::Full { message });
        }
        Ok(has_place)
    }

    /// Lets work from outside wait no longer: it is to be rejected.
    pub(super) fn close(&self) {
        self.closed.send_replace(true);
    }

    /// Lets work from outside wait again.
    pub(super) fn open(&self) {
        self.closed.send_replace(false);
    }

    /// Waits until the module accepts nothing more, or nothing for a while.
    async fn closed(&self) {
        let _ = self.closed.subscribe().wait_for(|closed| *closed).await; // The sender is there.
    }

    /// Registers that a message waits for a place.
    async fn queue(&self, scope: &Arc<Scope>, sequence: u64) -> QueuedWait {
        let waker = poll_fn(|cx| Poll::Ready(cx.waker().clone())).await;
        scope.queue((sequence, Queued::Place(self.all)), 1, Some(waker))
    }

    /// Waits for a place, first come, first served, and takes it.
    async fn wait(&self) {
        if let Ok(place) = self.free.acquire().await {
            place.forget();
        }
    }

    /// Waits for a place for what a handler caused. Says whether it took one: it does not if there is a
    /// reason not to begin any more.
    pub(super) async fn wait_inside(&self, scope: &Arc<Scope>, sequence: u64) -> bool {
        let _queued = self.queue(scope, sequence).await;
        let place = async {
            self.wait().await;
            true
        };
        let obstacle = async {
            until_obstacle(scope).await;
            false
        };
        race(place, obstacle).await
    }
}

/// Waits until nothing more of a unit of work is begun. A standing scope has no such end, but for a deadline.
pub(super) async fn until_obstacle(scope: &Scope) {
    let cancelled = async {
        scope.cancelled().await;
        if !scope.is_cancelled_unit() {
            pending().await
        }
    };
    race(cancelled, scope.deadline_passed()).await;
}

/// Work from outside that waits for a place. Dropped, it is taken back: it is not in flight any more.
pub(super) struct Offered<P>(Option<(P, Header)>);

impl<P> Offered<P> {
    pub(super) fn new(parcel: P, header: Header) -> Self {
        Offered(Some((parcel, header)))
    }

    /// Waits for a place, until the module accepts nothing or the unit of work is cancelled; whoever polls
    /// this sees to the deadline. Gives back whether it took a place, which belongs to what it gives back:
    /// without one, the module refuses the message.
    pub(super) async fn enter(mut self, places: &Places) -> Result<(P, Header, bool), SendError> {
        let Some((_, header)) = &self.0 else {
            unreachable!("an offer enters once")
        };
        let (scope, message) = (Arc::clone(&header.scope), header.label.message.name());
        let queued = places.queue(&scope, header.label.sequence()).await;
        let is_cancelled = async {
            scope.cancelled().await;
            None
        };
        let is_closed = async {
            places.closed().await;
            Some(false)
        };
        let place = async {
            places.wait().await;
            Some(true)
        };
        // A place that is there counts less than a reason not to begin.
        let entered = race(is_cancelled, race(is_closed, place)).await;
        drop(queued); // Before it is in flight as an accepted message.
        match (entered, self.0.take()) {
            (Some(has_place), Some((parcel, header))) => Ok((parcel, header, has_place)),
            (_, offered) => {
                self.0 = offered;
                Err(SendError::Cancelled { message })
            }
        }
    }
}

impl<P> Drop for Offered<P> {
    fn drop(&mut self) {
        if let Some((_, header)) = &self.0 {
            header.scope.take_back(1);
        }
    }
}
