//! [`VisibleWait`]: that a handler or task waits for a message that it has sent, for the unit of work that
//! closes.

use std::future::poll_fn;
use std::sync::Arc;

use crate::context::handle::Handle;
use crate::route::BoxFuture;
use crate::scope::{DeliveryKey, Scope, WaitKind, Waiting};

/// A wait for a message, which is registered while the unit of work closes; until dropped.
#[derive(Default)]
pub(super) struct VisibleWait(Option<Box<Waiting>>);

impl VisibleWait {
    /// The future that waits, with this handle, for the message of this number was polled, and is not ready.
    #[cold]
    pub(super) fn wait(&mut self, handle: &Handle, sequence: u64) {
        self.wait_as(&handle.scope, handle.delivery(), sequence);
    }

    fn wait_as(&mut self, scope: &Arc<Scope>, delivery: Option<DeliveryKey>, sequence: u64) {
        if !scope.is_closing() {
            return;
        }
        match (&self.0, delivery) {
            (Some(waiting), _) => waiting.answer(),
            (None, Some(delivery)) => {
                let kind = WaitKind::Message(sequence);
                self.0 = scope.begin_waiting(delivery, kind).map(Box::new);
            }
            (None, None) => {}
        }
    }
}

/// A future that waits, with this handle, for the message of this number.
pub(super) fn visibly<T: 'static>(
    handle: &Handle,
    sequence: u64,
    mut future: BoxFuture<T>,
) -> BoxFuture<T> {
    if handle.delivery().is_none() {
        return future;
    }
    let (scope, delivery) = (Arc::clone(&handle.scope), handle.delivery());
    Box::pin(async move {
        let mut wait = VisibleWait::default();
        poll_fn(|cx| {
            let polled = future.as_mut().poll(cx);
            if polled.is_pending() {
                wait.wait_as(&scope, delivery, sequence);
            }
            polled
        })
        .await
    })
}
