//! [`Participant`]: who is at a stream, and in which unit of work. It knows nothing of the items.

use std::marker::PhantomData;
use std::ptr;
use std::sync::Arc;

use crate::channel::AnyChannel;
use crate::context::handle::{Handle, Origin};
use crate::scope::{Scope, StreamWaiter};

/// Who is at a stream, for as long as their context is lent.
#[derive(Clone)]
pub(super) struct Participant<'c> {
    pub(super) scope: Arc<Scope>,
    stream: Arc<dyn AnyChannel>,
    /// The delivery that uses it. `None` for whom the unit of work does not count.
    waiter: Option<StreamWaiter>,
    lent: PhantomData<&'c ()>,
}

/// That a delivery waits at a stream, until dropped.
pub(super) struct StreamWait {
    scope: Arc<Scope>,
    stream: Arc<dyn AnyChannel>,
    waiter: StreamWaiter,
}

impl Participant<'_> {
    pub(super) fn of(handle: &Handle, stream: Arc<dyn AnyChannel>) -> Self {
        let is_counted = matches!(handle.origin, Origin::Handler | Origin::Task(_));
        let label = handle.message.filter(|_| is_counted);
        Participant {
            scope: Arc::clone(&handle.scope),
            stream,
            waiter: label.map(|label| StreamWaiter {
                place: ptr::from_ref(handle).addr(),
                sequence: label.sequence(),
                caller: handle.cause.sequence.filter(|_| label.is_awaited()),
                for_room: false,
            }),
            lent: PhantomData,
        }
    }

    /// The same, for as long as one likes: nothing is known of who uses it.
    pub(super) fn unknown(&self) -> Participant<'static> {
        Participant {
            scope: Arc::clone(&self.scope),
            stream: Arc::clone(&self.stream),
            waiter: None,
            lent: PhantomData,
        }
    }

    /// Begins to wait for items. Only while the unit of work closes is anybody to know.
    pub(super) fn wait_for_items(&self) -> Option<StreamWait> {
        self.scope.is_closing().then(|| self.wait(false)).flatten()
    }

    /// Begins to wait for room. Counts for as long as there is nobody who could make some.
    pub(super) fn wait_for_room(&self) -> Option<StreamWait> {
        self.wait(true)
    }

    fn wait(&self, for_room: bool) -> Option<StreamWait> {
        let waiter = StreamWaiter {
            for_room,
            ..self.waiter?
        };
        self.scope.begin_waiting(&self.stream, waiter);
        Some(StreamWait {
            scope: Arc::clone(&self.scope),
            stream: Arc::clone(&self.stream),
            waiter,
        })
    }
}

impl Drop for StreamWait {
    fn drop(&mut self) {
        self.scope.end_waiting(&self.stream, self.waiter);
    }
}
