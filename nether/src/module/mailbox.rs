//! [`Mailbox`]: the queue before an exclusive module.
//!
//! One lock guards a ring buffer that is never shrunk, so that a warm mailbox allocates nothing. The module takes many
//! messages at once, and holds the lock once for all of them. Root work waits in a [`Line`] while the mailbox is full;
//! what handlers cause is accepted always, and counts: it holds new root work back.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::mem;
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};

use crate::module::line::Line;
use crate::route::Closed;
use crate::sync::lock;

/// The most messages a module takes at once: enough that the lock costs little per message, few enough that senders who
/// wait for room are not held up for long.
const BATCH: usize = 128;

/// A queue with one consumer.
pub(crate) struct Mailbox<T> {
    state: Mutex<State<T>>,
    bound: usize,
}

struct State<T> {
    queue: VecDeque<T>,
    /// How many messages were ever accepted.
    accepted: u64,
    closed: bool,
    /// The consumer, while it sleeps because the queue is empty. Woken by the sender of the next message, and by `close`.
    consumer: Option<Waker>,
    line: Line,
}

/// What a module took at once.
pub(crate) struct Batch<T> {
    pub(crate) messages: VecDeque<T>,
    woken: Vec<Waker>,
}

impl<T> Default for Batch<T> {
    fn default() -> Self {
        Batch {
            messages: VecDeque::new(),
            woken: Vec::new(),
        }
    }
}

impl<T> Mailbox<T> {
    /// An empty mailbox that holds root work back while `bound` messages or more wait in it.
    pub(crate) fn new(bound: usize) -> Self {
        let state = State {
            queue: VecDeque::new(),
            accepted: 0,
            closed: false,
            consumer: None,
            line: Line::default(),
        };
        Mailbox {
            state: Mutex::new(state),
            bound,
        }
    }

    /// Puts in what `make` gives, at once or when there is room and it is the turn of `ticket`. Not called if refused.
    #[inline]
    pub(crate) fn poll_put(
        &self,
        waits: bool,
        ticket: &mut Option<u64>,
        cx: &mut Context<'_>,
        make: impl FnOnce() -> T,
    ) -> Poll<Result<(), Closed>> {
        let mut state = lock(&self.state);
        if state.closed {
            *ticket = None;
            return Poll::Ready(Err(Closed));
        }
        if waits {
            let has_room = state.queue.len() + state.line.reserved() < self.bound;
            if state.line.poll_enter(has_room, ticket, cx).is_pending() {
                return Poll::Pending;
            }
        }
        state.queue.push_back(make());
        state.accepted += 1;
        let consumer = state.consumer.take();
        drop(state);
        if let Some(consumer) = consumer {
            consumer.wake();
        }
        Poll::Ready(Ok(()))
    }

    /// Gives up a place in the line.
    pub(crate) fn withdraw(&self, ticket: u64) {
        let mut woken = Vec::new();
        let mut state = lock(&self.state);
        state.line.withdraw(ticket);
        state.grant(self.bound, &mut woken);
        drop(state);
        wake(&mut woken);
    }

    /// Waits for messages and takes many. `false` once the mailbox is closed and empty.
    pub(crate) async fn take(&self, batch: &mut Batch<T>) -> bool {
        poll_fn(|cx| self.poll_take(batch, cx)).await
    }

    #[inline]
    fn poll_take(&self, batch: &mut Batch<T>, cx: &mut Context<'_>) -> Poll<bool> {
        let mut state = lock(&self.state);
        if state.queue.is_empty() {
            if state.closed {
                return Poll::Ready(false);
            }
            if !state
                .consumer
                .as_ref()
                .is_some_and(|waker| waker.will_wake(cx.waker()))
            {
                state.consumer = Some(cx.waker().clone());
            }
            return Poll::Pending;
        }
        let limit = (self.bound / 4).clamp(1, BATCH);
        if state.queue.len() <= limit {
            mem::swap(&mut state.queue, &mut batch.messages);
        } else {
            batch.messages.extend(state.queue.drain(..limit));
        }
        state.grant(self.bound, &mut batch.woken);
        drop(state);
        wake(&mut batch.woken);
        Poll::Ready(true)
    }

    /// Accepts nothing more. What is in the mailbox can still be taken.
    pub(crate) fn close(&self) {
        let mut state = lock(&self.state);
        state.closed = true;
        let mut woken = state.line.clear();
        woken.extend(state.consumer.take());
        drop(state);
        wake(&mut woken);
    }

    /// All that is in the mailbox.
    pub(crate) fn drain(&self) -> VecDeque<T> {
        mem::take(&mut lock(&self.state).queue)
    }

    /// How many messages were ever accepted.
    pub(crate) fn accepted(&self) -> u64 {
        lock(&self.state).accepted
    }

    /// How many messages wait.
    pub(crate) fn len(&self) -> usize {
        lock(&self.state).queue.len()
    }
}

impl<T> State<T> {
    #[inline]
    fn grant(&mut self, bound: usize, woken: &mut Vec<Waker>) {
        if !self.line.is_empty() {
            self.line
                .grant(bound.saturating_sub(self.queue.len()), woken);
        }
    }
}

/// Wakes all of them; outside the lock, for they will want it.
#[inline]
fn wake(wakers: &mut Vec<Waker>) {
    for waker in wakers.drain(..) {
        waker.wake();
    }
}

impl<T> fmt::Debug for Mailbox<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mailbox")
            .field("waiting", &self.len())
            .field("bound", &self.bound)
            .finish()
    }
}
