//! [`RunToEnd`]: a shared module's handler that runs in its caller's task, and survives the caller.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use crate::context::budget::poll_budget;
use crate::context::handle::Handle;
use crate::context::timer::Cancellation;
use crate::context::visible::VisibleWait;
use crate::error::{CallError, Failure, FailureKind, HandlerError};
use crate::guarded::drop_unpanicked;
use crate::message::{Message, MessageKind};
use crate::route::BoxFuture;
use crate::scope::{Queued, Scope, ScopeGuard};
use crate::waiting;

/// A handler that was begun in its caller's task. If the caller stops waiting, a command runs on to its end
/// in a task of its own (it is never cut in half); a query, which changes nothing, is dropped.
pub(super) struct RunToEnd<T, E> {
    /// `None` once it is over.
    future: Option<BoxFuture<Result<T, CallError<E>>>>,
    detach: Option<Detach<T, E>>,
    /// The number of the message.
    sequence: u64,
    /// That the caller waits, while its unit of work closes.
    waiting: VisibleWait,
    /// Whether the caller's task has been charged for it.
    is_charged: bool,
    pub(super) cancellation: Cancellation,
}

struct Detach<T, E> {
    run: fn(BoxFuture<Result<T, CallError<E>>>, Abandoned),
    abandoned: Abandoned,
}

/// Whose command it is that its caller abandoned.
struct Abandoned {
    scope: Arc<Scope>,
    module: &'static str,
    sequence: u64,
}

impl<T, E> RunToEnd<T, E> {
    pub(super) fn new<M>(
        future: BoxFuture<Result<T, CallError<E>>>,
        scope: &Arc<Scope>,
        module: &'static str,
        sequence: u64,
    ) -> Self
    where
        M: Message<Reply = T, Error = E>,
        T: Send + 'static,
        E: HandlerError,
    {
        let detach = (M::KIND == MessageKind::Command).then(|| Detach {
            run: run_on::<M>,
            abandoned: Abandoned {
                scope: Arc::clone(scope),
                module,
                sequence,
            },
        });
        RunToEnd {
            future: Some(future),
            detach,
            sequence,
            waiting: VisibleWait::default(),
            is_charged: false,
            cancellation: Cancellation::default(),
        }
    }

    /// A future that ends with its caller.
    pub(super) fn cut_short(future: BoxFuture<Result<T, CallError<E>>>) -> Self {
        RunToEnd {
            future: Some(future),
            detach: None,
            sequence: 0,
            waiting: VisibleWait::default(),
            is_charged: false,
            cancellation: Cancellation::default(),
        }
    }

    /// The caller, which uses this handle, was polled, and the handler is not done.
    pub(super) fn wait(&mut self, handle: &Handle) {
        self.waiting.wait(handle, self.sequence);
    }

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
        self.future = None;
        Poll::Ready(reply)
    }
}

impl<T, E> Drop for RunToEnd<T, E> {
    fn drop(&mut self) {
        match (self.future.take(), self.detach.take()) {
            (Some(future), Some(detach)) => (detach.run)(future, detach.abandoned),
            (future, _) => drop_unpanicked(future),
        }
    }
}

/// Runs an abandoned command to its end; its error, which nobody waits for, is a failure of the unit of work.
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
    let first =
        waiting::outside(|| catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(&mut cx))));
    let ended = match first {
        Ok(Poll::Ready(ended)) => Some(ended),
        Ok(Poll::Pending) => None,
        // It has said what there is to say about it.
        Err(_) => return,
    };
    // Boxed, so that tokio's part of a task is compiled once and not for each message.
    let rest: BoxFuture<()> = Box::pin(async move {
        let ended = match ended {
            Some(ended) => ended,
            None => future.await,
        };
        drop(queued); // Before what it stands for is not in flight any more.
        let Err(error) = ended else { return };
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
