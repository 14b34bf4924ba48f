//! What all handles to one unit of work share: how much is in flight, what failed, when it must end.

mod after_commit;
mod calls;
mod closing;
mod extras;
mod family;
mod flight;
mod guard;
mod ledger;
mod patience;
mod properties;
mod start_decision;
mod state;
mod streams;
mod transaction;
mod waiter_lookup;
mod waits;

pub(crate) use self::guard::ScopeGuard;
pub(crate) use self::ledger::{
    BlockerWait, Blockers, DeliveryKey, HeldMailbox, HeldModule, ModuleAhead, ParkedIn,
    PendingReply, Queued, SharedPlaces, WaitElsewhere, WaitKind, last_roll, next_roll,
};
pub(crate) use self::properties::Deadline;
pub use self::properties::{ContextId, MessageId};
pub use self::transaction::Transaction;
pub(crate) use self::waiter_lookup::WaiterLookup;
pub(crate) use self::waits::{ParkedGuard, QueuedWait, Waiting};

use std::fmt;
use std::iter;
use std::mem::{self, offset_of};
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tokio::sync::Notify;

use self::extras::Extras;
use self::flight::{Admission, Flight};
use self::properties::Properties;
use self::state::ScopeState;
use crate::channel::AnyChannel;
use crate::error::{Failure, FailureKind, SendError, StreamError};
use crate::guarded::drop_unpanicked;
use crate::mediator::{Mediator, Row, Table};
use crate::sync::lock;

/// How many failures a unit of work keeps.
const MAX_FAILURES: usize = 1_000;

/// The shared part of a context: one allocation per unit of work.
///
/// How `sent` and `done` count is said in [`Flight`].
///
/// In the order of its fields, what senders write lies on a cache line apart from what modules read and
/// write, and that beside the count of the [`Arc`], which both write once a run. To align them would make
/// every allocation a slow one.
#[repr(C)]
pub(crate) struct Scope {
    state: ScopeState,
    kind: ScopeKind,
    /// Whether there are failures, so that a look at them takes no lock while there are none.
    has_failures: AtomicBool,
    /// Only there if an id was asked for, or if it was given something.
    properties: OnceLock<Box<Properties>>,
    /// Written by those who handle, once a run.
    done: AtomicU64,
    /// How many of those that are done were not handled: refused, taken back, dead letters.
    unhandled: AtomicU64,
    /// How many external handles there are; the last one to be dropped cancels what is not closed.
    roots: AtomicUsize,
    failures: Mutex<Vec<Failure>>,
    /// Notified when nothing is in flight any more, and when the scope is cancelled.
    changed: Notify,
    /// Only there once any of it was used.
    extras: OnceLock<Box<Extras>>,
    pub(crate) mediator: Arc<Mediator>,
    /// The routing table of when the unit of work was opened. It keeps what has been detached since, until
    /// the scope is gone.
    table: Arc<Table>,
    /// Written by those who send, with each message.
    sent: AtomicU64,
}

/// How far apart two fields are on cache lines of their own, wherever the first begins.
const CACHE_LINE: usize = 64;

const _: () = assert!(offset_of!(Scope, sent) - offset_of!(Scope, done) >= CACHE_LINE);

/// What a scope is the scope of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ScopeKind {
    /// A unit of work: it ends, and its failures are kept until then.
    Unit = 0,
    /// A module's own: hooks and background tasks, and what it sends later or apart. No code closes it, so
    /// failures are reported, not kept.
    Standing = 1,
    /// A unit of work that was opened in consequence of a report.
    UnitOfReport = 2,
    /// One report of the framework, and all that its handlers cause, also later. It is apart from the unit of
    /// work that the report is about, so that neither its failures nor its duration matter there.
    Report = 3,
}

impl ScopeKind {
    /// Whether it is a unit of work.
    #[inline]
    fn is_unit(self) -> bool {
        self as u8 & ScopeKind::Standing as u8 == 0
    }

    /// What a module sends later or apart has a scope of this kind.
    fn apart(self) -> Self {
        if self.is_of_report() {
            ScopeKind::Report
        } else {
            ScopeKind::Standing
        }
    }

    /// Whether what happens in it is a consequence of a report.
    fn is_of_report(self) -> bool {
        self as u8 & ScopeKind::UnitOfReport as u8 != 0
    }
}

impl Scope {
    pub(crate) fn new(mediator: Arc<Mediator>, kind: ScopeKind) -> Self {
        Scope {
            table: if kind.is_unit() {
                mediator.routing.table()
            } else {
                mediator.routing.no_table()
            },
            state: ScopeState::new(mediator.limit.is_some()),
            mediator,
            kind,
            has_failures: AtomicBool::new(false),
            sent: AtomicU64::new(0),
            done: AtomicU64::new(0),
            unhandled: AtomicU64::new(0),
            roots: AtomicUsize::new(1),
            changed: Notify::new(),
            failures: Mutex::default(),
            properties: OnceLock::new(),
            extras: OnceLock::new(),
        }
    }

    /// Lets `read` look at the row of a message type. `None` when the type is not in the registry.
    #[inline]
    pub(crate) fn read<T>(&self, slot: usize, read: impl FnOnce(Option<&Arc<Row>>) -> T) -> T {
        self.mediator.routing.read(&self.table, slot, read)
    }

    /// Counts `count` deliveries as in flight and gives the number of the first, or says why they are
    /// refused. Work that `is_external` is refused by a closing context; what handlers cause is part of what
    /// closing waits for.
    #[inline]
    pub(crate) fn admit(
        &self,
        count: u64,
        is_external: bool,
        message: &'static str,
    ) -> Result<u64, SendError> {
        let ends = self.kind.is_unit();
        let (sequence, admission) = self.flight().send(count, is_external, ends);
        if admission == Admission::Open {
            return Ok(sequence);
        }
        self.add_to_limit(count);
        let refused = match admission {
            Admission::Open | Admission::Special => return Ok(sequence),
            Admission::Cancelled => SendError::Cancelled { message },
            Admission::Closed => SendError::Closed { message },
        };
        self.take_back(count);
        Err(refused)
    }

    /// Counts `count` more deliveries of an event that is in flight, and so was admitted.
    pub(crate) fn add_in_flight(&self, count: u64) {
        let (_, admission) = self.flight().send(count, false, false);
        if admission != Admission::Open {
            self.add_to_limit(count);
        }
    }

    #[inline]
    fn flight(&self) -> Flight<'_> {
        Flight {
            state: &self.state,
            sent: &self.sent,
            done: &self.done,
        }
    }

    /// Whether the system bounds what is in flight.
    #[inline]
    pub(crate) fn is_limited(&self) -> bool {
        self.state.is_limited()
    }

    #[cold]
    fn add_to_limit(&self, count: u64) {
        if let Some(limit) = &self.mediator.limit {
            limit.add(count);
        }
    }

    /// Counts `count` deliveries as done.
    #[inline]
    pub(crate) fn finish(&self, count: u64) {
        if self.flight().finish(count) {
            self.after_finish(count);
        }
    }

    #[cold]
    fn after_finish(&self, count: u64) {
        if let Some(limit) = &self.mediator.limit {
            limit.subtract(count);
        }
        if !self.state.is_open() {
            if self.is_idle() {
                self.changed.notify_waiters();
            } else {
                self.notify_moved();
            }
        }
    }

    /// Whether it takes no more work from outside.
    #[inline]
    pub(crate) fn is_closing(&self) -> bool {
        !self.state.is_open()
    }

    /// Counts `count` deliveries as done, though no handler ran for them.
    #[cold]
    pub(crate) fn take_back(&self, count: u64) {
        self.unhandled.fetch_add(count, Ordering::SeqCst);
        self.finish(count);
    }

    /// Why a message was taken back that waited for room.
    #[cold]
    pub(crate) fn refusal(&self, message: &'static str) -> SendError {
        if self.is_cancelled() {
            SendError::Cancelled { message }
        } else {
            SendError::Closed { message }
        }
    }

    /// The address that distinguishes it from other units of work.
    pub(crate) fn address(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    /// How many deliveries are in flight.
    pub(crate) fn in_flight(&self) -> u64 {
        self.flight().in_flight()
    }

    fn is_idle(&self) -> bool {
        self.in_flight() == 0
    }

    /// How many deliveries were handled, whatever came of it.
    pub(crate) fn handled(&self) -> u64 {
        let unhandled = self.unhandled.load(Ordering::SeqCst);
        self.done.load(Ordering::SeqCst).saturating_sub(unhandled)
    }

    /// A scope of its own for what is sent apart from this one. A consequence of a report stays one.
    pub(crate) fn apart(&self) -> Scope {
        Scope::new(Arc::clone(&self.mediator), self.kind.apart())
    }

    /// What kind of scope [`apart`](Self::apart) gives.
    pub(crate) fn kind_apart(&self) -> ScopeKind {
        self.kind.apart()
    }

    /// Whether what happens in it is a consequence of a report of the framework. It is logged, and not
    /// reported again: a report whose handler causes another one would have no end.
    pub(crate) fn is_of_report(&self) -> bool {
        self.kind.is_of_report()
    }

    /// Keeps a failure until the unit of work ends, if it is one of the first [`MAX_FAILURES`]: a unit of
    /// work that stays open must not grow with each failure. The others are counted.
    pub(crate) fn fail(&self, failure: Failure) {
        if !self.kind.is_unit() {
            return;
        }
        let mut failures = lock(&self.failures);
        if failures.len() < MAX_FAILURES {
            failures.push(failure);
            self.has_failures.store(true, Ordering::SeqCst);
            return;
        }
        drop(failures);
        let unlisted = &self.extras_or_new().unlisted_failures;
        unlisted.fetch_add(1, Ordering::SeqCst);
        drop_unpanicked(failure);
    }

    /// How many messages failed that [`failures`](Self::failures) does not list.
    pub(crate) fn unlisted_failures(&self) -> u64 {
        self.extras()
            .map_or(0, |extras| extras.unlisted_failures.load(Ordering::SeqCst))
    }

    pub(crate) fn has_failures(&self) -> bool {
        self.has_failures.load(Ordering::SeqCst)
    }

    /// The first messages that failed.
    pub(crate) fn failures(&self) -> Vec<Failure> {
        lock(&self.failures).clone()
    }

    /// Marks the unit of work as over: handles that outlive it can send nothing more, streams end. It is
    /// `cut_off` if its deadline passed.
    pub(crate) fn end(&self, cut_off: bool) {
        self.state.end();
        self.cancel_children();
        if cut_off {
            self.end_streams(|stream| stream.end(Err(StreamError::DeadlineExceeded)));
        } else {
            self.end_streams(AnyChannel::end_of_unit);
        }
    }

    /// Cancels the scope: messages that have not started are not started any more, and callers that wait for
    /// them are notified at once. A standing scope is only asked to stop: it takes no more work from outside,
    /// but what its tasks have sent is handled.
    pub(crate) fn cancel(&self) {
        self.cancel_alone();
        self.cancel_children();
    }

    /// Cancels it, but not what is nested in it.
    fn cancel_alone(&self) {
        self.state.cancel();
        self.changed.notify_waiters();
        self.end_streams(|stream| stream.end(Err(StreamError::Cancelled)));
        self.forget_messages();
    }

    /// What waits in mailboxes of a unit of work that is cancelled is over, and so is the wait for replies.
    /// It must not wait until a module comes to it, which may be busy for others.
    fn forget_messages(&self) {
        if self.kind.is_unit() && !self.is_idle() {
            self.mediator.forget(ptr::from_ref(self).addr());
            self.end_calls();
        }
    }

    /// A message was put into a mailbox. If the unit of work was cancelled meanwhile, those that waited there
    /// may have been forgotten before.
    #[inline]
    pub(crate) fn forget_if_cancelled(&self) {
        if self.is_cancelled() {
            self.forget_late();
        }
    }

    #[cold]
    fn forget_late(&self) {
        self.forget_messages();
    }

    #[inline]
    pub(crate) fn is_cancelled(&self) -> bool {
        self.state.is_cancelled()
    }

    /// Whether it is a unit of work that is cancelled, so that nothing of it is started.
    pub(crate) fn is_cancelled_unit(&self) -> bool {
        self.kind.is_unit() && self.is_cancelled()
    }

    /// Whether its owner has cancelled it, or one that it is nested in. One that was dropped without `close`
    /// is cancelled too, but not called off: what fails in it is a failure.
    pub(crate) fn is_called_off(&self) -> bool {
        let mut parents = iter::successors(self.parent(), |scope| scope.parent());
        self.is_cancelled_unit()
            && !self.state.was_left()
            && !parents.any(|parent| parent.state.was_left())
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.state.has_ended()
    }

    /// Waits until the scope is cancelled.
    pub(crate) async fn cancelled(&self) {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if self.is_cancelled() {
                return;
            }
            changed.await;
        }
    }

    /// Lets a message of this scope be handled, unless there is a reason why it must not be: from then on
    /// there always is.
    #[inline]
    pub(crate) fn begin_message(&self) -> bool {
        !(self.is_cancelled() || self.has_properties()) || self.begin_unless_late()
    }

    #[cold]
    #[inline(never)]
    fn begin_unless_late(&self) -> bool {
        self.obstacle().is_none() && self.note_begun()
    }

    /// Why a message of this scope that is about to be handled must not be, if so.
    #[cold]
    #[inline(never)]
    pub(crate) fn obstacle(&self) -> Option<FailureKind> {
        if self.kind.is_unit() && self.state.is_cancelled() {
            return Some(FailureKind::Cancelled);
        }
        let is_late = self.deadline().is_some_and(Deadline::has_passed);
        is_late.then(|| match self.kind.is_unit() {
            true => FailureKind::DeadlineExceeded,
            false => FailureKind::Expired,
        })
    }

    /// Whether it is a unit of work that has nothing to do with a report: the case on the hot path.
    #[inline]
    pub(crate) fn is_plain_unit(&self) -> bool {
        self.kind == ScopeKind::Unit
    }

    pub(crate) fn add_root(&self) {
        self.roots.fetch_add(1, Ordering::Relaxed);
    }

    /// An external handle is gone. The last one cancels a unit of work that was not closed to its end.
    pub(crate) fn drop_root(self: &Arc<Self>) {
        let last = self.roots.fetch_sub(1, Ordering::AcqRel) == 1;
        if last && self.kind.is_unit() {
            self.let_go();
        }
    }

    /// No handle is left that could close it. Also `close` may have been dropped in the middle.
    pub(crate) fn let_go(self: &Arc<Self>) {
        if !self.state.has_ended() {
            self.abandon();
        } else if self.is_unsettled() {
            self.clear_up();
        }
    }

    /// A unit of work is dropped that was not closed to its end.
    fn abandon(self: &Arc<Self>) {
        self.state.leave();
        self.cancel();
        self.end(false);
        self.clear_up();
    }
}

impl Drop for Scope {
    #[inline]
    fn drop(&mut self) {
        if *self.has_failures.get_mut() || self.extras.get().is_some() {
            self.drop_values();
        }
    }
}

impl Scope {
    /// Drops what is the user's: errors that no caller took, events and items of streams. The last handle may
    /// be dropped in the task of a stranger, which must not panic with it.
    #[cold]
    fn drop_values(&mut self) {
        let failures = self.failures.get_mut();
        drop_unpanicked(mem::take(failures.unwrap_or_else(PoisonError::into_inner)));
        drop_unpanicked(self.extras.take());
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope")
            .field("in_flight", &self.in_flight())
            .field("state", &self.state)
            .finish()
    }
}
