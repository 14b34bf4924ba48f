//! [`RunToEnd`]: a shared module's handler that runs in its caller's task, and survives the caller.

use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use crate::context::budget::poll_budget;
use crate::context::handle::Handle;
use crate::context::leaving;
use crate::context::timer::Cancellation;
use crate::context::visible::VisibleWait;
use crate::declaration::Declaration;
use crate::error::{CallError, Failure, FailureKind, HandlerError};
use crate::guarded::drop_unpanicked;
use crate::message::{Message, MessageKind};
use crate::route::BoxFuture;
use crate::scope::{Queued, Scope, ScopeGuard};
use crate::waiting;

/// A shared module's handler: the reply.
type Serving<T, E> = BoxFuture<Result<T, CallError<E>>>;

/// A handler that was begun in its caller's task. If the caller stops waiting, a command runs on to its end
/// in a task of its own (it is never cut in half); a query, which changes nothing, is dropped.
pub(super) struct RunToEnd<T, E> {
    /// `None` once it is over.
    future: ManuallyDrop<Option<Serving<T, E>>>,
    /// If it is a command.
    detach: ManuallyDrop<Option<Detach<T, E>>>,
    /// The number of the message.
    sequence: u64,
    /// Whether the caller's task has been charged for it.
    is_charged: bool,
    /// Only there once the caller has to wait.
    wait: ManuallyDrop<Option<Box<HandlerWait>>>,
}

/// How an abandoned command runs on, and whose it is.
struct Detach<T, E> {
    run: fn(Serving<T, E>, Abandoned),
    scope: Arc<Scope>,
    module: &'static Declaration,
}

/// Whose command it is that its caller abandoned.
struct Abandoned {
    scope: Arc<Scope>,
    module: &'static str,
    sequence: u64,
}

/// A caller that waits for the handler that it runs.
#[derive(Default)]
struct HandlerWait {
    /// The wait that is registered while the unit of work closes.
    visible: VisibleWait,
    cancellation: Cancellation,
}

impl<T, E> RunToEnd<T, E> {
    #[inline]
    pub(super) fn new<M>(
        future: Serving<T, E>,
        scope: &Arc<Scope>,
        module: &'static Declaration,
        sequence: u64,
    ) -> Self
    where
        M: Message<Reply = T, Error = E>,
        T: Send + 'static,
        E: HandlerError,
    {
        let detach = (M::KIND == MessageKind::Command).then(|| Detach {
            run: run_on::<M>,
            scope: Arc::clone(scope),
            module,
        });
        RunToEnd {
            future: ManuallyDrop::new(Some(future)),
            detach: ManuallyDrop::new(detach),
            sequence,
            is_charged: false,
            wait: ManuallyDrop::default(),
        }
    }

    /// A future that ends with its caller.
    pub(super) fn cut_short(future: Serving<T, E>) -> Self {
        RunToEnd {
            future: ManuallyDrop::new(Some(future)),
            detach: ManuallyDrop::default(),
            sequence: 0,
            is_charged: false,
            wait: ManuallyDrop::default(),
        }
    }

    /// The caller, which uses this handle, was polled, and the handler is not done.
    #[cold]
    pub(super) fn wait(&mut self, handle: &Handle) {
        let wait = self.wait.get_or_insert_default();
        wait.visible.wait(handle, self.sequence);
    }

    /// Whether the unit of work is cancelled, so that the caller waits no longer.
    #[cold]
    pub(super) fn poll_cancelled(&mut self, scope: &Arc<Scope>, cx: &mut Context<'_>) -> Poll<()> {
        let wait = self.wait.get_or_insert_default();
        wait.cancellation.poll(scope, cx)
    }

    #[inline]
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<T, CallError<E>>> {
        if !self.is_charged {
            // The handler may be over at once, so it begins when its caller's task has time for it.
            self.is_charged = true;
            ready!(poll_budget(cx));
        }
        let future = self
            .future
            .as_mut()
            .expect("a future is not polled after it is ready");
        let reply = ready!(future.as_mut().poll(cx));
        drop(self.future.take());
        Poll::Ready(reply)
    }
}

impl<T, E> RunToEnd<T, E> {
    /// The caller leaves, perhaps before the handler is done.
    #[cold]
    #[inline(never)]
    fn leave(&mut self) {
        match (self.future.take(), self.detach.take()) {
            (Some(future), Some(detach)) => {
                let abandoned = Abandoned {
                    scope: detach.scope,
                    module: detach.module.name,
                    sequence: self.sequence,
                };
                (detach.run)(future, abandoned);
            }
            (future, _) => drop_unpanicked(future),
        }
        drop(self.wait.take());
    }
}

/// By hand, so that of a query that was answered at once nothing is dropped.
impl<T, E> Drop for RunToEnd<T, E> {
    #[inline]
    fn drop(&mut self) {
        if self.future.is_some() || self.detach.is_some() || self.wait.is_some() {
            self.leave();
        }
    }
}

/// Runs an abandoned command to its end; its error, which no caller waits for, is a failure of the unit of
/// work.
fn run_on<M: Message>(
    future: BoxFuture<Result<M::Reply, CallError<M::Error>>>,
    abandoned: Abandoned,
) {
    let Abandoned {
        scope,
        module,
        sequence,
    } = abandoned;
    let runtime = scope.mediator.runtime.clone();
    // Its failure must be known before the unit of work can end.
    let guard = ScopeGuard::new(Arc::clone(&scope));
    let queued = scope.queue((sequence, Queued::Abandoned(sequence)), 1, None);
    // Polled once more at once, and elsewhere: what it waits for, the module that has called it waits for no
    // more.
    let mut future = future;
    let mut cx = Context::from_waker(Waker::noop());
    let poll = || catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(&mut cx)));
    let (first, has_left) = leaving::polled(&scope, sequence, || waiting::outside(poll));
    if has_left {
        return;
    }
    let ended = match first {
        Ok(Poll::Ready(ended)) => Some(ended),
        Ok(Poll::Pending) => None,
        // It has said what there is to say about it.
        Err(_) => return,
    };
    // Boxed, so that tokio's part of a task is compiled once and not for each message.
    let rest: BoxFuture<()> = Box::pin(async move {
        let (ended, has_left) = match ended {
            Some(ended) => (ended, false),
            None => leaving::run(&scope, sequence, future).await,
        };
        drop(queued); // Before what it stands for is not in flight any more.
        let Err(error) = ended else { return };
        if has_left {
            return;
        }
        guard.scope().fail(Failure {
            message: M::NAME,
            module: Some(module),
            sequence,
            kind: FailureKind::of(error),
        });
    });
    // If that runtime is gone the command is dropped at once, and reported as a dead letter.
    runtime.spawn(rest);
}
