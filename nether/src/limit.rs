//! [`Limit`]: how many messages may be in flight in a system before work from outside is held back.

use std::sync::Mutex;
use std::task::{Context, Poll, Waker};

use crate::sync::lock;
use crate::wait_queue::WaitQueue;

/// A bound for a whole system. What handlers cause counts, but never waits.
#[derive(Debug)]
pub(crate) struct Limit {
    bound: usize,
    state: Mutex<LimitState>,
}

#[derive(Debug, Default)]
struct LimitState {
    in_flight: usize,
    /// Whether no caller waits any more, because the system stops: work from outside is refused then.
    is_closed: bool,
    wait_queue: WaitQueue,
}

impl LimitState {
    fn has_room(&self, bound: usize) -> bool {
        self.in_flight + self.wait_queue.reserved() < bound
    }

    /// Whom to wake, now that there is room.
    fn grant(&mut self, bound: usize) -> Vec<Waker> {
        if self.wait_queue.is_empty() {
            return Vec::new();
        }
        self.wait_queue.grant(bound.saturating_sub(self.in_flight))
    }
}

impl Limit {
    pub(crate) fn new(bound: usize) -> Self {
        Limit {
            bound,
            state: Mutex::default(),
        }
    }

    /// So many more are in flight.
    #[cold]
    #[inline(never)]
    pub(crate) fn add(&self, count: u64) {
        lock(&self.state).in_flight += count as usize;
    }

    /// So many are not in flight any more.
    #[cold]
    #[inline(never)]
    pub(crate) fn subtract(&self, count: u64) {
        let mut state = lock(&self.state);
        state.in_flight = state.in_flight.saturating_sub(count as usize);
        let woken = state.grant(self.bound);
        drop(state);
        woken.into_iter().for_each(Waker::wake);
    }

    /// Lets all who wait for a place go on: the system stops, and refuses them.
    pub(crate) fn close(&self) {
        let mut state = lock(&self.state);
        state.is_closed = true;
        let woken = state.wait_queue.clear();
        drop(state);
        woken.into_iter().for_each(Waker::wake);
    }

    /// Takes a place, if there is one and no caller waits for it. To be given back by
    /// [`subtract`](Limit::subtract).
    pub(crate) fn try_enter(&self) -> bool {
        let mut state = lock(&self.state);
        let is_free = state.has_room(self.bound) && state.wait_queue.is_empty();
        let may = is_free || state.is_closed;
        if may {
            state.in_flight += 1;
        }
        may
    }

    /// Takes a place, and waits in the queue for it if there is none. To be given back by
    /// [`subtract`](Limit::subtract).
    pub(crate) fn poll_enter(&self, ticket: &mut Option<u64>, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = lock(&self.state);
        if state.is_closed {
            *ticket = None;
            state.in_flight += 1;
            return Poll::Ready(());
        }
        let may_enter =
            state.has_room(self.bound) && ticket.is_none() && state.wait_queue.is_empty();
        if !may_enter && state.wait_queue.poll_enter(ticket, cx).is_pending() {
            return Poll::Pending;
        }
        state.in_flight += 1;
        Poll::Ready(())
    }

    /// Gives up a place in the queue.
    pub(crate) fn withdraw(&self, ticket: u64) {
        let mut state = lock(&self.state);
        let left = state.wait_queue.withdraw(ticket);
        let woken = state.grant(self.bound);
        drop(state);
        drop(left);
        woken.into_iter().for_each(Waker::wake);
    }
}
