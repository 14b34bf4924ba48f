//! [`JoinStream`] and [`WatchStream`]: the taking ends of a shared stream.

use std::any::type_name;
use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use tokio::task::coop;

use crate::channel::{Channel, Cursor, Pulled, Ticket};
use crate::context::stream::participant::Participant;
use crate::context::timer::Timer;
use crate::error::StreamError;
use crate::scope::Waiting;

/// One of those who share the items of a [`SharedStream`](crate::SharedStream): each item goes to one of
/// them. Made by [`join`](crate::SharedStream::join).
///
/// As a `futures_core::Stream` it yields `Ok` for each item. If the stream ends with an error, that is the
/// last that it yields. A consumer that waits as a stream may be kept and never polled again, so each item
/// wakes all that wait so, besides one that waits with [`pull`](JoinStream::pull). If many consumers wait,
/// `pull` is cheaper.
pub struct JoinStream<'c, T> {
    channel: Arc<Channel<T>>,
    consumer: Consumer<'c>,
    /// Its place among those that every item wakes.
    following: Ticket,
}

/// One who sees every item of a [`SharedStream`](crate::SharedStream), which it gets a clone of: of what is
/// large, make an [`Arc`]. Made by [`watch`](crate::SharedStream::watch) and
/// [`watch_lossy`](crate::SharedStream::watch_lossy).
///
/// As a `futures_core::Stream` it yields `Ok` for each item. If the stream ends with an error, that is the
/// last that it yields.
pub struct WatchStream<'c, T> {
    channel: Arc<Channel<T>>,
    cursor: Cursor,
    /// What it has got and not given out yet.
    ahead: VecDeque<T>,
    consumer: Consumer<'c>,
}

/// What both have besides the channel.
struct Consumer<'c> {
    participant: Participant<'c>,
    /// Its place among those that sleep.
    ticket: Ticket,
    timer: Timer,
    /// Whether it has got the end.
    is_over: bool,
    /// While it sleeps.
    waiting: Option<Waiting>,
}

impl<'c, T: Send + Sync + 'static> JoinStream<'c, T> {
    pub(super) fn new(channel: Arc<Channel<T>>, participant: &Participant<'c>) -> Self {
        channel.join();
        JoinStream {
            channel,
            consumer: Consumer::new(participant),
            following: None,
        }
    }

    /// The next item that no other has taken; waits for it. `None` once the stream has ended in order and is
    /// empty. Dropping this future loses no item; keeping it without polling it may keep an item from others.
    ///
    /// # Errors
    /// Why the stream ended, if not in order, once. After that, `None`.
    pub async fn pull(&mut self) -> Result<Option<T>, StreamError> {
        let pull = Pull(self);
        poll_fn(|cx| pull.0.poll_pull(cx)).await
    }

    fn poll_pull(&mut self, cx: &mut Context<'_>) -> Poll<Pulled<T>> {
        let JoinStream {
            channel, consumer, ..
        } = self;
        consumer.poll(cx, |ticket, cx| channel.poll_join(ticket, cx))
    }
}

impl<'c, T: Send + Sync + 'static> WatchStream<'c, T> {
    pub(super) fn new(
        channel: Arc<Channel<T>>,
        participant: &Participant<'c>,
        misses_nothing: bool,
        clone: fn(&T) -> T,
    ) -> Self {
        WatchStream {
            cursor: channel.watch(misses_nothing, clone),
            channel,
            ahead: VecDeque::new(),
            consumer: Consumer::new(participant),
        }
    }

    /// The next item; waits for it. `None` once the stream has ended in order and all has been seen. Dropping
    /// this future loses no item.
    ///
    /// # Errors
    /// Why the stream ended, if not in order, once. After that, `None`.
    pub async fn pull(&mut self) -> Result<Option<T>, StreamError> {
        let watch = Watching(self);
        poll_fn(|cx| watch.0.poll_pull(cx)).await
    }

    /// How many items it has missed so far; 0 unless it is lossy.
    pub fn missed(&self) -> u64 {
        self.cursor.missed
    }

    fn poll_pull(&mut self, cx: &mut Context<'_>) -> Poll<Pulled<T>> {
        let WatchStream {
            channel,
            cursor,
            ahead,
            consumer,
        } = self;
        if consumer.participant.scope.is_cancelled() {
            ahead.clear();
        }
        consumer.poll(cx, |ticket, cx| match ahead.pop_front() {
            Some(item) => Poll::Ready(Ok(Some(item))),
            None => channel.poll_watch(cursor, ahead, ticket, cx),
        })
    }
}

impl<'c> Consumer<'c> {
    fn new(participant: &Participant<'c>) -> Self {
        Consumer {
            waiting: None,
            participant: participant.clone(),
            ticket: None,
            timer: Timer::default(),
            is_over: false,
        }
    }

    fn poll<I>(
        &mut self,
        cx: &mut Context<'_>,
        pull: impl FnOnce(&mut Ticket, &mut Context<'_>) -> Poll<Pulled<I>>,
    ) -> Poll<Pulled<I>> {
        if self.is_over {
            return Poll::Ready(Ok(None));
        }
        // So that one who always finds an item lets others have their turn.
        let turn = ready!(coop::poll_proceed(cx));
        let pulled = match pull(&mut self.ticket, cx) {
            Poll::Pending => {
                if self.timer.poll(&self.participant.scope, cx).is_pending() {
                    self.participant.wait_for_item(&mut self.waiting);
                    return Poll::Pending;
                }
                Err(StreamError::DeadlineExceeded)
            }
            Poll::Ready(pulled) => pulled,
        };
        self.waiting = None;
        turn.made_progress();
        self.is_over = !matches!(pulled, Ok(Some(_)));
        Poll::Ready(pulled)
    }
}

/// A pull. Dropped before it is done, it leaves its item to others.
struct Pull<'a, 'c, T>(&'a mut JoinStream<'c, T>);

impl<T> Drop for Pull<'_, '_, T> {
    fn drop(&mut self) {
        let JoinStream {
            channel, consumer, ..
        } = &mut *self.0;
        consumer.waiting = None;
        if consumer.ticket.is_some() {
            channel.withdraw_join(&mut consumer.ticket);
        }
    }
}

impl<T> Unpin for WatchStream<'_, T> {}

/// A pull by a watcher. Dropped before it is done, it does not wait any more.
struct Watching<'a, 'c, T>(&'a mut WatchStream<'c, T>);

impl<T> Drop for Watching<'_, '_, T> {
    fn drop(&mut self) {
        self.0.consumer.waiting = None;
    }
}

impl<T: Send + Sync + 'static> Stream for JoinStream<'_, T> {
    type Item = Result<T, StreamError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let JoinStream {
            channel,
            consumer,
            following,
        } = self.get_mut();
        let pulled = consumer.poll(cx, |_, cx| channel.poll_follow(following, cx));
        pulled.map(Result::transpose)
    }
}

impl<T: Send + Sync + 'static> Stream for WatchStream<'_, T> {
    type Item = Result<T, StreamError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_pull(cx).map(Result::transpose)
    }
}

impl<T> Drop for JoinStream<'_, T> {
    fn drop(&mut self) {
        let (pulling, following) = (self.consumer.ticket.take(), self.following.take());
        self.channel.part(pulling, following);
    }
}

impl<T> Drop for WatchStream<'_, T> {
    fn drop(&mut self) {
        self.channel
            .unwatch(&self.cursor, self.consumer.ticket.take());
    }
}

impl<T> fmt::Debug for JoinStream<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinStream")
            .field("item", &type_name::<T>())
            .finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for WatchStream<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WatchStream")
            .field("item", &type_name::<T>())
            .field("missed", &self.cursor.missed)
            .finish_non_exhaustive()
    }
}

pub(super) fn clone_of<T: Clone>(item: &T) -> T {
    item.clone()
}
