//! [`Streaming`]: a reply that goes on as a stream.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{self, Poll, ready};

use crate::context::stream::participant::Participant;
use crate::context::stream::{CAPACITY, JoinStream, Producer};
use crate::context::{CallFuture, Context};
use crate::envelope::Given;
use crate::error::{CallError, Error, PushError, Result, SendError, TryPushError};
use crate::message::Command;
use crate::routing::{Caller, Calls};

/// The reply of a command that answers with a stream: `#[command(reply = Streaming<Summary, Row>)]`.
///
/// Its handler makes one with [`Context::streaming`]; [`Context::send_streaming`] gives its two parts.
#[derive(Debug)]
pub struct Streaming<R, T> {
    /// The reply.
    pub reply: R,
    /// The items that follow.
    pub items: JoinStream<'static, T>,
}

impl<S: Caller> Context<S> {
    /// A reply that is given now, and items that follow it: `produce` runs after the handler, in a task of
    /// its own, which is part of the unit of work like any [spawned](Context::spawn) task. If it fails, so
    /// does the stream. If it ends with the error of a [`push`](Producer::push) whose consumer is gone, that
    /// is not a failure.
    ///
    /// ```
    /// use nether::prelude::*;
    /// use nether::Streaming;
    ///
    /// #[command(reply = Streaming<usize, String>)]
    /// pub struct Export;
    ///
    /// struct Names(Vec<String>);
    ///
    /// #[module(handles = Export, manual)]
    /// impl Names {
    /// async fn export(&mut self, _: Export, ctx: &Context<Self>) -> nether::Result<Streaming<usize, String>>
    /// {
    ///         let names = self.0.clone();
    ///         let count = names.len();
    ///         let reply = ctx.streaming(count, async move |out| {
    ///             for name in names {
    ///                 out.push(name).await?;
    ///             }
    ///             out.finish();
    ///             Ok(())
    ///         })?;
    ///         Ok(reply)
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> nether::Result<()> {
    /// # let system = System::builder().isolated().start().await?;
    /// # let _names = system.attach(Names(vec!["ann".into(), "bob".into()])).await?;
    /// let ctx = system.context();
    /// let (count, mut names) = ctx.send_streaming(Export).await?;
    /// assert_eq!(count, 2);
    /// assert_eq!(names.pull().await?.as_deref(), Some("ann"));
    /// assert_eq!(names.pull().await?.as_deref(), Some("bob"));
    /// assert_eq!(names.pull().await?, None);
    /// ctx.close().await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// The reason why the unit of work accepts nothing more.
    pub fn streaming<R, T, F>(
        &self,
        reply: R,
        produce: impl FnOnce(Producer<'static, T>) -> F,
    ) -> Result<Streaming<R, T>, SendError>
    where
        T: Send + Sync + 'static,
        F: Future<Output = Result<()>> + Send + 'static,
    {
        let channel = self.handle().scope.stream_apart(CAPACITY);
        let caller = Participant::of(self.handle(), Arc::clone(&channel) as _).unknown();
        let items = JoinStream::new(Arc::clone(&channel), &caller);
        self.spawn(|ctx| {
            let task = Participant::of(ctx.handle(), Arc::clone(&channel) as _).unlent();
            let work = produce(Producer::new(channel, task));
            async move {
                match work.await {
                    // The caller has had enough: that is no failure.
                    Err(error) if is_unwanted::<T>(&error) => Ok(()),
                    ended => ended,
                }
            }
        })?;
        Ok(Streaming { reply, items })
    }

    /// Gives a command to the module that handles it, and waits for its reply and the stream that follows it;
    /// see [`streaming`](Context::streaming) for an example.
    ///
    /// # Errors
    /// The errors of [`send`](Context::send).
    pub fn send_streaming<C, I, TheOneHandler, R, T, E>(
        &self,
        command: C,
    ) -> StreamFuture<'_, C, Given<C>, R, T, E>
    where
        C: Command<Reply = Streaming<R, T>, Error = E, Sent = I>,
        S: Calls<I, S::Rule, TheOneHandler>,
    {
        StreamFuture(self.send(command))
    }
}

fn is_unwanted<T: Send + Sync + 'static>(error: &Error) -> bool {
    let unpushed = error.downcast_ref::<TryPushError<T>>();
    unpushed.is_some_and(|unpushed| unpushed.error == PushError::Unwanted)
}

/// The future of [`send_streaming`](Context::send_streaming): the reply and what follows it. See
/// [`CallFuture`] for what becomes of it when it is dropped.
#[must_use = "nothing is sent until this is awaited"]
#[derive(Debug)]
pub struct StreamFuture<'a, M, P, R, T, E>(CallFuture<'a, M, P, Streaming<R, T>, E>);

impl<M, P, R, T, E> Future for StreamFuture<'_, M, P, R, T, E> {
    type Output = Result<(R, JoinStream<'static, T>), CallError<E>>;

    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Self::Output> {
        let replied = ready!(Pin::new(&mut self.get_mut().0).poll(cx));
        Poll::Ready(replied.map(|Streaming { reply, items }| (reply, items)))
    }
}
