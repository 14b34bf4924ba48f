//! [`SharedStream`]: the stream of one type in one unit of work. Its channel is a layer below.

mod consumer;
mod participant;
mod producer;
mod streaming;

pub use self::consumer::{JoinStream, WatchStream};
pub use self::producer::Producer;
pub use self::streaming::{StreamFuture, Streaming};

use std::any::type_name;
use std::fmt;
use std::sync::Arc;

use self::consumer::clone_of;
use self::participant::Participant;
use crate::channel::{AnyChannel, Channel};
use crate::context::Context;
use crate::error::{Error, StreamError, TryPushError};
use crate::routing::Caller;

/// How many items a stream holds for consumers that are behind, unless it is given another capacity: enough
/// that producer and consumer seldom wait for each other, and little enough to keep memory small.
const CAPACITY: usize = 256;

impl<S: Caller> Context<S> {
    /// The shared stream of items of type `T` in this unit of work. Every call in the unit of work returns a
    /// handle to the same stream.
    ///
    /// ```
    /// use nether::prelude::*;
    ///
    /// #[command]
    /// pub struct CountTo(u32);
    ///
    /// #[command(reply = u32)]
    /// pub struct Sum;
    ///
    /// struct Numbers;
    ///
    /// #[module(handles = [CountTo, Sum], manual)]
    /// impl Numbers {
    ///     async fn count(&self, CountTo(last): CountTo, ctx: &Context<Self>) -> nether::Result<()> {
    ///         let numbers = ctx.stream::<u32>().produce();
    ///         for number in 1..=last {
    ///             numbers.push(number).await?; // Waits while the stream is full.
    ///         }
    ///         numbers.finish();
    ///         Ok(())
    ///     }
    ///
    ///     async fn sum(&self, _: Sum, ctx: &Context<Self>) -> nether::Result<u32> {
    ///         let mut numbers = ctx.stream::<u32>().join();
    ///         let mut sum = 0;
    ///         while let Some(number) = numbers.pull().await? {
    ///             sum += number;
    ///         }
    ///         Ok(sum)
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> nether::Result<()> {
    /// # let system = System::builder().isolated().start().await?;
    /// # let _numbers = system.attach(Numbers).await?;
    /// let ctx = system.context();
    /// ctx.process(CountTo(1000)).await?;
    /// assert_eq!(ctx.send(Sum).await?, 500_500);
    /// ctx.close().await?;
    /// # Ok(()) }
    /// ```
    pub fn stream<T: Send + Sync + 'static>(&self) -> SharedStream<'_, T> {
        self.shared_stream(None)
    }

    /// The shared stream of items of type `T` that has this name; see [`stream`](Context::stream). The stream
    /// without a name and the streams of different names are different streams.
    pub fn stream_named<T: Send + Sync + 'static>(&self, name: &str) -> SharedStream<'_, T> {
        self.shared_stream(Some(name))
    }

    fn shared_stream<T: Send + Sync + 'static>(&self, name: Option<&str>) -> SharedStream<'_, T> {
        let channel = self.handle().scope.stream::<T>(name, CAPACITY);
        SharedStream {
            participant: Participant::of(self.handle(), Arc::clone(&channel) as _),
            channel,
        }
    }
}

/// A stream that a unit of work shares: any of its handlers may push and consume. See [`Context::stream`].
///
/// # Consumers
///
/// Consumers that [`join`](SharedStream::join) share the items: each item goes to one of them. Consumers that
/// [`watch`](SharedStream::watch) get every item. A stream may have both. Both are `futures_core::Stream`s,
/// for the combinators of `futures` or `tokio-stream`; without these, `pull` is enough. Items that are pushed
/// before the first consumer exists are kept for it.
///
/// # Room
///
/// A stream holds 256 items, or [another number](SharedStream::with_capacity). Once it is full, `push` waits
/// (and `try_push` returns the item) until the slowest consumer has caught up. A [lossy
/// watcher](SharedStream::watch_lossy) does not count.
///
/// # The end
///
/// A stream is complete when its last [`Producer`] has [finished](Producer::finish), or when it is
/// [closed](SharedStream::close): consumers get the remaining items, then `None`. A stream ends with an error
/// when a producer is dropped before it has finished, because its handler failed or panicked
/// ([`StreamError::Unfinished`]), or when a producer [fails](Producer::fail) it: consumers get the remaining
/// items, then the error. When its unit of work is cancelled, a stream ends at once, and its remaining items
/// are lost.
///
/// When its unit of work closes, a stream without producers is complete as soon as everything that is left in
/// flight waits for items that no handler pushes: consumers, handlers and tasks that wait for the reply of
/// one, through any number of calls, and messages in line for modules that consumers keep busy. So a handler
/// that pushes need not finish the stream. If there are several such streams, the oldest one ends first; a
/// handler that pushes to another stream after that should [`produce`](SharedStream::produce) it.
///
/// A handler that waits for an item or a reply counts as waiting even if it waits for something else at the
/// same time that is not Nether's: a timer in `select!`, a database in `join!`. If it pushes after that, it
/// should `produce`.
///
/// A producer or a consumer that is held outside of handlers may move a stream on at any time. If all that is
/// left in flight waits for it, closing waits for [`close_patience`](crate::SystemBuilder::close_patience),
/// ends the stream, and returns [`FailureKind::HeldStream`](crate::FailureKind::HeldStream), which names it.
///
/// # Lifetime
///
/// A stream, its producers and its consumers borrow the `&Context` that they come from, so they end with the
/// handler. To produce or consume in another task, or after the handler, use [`ctx.spawn`](Context::spawn):
/// the unit of work waits for what it runs, and it is given a context of its own. A task of tokio's that
/// holds a clone of the context is not waited for: [`close`](Context::close) may return before its last item.
pub struct SharedStream<'c, T> {
    channel: Arc<Channel<T>>,
    participant: Participant<'c>,
}

impl<'c, T: Send + Sync + 'static> SharedStream<'c, T> {
    /// Sets how many items the stream holds for consumers that are behind, at least one. The last call wins.
    #[must_use]
    pub fn with_capacity(self, items: usize) -> Self {
        self.channel.set_capacity(items.max(1));
        self
    }

    /// Adds an item. Waits for room.
    ///
    /// # Errors
    /// The item, and why it was not taken: the stream has ended, all its consumers are gone, or its unit of
    /// work was cancelled or passed its deadline.
    pub async fn push(&self, item: T) -> Result<(), TryPushError<T>> {
        producer::push(&self.channel, &self.participant, item).await
    }

    /// Adds an item, if there is room for it now.
    ///
    /// # Errors
    /// The item, and why it was not taken.
    pub fn try_push(&self, item: T) -> Result<(), TryPushError<T>> {
        producer::try_push(&self.channel, item)
    }

    /// A producer, which pushes until it has [finished](Producer::finish). When all producers have finished,
    /// the stream is complete.
    pub fn produce(&self) -> Producer<'c, T> {
        Producer::new(Arc::clone(&self.channel), self.participant.clone())
    }

    /// A consumer that shares the items with all other joined consumers.
    pub fn join(&self) -> JoinStream<'c, T> {
        JoinStream::new(Arc::clone(&self.channel), &self.participant)
    }

    /// A watcher, which gets every item that is pushed from now on, and before that the items that the stream
    /// still holds for joined consumers. Producers wait for it when it is behind.
    pub fn watch(&self) -> WatchStream<'c, T>
    where
        T: Clone,
    {
        WatchStream::new(
            Arc::clone(&self.channel),
            &self.participant,
            true,
            clone_of::<T>,
        )
    }

    /// A lossy watcher: producers do not wait for it. If it is behind by more than the stream holds, it
    /// misses the oldest items, and [`missed`](WatchStream::missed) returns how many.
    pub fn watch_lossy(&self) -> WatchStream<'c, T>
    where
        T: Clone,
    {
        WatchStream::new(
            Arc::clone(&self.channel),
            &self.participant,
            false,
            clone_of::<T>,
        )
    }

    /// Completes the stream, even if it still has producers.
    pub fn close(&self) {
        self.channel.end(Ok(()));
    }

    /// Ends the stream with an error, even if it still has producers.
    pub fn fail(&self, error: impl Into<Error>) {
        fail(&*self.channel, error.into());
    }
}

fn fail(channel: &dyn AnyChannel, error: Error) {
    channel.end(Err(StreamError::Failed(Arc::new(error))));
}

impl<T> Clone for SharedStream<'_, T> {
    fn clone(&self) -> Self {
        SharedStream {
            channel: Arc::clone(&self.channel),
            participant: self.participant.clone(),
        }
    }
}

impl<T> fmt::Debug for SharedStream<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedStream")
            .field("item", &type_name::<T>())
            .finish_non_exhaustive()
    }
}
