//! The taking end of a [`Channel`].

use std::collections::VecDeque;
use std::task::{Context, Poll};

use crate::channel::buffer::Buffer;
use crate::channel::sleepers::Sleepers;
use crate::channel::{Aftermath, Channel, ChannelState, Cursor, Ticket, drop_all};
use crate::error::StreamError;
use crate::sync::lock;

/// How many items a watcher gets ahead that may miss some: enough that it is not in the way of who pushes.
const AHEAD: usize = 31;

/// `None` at an end in order.
pub(crate) type Pulled<T> = Result<Option<T>, StreamError>;

impl<T> Channel<T> {
    pub(crate) fn join(&self) {
        lock(&self.state).buffer.add_joiner();
    }

    /// A joiner is gone, with its place among those that pull or among those that wait as streams.
    pub(crate) fn part(&self, pulling: Ticket, following: Ticket) {
        if let Some(ticket) = following {
            self.with(|state, after| after.waker = state.following.leave(ticket).ok().flatten());
        }
        self.with(|state, after| {
            state.withdraw_joiner(pulling, after);
            state.freeing(after, |buffer| buffer.remove_joiner());
        });
    }

    /// The next item that no other joiner has taken. A pull that is given up must be
    /// [withdrawn](Channel::withdraw_join).
    pub(crate) fn poll_join(&self, ticket: &mut Ticket, cx: &mut Context<'_>) -> Poll<Pulled<T>> {
        self.poll_take(ticket, cx, |state| &mut state.joining)
    }

    /// As `poll_take`, for a joiner that may be kept and never polled again. Every item wakes it and another
    /// joiner, so no item depends on it.
    pub(crate) fn poll_follow(&self, ticket: &mut Ticket, cx: &mut Context<'_>) -> Poll<Pulled<T>> {
        self.poll_take(ticket, cx, |state| &mut state.following)
    }

    #[inline]
    fn poll_take(
        &self,
        ticket: &mut Ticket,
        cx: &mut Context<'_>,
        sleepers: fn(&mut ChannelState<T>) -> &mut Sleepers,
    ) -> Poll<Pulled<T>> {
        self.with(|state, after| {
            let pulled = match state.freeing(after, |buffer| buffer.take()) {
                Some(taken) => Ok(Some(taken)),
                None => match state.end.clone() {
                    Some(end) => end.map(|()| None),
                    None => {
                        after.waker = sleepers(state).sleep(ticket, cx.waker().clone());
                        return Poll::Pending;
                    }
                },
            };
            if let Some(ticket) = ticket.take() {
                after.waker = sleepers(state).leave(ticket).ok().flatten();
            }
            Poll::Ready(pulled)
        })
    }

    /// Gives up a pull: if it had been woken, another consumer is to have the item.
    pub(crate) fn withdraw_join(&self, ticket: &mut Ticket) {
        self.with(|state, after| state.withdraw_joiner(ticket.take(), after));
    }

    /// A new watcher. One that `misses_nothing` makes pushers wait. `clone` is for joiners, to whom items
    /// belong that are watched too.
    pub(crate) fn watch(&self, misses_nothing: bool, clone: fn(&T) -> T) -> Cursor {
        // The first consumer frees room if it may miss items.
        self.with(|state, after| {
            state.freeing(after, |buffer| buffer.add_watcher(misses_nothing, clone))
        })
    }

    /// A watcher is gone.
    pub(crate) fn unwatch(&self, cursor: &Cursor, ticket: Ticket) {
        drop_all(self.with(|state, after| {
            if let Some(ticket) = ticket {
                after.waker = state.following.leave(ticket).ok().flatten();
            }
            state.freeing(after, |buffer| buffer.remove_watcher(cursor))
        }));
    }

    /// The next item for this watcher. One that may miss some gets more `ahead`, if they are there: it need
    /// not come back for each.
    pub(crate) fn poll_watch(
        &self,
        cursor: &mut Cursor,
        ahead: &mut VecDeque<T>,
        ticket: &mut Ticket,
        cx: &mut Context<'_>,
    ) -> Poll<Pulled<T>> {
        self.with(|state, after| {
            let seen = state.freeing(after, |buffer| buffer.see(cursor));
            if seen.is_some() && !cursor.misses_nothing {
                let more = std::iter::from_fn(|| state.buffer.see(cursor));
                ahead.extend(more.take(AHEAD));
            }
            let pulled = match (seen, &state.end) {
                (Some(item), _) => Ok(Some(item)),
                (None, Some(end)) => end.clone().map(|()| None),
                (None, None) => {
                    after.waker = state.following.sleep(ticket, cx.waker().clone());
                    return Poll::Pending;
                }
            };
            if let Some(ticket) = ticket.take() {
                after.waker = state.following.leave(ticket).ok().flatten();
            }
            Poll::Ready(pulled)
        })
    }
}

impl<T> ChannelState<T> {
    /// Does something that may free room, and wakes those who waited for it.
    #[inline]
    fn freeing<R>(
        &mut self,
        after: &mut Aftermath<T>,
        take: impl FnOnce(&mut Buffer<T>) -> R,
    ) -> R {
        if self.pushing.is_empty() {
            return take(&mut self.buffer);
        }
        let before = self.buffer.room();
        let taken = take(&mut self.buffer);
        let freed = if self.buffer.is_unwanted() {
            usize::MAX // All of them are to be notified.
        } else {
            self.buffer.room().saturating_sub(before)
        };
        self.wake_pushers(freed, after);
        taken
    }

    fn withdraw_joiner(&mut self, ticket: Ticket, after: &mut Aftermath<T>) {
        let Some(ticket) = ticket else { return };
        match self.joining.leave(ticket) {
            Ok(waker) => after.waker = waker,
            Err(()) if self.buffer.has_next() => after.wake = self.joining.wake_first(),
            Err(()) => {}
        }
    }
}
