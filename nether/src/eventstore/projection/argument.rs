//! What the handler of a projection may ask for besides the event.

use crate::eventstore::backend::{Metadata, Position, RecordedEvent};

/// Where an event is.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct EventPlace<'a> {
    recorded: &'a RecordedEvent,
}

impl<'a> EventPlace<'a> {
    /// The error of the event.
    pub fn of(recorded: &'a RecordedEvent) -> Self {
        EventPlace { recorded }
    }
}

/// An argument behind the event.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "the handler of a projection cannot ask for a `{Self}`",
    label = "not something that is known of an event",
    note = "it may ask for the event's `Position`, its `&Metadata`, the `&RecordedEvent`; and, if it is not `async`, for the `&SqliteTransaction<'_>` of its checkpoint"
)]
pub trait ProjectionArgument<'a>: Sized {
    #[doc(hidden)]
    fn of(place: EventPlace<'a>) -> Self;
}

impl<'a> ProjectionArgument<'a> for Position {
    fn of(place: EventPlace<'a>) -> Self {
        place.recorded.position
    }
}

impl<'a> ProjectionArgument<'a> for &'a Metadata {
    fn of(place: EventPlace<'a>) -> Self {
        &place.recorded.metadata
    }
}

impl<'a> ProjectionArgument<'a> for &'a RecordedEvent {
    fn of(place: EventPlace<'a>) -> Self {
        place.recorded
    }
}

/// The argument.
///
/// Not public API. Used by generated code.
#[doc(hidden)]
pub fn argument<'a, T: ProjectionArgument<'a>>(place: EventPlace<'a>) -> T {
    T::of(place)
}
