//! [`Timer`], the deadline of a context, and [`Cancellation`], for futures that wait in it.

use std::future::pending;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::sync::futures::OwnedNotified;
use tokio::time::{Sleep, sleep_until};

use crate::route::BoxFuture;
use crate::scope::Scope;

/// Ends at the deadline of a context, also if another handle sets that while this waits. Costs nothing in a
/// context that has no deadline and no other handle, nor to who need not wait.
#[derive(Default)]
pub(super) struct Timer(Option<Box<DeadlineAlarm>>);

#[derive(Default)]
enum DeadlineAlarm {
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
        let alarm = &mut **self.0.get_or_insert_default();
        loop {
            // Asked once it listens: a deadline that is set later wakes it.
            match (scope.deadline(), &mut *alarm) {
                (Some(_), DeadlineAlarm::Until(sleep)) => return sleep.as_mut().poll(cx),
                (Some(deadline), _) => {
                    *alarm = DeadlineAlarm::Until(Box::pin(sleep_until(deadline.0)));
                }
                (None, DeadlineAlarm::UntilSet(set)) => {
                    ready!(set.as_mut().poll(cx));
                    *alarm = DeadlineAlarm::Idle;
                }
                (None, _) => match scope.deadline_set() {
                    Some(set) => {
                        *alarm = DeadlineAlarm::UntilSet(Box::pin(set.notified_owned()));
                    }
                    None => return Poll::Pending,
                },
            }
        }
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
            Box::pin(async move {
                scope.cancelled().await;
                if !scope.is_cancelled_unit() {
                    pending().await // What a module's own scope has sent is handled.
                }
            })
        });
        cancelled.as_mut().poll(cx)
    }
}
