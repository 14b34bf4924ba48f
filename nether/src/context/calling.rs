//! [`CallFuture`]: the future of `send` and `ask`.
//!
//! It is written by hand, and its types carry no bounds, for the sake of the reader of compile errors: the
//! bounds stand on the method alone, so that a mistake is reported once, at the message.

use std::fmt;
use std::future::poll_fn;
use std::marker::PhantomData;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use crate::context::admission;
use crate::context::budget::poll_budget;
use crate::context::handle::Handle;
use crate::context::inline::RunToEnd;
use crate::context::reports::report_refusal;
use crate::context::room::{self, Room};
use crate::context::timer::Timer;
use crate::context::visible::VisibleWait;
use crate::declaration::Declaration;
use crate::envelope::{Awaited, ExpectedReply, Given, Label, Reply, Source, reply};
use crate::error::{CallError, FailureKind, SendError};
use crate::message::{ByValue, Message};
use crate::route::{BoxFuture, InlineCall, Route, To, Unaccepted, WaitingOffer, offer};
use crate::scope::Scope;
use crate::waiting::{self, wait};

/// The future of [`send`](crate::Context::send) and [`ask`](crate::QueryContext::ask): the reply.
///
/// Nothing is sent before it is first polled. Dropped while it waits for room in a mailbox or for a place in
/// a shared module, it takes the message back. Dropped after that, the message is handled all the same, and a
/// failure is one of the unit of work; a query to a shared module, which changes nothing, is dropped with it.
///
/// A call of a shared module uses the cooperative budget that tokio gives each task: a task that calls again
/// and again lets others run, even if no call has to wait.
#[must_use = "nothing is sent until this is awaited"]
pub struct CallFuture<'a, M, P, T, E> {
    handle: &'a Handle,
    message: Option<M>,
    begin: Begin<M, P, T, E>,
    stage: CallStage<P, T, E>,
    name: &'static str,
    timer: Timer,
}

/// A call of a message.
pub(super) type CallOf<'a, M> =
    CallFuture<'a, M, Given<M>, <M as Message>::Reply, <M as Message>::Error>;

type Begin<M, P, T, E> = fn(&Handle, M, &mut CallStage<P, T, E>, &mut Context<'_>);

/// How far the call has come.
pub(super) enum CallStage<P, T, E> {
    /// Waiting for room in a mailbox.
    Offering(
        Box<WaitingOffer<P>>,
        Awaited<Result<T, CallError<E>>>,
        Box<Queueing>,
    ),
    /// Waiting for the reply.
    Replying(Awaited<Result<T, CallError<E>>>),
    /// Waiting for a place in a shared module.
    Entering(
        BoxFuture<Result<RunToEnd<T, E>, SendError>>,
        u64,
        VisibleWait,
    ),
    /// Running a shared module's handler.
    Running(RunToEnd<T, E>),
    /// It is all said.
    Ended(Option<CallError<E>>),
}

impl<P, T, E> CallStage<P, T, E> {
    /// Begins, instead of a stage that has not begun and needs no drop.
    #[inline(always)]
    fn begin(&mut self, begun: Self) {
        mem::forget(mem::replace(self, begun));
    }
}

/// The wait and the reply to register for a call that waits for room.
pub(super) struct Queueing {
    wait: VisibleWait,
    /// The reply, which a task waits for once its message is accepted.
    reply: Option<Arc<dyn ExpectedReply>>,
}

impl<M, P, T, E> Unpin for CallFuture<'_, M, P, T, E> {}

impl<'a, M> CallFuture<'a, M, Given<M>, M::Reply, M::Error>
where
    M: ByValue + Send,
{
    /// A call that has not begun. `handler` names the handler that the compiler saw.
    #[inline]
    pub(super) fn new<H: HandlerProof>(handle: &'a Handle, message: M) -> Self {
        CallFuture {
            handle,
            message: Some(message),
            begin: begin::<M, H>,
            stage: CallStage::Ended(None),
            name: M::NAME,
            timer: Timer::default(),
        }
    }
}

impl<'a, M> CallFuture<'a, M, Given<M>, M::Reply, M::Error>
where
    M: ByValue + Send,
{
    /// A call that was begun without waiting.
    pub(super) fn begun<H: HandlerProof>(
        handle: &'a Handle,
        stage: CallStage<Given<M>, M::Reply, M::Error>,
    ) -> Self {
        CallFuture {
            handle,
            message: None,
            begin: begin::<M, H>,
            stage,
            name: M::NAME,
            timer: Timer::default(),
        }
    }
}

/// Names the sender, the message, the rule and the handler of a proof; never made.
pub(super) type Marker<S, I, Rule, H> = PhantomData<fn() -> (S, I, Rule, H)>;

/// Where the compiler saw the handler of a message; a type, so that the future need not carry it.
pub(super) trait HandlerProof {
    fn declaration() -> Option<&'static Declaration>;
}

#[inline]
fn begin<M, H>(
    handle: &Handle,
    message: M,
    stage: &mut CallStage<Given<M>, M::Reply, M::Error>,
    cx: &mut Context<'_>,
) where
    M: ByValue + Send,
    H: HandlerProof,
{
    if let Err(refused) = admission::check(handle, &message) {
        return stage.begin(CallStage::Ended(Some(refused.into())));
    }
    if room::is_limited(handle) {
        let later = begin_later::<M, H>(handle.clone(), message);
        return stage.begin(CallStage::Running(RunToEnd::cut_short(later)));
    }
    begin_now::<M, H>(handle, message, stage, cx);
}

/// Begins once there is room in the system.
#[cold]
fn begin_later<M, H>(handle: Handle, message: M) -> BoxFuture<Result<M::Reply, CallError<M::Error>>>
where
    M: ByValue + Send,
    H: HandlerProof,
{
    Box::pin(async move {
        let room = Room::enter(&handle).await;
        let (mut message, mut stage) = (Some(message), CallStage::Ended(None));
        poll_fn(|cx| {
            let message = message.take().expect("this is ready at once");
            begin_now::<M, H>(&handle, message, &mut stage, cx);
            Poll::Ready(())
        })
        .await;
        drop(room);
        let mut call = CallFuture::begun::<H>(&handle, stage);
        // The caller that waits for this sees to the deadline.
        poll_fn(|cx| call.poll_stage(cx)).await
    })
}

/// A stage is large: it is put where it will lie, not given back.
#[inline(always)]
fn begin_now<M, H>(
    handle: &Handle,
    message: M,
    stage: &mut CallStage<Given<M>, M::Reply, M::Error>,
    cx: &mut Context<'_>,
) where
    M: ByValue + Send,
    H: HandlerProof,
{
    let descriptor = M::descriptor();
    let scope = &handle.scope;
    scope.read(descriptor.slot(), |row| {
        let handler = row.and_then(|row| row.handlers.first());
        let known = handler
            .and_then(|handler| Some((Route::<Given<M>>::known(&handler.route)?, handler.module)));
        let Some((route, module)) = known else {
            let refused = handle.no_route(descriptor, H::declaration());
            return stage.begin(CallStage::Ended(Some(refused.into())));
        };
        let sequence = match handle.admit_valid(&message) {
            Ok(sequence) => sequence,
            Err(refused) => {
                let refused = report_refusal(handle, refused);
                return stage.begin(CallStage::Ended(Some(refused.into())));
            }
        };
        let cause = handle.next_cause();
        let source = Source {
            scope,
            cause: &cause,
        };
        let label = Label::new(descriptor, sequence, true);
        match route.to(&message) {
            To::Queue(queue) => {
                let (reply, awaited) = reply(cx);
                let expected = || (awaited.expected(), handle.delivery().is_some());
                if let Err(deadlock) = wait(M::NAME, scope, queue.waiter(), expected) {
                    scope.take_back(1);
                    let refused = CallError::Deadlock(Box::new(deadlock));
                    return stage.begin(CallStage::Ended(Some(refused)));
                }
                let waits = handle.waits_at(&**queue);
                let given = Given::new(message, Some(reply));
                stage.begin(match offer(queue, source, label, given, waits, cx) {
                    Ok(()) => {
                        if !handle.is_external() {
                            let module = queue.waiter().number();
                            expect_reply(handle, sequence, module, || awaited.expected());
                        }
                        CallStage::Replying(awaited)
                    }
                    Err(unaccepted) => match *unaccepted {
                        Unaccepted::Waiting(waiting) => {
                            let queueing = Queueing {
                                wait: VisibleWait::default(),
                                reply: (!handle.is_external()).then(|| awaited.expected()),
                            };
                            CallStage::Offering(Box::new(waiting), awaited, Box::new(queueing))
                        }
                        Unaccepted::Rejected(rejected) => {
                            let refused = rejected.error(M::NAME, &**queue);
                            CallStage::Ended(Some(refused.into()))
                        }
                    },
                });
            }
            To::Inline(inline) => {
                let given = Given::new(message, None);
                let called =
                    Arc::clone(inline).call(given, source.header(label), handle.waits_for_turn());
                stage.begin(match called {
                    Ok(InlineCall::Accepted(future)) => {
                        CallStage::Running(RunToEnd::new::<M>(future, scope, module, sequence))
                    }
                    Ok(InlineCall::Waiting(entering)) => {
                        enter::<M>(entering, Arc::clone(scope), module, sequence)
                    }
                    Err(refused) => CallStage::Ended(Some(refused.into())),
                });
            }
        }
    });
}

/// Registers that the handler that uses this handle, if one does, waits for a reply.
#[cold]
pub(super) fn expect_reply(
    handle: &Handle,
    sequence: u64,
    module: u64,
    reply: impl FnOnce() -> Arc<dyn ExpectedReply>,
) {
    if let Some(delivery) = handle.delivery() {
        handle
            .scope
            .expect_reply(delivery, (sequence, module), reply());
    }
}

/// The caller has polled again, and still waits.
#[cold]
fn still_expects<R>(handle: &Handle, awaited: &Awaited<R>) {
    if let Some(left) = awaited.note_polled_in(waiting::current()) {
        waiting::reply_went_elsewhere(left, awaited.address());
    }
    if handle.scope.is_closing() {
        handle.scope.still_expects(awaited.address());
    }
}

/// A call that waits for a place in a shared module. It runs to its end only once it has begun.
#[cold]
fn enter<M: ByValue + Send>(
    entering: BoxFuture<Result<BoxFuture<Reply<M>>, SendError>>,
    scope: Arc<Scope>,
    module: &'static Declaration,
    sequence: u64,
) -> CallStage<Given<M>, M::Reply, M::Error> {
    let entered = Box::pin(async move {
        let future = entering.await?;
        Ok(RunToEnd::new::<M>(future, &scope, module, sequence))
    });
    CallStage::Entering(entered, sequence, VisibleWait::default())
}

impl<M, P, T, E> Future for CallFuture<'_, M, P, T, E> {
    type Output = Result<T, CallError<E>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let call = self.get_mut();
        if let Some(message) = call.message.take() {
            (call.begin)(call.handle, message, &mut call.stage, cx);
            match call.stage {
                // The reply cell has the waker already.
                CallStage::Replying(_) => return call.poll_deadline(cx).map(Err),
                CallStage::Running(_) => {}
                // A loop may send until it is not refused any more.
                _ => ready!(call.poll_refused(cx)),
            }
        }
        let reply = call.poll_stage(cx);
        if reply.is_pending() {
            return call.poll_end(cx).map(Err);
        }
        reply
    }
}

impl<M, P, T, E> CallFuture<'_, M, P, T, E> {
    #[inline(always)] // A reply is large: each function that hands it on would move it.
    fn poll_stage(&mut self, cx: &mut Context<'_>) -> Poll<Result<T, CallError<E>>> {
        loop {
            match &mut self.stage {
                CallStage::Replying(awaited) => {
                    let reply = awaited.poll(cx, || Err(unanswered(self.handle, self.name)));
                    if reply.is_pending() {
                        still_expects(self.handle, awaited);
                    }
                    return reply;
                }
                CallStage::Running(running) => {
                    let reply = running.poll(cx);
                    if reply.is_pending() {
                        running.wait(self.handle);
                    }
                    return reply;
                }
                _ => {
                    if let Some(error) = ready!(self.poll_acceptance(cx)) {
                        return Poll::Ready(Err(error));
                    }
                }
            }
        }
    }

    /// Charges the task for a call that was refused at once.
    #[cold]
    #[inline(never)]
    fn poll_refused(&self, cx: &mut Context<'_>) -> Poll<()> {
        match self.stage {
            CallStage::Ended(_) => poll_budget(cx),
            _ => Poll::Ready(()),
        }
    }

    /// Waits until the call is accepted; or gives back why it is not.
    #[cold]
    #[inline(never)]
    fn poll_acceptance(&mut self, cx: &mut Context<'_>) -> Poll<Option<CallError<E>>> {
        match &mut self.stage {
            CallStage::Offering(waiting, _, queueing) => {
                let Poll::Ready(accepted) = waiting.poll(cx) else {
                    queueing.wait.wait(self.handle, waiting.sequence());
                    return Poll::Pending;
                };
                if let Some(reply) = queueing.reply.take() {
                    expect_reply(self.handle, waiting.sequence(), waiting.module(), || reply);
                }
                let accepted = accepted.map_err(|rejected| waiting.error(rejected));
                let CallStage::Offering(_, awaited, _) =
                    mem::replace(&mut self.stage, CallStage::Ended(None))
                else {
                    unreachable!("the stage was just seen to be `Offering`")
                };
                self.stage = match accepted {
                    Ok(()) => CallStage::Replying(awaited),
                    Err(refused) => CallStage::Ended(Some(refused.into())),
                };
            }
            CallStage::Entering(entering, sequence, wait) => {
                let Poll::Ready(entered) = entering.as_mut().poll(cx) else {
                    wait.wait(self.handle, *sequence);
                    return Poll::Pending;
                };
                self.stage = match entered {
                    Ok(running) => CallStage::Running(running),
                    Err(refused) => CallStage::Ended(Some(refused.into())),
                };
            }
            CallStage::Ended(error) => {
                let error = error
                    .take()
                    .expect("a future is not polled after it is ready");
                return Poll::Ready(Some(error));
            }
            CallStage::Replying(_) | CallStage::Running(_) => {}
        }
        Poll::Ready(None)
    }

    /// Whether there is a reason to wait no longer.
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<CallError<E>> {
        if let CallStage::Running(running) = &mut self.stage
            && running.poll_cancelled(&self.handle.scope, cx).is_ready()
        {
            self.stage = CallStage::Ended(None);
            return Poll::Ready(SendError::Cancelled { message: self.name }.into());
        }
        self.poll_deadline(cx)
    }

    fn poll_deadline(&mut self, cx: &mut Context<'_>) -> Poll<CallError<E>> {
        ready!(self.timer.poll(&self.handle.scope, cx));
        self.stage = CallStage::Ended(None);
        Poll::Ready(SendError::DeadlineExceeded { message: self.name }.into())
    }
}

/// Why the reply cell was dropped.
#[cold]
fn unanswered<E>(handle: &Handle, message: &'static str) -> CallError<E> {
    match handle.scope.obstacle() {
        Some(FailureKind::Cancelled) => CallError::Cancelled { message },
        Some(FailureKind::DeadlineExceeded) => CallError::DeadlineExceeded { message },
        _ => CallError::Stopped { message },
    }
}

impl<M, P, T, E> fmt::Debug for CallFuture<'_, M, P, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallFuture")
            .field("message", &self.name)
            .field("begun", &self.message.is_none())
            .finish()
    }
}
