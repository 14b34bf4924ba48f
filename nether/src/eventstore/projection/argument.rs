//! What the handler of a projection may ask for besides the event.

use crate::eventstore::backend::{Metadata, Position, RecordedEvent, StoreTransaction};

/// Where an event is, and the transaction in which it is handled.
#[doc(hidden)]
#[derive(Debug)]
pub struct EventPlace<'a, T> {
    recorded: &'a RecordedEvent,
    /// There until an argument has taken it.
    transaction: Option<&'a mut T>,
}

/// Stands for the transaction of a projection that has none.
#[doc(hidden)]
#[derive(Debug)]
pub enum NoTransaction {}

impl<'a> EventPlace<'a, NoTransaction> {
    /// The place of the event.
    pub fn of(recorded: &'a RecordedEvent) -> Self {
        EventPlace {
            recorded,
            transaction: None,
        }
    }
}

impl<'a, T> EventPlace<'a, T> {
    /// The place of the event, which is handled in that transaction.
    pub fn within(recorded: &'a RecordedEvent, transaction: &'a mut T) -> Self {
        EventPlace {
            recorded,
            transaction: Some(transaction),
        }
    }

    fn taken(&mut self) -> &'a mut T {
        let taken = self.transaction.take();
        taken.expect("a handler asks for the transaction once")
    }
}

/// An argument behind the event.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "the handler of a projection cannot ask for a `{Self}`",
    label = "not something that is known of an event",
    note = "it may ask for the event's `Position`, its `&Metadata`, the `&RecordedEvent`; and for the transaction that saves the checkpoint, as `&` or `&mut` of the type that the attribute names: `#[projection(.., transaction = SqliteTransaction)]`"
)]
pub trait ProjectionArgument<'a, T>: Sized {
    #[doc(hidden)]
    fn of(place: &mut EventPlace<'a, T>) -> Self;
}

impl<'a, T> ProjectionArgument<'a, T> for Position {
    fn of(place: &mut EventPlace<'a, T>) -> Self {
        place.recorded.position
    }
}

impl<'a, T> ProjectionArgument<'a, T> for &'a Metadata {
    fn of(place: &mut EventPlace<'a, T>) -> Self {
        &place.recorded.metadata
    }
}

impl<'a, T> ProjectionArgument<'a, T> for &'a RecordedEvent {
    fn of(place: &mut EventPlace<'a, T>) -> Self {
        place.recorded
    }
}

impl<'a, T: StoreTransaction> ProjectionArgument<'a, T> for &'a T {
    fn of(place: &mut EventPlace<'a, T>) -> Self {
        place.taken()
    }
}

impl<'a, T: StoreTransaction> ProjectionArgument<'a, T> for &'a mut T {
    fn of(place: &mut EventPlace<'a, T>) -> Self {
        place.taken()
    }
}

/// The argument.
///
/// Not public API. Used by generated code.
#[doc(hidden)]
pub fn argument<'a, A: ProjectionArgument<'a, T>, T>(place: &mut EventPlace<'a, T>) -> A {
    A::of(place)
}
