//! [`Timer`]: the deadline of a context, for futures that wait in it.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::sync::futures::OwnedNotified;
use tokio::time::{Sleep, sleep_until};

use crate::scope::Scope;

/// Ends at the deadline of a context, also if another handle sets that while this waits. Costs nothing in a
/// context that has no deadline and no other handle, nor to who need not wait.
#[derive(Default)]
pub(super) enum Timer {
    #[default]
    Idle,
    /// It waits for the deadline.
    Until(Pin<Box<Sleep>>),
    /// It waits until a deadline is set.
    UntilSet(Pin<Box<OwnedNotified>>),
}

impl Timer {
    #[inline]
    pub(super) fn poll(&mut self, scope: &Scope, cx: &mut Context<'_>) -> Poll<()> {
        if scope.has_properties() {
            return self.poll_deadline(scope, cx);
        }
        Poll::Pending
    }

    #[cold]
    fn poll_deadline(&mut self, scope: &Scope, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            // Asked once it listens: a deadline that is set later wakes it.
            match (scope.deadline(), &mut *self) {
                (Some(_), Timer::Until(sleep)) => return sleep.as_mut().poll(cx),
                (Some(deadline), _) => *self = Timer::Until(Box::pin(sleep_until(deadline.0))),
                (None, Timer::UntilSet(set)) => {
                    ready!(set.as_mut().poll(cx));
                    *self = Timer::Idle;
                }
                (None, _) => match scope.deadline_set() {
                    Some(set) => *self = Timer::UntilSet(Box::pin(set.notified_owned())),
                    None => return Poll::Pending,
                },
            }
        }
    }
}
