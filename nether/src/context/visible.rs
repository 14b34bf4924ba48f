//! [`VisibleWait`]: that a handler or task waits for a message that it has sent, for the unit of work that
//! closes.

use std::future::poll_fn;

use crate::context::handle::Handle;
use crate::route::BoxFuture;
use crate::scope::{WaitKind, Waiting};

/// A wait for a message, which is registered while the unit of work closes; until dropped.
#[derive(Default)]
pub(super) struct VisibleWait(Option<Box<Waiting>>);

impl VisibleWait {
    /// The future that waits, with this handle, for the message of this number was polled, and is not ready.
    #[cold]
    pub(super) fn wait(&mut self, handle: &Handle, sequence: u64) {
        if !handle.scope.is_closing() {
            return;
        }
        match (&self.0, handle.delivery()) {
            (Some(waiting), _) => waiting.answer(),
            (None, Some(delivery)) => {
                let kind = WaitKind::Message(sequence);
                self.0 = handle.scope.begin_waiting(delivery, kind).map(Box::new);
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
    let handle = handle.clone();
    Box::pin(async move {
        let mut wait = VisibleWait::default();
        poll_fn(|cx| {
            let polled = future.as_mut().poll(cx);
            if polled.is_pending() {
                wait.wait(&handle, sequence);
            }
            polled
        })
        .await
    })
}
