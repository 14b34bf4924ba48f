//! [`SharedStream`]: the stream of one type in one unit of work. Its channel is a layer below.

mod consumer;
mod producer;
mod seat;
mod streaming;

pub use self::consumer::{JoinStream, WatchStream};
pub use self::producer::Producer;
pub use self::streaming::{Streaming, StreamingCall};

use std::any::type_name;
use std::fmt;
use std::sync::Arc;

use self::consumer::clone_of;
use self::seat::Seat;
use crate::channel::{AnyChannel, Channel};
use crate::context::Context;
use crate::error::{Error, StreamError, Unpushed};
use crate::routing::Sender;

/// How many items a stream holds for consumers that are behind, unless it is told otherwise: enough that
/// producer and consumer seldom wait for each other, and little enough to keep memory small.
const CAPACITY: usize = 256;

impl<S: Sender> Context<S> {
    /// The shared stream of items of type `T` in this unit of work: the same for everybody who asks in it,
    /// and none of any other's.
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
    ///             numbers.push(number).await?; // Waits while nobody takes what is there.
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

    /// The shared stream of items of type `T` that has this name; see [`stream`](Context::stream). Without a
    /// name, and with each name, it is another one.
    pub fn stream_named<T: Send + Sync + 'static>(&self, name: &str) -> SharedStream<'_, T> {
        self.shared_stream(Some(name))
    }

    fn shared_stream<T: Send + Sync + 'static>(&self, name: Option<&str>) -> SharedStream<'_, T> {
        let channel = self.handle().scope.stream::<T>(name, CAPACITY);
        SharedStream {
            seat: Seat::of(self.handle(), Arc::clone(&channel) as _),
            channel,
        }
    }
}

/// A stream that a unit of work shares: any handler in it may push, any may take. See [`Context::stream`].
///
/// # Consumers
///
/// Those who [`join`](SharedStream::join) share the items among them: each goes to one. Those who
/// [`watch`](SharedStream::watch) get every item each. Both may be done at once, and both are
/// `futures_core::Stream`s, for the combinators of `futures` or `tokio-stream`; without any, `pull` is all
/// that is needed. What is pushed before there is a consumer is kept for the first.
///
/// # Room
///
/// A stream holds 256 items, or [as many as it is told](SharedStream::with_capacity). Then `push` waits, and `try_push` hands the item
/// back, until those have gone on whom the stream waits: who joins, and who watches, unless by
/// [`watch_lossy`](SharedStream::watch_lossy).
///
/// # The end
///
/// A stream ends in order when its last [`Producer`] has [finished](Producer::finish), or when somebody
/// [closes](SharedStream::close) it. Consumers still get what is in it, then `None`. It ends with an error
/// when a producer is dropped that has not finished, since its handler failed or panicked
/// ([`StreamError::Unfinished`]), or when somebody [fails](Producer::fail) it: consumers get what is in it,
/// then the error. And it ends at once, with what is in it, when its unit of work is cancelled.
///
/// When its unit of work closes, a stream without producers ends in order as soon as all that is left in
/// flight waits for items that nobody pushes: consumers, handlers that wait for the reply of one, and what
/// waits in line for exclusive modules that consumers keep busy. So a handler that pushes need not say that
/// it has finished. Of several such streams the oldest ends first; a handler that pushes to one more when
/// another has ended should [`produce`](SharedStream::produce) it.
///
/// A handler that waits for items, or for the reply of a consumer, and does something else at the same time
/// (`join!`, `select!`, a call that it stopped waiting for) counts as one who waits: if it pushes, it should
/// `produce`, and in a `select!` it should use `pull`.
///
/// What it cannot see keeps the unit of work open until its deadline, so let producers finish: handlers that
/// wait for one another over more than one reply for a consumer, or that wait for room in a shared module
/// that consumers have filled, a producer that is held outside of handlers, the items of a [`Streaming`]
/// reply that nobody takes and nobody drops.
///
/// # How long it may be kept
///
/// A stream, its producers and its consumers live no longer than the `&Context` that they were got from: what
/// a handler holds ends with the handler. To go on after it, [`spawn`](Context::spawn); to use one in another
/// task, give the task a clone of the context.
pub struct SharedStream<'c, T> {
    channel: Arc<Channel<T>>,
    seat: Seat<'c>,
}

impl<'c, T: Send + Sync + 'static> SharedStream<'c, T> {
    /// The same, and it holds so many items for consumers that are behind, at least one. The last one who
    /// says so is right.
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
    pub async fn push(&self, item: T) -> Result<(), Unpushed<T>> {
        producer::push(&self.channel, &self.seat, item).await
    }

    /// Adds an item, if there is room for it now.
    ///
    /// # Errors
    /// The item, and why it was not taken.
    pub fn try_push(&self, item: T) -> Result<(), Unpushed<T>> {
        producer::try_push(&self.channel, item)
    }

    /// One who will push until it has [finished](Producer::finish). When all have, the stream ends.
    pub fn produce(&self) -> Producer<'c, T> {
        Producer::new(Arc::clone(&self.channel), self.seat.clone())
    }

    /// One of those who share the items among them.
    pub fn join(&self) -> JoinStream<'c, T> {
        JoinStream::new(Arc::clone(&self.channel), &self.seat)
    }

    /// One who gets every item that is pushed from now on, and before that what the stream still holds for
    /// those who join. It holds back who pushes when it is behind.
    pub fn watch(&self) -> WatchStream<'c, T>
    where
        T: Clone,
    {
        WatchStream::new(Arc::clone(&self.channel), &self.seat, true, clone_of::<T>)
    }

    /// The same, but it holds nobody back: one that is behind by more than the stream holds misses the oldest
    /// items, and [is told](WatchStream::missed) how many.
    pub fn watch_lossy(&self) -> WatchStream<'c, T>
    where
        T: Clone,
    {
        WatchStream::new(Arc::clone(&self.channel), &self.seat, false, clone_of::<T>)
    }

    /// Ends the stream in order, whoever still produces.
    pub fn close(&self) {
        self.channel.end(Ok(()));
    }

    /// Ends the stream with an error, whoever still produces.
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
            seat: self.seat.clone(),
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
