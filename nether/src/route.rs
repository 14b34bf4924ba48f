//! Where a message goes, with its types known again: a module's queue, or a shared module's handler itself.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};

use tokio::time::Instant;

use crate::envelope::{Header, Label, Parcel, Reply, Source};
use crate::error::{CrashLooping, FailureKind, SendError};
use crate::guarded::catch_now;
use crate::mediator::Erased;
use crate::message::Message;
use crate::scope::{Queued, QueuedWait, Scope};
use crate::waiting::{ModuleWait, Waiter};

/// A future on the heap.
pub(crate) type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// The way to one module for one message type. The mediator keeps it erased; [`Route::known`] is its only way
/// back.
pub(crate) enum Route<P: Parcel> {
    /// An exclusive module: one message at a time, through its mailbox.
    Queue(Arc<dyn Queue<P>>),
    /// Several instances of one, each with a mailbox of its own.
    Pool(Pool<P>),
    /// A shared module: concurrently, in the caller's task or one of its own.
    Inline(Arc<dyn Inline<P>>),
}

/// Where one message goes.
pub(crate) enum To<'a, P: Parcel> {
    Queue(&'a Arc<dyn Queue<P>>),
    Inline(&'a Arc<dyn Inline<P>>),
}

impl<P: Parcel> Route<P> {
    /// Where this message goes.
    #[inline]
    pub(crate) fn to(&self, message: &P::Message) -> To<'_, P> {
        match self {
            Route::Queue(queue) => To::Queue(queue),
            Route::Pool(pool) => To::Queue(pool.pick(message)),
            Route::Inline(inline) => To::Inline(inline),
        }
    }

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

/// The instances of a module.
pub(crate) struct Pool<P> {
    queues: Box<[Arc<dyn Queue<P>>]>,
    /// With which to begin to look for the least busy: not always with the same.
    turn: AtomicUsize,
}

impl<P: Parcel> Pool<P> {
    /// The queues of all instances, of which there is at least one.
    pub(crate) fn new(queues: Box<[Arc<dyn Queue<P>>]>) -> Self {
        Pool {
            queues,
            turn: AtomicUsize::new(0),
        }
    }

    /// With a key always the same instance, whatever has become of it; without, the one that handles it
    /// soonest.
    #[inline(never)] // Most modules have one instance: their way is to stay short.
    fn pick(&self, message: &P::Message) -> &Arc<dyn Queue<P>> {
        let count = self.queues.len();
        // The message counts as in flight already: a `Hash` of the user's that panics must not cut that
        // short.
        let mut key = Some(0);
        let _ = catch_now(&mut || key = message.key_hash());
        let picked = match key {
            Some(hash) => (hash % count as u64) as usize,
            None => self.soonest(),
        };
        &self.queues[picked]
    }

    /// The least busy of those that are most available: one that handles nothing is not busy at all, and
    /// would get everything.
    fn soonest(&self) -> usize {
        let count = self.queues.len();
        let first = self.turn.fetch_add(1, Ordering::Relaxed) % count;
        let mut best = (Availability::Stopped, u64::MAX);
        let mut picked = first;
        for index in (first..count).chain(0..first) {
            let queue = &self.queues[index];
            let mut availability = queue.availability();
            if queue.waiter().waits_for_current() {
                availability = availability.max(Availability::Waiting);
            }
            let rank = (availability, queue.load());
            if rank < best {
                (best, picked) = (rank, index);
            }
            if best == (Availability::Running, 0) {
                break;
            }
        }
        picked
    }
}

/// How soon the module of a queue handles what it gets, the soonest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Availability {
    /// After what it has.
    Running,
    /// Once it has started, is restarted, or is not paused any more.
    NotYet,
    /// It is the one that sends, or waits for that one: it would wait for its own reply.
    Waiting,
    /// Its breaker is open, so it refuses.
    BreakerOpen,
    /// It has crashed too often, and refuses until its next try.
    CrashLooping,
    /// Never.
    Stopped,
}

/// Why a message was not accepted.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Rejected {
    /// The module no longer takes messages.
    Closed,
    /// It fails, and is left alone for a while.
    BreakerOpen,
    /// It has crashed too often, and is left alone until its next try.
    CrashLooping,
    /// There is no room now, for what does not wait for it.
    Full,
    /// Its context was cancelled while it waited for room.
    Cancelled,
    /// Its context was closed while it waited for room and was not polled.
    ContextClosed,
}

impl Rejected {
    /// The error of the sender, whose message was for `module`.
    #[cold]
    #[inline(never)]
    pub(crate) fn error(self, message: &'static str, module: &dyn CrashLoops) -> SendError {
        match self {
            Rejected::Closed => SendError::Stopped { message },
            Rejected::BreakerOpen => SendError::BreakerOpen { message },
            Rejected::CrashLooping => SendError::CrashLooping(module.next_try().refusal(message)),
            Rejected::Full => SendError::Full { message },
            Rejected::Cancelled => SendError::Cancelled { message },
            Rejected::ContextClosed => SendError::Closed { message },
        }
    }

    /// Why a message without a sender to notify becomes a dead letter: because the breaker is open, because
    /// the module is crash-looping, or because it `is_stopped` for its crashes. `None` if it does not become
    /// one.
    #[cold]
    pub(crate) fn failure(
        self,
        is_stopped: bool,
        label: Label,
        module: &dyn CrashLoops,
    ) -> Option<FailureKind> {
        match self {
            Rejected::BreakerOpen => Some(FailureKind::BreakerOpen),
            Rejected::CrashLooping => Some(module.next_try().failure(label)),
            Rejected::Closed => is_stopped.then_some(FailureKind::Stopped),
            Rejected::Full | Rejected::Cancelled | Rejected::ContextClosed => None,
        }
    }
}

/// A call of a shared module.
pub(crate) enum InlineCall<R> {
    /// The message is accepted: this is its handler.
    Accepted(BoxFuture<R>),
    /// Work from outside waits for others to end first. Dropped, the message is taken back.
    Waiting(BoxFuture<Result<BoxFuture<R>, SendError>>),
}

/// A module that may be crash-looping.
pub(crate) trait CrashLoops {
    /// When it is built again, if it is.
    fn next_try(&self) -> NextTry;
}

impl CrashLoops for NextTry {
    fn next_try(&self) -> NextTry {
        *self
    }
}

/// When a module is built again that crashes again and again.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NextTry {
    /// The module's name.
    pub(crate) module: &'static str,
    /// In the past, it is being built or runs again.
    pub(crate) at: Instant,
}

impl NextTry {
    /// Why a message is not handled that comes meanwhile, or waits.
    #[cold]
    pub(crate) fn failure(self, label: Label) -> FailureKind {
        FailureKind::CrashLooping(self.refusal(label.message.name()))
    }

    /// What a sender gets that is refused meanwhile.
    #[cold]
    fn refusal(self, message: &'static str) -> Box<CrashLooping> {
        Box::new(CrashLooping {
            message,
            module: self.module,
            next_try: self.at,
        })
    }
}

/// The handler of a shared module. What it is given has been admitted; it answers for that.
pub(crate) trait Inline<P: Parcel>: Send + Sync {
    /// Handles the message in the caller's task.
    fn call(
        self: Arc<Self>,
        parcel: P,
        header: Header,
        is_external: bool,
    ) -> Result<InlineCall<Reply<P::Message>>, SendError>;

    /// Handles the message in a task of its own. If work from outside has to wait for others to end first,
    /// gives back that wait.
    fn post(
        self: Arc<Self>,
        parcel: P,
        header: Header,
        is_external: bool,
    ) -> Result<Option<BoxFuture<Result<(), SendError>>>, SendError>;

    /// As `call`, if another handler may run now. The parcel stays where it is if it is rejected.
    fn try_call(
        self: Arc<Self>,
        parcel: &mut Option<P>,
        header: Header,
        is_external: bool,
    ) -> Result<BoxFuture<Reply<P::Message>>, SendError>;

    /// As `post`, likewise.
    fn try_post(
        self: Arc<Self>,
        parcel: &mut Option<P>,
        header: Header,
        is_external: bool,
    ) -> Result<(), SendError>;
}

/// The queue of an exclusive module.
pub(crate) trait Queue<P>: CrashLoops + Send + Sync {
    /// Accepts the offer at once, or when there is room; what handlers cause is always accepted. The parcel
    /// stays in an offer that is not accepted.
    fn poll_accept(
        &self,
        source: Source<'_>,
        label: Label,
        offer: &mut Offer<P>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), Rejected>>;

    /// Accepts the parcel if there is room now, or if it is not work from outside. It stays where it is if it
    /// is rejected.
    fn try_accept(
        &self,
        source: Source<'_>,
        label: Label,
        is_external: bool,
        parcel: &mut Option<P>,
    ) -> Result<(), Rejected>;

    /// How soon it handles what it gets.
    fn availability(&self) -> Availability;

    /// How many messages it has to handle, the current one included.
    fn load(&self) -> u64;

    /// The module, as those see it who wait for it.
    fn waiter(&self) -> &Arc<Waiter>;

    /// The sender no longer waits for its turn.
    fn withdraw(&self, ticket: u64);
}

/// A parcel on offer to a queue.
pub(crate) struct Offer<P> {
    /// `None` once accepted.
    pub(crate) parcel: Option<P>,
    /// Work from outside waits for room.
    pub(crate) is_external: bool,
    /// The place in the line of those who wait.
    pub(crate) ticket: Option<u64>,
}

/// What became of an offer that was not accepted at once.
pub(crate) enum Unaccepted<P> {
    /// It waits for room.
    Waiting(WaitingOffer<P>),
    /// It is refused, and taken back.
    Rejected(Rejected),
}

/// Offers a parcel that has been admitted. A parcel that is not accepted at once is boxed: it is large, and
/// rare.
#[inline]
pub(crate) fn offer<P>(
    queue: &Arc<dyn Queue<P>>,
    source: Source<'_>,
    label: Label,
    parcel: P,
    is_external: bool,
    cx: &mut Context<'_>,
) -> Result<(), Box<Unaccepted<P>>> {
    let mut offer = Offer {
        parcel: Some(parcel),
        is_external,
        ticket: None,
    };
    match queue.poll_accept(source, label, &mut offer, cx) {
        Poll::Ready(Ok(())) => Ok(()),
        Poll::Ready(Err(rejected)) => {
            source.scope.take_back(1);
            Err(Box::new(Unaccepted::Rejected(rejected)))
        }
        Poll::Pending => Err(wait_in_line(queue, source, label, offer, cx)),
    }
}

#[cold]
#[inline(never)]
fn wait_in_line<P>(
    queue: &Arc<dyn Queue<P>>,
    source: Source<'_>,
    label: Label,
    offer: Offer<P>,
    cx: &mut Context<'_>,
) -> Box<Unaccepted<P>> {
    Box::new(Unaccepted::Waiting(WaitingOffer {
        queued: queue_behind(queue, source.scope, label, cx.waker()),
        wait: ModuleWait::for_room(
            label.message.name(),
            source.scope,
            queue.waiter(),
            cx.waker(),
        ),
        queue: Arc::clone(queue),
        header: source.header(label),
        offer,
    }))
}

/// An offer that waits for room. Dropped, it leaves the line, and is taken back: it is not in flight any
/// more.
pub(crate) struct WaitingOffer<P> {
    /// The entry by which the unit of work that closes finds the wait. Not while it is polled, when it may be
    /// accepted.
    queued: QueuedWait,
    /// The wait in the wait-for graph, for a `close` in a handler or task, and for other units of work.
    wait: Option<ModuleWait>,
    queue: Arc<dyn Queue<P>>,
    header: Header,
    offer: Offer<P>,
}

/// Registers that a message waits for room in the mailbox of a module.
fn queue_behind<P>(
    queue: &Arc<dyn Queue<P>>,
    scope: &Arc<Scope>,
    label: Label,
    waker: &Waker,
) -> QueuedWait {
    let module = Queued::Mailbox(queue.waiter().number());
    scope.queue((label.sequence(), module), 1, Some(waker.clone()))
}

impl<P> WaitingOffer<P> {
    /// The number of the message.
    pub(crate) fn sequence(&self) -> u64 {
        self.header.label.sequence()
    }

    /// The error of the sender, if it is rejected.
    #[cold]
    #[inline(never)]
    pub(crate) fn error(&self, rejected: Rejected) -> SendError {
        let message = self.header.label.message.name();
        rejected.error(message, &*self.queue)
    }

    /// The number of the module that it waits for.
    pub(crate) fn module(&self) -> u64 {
        self.queue.waiter().number()
    }

    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Rejected>> {
        let Header { label, .. } = self.header;
        if self.header.scope.is_cancelled() {
            return Poll::Ready(Err(Rejected::Cancelled));
        }
        if !self.queued.begin_poll() {
            return Poll::Ready(Err(Rejected::ContextClosed));
        }
        let polled = self
            .queue
            .poll_accept(self.header.source(), label, &mut self.offer, cx);
        if polled.is_pending() {
            self.queued.end_poll(cx.waker());
            if let Some(wait) = &self.wait {
                wait.note_polled(cx.waker());
            }
        }
        polled
    }
}

impl<P> Drop for WaitingOffer<P> {
    fn drop(&mut self) {
        // Not in flight from here on; nor before, if it was taken back.
        let is_in_flight = self.queued.begin_poll();
        if let Some(ticket) = self.offer.ticket.take() {
            self.queue.withdraw(ticket);
        }
        if is_in_flight && self.offer.parcel.is_some() {
            self.header.scope.take_back(1);
        }
    }
}
