//! [`Places`] of a shared module: how work waits for one, and is taken back if it does not get one.

use std::future::{pending, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Poll, Waker};

use tokio::sync::{Semaphore, watch};

use crate::envelope::Header;
use crate::error::SendError;
use crate::race::race;
use crate::scope::{self, Queued, QueuedWait, Scope};
use crate::waiting::{InPlaceQueue, PlaceQueue, Waiter};

/// How many handlers of a shared module may run. Work from outside waits for a place; what handlers cause
/// runs in tasks of its own and waits there; a call from inside a handler needs none, for a caller must never
/// wait for itself.
pub(super) struct Places {
    /// Never closed: what handlers cause still gets its place while the module stops.
    free: Semaphore,
    /// How many are taken beyond those that there are: a place that is given back is not free while there are
    /// some.
    owed: AtomicUsize,
    /// Whether the module accepts nothing now.
    closed: watch::Sender<bool>,
    /// How many there are, and whose they are.
    all: scope::SharedPlaces,
    queue: Arc<PlaceQueue>,
}

/// A wait for a place, which the unit of work of the message knows of, and others that wait for that one.
struct PlaceWait {
    queued: QueuedWait,
    _in_queue: InPlaceQueue,
}

impl Places {
    /// The places of the module of this waiter.
    pub(super) fn new(bound: usize, waiter: &Waiter) -> Self {
        Places {
            all: scope::SharedPlaces {
                module: waiter.number(),
                count: bound,
            },
            queue: PlaceQueue::of(waiter),
            free: Semaphore::new(bound.min(Semaphore::MAX_PERMITS)),
            owed: AtomicUsize::new(0),
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

    /// Takes so many places, whether or not there are so many. Each is to be given back with
    /// [`repay`](Places::repay).
    pub(super) fn take_or_owe(&self, count: usize) {
        let taken = self.free.forget_permits(count);
        self.owed.fetch_add(count - taken, Ordering::SeqCst);
    }

    /// Gives a place back where some may be taken beyond those that there are.
    pub(super) fn repay(&self) {
        let repaid = |owed: usize| owed.checked_sub(1);
        let owed = self
            .owed
            .try_update(Ordering::SeqCst, Ordering::SeqCst, repaid);
        self.give_back(owed.is_err());
    }

    /// How many there are, and whose they are.
    pub(super) fn all(&self) -> scope::SharedPlaces {
        self.all
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

    /// Registers that a message waits for a place. The waker is that of its sender, if one polls it.
    fn queue(&self, scope: &Arc<Scope>, sequence: u64, sender: Option<&Waker>) -> PlaceWait {
        PlaceWait {
            queued: scope.queue((sequence, Queued::Place(self.all)), 1, sender.cloned()),
            _in_queue: self.queue.enter(scope),
        }
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
        let _queued = self.queue(scope, sequence, None);
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
pub(crate) async fn until_obstacle(scope: &Scope) {
    let cancelled = async {
        scope.cancelled().await;
        if !scope.is_cancelled_unit() {
            pending().await
        }
    };
    race(cancelled, scope.deadline_passed()).await;
}

/// Work from outside that waits for a place. Dropped, it is taken back: it is not in flight any more.
pub(super) struct Offered<P> {
    /// `None` once it has entered.
    offer: Option<(P, Header)>,
    /// The wait for a place, as the unit of work that closes finds it.
    wait: Option<PlaceWait>,
}

impl<P> Offered<P> {
    pub(super) fn new(parcel: P, header: Header) -> Self {
        Offered {
            offer: Some((parcel, header)),
            wait: None,
        }
    }

    /// Waits for a place, until the module accepts nothing or the unit of work is cancelled or takes the
    /// message back; the task that polls this sees to the deadline. Gives back whether it took a place, which
    /// belongs to what it gives back: without one, the module refuses the message.
    pub(super) async fn enter(mut self, places: &Places) -> Result<(P, Header, bool), SendError> {
        let Some((_, header)) = &self.offer else {
            unreachable!("an offer enters once")
        };
        let (scope, label) = (Arc::clone(&header.scope), header.label);
        let message = label.message.name();
        let is_cancelled = async {
            scope.cancelled().await;
            Err(SendError::Cancelled { message })
        };
        let is_closed = async {
            places.closed().await;
            Ok(false)
        };
        let place = async {
            places.wait().await;
            Ok(true)
        };
        // A place that is there counts less than a reason not to begin.
        let mut entered = pin!(race(is_cancelled, race(is_closed, place)));
        let wait = &mut self.wait;
        let has_place = poll_fn(|cx| {
            let PlaceWait { queued, .. } = wait
                .get_or_insert_with(|| places.queue(&scope, label.sequence(), Some(cx.waker())));
            if !queued.begin_poll() {
                return Poll::Ready(Err(scope.refusal(message)));
            }
            let polled = entered.as_mut().poll(cx);
            if polled.is_pending() {
                queued.end_poll(cx.waker());
            }
            polled
        })
        .await?;
        self.wait = None; // Before it is in flight as an accepted message.
        match self.offer.take() {
            Some((parcel, header)) => Ok((parcel, header, has_place)),
            None => unreachable!("an offer enters once"),
        }
    }
}

impl<P> Drop for Offered<P> {
    fn drop(&mut self) {
        let wait = self.wait.as_ref();
        let is_taken_back = wait.is_some_and(|wait| !wait.queued.begin_poll());
        if let Some((_, header)) = &self.offer
            && !is_taken_back
        {
            header.scope.take_back(1);
        }
    }
}
