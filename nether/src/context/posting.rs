//! [`PostFuture`]: the future of `process` and `publish`; bounds stand on the methods, as for `CallFuture`.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use crate::context::budget::poll_budget;
use crate::context::handle::Handle;
use crate::context::timer::Timer;
use crate::context::visible::VisibleWait;
use crate::envelope::Parcel;
use crate::error::SendError;
use crate::route::{BoxFuture, WaitingOffer};

/// The future of [`process`](crate::Context::process) and [`publish`](crate::Context::publish): that the
/// message was accepted.
///
/// Nothing is sent before it is first polled. Dropped while it waits for room in a mailbox or for a place in
/// a shared module, it takes the message back; of an event, from those modules that have not accepted it yet.
///
/// It uses the cooperative budget that tokio gives each task: a task that sends again and again lets others
/// run, even if no send has to wait. Nothing is sent in the turn in which the budget is used up.
#[must_use = "nothing is sent until this is awaited"]
pub struct PostFuture<'a, M, P> {
    handle: &'a Handle,
    message: Option<M>,
    begin: fn(&Handle, M, &mut Context<'_>) -> PostStage<P>,
    stage: PostStage<P>,
    name: &'static str,
    timer: Timer,
}

/// How far the message has come.
pub(super) enum PostStage<P> {
    /// Waiting for room in the one mailbox it goes to.
    Offering(WaitingOffer<P>, VisibleWait),
    /// Waiting for several modules, or for a shared one.
    Waiting(BoxFuture<Result<(), SendError>>),
    /// It is accepted, or refused.
    Ended(Result<(), SendError>),
}

impl<M, P> Unpin for PostFuture<'_, M, P> {}

impl<'a, M, P> PostFuture<'a, M, P> {
    #[inline]
    pub(super) fn new(
        handle: &'a Handle,
        message: M,
        name: &'static str,
        begin: fn(&Handle, M, &mut Context<'_>) -> PostStage<P>,
    ) -> Self {
        PostFuture {
            handle,
            message: Some(message),
            begin,
            stage: PostStage::Ended(Ok(())),
            name,
            timer: Timer::default(),
        }
    }

    #[inline]
    fn poll_stage(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        match &mut self.stage {
            PostStage::Offering(waiting, wait) => {
                let Poll::Ready(accepted) = waiting.poll(cx) else {
                    wait.wait(self.handle, waiting.sequence());
                    return Poll::Pending;
                };
                let accepted = accepted.map_err(|rejected| waiting.error(rejected));
                // What was refused is taken back with this, and not when the future is dropped, which may be
                // much later.
                self.stage = PostStage::Ended(Ok(()));
                Poll::Ready(accepted)
            }
            PostStage::Waiting(waiting) => waiting.as_mut().poll(cx),
            PostStage::Ended(result) => Poll::Ready(std::mem::replace(result, Ok(()))),
        }
    }

    fn poll_deadline(&mut self, cx: &mut Context<'_>) -> Poll<SendError> {
        ready!(self.timer.poll(&self.handle.scope, cx));
        self.stage = PostStage::Ended(Ok(()));
        Poll::Ready(SendError::DeadlineExceeded { message: self.name })
    }
}

impl<M, P> Future for PostFuture<'_, M, P> {
    type Output = Result<(), SendError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let post = self.get_mut();
        if post.message.is_some() {
            ready!(poll_budget(cx));
        }
        if let Some(message) = post.message.take() {
            post.stage = (post.begin)(post.handle, message, cx);
        }
        match post.poll_stage(cx) {
            Poll::Ready(result) => Poll::Ready(result),
            Poll::Pending => post.poll_deadline(cx).map(Err),
        }
    }
}

impl<M, P> fmt::Debug for PostFuture<'_, M, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostFuture")
            .field("message", &self.name)
            .field("begun", &self.message.is_none())
            .finish()
    }
}

/// What a message comes to that was begun: for those who hold no [`PostFuture`].
pub(super) async fn ended<P: Parcel>(stage: PostStage<P>) -> Result<(), SendError> {
    match stage {
        PostStage::Offering(waiting, _) => accepted(waiting).await,
        PostStage::Waiting(waiting) => waiting.await,
        PostStage::Ended(result) => result,
    }
}

/// Waits in line for one queue; for those who hold no [`PostFuture`].
pub(super) async fn accepted<P>(mut waiting: WaitingOffer<P>) -> Result<(), SendError> {
    let accepted = std::future::poll_fn(|cx| waiting.poll(cx)).await;
    accepted.map_err(|rejected| waiting.error(rejected))
}
