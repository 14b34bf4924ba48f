//! [`ProjectionScenario`]: when these events have happened, a projection answers this. For tests.

use std::fmt;

use crate::error::Error;
use crate::error::Result;
use crate::eventstore::backend::RecordedEvent;
use crate::eventstore::finished::finished;
use crate::eventstore::follower::{EventFailure, guarded_within};
use crate::eventstore::history::{History, Recording};
use crate::eventstore::projection::{Answers, Projection};
use crate::eventstore::stored::StoredEvent;
use crate::message::{Message, Query};

/// A projection that is shown events by a test; see [`given_projection`].
#[must_use]
pub struct ProjectionScenario<P> {
    projection: P,
    recording: Recording,
}

/// A projection without a store or a system: to test what it makes of events. The events are written and read
/// as a store does it, and those that the projection does not list are passed over.
///
/// ```
/// use nether::eventstore::given_projection;
/// use nether::prelude::*;
///
/// #[event(name = "ticket.sold")]
/// pub struct Sold { pub cents: u64 }
///
/// #[event(name = "ticket.refunded")]
/// pub struct Refunded { pub cents: u64 }
///
/// #[query(reply = u64)]
/// pub struct Income;
///
/// #[derive(Default)]
/// pub struct Sales { cents: u64 }
///
/// #[projection(handles = [Sold, Refunded, Income])]
/// impl Sales {
///     fn sold(&mut self, event: &Sold) { self.cents += event.cents; }
///     fn refunded(&mut self, event: &Refunded) { self.cents -= event.cents; }
///     fn income(&self, _: Income) -> u64 { self.cents }
/// }
///
/// let sales = given_projection(Sales::default()).when((Sold { cents: 7 }, Refunded { cents: 2 }));
/// assert_eq!(sales.ask(Income).unwrap(), 5);
/// ```
///
/// A projection that writes in the transactions of a store is tested with a system and such a store.
///
/// # Panics
/// If the projection writes in transactions.
#[track_caller]
pub fn given_projection<P: Projection>(projection: P) -> ProjectionScenario<P> {
    assert!(
        P::IN_TRANSACTION.is_none(),
        "the projection `{}` writes in the transactions of a store: test it with a system and that store",
        P::NAME
    );
    ProjectionScenario {
        projection,
        recording: Recording::default(),
    }
}

impl<P: Projection> ProjectionScenario<P> {
    /// Shows it events of the stream `test`: one, several in a tuple or an array, `()` for none.
    ///
    /// # Panics
    /// If an event cannot be stored, or could not be read again; or if the projection cannot handle one.
    #[track_caller]
    pub fn when(self, events: impl History) -> Self {
        self.when_in("test", events)
    }

    /// Shows it events of that stream.
    ///
    /// # Panics
    /// As [`when`](ProjectionScenario::when).
    #[track_caller]
    pub fn when_in(mut self, stream: &str, events: impl History) -> Self {
        for event in self.recording.events(stream, events) {
            if let Err(failure) = self.show(&event) {
                let (name, position) = (&event.name, event.position);
                panic!(
                    "`{}` cannot handle the event `{name}` at position {position}: {}",
                    P::NAME,
                    failure.text
                );
            }
        }
        self
    }

    /// Shows it an event that it cannot handle, and returns the error.
    ///
    /// # Panics
    /// If it handles the event; or if the event cannot be stored, or could not be read again.
    #[track_caller]
    pub fn error_of<E: StoredEvent>(&mut self, event: E) -> Error {
        let events = self.recording.events("test", event);
        match events.iter().find_map(|it| self.show(it).err()) {
            Some(failure) => Error::msg(failure.text),
            None => panic!("`{}` has handled `{}`", P::NAME, E::NAME),
        }
    }

    /// Asks it a query, and returns the answer.
    ///
    /// # Errors
    /// The error of the query.
    ///
    /// # Panics
    /// If the method does.
    pub fn ask<Q>(&self, query: Q) -> Result<Q::Reply, Q::Error>
    where
        P: Answers<Q, Itself = Q, Reply = <Q as Message>::Reply, Error = <Q as Message>::Error>,
        Q: Query,
        Q::Error: Send,
    {
        finished(self.projection.answer(query))
    }

    /// The projection.
    pub fn projection(&self) -> &P {
        &self.projection
    }

    /// Shows it an event, as its runner does.
    fn show(&mut self, event: &RecordedEvent) -> Result<(), EventFailure> {
        if !P::handles(&event.name) {
            return Ok(());
        }
        let limit = P::SETTINGS.policy.timeout;
        let projection = &mut self.projection;
        let shown = async {
            match P::SETTINGS.parallel > 1 {
                true => guarded_within(limit, projection.project_beside(event)).await,
                false => guarded_within(limit, projection.project(event)).await,
            }
        };
        finished(shown)
    }
}

impl<P> fmt::Debug for ProjectionScenario<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProjectionScenario").finish_non_exhaustive()
    }
}
