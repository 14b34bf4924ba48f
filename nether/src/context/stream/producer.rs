//! [`Producer`]: the pushing end of a shared stream.

use std::any::type_name;
use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::channel::{Channel, Ticket};
use crate::context::stream::fail;
use crate::context::stream::participant::Participant;
use crate::context::timer::Timer;
use crate::error::{Error, PushError, TryPushError};

/// A producer of a [`SharedStream`](crate::SharedStream), which pushes until it has finished; made by
/// [`produce`](crate::SharedStream::produce).
///
/// When all producers of a stream have finished, the stream is complete. If a producer is dropped before, by
/// a panic or by `?` too, the stream ends with [`StreamError::Unfinished`](crate::StreamError::Unfinished)
/// once the last producer is gone. So consumers never take a failed stream for a complete one.
pub struct Producer<'c, T> {
    channel: Arc<Channel<T>>,
    participant: Participant<'c>,
    has_finished: bool,
}

impl<'c, T> Producer<'c, T> {
    pub(super) fn new(channel: Arc<Channel<T>>, participant: Participant<'c>) -> Self {
        channel.add_producer();
        Producer {
            channel,
            participant,
            has_finished: false,
        }
    }

    /// Says that nothing is missing.
    pub fn finish(mut self) {
        self.has_finished = true;
    }
}

impl<T: Send + Sync + 'static> Producer<'_, T> {
    /// Adds an item. Waits for room.
    ///
    /// # Errors
    /// The item, and why it was not taken; see [`SharedStream::push`](crate::SharedStream::push).
    pub async fn push(&self, item: T) -> Result<(), TryPushError<T>> {
        push(&self.channel, &self.participant, item).await
    }

    /// Adds an item, if there is room for it now.
    ///
    /// # Errors
    /// The item, and why it was not taken.
    pub fn try_push(&self, item: T) -> Result<(), TryPushError<T>> {
        try_push(&self.channel, item)
    }

    /// Ends the stream with an error, even if it has other producers: consumers get the remaining items, then
    /// [`StreamError::Failed`](crate::StreamError::Failed).
    pub fn fail(self, error: impl Into<Error>) {
        fail(&*self.channel, error.into());
    }
}

impl<T> Drop for Producer<'_, T> {
    fn drop(&mut self) {
        self.channel.remove_producer(self.has_finished);
    }
}

impl<T> fmt::Debug for Producer<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Producer")
            .field("item", &type_name::<T>())
            .finish_non_exhaustive()
    }
}

pub(super) fn try_push<T>(channel: &Channel<T>, item: T) -> Result<(), TryPushError<T>> {
    let mut item = Some(item);
    let pushed = channel.try_push(&mut item);
    pushed.map_err(|error| try_push_error(item, error))
}

pub(super) async fn push<T: Send + Sync + 'static>(
    channel: &Channel<T>,
    participant: &Participant<'_>,
    item: T,
) -> Result<(), TryPushError<T>> {
    // So that one who pushes for ever lets others have their turn.
    tokio::task::coop::consume_budget().await;
    let mut item = Some(item);
    let pushed = match channel.try_push(&mut item) {
        Err(PushError::Full) => push_later(channel, participant, &mut item).await,
        pushed => pushed,
    };
    pushed.map_err(|error| try_push_error(item, error))
}

fn try_push_error<T>(item: Option<T>, error: PushError) -> TryPushError<T> {
    TryPushError {
        item: item.expect("what was not taken is still there"),
        error,
    }
}

async fn push_later<T: Send + Sync + 'static>(
    channel: &Channel<T>,
    participant: &Participant<'_>,
    item: &mut Option<T>,
) -> Result<(), PushError> {
    let mut line = PushTicket {
        channel,
        ticket: None,
    };
    let mut timer = Timer::default();
    let mut waiting = None;
    let push = |cx: &mut Context<'_>| match channel.poll_push(item, &mut line.ticket, cx) {
        Poll::Pending => {
            participant.wait_for_room(&mut waiting);
            let passed = timer.poll(&participant.scope, cx);
            passed.map(|()| Err(PushError::DeadlineExceeded))
        }
        pushed => pushed,
    };
    poll_fn(push).await
}

/// A place among those who wait for room. Dropped, it is given up.
struct PushTicket<'a, T> {
    channel: &'a Channel<T>,
    ticket: Ticket,
}

impl<T> Drop for PushTicket<'_, T> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            self.channel.withdraw_push(ticket);
        }
    }
}
