//! How a unit of work ends: [`Context::close`].

use std::sync::Arc;

use crate::context::Context;
use crate::error::{ContextError, Deadlock};
use crate::race::race;
use crate::routing::External;
use crate::scope::Scope;
use crate::waiting::{self, LOOKUP, until_deadlock};

/// A unit of work that succeeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Outcome {
    /// How many deliveries were handled in it: one for each command and query, and one for each module an
    /// event was shown to.
    pub handled: u64,
    /// How many transactions were committed.
    pub committed: usize,
}

impl Context<External> {
    /// Ends the unit of work: accepts no more messages from outside, and waits until nothing of it is in
    /// flight, including messages from handlers and tasks that were [spawned](Context::spawn) in it. Streams
    /// end when everything left waits at them, see [`SharedStream`](crate::SharedStream#the-end). Then
    /// [enlisted](Context::enlist) transactions are committed, or rolled back if anything failed.
    ///
    /// Messages that wait for room go on while their senders poll them. Those that are kept and not polled
    /// are taken back after [`close_patience`](crate::SystemBuilder::close_patience), and their senders get
    /// [`SendError::Closed`](crate::SendError::Closed). A call of a shared module that has begun must be
    /// polled or dropped before it ends, because its handler runs in the task of its caller.
    ///
    /// Clones of the context may close it too, and wait for the same end.
    ///
    /// # Errors
    /// Every message that failed while no caller waited for its reply; that the context was cancelled; how
    /// many messages were still in flight when its deadline passed; the results of its transactions, if not
    /// all were committed. If the context waits for the handler or task that closes it, directly or through
    /// others, the circle ([`ContextError::deadlock`]): the context is cancelled then.
    pub async fn close(self) -> Result<Outcome, ContextError> {
        close(&self.handle().scope).await
    }

    /// Closes like [`close`](Context::close), and keeps the context for a caller that needs it afterwards.
    #[cfg(feature = "http")]
    pub(crate) async fn close_kept(&self) -> Result<Outcome, ContextError> {
        close(&self.handle().scope).await
    }
}

/// Closes a unit of work.
pub(super) async fn close(scope: &Arc<Scope>) -> Result<Outcome, ContextError> {
    let mut unfinished = match waiting::current() {
        0 => scope.drain_in_time(&LOOKUP).await,
        _ => match Box::pin(drain_inside(scope)).await {
            Ok(unfinished) => unfinished,
            Err(deadlock) => return Err(Box::pin(give_up(scope, deadlock)).await),
        },
    };
    scope.end(unfinished > 0);
    if unfinished == 0 && scope.in_flight() > 0 {
        // A handler may have passed on a handle with which a message was sent in between; from now on that is
        // refused.
        unfinished = scope.drain_in_time(&LOOKUP).await;
    }
    scope.end_subscriptions();
    let succeeded = unfinished == 0 && !scope.is_cancelled() && !scope.has_failures();
    if succeeded && !scope.has_ending() {
        return Ok(Outcome {
            handled: scope.handled(),
            committed: 0,
        });
    }
    // Boxed, so that what is rare makes no `close` larger.
    Box::pin(settle(scope, unfinished, succeeded)).await
}

/// Drains a unit of work that is closed from inside a handler or task.
///
/// # Errors
/// The unit of work waits for that handler or task, directly or through others.
async fn drain_inside(scope: &Scope) -> Result<u64, Deadlock> {
    let drained = async { Ok(scope.drain_in_time(&LOOKUP).await) };
    race(drained, async { Err(until_deadlock(scope).await) }).await
}

/// Ends a unit of work that would never be idle.
#[cold]
async fn give_up(scope: &Arc<Scope>, deadlock: Deadlock) -> ContextError {
    let unfinished = scope.in_flight();
    scope.cancel();
    scope.end(true);
    scope.end_subscriptions();
    ContextError {
        transactions: Box::new(scope.settle(false).await),
        deadlock: Some(Box::new(deadlock)),
        ..scope.error(unfinished)
    }
}

/// Ends its transactions, and returns what went wrong.
#[cold]
async fn settle(
    scope: &Arc<Scope>,
    unfinished: u64,
    succeeded: bool,
) -> Result<Outcome, ContextError> {
    let transactions = scope.settle(succeeded).await;
    if succeeded && transactions.are_committed() {
        return Ok(Outcome {
            handled: scope.handled(),
            committed: transactions.committed.len(),
        });
    }
    Err(ContextError {
        transactions: Box::new(transactions),
        ..scope.error(unfinished)
    })
}
