//! [`Participants`]: the aggregates of a decision as a tuple, and [`Seating`]: their [seats](Seat).

use std::sync::Arc;

use crate::context::Context;
use crate::eventstore::aggregate::{Aggregate, Cache, Events, cache_of};
use crate::eventstore::backend::StoreError;
use crate::eventstore::decision::seat::{AnySeat, Seat, state};
use crate::eventstore::store::Store;
use crate::message::MessageProof;
use crate::routing::Caller;

/// The aggregates that a decision is over: a tuple of at least two.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a list of aggregates",
    label = "not aggregates",
    note = "`of` has from two to six aggregates: `of = [Account(from), Account(to)]`"
)]
pub trait Participants: Sized + 'static {
    /// Their states, in order.
    type States<'a>: Copy + Send + Sync;
    /// What happens to each of them.
    type Events: Send;
    /// The events of each of them.
    const EMITTED: &'static [&'static [MessageProof]];

    /// No events.
    fn none() -> Self::Events;
}

/// The aggregates in the streams that a command is about.
pub(super) trait Seating: Participants {
    /// The aggregates in memory.
    type Caches: Send + Sync + 'static;
    /// A seat for each of the aggregates.
    type Seats: Send;

    /// The aggregates in memory, by type.
    ///
    /// # Errors
    /// If the name of one of them is that of another aggregate.
    fn caches(store: &Store) -> Result<Self::Caches, StoreError>;

    /// Evicts the aggregates that have not been used for as long as each of the types says.
    fn passivate(caches: &Self::Caches);

    /// A seat for the aggregate of each key, in order.
    fn enter(caches: &Self::Caches, keys: Vec<String>) -> Self::Seats;

    /// The seats, whatever they are for.
    fn all(seats: &mut Self::Seats) -> Vec<&mut dyn AnySeat>;

    /// The states of the aggregates, once they are loaded.
    fn states(seats: &Self::Seats) -> Self::States<'_>;

    /// Gives each seat what happens to its aggregate.
    fn put(seats: &mut Self::Seats, events: Self::Events);

    /// How many events there are.
    fn count(events: &Self::Events) -> usize;

    /// Publishes the events that were stored. The aggregates are still those of the command, so that their
    /// events are published in the order of their versions.
    fn publish<S: Caller>(
        seats: &mut Self::Seats,
        ctx: &Context<S>,
    ) -> impl Future<Output = ()> + Send;
}

macro_rules! participants {
    ($($aggregate:ident $index:tt),*) => {
        #[allow(clippy::unused_unit)] // One tuple is empty.
        impl<$($aggregate: Aggregate),*> Participants for ($($aggregate,)*) {
            type States<'a> = ($(&'a $aggregate,)*);
            type Events = ($(Events<$aggregate>,)*);
            const EMITTED: &'static [&'static [MessageProof]] =
                &[$($aggregate::DESCRIPTOR.emits),*];

            fn none() -> Self::Events {
                ($(Events::<$aggregate>::none(),)*)
            }
        }

        #[allow(unused_mut, unused_variables, clippy::unused_unit)] // One tuple is empty.
        impl<$($aggregate: Aggregate),*> Seating for ($($aggregate,)*) {
            type Caches = ($(Arc<Cache<$aggregate>>,)*);
            type Seats = ($(Seat<$aggregate>,)*);

            fn caches(store: &Store) -> Result<Self::Caches, StoreError> {
                $(store.claim($aggregate::NAME, $aggregate::DESCRIPTOR.declaration)?;)*
                Ok(($(cache_of::<$aggregate>(store),)*))
            }

            fn passivate(caches: &Self::Caches) {
                $(caches.$index.passivate($aggregate::SETTINGS.idle);)*
            }

            fn enter(caches: &Self::Caches, keys: Vec<String>) -> Self::Seats {
                let mut keys = keys.into_iter();
                ($(Seat::enter(&caches.$index, keys.next().unwrap_or_default()),)*)
            }

            fn all(seats: &mut Self::Seats) -> Vec<&mut dyn AnySeat> {
                vec![$(&mut seats.$index),*]
            }

            fn states(seats: &Self::Seats) -> Self::States<'_> {
                let all: &[&dyn AnySeat] = &[$(&seats.$index),*];
                ($(state::<$aggregate>(all, $index),)*)
            }

            fn put(seats: &mut Self::Seats, events: Self::Events) {
                $(seats.$index.events = events.$index;)*
            }

            fn count(events: &Self::Events) -> usize {
                0 $(+ events.$index.len())*
            }

            async fn publish<S: Caller>(seats: &mut Self::Seats, ctx: &Context<S>) {
                $(
                    for event in std::mem::take(&mut seats.$index.events).0 {
                        $aggregate::publish(event, ctx).await;
                    }
                )*
            }
        }
    };
}

// In the place of a list that has mistakes.
participants!();
participants!(A0 0, A1 1);
participants!(A0 0, A1 1, A2 2);
participants!(A0 0, A1 1, A2 2, A3 3);
participants!(A0 0, A1 1, A2 2, A3 3, A4 4);
participants!(A0 0, A1 1, A2 2, A3 3, A4 4, A5 5);
