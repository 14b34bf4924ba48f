//! [`Timer`]: the deadline and the cancellation of a context, for futures that wait in it.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::time::{Sleep, sleep_until};

use crate::route::BoxFuture;
use crate::scope::Scope;

/// Ends at the deadline of a context. Costs nothing in a context without one, nor to who need not wait.
#[derive(Default)]
pub(super) struct Timer(Option<Box<Alarms>>);

#[derive(Default)]
struct Alarms {
    deadline: Option<Pin<Box<Sleep>>>,
    cancelled: Option<BoxFuture<()>>,
}

impl Timer {
    pub(super) fn poll(&mut self, scope: &Scope, cx: &mut Context<'_>) -> Poll<()> {
        let Some(deadline) = scope.deadline() else {
            return Poll::Pending;
        };
        let alarms = self.0.get_or_insert_default();
        let sleep = alarms
            .deadline
            .get_or_insert_with(|| Box::pin(sleep_until(deadline.0)));
        sleep.as_mut().poll(cx)
    }

    /// Ends when the context is cancelled. It is for callers that run a handler themselves: all others are
    /// woken by their reply cell, or where they wait for room.
    #[cold]
    pub(super) fn poll_cancelled(&mut self, scope: &Arc<Scope>, cx: &mut Context<'_>) -> Poll<()> {
        let alarms = self.0.get_or_insert_default();
        let cancelled = alarms.cancelled.get_or_insert_with(|| {
            let scope = Arc::clone(scope);
            Box::pin(async move { scope.cancelled().await })
        });
        cancelled.as_mut().poll(cx)
    }
}
