//! [`Channel`]: a bounded queue whose items consumers share among them (`join`) or see all of (`watch`).
//!
//! Nothing of the user's runs under its lock but an item's `Clone`: wakers are woken and items dropped after
//! it.

mod buffer;
mod consuming;
mod sleepers;

pub(crate) use self::buffer::Cursor;
pub(crate) use self::consuming::Pulled;
pub(crate) use self::sleepers::Ticket;

use std::any::{Any, type_name};
use std::task::{Context, Poll, Waker};

use self::buffer::Buffer;
use self::sleepers::Sleepers;
use crate::error::{PushError, StreamError};
use crate::guarded::drop_unpanicked;
use crate::sync::{Mutex, lock};

/// How a channel ended: in order, or why not.
pub(crate) type StreamEnd = Result<(), StreamError>;

pub(crate) struct Channel<T> {
    state: Mutex<ChannelState<T>>,
}

struct ChannelState<T> {
    buffer: Buffer<T>,
    pushing: Sleepers,
    /// Joiners that pull: an item wakes the first of them. They come, or pass the wake on.
    joining: Sleepers,
    /// Those that every item wakes: watchers, and joiners that wait as streams, which may never be polled
    /// again.
    following: Sleepers,
    producers: usize,
    /// Whether a producer went away before it had finished.
    unfinished: bool,
    /// Whether its consumers have taken nothing for so long that it was ended.
    is_abandoned: bool,
    end: Option<StreamEnd>,
}

/// The work that is left for after the lock is released.
struct Aftermath<T> {
    wake: Option<Waker>,
    wake_too: Vec<Waker>,
    /// The item that gave way to another.
    given_way: Option<T>,
    /// The waker of a place that was given up, or renewed.
    waker: Option<Waker>,
}

/// The items and the end that are left when a channel ends. They are the user's, and so are not dropped under
/// the lock.
struct EndedChannel<T> {
    /// How many items are given up that no consumer has got.
    lost: usize,
    given_up: Vec<T>,
    /// An end that came too late.
    late: Option<StreamEnd>,
}

impl<T> Default for EndedChannel<T> {
    fn default() -> Self {
        EndedChannel {
            lost: 0,
            given_up: Vec::new(),
            late: None,
        }
    }
}

impl<T> EndedChannel<T> {
    fn drop_items(self) -> usize {
        drop_all(self.given_up);
        drop_unpanicked(self.late);
        self.lost
    }
}

/// A channel, whatever its items are.
pub(crate) trait AnyChannel: Any + Send + Sync {
    /// Ends it, unless it has ended. Returns how many items are given up that no consumer has got.
    fn end(&self, end: StreamEnd) -> usize;

    /// Ends it with its unit of work: not in order if it has producers. Returns how many items are given up
    /// that no consumer has got.
    fn end_of_unit(&self) -> usize;

    /// Whether it has producers that have not finished, and has not ended.
    fn is_produced(&self) -> bool;

    fn has_ended(&self) -> bool;

    /// Whether there was ever a consumer.
    fn was_used(&self) -> bool;

    /// Whether there is no item for any consumer.
    fn is_drained(&self) -> bool;

    /// A number that grows with each item that is pushed or taken, and when it ends.
    fn moves(&self) -> u64;

    /// The stream, in words.
    fn describe(&self) -> String;

    /// Whether a push would wait.
    fn is_full(&self) -> bool;

    /// Ends it although it has a producer that has not finished, or, if it is held `by_consumer`, a consumer
    /// that takes nothing.
    fn end_held(&self, by_consumer: bool) -> usize;

    /// Wakes all that sleep at it, so that they look again at what is around them.
    fn notify(&self);
}

impl<T> Channel<T> {
    pub(crate) fn new(capacity: usize) -> Self {
        Channel {
            state: Mutex::new(ChannelState {
                buffer: Buffer::new(capacity),
                pushing: Sleepers::default(),
                joining: Sleepers::default(),
                following: Sleepers::default(),
                producers: 0,
                unfinished: false,
                is_abandoned: false,
                end: None,
            }),
        }
    }

    /// Changes the state, and then does what must not be done under its lock.
    #[inline]
    fn with<R>(&self, change: impl FnOnce(&mut ChannelState<T>, &mut Aftermath<T>) -> R) -> R {
        let mut after = Aftermath::new();
        let result = change(&mut lock(&self.state), &mut after);
        after.settle();
        result
    }

    /// Takes the item out of `item`, if there is room for it; it sleeps until there is. `Full` is never
    /// given.
    pub(crate) fn poll_push(
        &self,
        item: &mut Option<T>,
        ticket: &mut Ticket,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), PushError>> {
        self.with(|state, after| match state.push(item, *ticket, after) {
            Err(PushError::Full) => {
                let waker = cx.waker().clone();
                after.waker = state.pushing.sleep(ticket, waker);
                Poll::Pending
            }
            done => {
                if let Some(ticket) = ticket.take() {
                    after.waker = state.pushing.leave(ticket).ok().flatten();
                }
                Poll::Ready(done)
            }
        })
    }

    /// Takes the item out of `item` now, or says why not.
    pub(crate) fn try_push(&self, item: &mut Option<T>) -> Result<(), PushError> {
        self.with(|state, after| state.push(item, None, after))
    }

    /// A push is given up.
    pub(crate) fn withdraw_push(&self, ticket: u64) {
        self.with(|state, after| match state.pushing.leave(ticket) {
            Ok(waker) => after.waker = waker,
            Err(()) if state.buffer.room() > 0 => after.wake = state.pushing.wake_first(),
            Err(()) => {}
        });
    }

    pub(crate) fn set_capacity(&self, capacity: usize) {
        self.with(|state, after| {
            state.buffer.set_capacity(capacity);
            state.wake_pushers(state.buffer.room(), after);
        });
    }

    pub(crate) fn add_producer(&self) {
        lock(&self.state).producers += 1;
    }

    /// A producer is gone. With the last one the channel ends.
    pub(crate) fn remove_producer(&self, has_finished: bool) {
        self.with(|state, after| {
            state.producers -= 1;
            state.unfinished |= !has_finished;
            if state.producers > 0 {
                return EndedChannel::default();
            }
            let end = if state.unfinished {
                Err(StreamError::Unfinished)
            } else {
                Ok(())
            };
            state.end(end, after)
        })
        .drop_items();
    }
}

impl<T: Send + Sync + 'static> AnyChannel for Channel<T> {
    fn end(&self, end: StreamEnd) -> usize {
        self.with(|state, after| state.end(end, after)).drop_items()
    }

    fn end_of_unit(&self) -> usize {
        self.with(|state, after| {
            let end = if state.producers > 0 {
                Err(StreamError::Unfinished)
            } else {
                Ok(())
            };
            state.end(end, after)
        })
        .drop_items()
    }

    fn is_produced(&self) -> bool {
        let state = lock(&self.state);
        state.producers > 0 && state.end.is_none()
    }

    fn has_ended(&self) -> bool {
        lock(&self.state).end.is_some()
    }

    fn was_used(&self) -> bool {
        lock(&self.state).buffer.was_used()
    }

    fn is_drained(&self) -> bool {
        lock(&self.state).buffer.is_drained()
    }

    fn moves(&self) -> u64 {
        let state = lock(&self.state);
        state.buffer.moves() + u64::from(state.end.is_some())
    }

    fn describe(&self) -> String {
        format!("the stream of `{}`", type_name::<T>())
    }

    fn is_full(&self) -> bool {
        let state = lock(&self.state);
        state.end.is_none() && !state.buffer.is_unwanted() && state.buffer.room() == 0
    }

    fn end_held(&self, by_consumer: bool) -> usize {
        self.with(|state, after| {
            state.is_abandoned = by_consumer;
            state.end(Err(StreamError::Unfinished), after)
        })
        .drop_items()
    }

    fn notify(&self) {
        self.with(|state, after| {
            state.wake_pushers(usize::MAX, after);
            after.wake_too.extend(state.joining.wake_all());
            state.wake_followers(after);
        });
    }
}

impl<T> ChannelState<T> {
    #[inline]
    fn push(
        &mut self,
        item: &mut Option<T>,
        ticket: Ticket,
        after: &mut Aftermath<T>,
    ) -> Result<(), PushError> {
        if let Some(end) = &self.end {
            return Err(match end {
                Err(StreamError::Cancelled) => PushError::Cancelled,
                Err(StreamError::DeadlineExceeded) => PushError::DeadlineExceeded,
                _ if self.is_abandoned => PushError::Unwanted,
                _ => PushError::Ended,
            });
        }
        if self.buffer.is_unwanted() {
            return Err(PushError::Unwanted);
        }
        if self.buffer.room() == 0 || !self.pushing.lets_pass(ticket) {
            return Err(PushError::Full);
        }
        if let Some(item) = item.take() {
            after.given_way = self.buffer.push(item);
            after.wake = self.joining.wake_first();
            self.wake_followers(after);
        }
        Ok(())
    }

    /// Ends it, unless it has ended.
    fn end(&mut self, end: StreamEnd, after: &mut Aftermath<T>) -> EndedChannel<T> {
        if self.end.is_some() {
            return EndedChannel {
                late: Some(end),
                ..EndedChannel::default()
            };
        }
        let mut ended = EndedChannel::default();
        if end.as_ref().is_err_and(StreamError::cuts_off) {
            ended.lost = self.buffer.ungot();
            ended.given_up = self.buffer.clear();
        } else if self.buffer.is_unwanted() || !self.buffer.was_used() {
            ended.lost = self.buffer.ungot();
        }
        self.end = Some(end);
        self.wake_pushers(usize::MAX, after);
        after.wake_too.extend(self.joining.wake_all());
        self.wake_followers(after);
        ended
    }

    #[inline]
    fn wake_followers(&mut self, after: &mut Aftermath<T>) {
        if !self.following.is_empty() {
            after.wake_too.extend(self.following.wake_all());
        }
    }

    /// Wakes so many of those who wait for room.
    #[inline]
    fn wake_pushers(&mut self, count: usize, after: &mut Aftermath<T>) {
        for _ in 0..count.min(self.pushing.len()) {
            after.wake_too.extend(self.pushing.wake_first());
        }
    }
}

impl<T> Aftermath<T> {
    #[inline]
    fn new() -> Self {
        Aftermath {
            wake: None,
            wake_too: Vec::new(),
            given_way: None,
            waker: None,
        }
    }

    #[inline]
    fn settle(self) {
        self.wake.into_iter().for_each(Waker::wake);
        self.wake_too.into_iter().for_each(Waker::wake);
        if let Some(item) = self.given_way {
            drop_unpanicked(item);
        }
    }
}

/// Drops items one by one: a panic of one must not keep the other drops, nor a caller that ends several
/// streams, from going on.
fn drop_all<T>(items: Vec<T>) {
    items.into_iter().for_each(drop_unpanicked);
}
