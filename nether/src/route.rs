//! Layer 5: where a message goes, with its types known again: a module's queue, or a shared module's handler itself.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::envelope::{Header, Parcel, Reply};
use crate::mediator::Erased;

/// A future on the heap.
pub(crate) type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// The way to one module for one message type. The mediator keeps it erased; [`Route::known`] is its only way back.
pub(crate) enum Route<P: Parcel> {
    /// An exclusive module: one message at a time, through its mailbox.
    Queue(Arc<dyn Queue<P>>),
    /// A shared module: concurrently, in the caller's task or one of its own.
    Inline(Arc<dyn Inline<P>>),
}

/// The module no longer takes messages.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Closed;

/// The queue of an exclusive module.
pub(crate) trait Queue<P>: Send + Sync {
    /// Accepts the offer at once, or when there is room; what handlers cause is always accepted.
    fn poll_accept(&self, offer: &mut Offer<P>, cx: &mut Context<'_>) -> Poll<Result<(), Closed>>;

    /// The sender no longer waits for its turn.
    fn withdraw(&self, ticket: u64);
}

/// The handler of a shared module.
pub(crate) trait Inline<P: Parcel>: Send + Sync {
    /// Handles the message in the caller's task.
    fn call(self: Arc<Self>, parcel: P, header: Header, root: bool)
    -> BoxFuture<Reply<P::Message>>;

    /// Handles the message in a task of its own. If root work has to wait for others to end first, gives back that wait.
    fn post(
        self: Arc<Self>,
        offer: Offer<P>,
    ) -> Result<Option<BoxFuture<Result<(), Closed>>>, Closed>;
}

/// A message on offer. Dropped before it is accepted, it is taken back: it is not in flight any more.
pub(crate) struct Offer<P> {
    /// `None` once accepted.
    pub(crate) content: Option<(Header, P)>,
    /// Root work waits for room.
    pub(crate) root: bool,
    /// The place in the line of those who wait.
    pub(crate) ticket: Option<u64>,
}

impl<P: Parcel> Route<P> {
    /// The route, as the mediator keeps it.
    pub(crate) fn erased(self) -> Erased {
        Arc::new(self)
    }

    /// The route that `erased` is. The rows of the mediator are filled by type, so it always is one.
    #[inline]
    pub(crate) fn known(erased: &Erased) -> Option<&Self> {
        erased.downcast_ref()
    }
}

/// An offer that waits for room. Dropped, it leaves the line.
pub(crate) struct Waiting<P> {
    queue: Arc<dyn Queue<P>>,
    offer: Offer<P>,
}

impl<P> Waiting<P> {
    pub(crate) fn new(queue: Arc<dyn Queue<P>>, offer: Offer<P>) -> Self {
        Waiting { queue, offer }
    }

    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Closed>> {
        self.queue.poll_accept(&mut self.offer, cx)
    }
}

impl<P> Drop for Waiting<P> {
    fn drop(&mut self) {
        if let Some(ticket) = self.offer.ticket.take() {
            self.queue.withdraw(ticket);
        }
    }
}

impl<P> Drop for Offer<P> {
    fn drop(&mut self) {
        if let Some((header, _)) = self.content.take() {
            header.in_flight.take_back();
        }
    }
}
