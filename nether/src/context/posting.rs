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
    begin: fn(&Handle, M, &mut Context<'_>) -> Posted<P>,
    rest: Posted<P>,
    name: &'static str,
    timer: Timer,
}

/// The rest of a post; `None` if the message was accepted at once, as most are. Boxed, so that those are not
/// moved about with room for the others.
pub(super) type Posted<P> = Option<Box<PostStage<P>>>;

/// How far a message has come that was not accepted at once.
pub(super) enum PostStage<P> {
    /// Waiting for room in the one mailbox it goes to.
    Offering(WaitingOffer<P>, VisibleWait),
    /// Waiting for several modules, or for a shared one.
    Waiting(BoxFuture<Result<(), SendError>>),
    Refused(SendError),
}

impl<P> PostStage<P> {
    #[cold]
    #[inline(never)]
    pub(super) fn refused(error: SendError) -> Posted<P> {
        Some(Box::new(PostStage::Refused(error)))
    }
}

impl<M, P> Unpin for PostFuture<'_, M, P> {}

impl<'a, M, P> PostFuture<'a, M, P> {
    #[inline]
    pub(super) fn new(
        handle: &'a Handle,
        message: M,
        name: &'static str,
        begin: fn(&Handle, M, &mut Context<'_>) -> Posted<P>,
    ) -> Self {
        PostFuture {
            handle,
            message: Some(message),
            begin,
            rest: None,
            name,
            timer: Timer::default(),
        }
    }

    #[cold]
    #[inline(never)]
    fn poll_rest(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        let polled = match self.rest.as_deref_mut() {
            Some(PostStage::Offering(waiting, wait)) => {
                let polled = waiting.poll(cx);
                if polled.is_pending() {
                    wait.wait(self.handle, waiting.sequence());
                }
                polled.map_err(|rejected| waiting.error(rejected))
            }
            Some(PostStage::Waiting(waiting)) => waiting.as_mut().poll(cx),
            Some(PostStage::Refused(_)) | None => Poll::Ready(Ok(())),
        };
        let polled = match polled {
            Poll::Pending => self.timer.poll(&self.handle.scope, cx).map(|()| {
                let message = self.name;
                Err(SendError::DeadlineExceeded { message })
            }),
            ready => ready,
        };
        if polled.is_pending() {
            return polled;
        }
        // What was refused is taken back with this, and not when the future is dropped, which may be much
        // later.
        match self.rest.take().map(|rest| *rest) {
            Some(PostStage::Refused(error)) => Poll::Ready(Err(error)),
            _ => polled,
        }
    }
}

impl<M, P> Future for PostFuture<'_, M, P> {
    type Output = Result<(), SendError>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let post = self.get_mut();
        if post.message.is_some() {
            ready!(poll_budget(cx));
        }
        if let Some(message) = post.message.take() {
            post.rest = (post.begin)(post.handle, message, cx);
        }
        match post.rest {
            None => Poll::Ready(Ok(())),
            Some(_) => post.poll_rest(cx),
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
pub(super) async fn ended<P: Parcel>(rest: Posted<P>) -> Result<(), SendError> {
    match rest.map(|rest| *rest) {
        None => Ok(()),
        Some(PostStage::Offering(waiting, _)) => accepted(waiting).await,
        Some(PostStage::Waiting(waiting)) => waiting.await,
        Some(PostStage::Refused(error)) => Err(error),
    }
}

/// Waits in line for one queue; for those who hold no [`PostFuture`].
pub(super) async fn accepted<P>(mut waiting: WaitingOffer<P>) -> Result<(), SendError> {
    let accepted = std::future::poll_fn(|cx| waiting.poll(cx)).await;
    accepted.map_err(|rejected| waiting.error(rejected))
}
