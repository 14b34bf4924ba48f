//! [`Timer`], the deadline of a context, and [`Cancellation`], for futures that wait in it.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::time::{Sleep, sleep_until};

use crate::route::BoxFuture;
use crate::scope::Scope;

/// Ends at the deadline of a context. Costs nothing in a context without one, nor to who need not wait.
#[derive(Default)]
pub(super) struct Timer(Option<Pin<Box<Sleep>>>);

impl Timer {
    pub(super) fn poll(&mut self, scope: &Scope, cx: &mut Context<'_>) -> Poll<()> {
        let Some(deadline) = scope.deadline() else {
            return Poll::Pending;
        };
        let sleep = self
            .0
            .get_or_insert_with(|| Box::pin(sleep_until(deadline.0)));
        ready!(sleep.as_mut().poll(cx));
        Poll::Ready(())
    }
}

/// Ends when a context is cancelled. It is for callers that run a handler themselves: all others are woken by
/// their reply cell, or where they wait for room.
#[derive(Default)]
pub(super) struct Cancellation(Option<BoxFuture<()>>);

impl Cancellation {
    #[cold]
    pub(super) fn poll(&mut self, scope: &Arc<Scope>, cx: &mut Context<'_>) -> Poll<()> {
        let cancelled = self.0.get_or_insert_with(|| {
            let scope = Arc::clone(scope);
            Box::pin(async move { scope.cancelled().await })
        });
        cancelled.as_mut().poll(cx)
    }
}
