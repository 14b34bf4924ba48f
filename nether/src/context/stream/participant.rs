//! [`Participant`]: who is at a stream, and in which unit of work. It knows nothing of the items.

use std::marker::PhantomData;
use std::sync::Arc;

use crate::channel::AnyChannel;
use crate::context::handle::Handle;
use crate::scope::{DeliveryKey, Scope, WaitKind, Waiting};

/// A participant of a stream, for as long as its context is lent.
#[derive(Clone)]
pub(super) struct Participant<'c> {
    pub(super) scope: Arc<Scope>,
    stream: Arc<dyn AnyChannel>,
    /// The delivery that uses it. `None` if the unit of work does not wait for the one who uses it.
    delivery: Option<DeliveryKey>,
    lent: PhantomData<&'c ()>,
}

impl Participant<'_> {
    pub(super) fn of(handle: &Handle, stream: Arc<dyn AnyChannel>) -> Self {
        Participant {
            scope: Arc::clone(&handle.scope),
            stream,
            delivery: handle.delivery(),
            lent: PhantomData,
        }
    }

    /// One that is not lent a context: it stays with the delivery that it is made in.
    pub(super) fn unlent(self) -> Participant<'static> {
        let Participant {
            scope,
            stream,
            delivery,
            ..
        } = self;
        Participant {
            scope,
            stream,
            delivery,
            lent: PhantomData,
        }
    }

    /// One of whose user nothing is known.
    pub(super) fn unknown(&self) -> Participant<'static> {
        Participant {
            delivery: None,
            ..self.clone().unlent()
        }
    }

    /// Registers that it waits for an item, or answers that it still does.
    pub(super) fn wait_for_item(&self, waiting: &mut Option<Waiting>) {
        self.wait(waiting, WaitKind::Item);
    }

    /// Registers that it waits for room, or answers that it still does.
    pub(super) fn wait_for_room(&self, waiting: &mut Option<Waiting>) {
        self.wait(waiting, WaitKind::Room);
    }

    fn wait(&self, waiting: &mut Option<Waiting>, kind: fn(Arc<dyn AnyChannel>) -> WaitKind) {
        match (&*waiting, self.delivery) {
            (Some(waiting), _) => waiting.answer(),
            (None, Some(delivery)) if self.scope.is_closing() => {
                *waiting = self
                    .scope
                    .begin_waiting(delivery, kind(Arc::clone(&self.stream)));
            }
            (None, _) => {}
        }
    }
}
