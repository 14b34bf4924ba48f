//! [`Timer`]: the deadline of a context, for futures that wait in it.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::time::{Sleep, sleep_until};

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
