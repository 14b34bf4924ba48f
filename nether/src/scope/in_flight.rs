//! The guards that keep the count of what is in flight right, whatever panics, is aborted, or is dropped.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::error::{Failure, FailureKind};
use crate::message::MessageDescriptor;
use crate::scope::Scope;

/// One delivery in flight, on its way to its handler. Dropped on the way, it is a failure of its context unless a caller
/// waits for the reply (who is told): nothing that was accepted vanishes.
#[derive(Debug)]
pub(crate) struct InFlight {
    /// `None` once released.
    scope: Option<Arc<Scope>>,
    message: &'static MessageDescriptor,
    sequence: u64,
    /// Whether a caller waits for the reply.
    awaited: bool,
}

impl InFlight {
    /// For a delivery that [`Scope::admit`] has counted.
    #[inline]
    pub(crate) fn new(
        scope: Arc<Scope>,
        message: &'static MessageDescriptor,
        sequence: u64,
        awaited: bool,
    ) -> Self {
        InFlight {
            scope: Some(scope),
            message,
            sequence,
            awaited,
        }
    }

    #[inline]
    pub(crate) fn scope(&self) -> &Arc<Scope> {
        self.scope
            .as_ref()
            .expect("there until released, which takes `self`")
    }

    #[inline]
    pub(crate) fn is_awaited(&self) -> bool {
        self.awaited
    }

    pub(crate) fn message(&self) -> &'static MessageDescriptor {
        self.message
    }

    #[inline]
    pub(crate) fn sequence(&self) -> u64 {
        self.sequence
    }

    /// The scope, to whoever now answers for the delivery with [`Finish`].
    #[inline]
    pub(crate) fn release(mut self) -> Arc<Scope> {
        self.scope
            .take()
            .expect("released once, since it takes `self`")
    }

    /// Takes the delivery back: it was never accepted, or whoever calls this has told why it is not handled.
    pub(crate) fn take_back(mut self) {
        if let Some(scope) = self.scope.take() {
            scope.take_back(1);
        }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        if let Some(scope) = self.scope.take() {
            if !self.awaited {
                let kind = scope.obstacle().unwrap_or(FailureKind::Stopped);
                scope.fail(Failure {
                    message: self.message.name(),
                    module: "",
                    sequence: self.sequence,
                    kind,
                });
            }
            scope.take_back(1);
        }
    }
}

/// Counts one delivery as done when dropped.
#[derive(Debug)]
pub(crate) struct Finish<'a>(pub(crate) &'a Scope);

impl Drop for Finish<'_> {
    #[inline]
    fn drop(&mut self) {
        self.0.finish(1);
    }
}

/// Keeps a scope that has something in flight from becoming idle, until dropped. It does not count as a message.
#[derive(Debug)]
pub(crate) struct Hold(Arc<Scope>);

impl Hold {
    pub(crate) fn new(scope: Arc<Scope>) -> Self {
        scope.sent.fetch_add(1, Ordering::SeqCst);
        Hold(scope)
    }

    pub(crate) fn scope(&self) -> &Scope {
        &self.0
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.0.take_back(1);
    }
}
