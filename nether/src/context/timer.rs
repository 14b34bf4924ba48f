//! [`Timer`], the deadline of a context, and [`Cancellation`], for futures that wait in it.

use std::future::pending;
use std::mem::ManuallyDrop;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::route::BoxFuture;
use crate::scope::Scope;

/// Ends at the deadline of a context, also if another handle sets that while this waits. Costs nothing in a
/// context that has no deadline and no other handle, nor to who need not wait.
#[derive(Default)]
pub(super) struct Timer(ManuallyDrop<Option<BoxFuture<()>>>);

/// Written by hand so that a timer that was never started drops nothing.
impl Drop for Timer {
    #[inline]
    fn drop(&mut self) {
        if self.0.is_some() {
            self.forget();
        }
    }
}

impl Timer {
    #[inline]
    pub(super) fn poll(&mut self, scope: &Arc<Scope>, cx: &mut Context<'_>) -> Poll<()> {
        if scope.has_properties() {
            return self.poll_deadline(scope, cx);
        }
        Poll::Pending
    }

    #[cold]
    #[inline(never)]
    fn poll_deadline(&mut self, scope: &Arc<Scope>, cx: &mut Context<'_>) -> Poll<()> {
        if self.0.is_none() && !scope.may_have_deadline() {
            return Poll::Pending;
        }
        let passed = self.0.get_or_insert_with(|| {
            let scope = Arc::clone(scope);
            Box::pin(async move { scope.deadline_passed().await })
        });
        let passed = passed.as_mut().poll(cx);
        if passed.is_ready() {
            self.forget(); // It may be asked again.
        }
        passed
    }

    #[cold]
    #[inline(never)]
    fn forget(&mut self) {
        drop(self.0.take());
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
