//! [`Participants`]: the aggregates of a decision as a tuple, and [`Participating`]: their
//! [participations](Participation).

use std::sync::Arc;

use crate::context::Context;
use crate::eventstore::aggregate::{Aggregate, Cache, Events, cache_of};
use crate::eventstore::backend::StoreError;
use crate::eventstore::decision::participation::{AnyParticipation, Participation, state};
use crate::eventstore::scenario;
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
pub(super) trait Participating: Participants {
    /// The aggregates in memory.
    type Caches: Send + Sync + 'static;
    /// A participation for each of the aggregates.
    type Participations: Send;

    /// The aggregates in memory, by type.
    ///
    /// # Errors
    /// If the name of one of them is that of another aggregate.
    fn caches(store: &Store) -> Result<Self::Caches, StoreError>;

    /// Evicts the aggregates that have not been used for as long as each of the types says.
    fn passivate(caches: &Self::Caches);

    /// A participation for the aggregate of each key, in order.
    fn enter(caches: &Self::Caches, keys: Vec<String>) -> Self::Participations;

    /// The participations, whatever they are for.
    fn all(participations: &mut Self::Participations) -> Vec<&mut dyn AnyParticipation>;

    /// The states of the aggregates, once they are loaded.
    fn states(participations: &Self::Participations) -> Self::States<'_>;

    /// Gives each participation what happens to its aggregate.
    fn put(participations: &mut Self::Participations, events: Self::Events);

    /// How many events there are.
    fn count(events: &Self::Events) -> usize;

    /// The events of each aggregate, as they would be stored.
    ///
    /// # Panics
    /// If one cannot be stored.
    #[track_caller]
    fn written(events: &Self::Events) -> Vec<Vec<String>>;

    /// Publishes the events that were stored. The aggregates are still those of the command, so that their
    /// events are published in the order of their versions.
    fn publish<S: Caller>(
        participations: &mut Self::Participations,
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
        impl<$($aggregate: Aggregate),*> Participating for ($($aggregate,)*) {
            type Caches = ($(Arc<Cache<$aggregate>>,)*);
            type Participations = ($(Participation<$aggregate>,)*);

            fn caches(store: &Store) -> Result<Self::Caches, StoreError> {
                $(store.claim($aggregate::NAME, $aggregate::DESCRIPTOR.declaration)?;)*
                Ok(($(cache_of::<$aggregate>(store),)*))
            }

            fn passivate(caches: &Self::Caches) {
                $(caches.$index.passivate($aggregate::SETTINGS.idle);)*
            }

            fn enter(caches: &Self::Caches, keys: Vec<String>) -> Self::Participations {
                let mut keys = keys.into_iter();
                ($(Participation::enter(&caches.$index, keys.next().unwrap_or_default()),)*)
            }

            fn all(participations: &mut Self::Participations) -> Vec<&mut dyn AnyParticipation> {
                vec![$(&mut participations.$index),*]
            }

            fn states(participations: &Self::Participations) -> Self::States<'_> {
                let all: &[&dyn AnyParticipation] = &[$(&participations.$index),*];
                ($(state::<$aggregate>(all, $index),)*)
            }

            fn put(participations: &mut Self::Participations, events: Self::Events) {
                $(participations.$index.events = events.$index;)*
            }

            fn count(events: &Self::Events) -> usize {
                0 $(+ events.$index.len())*
            }

            fn written(events: &Self::Events) -> Vec<Vec<String>> {
                vec![$(scenario::written(&events.$index)),*]
            }

            async fn publish<S: Caller>(participations: &mut Self::Participations, ctx: &Context<S>) {
                $(
                    for event in std::mem::take(&mut participations.$index.events).0 {
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
