//! [`Mailbox`]: the queue before an exclusive module.
//!
//! There are two backlogs: senders fill one under a lock, the module empties the other without, and when that
//! is empty it swaps them. So the lock is held for one message by a sender, and for any number by the module,
//! and a warm mailbox allocates nothing. Work from outside waits in a [`WaitQueue`] while the mailbox is
//! full; what handlers cause is accepted always, and counts: it holds new work from outside back.

use std::fmt;
use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock};
use std::task::{Context, Poll, Waker};

use tokio::time::Instant;

use crate::envelope::{Label, Source};
use crate::module::exclusive::backlog::Backlog;
use crate::route::Rejected;
use crate::sync::lock;
use crate::wait_queue::WaitQueue;
use crate::waiting;

/// The most messages a module starts before it says so to those who wait for room: enough that the lock costs
/// little per message, few enough that no sender is held up for long.
const STEP: usize = 256;

/// What the consumer gets.
#[derive(Clone, Copy)]
pub(super) enum Taken {
    Messages,
    /// Not messages, but that it has crashed.
    Crash,
    /// The mailbox is closed and empty.
    Closed,
}

/// A queue with one consumer.
pub(super) struct Mailbox<I> {
    state: Mutex<MailboxState<I>>,
    /// Wakes the task that the consumer first slept in, which is mostly the only one. To wake by reference
    /// costs a third of cloning a waker for each sleep.
    home: OnceLock<Waker>,
    /// Whether a scope was cancelled while the module had messages that it had not started.
    is_asked_to_forget: AtomicBool,
    bound: usize,
}

struct MailboxState<I> {
    backlog: Backlog<I>,
    /// How many messages the module has taken and not said to have started.
    taken: usize,
    /// How many messages were ever accepted.
    accepted: u64,
    closed: bool,
    /// Whether it is closed only until the module is built again, and when that is.
    next_try: Option<Instant>,
    /// The consumer is to know that it has crashed.
    crash: Option<String>,
    consumer: ConsumerState,
    wait_queue: WaitQueue,
}

/// Whether the consumer comes by itself. If not, it is woken by the sender of the next message, and by
/// `close`.
enum ConsumerState {
    Comes,
    /// It sleeps in the task that `home` wakes.
    SleepsAtHome,
    SleepsElsewhere(Waker),
}

impl<I> Mailbox<I> {
    /// An empty mailbox that holds work from outside back while `bound` messages or more wait in it.
    pub(super) fn new(bound: usize) -> Self {
        let state = MailboxState {
            backlog: Backlog::default(),
            taken: 0,
            accepted: 0,
            closed: false,
            next_try: None,
            crash: None,
            consumer: ConsumerState::Comes,
            wait_queue: WaitQueue::default(),
        };
        Mailbox {
            state: Mutex::new(state),
            home: OnceLock::new(),
            is_asked_to_forget: AtomicBool::new(false),
            bound,
        }
    }

    /// Puts in what `make` returns, at once or when there is room and it is the turn of `ticket`. `make` is
    /// not called if the message is rejected.
    #[inline]
    pub(super) fn poll_put(
        &self,
        source: Source<'_>,
        label: Label,
        waits: bool,
        ticket: &mut Option<u64>,
        cx: &mut Context<'_>,
        make: impl FnOnce() -> I,
    ) -> Poll<Result<(), Rejected>> {
        let mut state = lock(&self.state);
        if state.closed {
            *ticket = None;
            return Poll::Ready(Err(state.rejected()));
        }
        if waits {
            let may_enter =
                state.has_room(self.bound) && ticket.is_none() && state.wait_queue.is_empty();
            if !may_enter
                && must_wait(ticket)
                && state.wait_queue.poll_enter(ticket, cx).is_pending()
            {
                return Poll::Pending;
            }
        }
        self.put(state, source, label, make);
        Poll::Ready(Ok(()))
    }

    /// Puts in what `make` returns, if there is room and the queue for it is empty, or if `needs_room` is
    /// false. `make` is not called if the message is rejected.
    pub(super) fn try_put(
        &self,
        source: Source<'_>,
        label: Label,
        needs_room: bool,
        make: impl FnOnce() -> I,
    ) -> Result<(), Rejected> {
        let state = lock(&self.state);
        if state.closed {
            return Err(state.rejected());
        }
        if needs_room && !(state.has_room(self.bound) && state.wait_queue.is_empty()) {
            return Err(Rejected::Full);
        }
        self.put(state, source, label, make);
        Ok(())
    }

    #[inline(always)]
    fn put(
        &self,
        mut state: MutexGuard<'_, MailboxState<I>>,
        source: Source<'_>,
        label: Label,
        make: impl FnOnce() -> I,
    ) {
        state.backlog.push(source, label, make);
        state.accepted += 1;
        let consumer = mem::replace(&mut state.consumer, ConsumerState::Comes);
        drop(state);
        self.call(consumer);
    }

    /// Gives up a place in the queue.
    pub(super) fn withdraw(&self, ticket: u64) {
        let mut state = lock(&self.state);
        let left = state.wait_queue.withdraw(ticket);
        let woken = state.grant(self.bound);
        drop(state);
        drop(left);
        woken.into_iter().for_each(wake);
    }

    /// Takes all messages into `empty`: what was taken before is all started, and so is the first. If there
    /// are none and the consumer `sleeps`, it is woken when there are; so it is if it gets a message whose
    /// caller waits, for then there mostly are no more and it need not come to ask.
    #[inline]
    pub(super) fn poll_take(
        &self,
        empty: &mut Backlog<I>,
        sleeps: bool,
        cx: &mut Context<'_>,
    ) -> Poll<Taken> {
        let mut state = lock(&self.state);
        let taken = state.backlog.len();
        if state.crash.is_some() {
            return Poll::Ready(Taken::Crash);
        }
        if taken == 0 && state.closed {
            return Poll::Ready(Taken::Closed);
        }
        // Also if there are none: what was emptied last is warm, and is filled next.
        mem::swap(&mut state.backlog, empty);
        state.consumer = if empty.is_lone_call() || taken == 0 && sleeps {
            self.sleeper(cx.waker())
        } else {
            ConsumerState::Comes
        };
        state.taken = taken.saturating_sub(1);
        let woken = state.grant(self.bound);
        drop(state);
        woken.into_iter().for_each(wake);
        if taken == 0 {
            Poll::Pending
        } else {
            Poll::Ready(Taken::Messages)
        }
    }

    /// The consumer, asleep in the task that is polled with this waker.
    #[inline]
    fn sleeper(&self, waker: &Waker) -> ConsumerState {
        if self.home.get_or_init(|| waker.clone()).will_wake(waker) {
            ConsumerState::SleepsAtHome
        } else {
            ConsumerState::SleepsElsewhere(waker.clone())
        }
    }

    /// Wakes the consumer, if it sleeps.
    #[inline]
    fn call(&self, consumer: ConsumerState) {
        match consumer {
            ConsumerState::Comes => {}
            ConsumerState::SleepsAtHome => self.home.get().into_iter().for_each(Waker::wake_by_ref),
            ConsumerState::SleepsElsewhere(waker) => waker.wake(),
        }
    }

    /// After how many started messages the module has to say so.
    pub(super) fn step(&self) -> usize {
        (self.bound / 4).clamp(1, STEP)
    }

    /// The module has started `count` more of the messages that it took.
    pub(super) fn started(&self, count: usize) {
        let mut state = lock(&self.state);
        state.taken = state.taken.saturating_sub(count);
        let woken = state.grant(self.bound);
        drop(state);
        woken.into_iter().for_each(wake);
    }

    /// The message that the module was about to start waits once more.
    pub(super) fn hold_back(&self) {
        lock(&self.state).taken += 1;
    }

    /// Lets the consumer know that it has crashed, when it comes next.
    pub(super) fn crash(&self, reason: String) {
        let mut state = lock(&self.state);
        state.crash.get_or_insert(reason);
        let consumer = mem::replace(&mut state.consumer, ConsumerState::Comes);
        drop(state);
        self.call(consumer);
    }

    /// How the consumer has crashed, which is forgotten with that: the next one is another.
    pub(super) fn take_crash(&self) -> Option<String> {
        lock(&self.state).crash.take()
    }

    /// Counts a message as accepted that is not put in.
    pub(super) fn count_accepted(&self) {
        lock(&self.state).accepted += 1;
    }

    /// Accepts nothing before the next try, unless it is closed for good.
    pub(super) fn close_until(&self, next_try: Instant) {
        let mut state = lock(&self.state);
        if state.closed && state.next_try.is_none() {
            return;
        }
        state.closed = true;
        state.next_try = Some(next_try);
        let woken = state.wait_queue.clear();
        drop(state);
        wake(woken);
    }

    /// Accepts messages again, unless it is closed for good.
    pub(super) fn reopen(&self) {
        let mut state = lock(&self.state);
        if state.next_try.take().is_some() {
            state.closed = false;
        }
    }

    /// When the module is built again, if it is closed until then.
    pub(super) fn next_try(&self) -> Option<Instant> {
        lock(&self.state).next_try
    }

    /// Accepts nothing more. Messages in the mailbox can still be taken.
    pub(super) fn close(&self) {
        let mut state = lock(&self.state);
        state.closed = true;
        state.next_try = None;
        let woken = state.wait_queue.clear();
        let consumer = mem::replace(&mut state.consumer, ConsumerState::Comes);
        drop(state);
        wake(woken);
        self.call(consumer);
    }

    /// How many messages it holds of the unit of work that has this address.
    pub(super) fn count_of(&self, unit: usize) -> u64 {
        lock(&self.state).backlog.count_of(unit)
    }

    /// Gives room back, but for so many messages or what is in it.
    pub(super) fn shrink_to(&self, messages: usize) {
        lock(&self.state).backlog.shrink_to(messages);
    }

    /// The consumer's task, so that it can be woken before it has slept.
    pub(super) fn set_home(&self, waker: &Waker) {
        self.home.get_or_init(|| waker.clone());
    }

    /// Takes out what it holds of the scope at this address, which is cancelled. Wakes the senders that wait
    /// for room, since they may be of that scope, and the consumer if it has taken messages and not started
    /// them.
    pub(super) fn forget(&self, scope: usize) -> Backlog<I> {
        let mut state = lock(&self.state);
        let forgotten = state.backlog.extract(scope);
        let mut woken = state.grant(self.bound).unwrap_or_default();
        woken.extend(state.wait_queue.wakers());
        drop(state);
        wake(woken);
        // Also if all that was taken is said to have begun: after a crash, one of it waits for the restart.
        self.is_asked_to_forget.store(true, Ordering::SeqCst);
        self.home.get().into_iter().for_each(Waker::wake_by_ref);
        forgotten
    }

    /// Takes the request to look through what the consumer has taken for scopes that are cancelled; `false`
    /// if there is none.
    pub(super) fn take_request_to_forget(&self) -> bool {
        let is_asked = &self.is_asked_to_forget;
        is_asked.load(Ordering::SeqCst) && is_asked.swap(false, Ordering::SeqCst)
    }

    /// All that is in the mailbox and was not taken.
    pub(super) fn drain(&self) -> Backlog<I> {
        mem::take(&mut lock(&self.state).backlog)
    }

    /// How many messages were ever accepted.
    pub(super) fn accepted(&self) -> u64 {
        lock(&self.state).accepted
    }

    /// How many messages may wait before work from outside is held back.
    pub(super) fn bound(&self) -> usize {
        self.bound
    }

    /// How many messages wait.
    pub(super) fn len(&self) -> usize {
        lock(&self.state).waiting()
    }
}

/// Whether a sender waits for room. In the task of an exclusive module none begins to: what keeps the room
/// may wait for that module.
#[cold]
fn must_wait(ticket: &Option<u64>) -> bool {
    ticket.is_some() || !waiting::is_in_module()
}

impl<I> MailboxState<I> {
    /// Why nothing is accepted.
    #[cold]
    fn rejected(&self) -> Rejected {
        match self.next_try {
            Some(_) => Rejected::CrashLooping,
            None => Rejected::Closed,
        }
    }

    #[inline]
    fn waiting(&self) -> usize {
        self.backlog.len() + self.taken
    }

    #[inline]
    fn has_room(&self, bound: usize) -> bool {
        self.waiting() + self.wait_queue.reserved() < bound
    }

    /// Grants what room there is to those who wait for it, if anybody does; gives back whom to wake.
    #[inline]
    fn grant(&mut self, bound: usize) -> Option<Vec<Waker>> {
        if self.wait_queue.is_empty() {
            return None;
        }
        Some(self.wait_queue.grant(bound.saturating_sub(self.waiting())))
    }
}

/// Wakes all of them; outside the lock, for they will want it.
#[inline]
fn wake(wakers: impl IntoIterator<Item = Waker>) {
    wakers.into_iter().for_each(Waker::wake);
}

impl<I> fmt::Debug for Mailbox<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mailbox")
            .field("waiting", &self.len())
            .field("bound", &self.bound)
            .finish()
    }
}
