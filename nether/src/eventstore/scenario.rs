//! [`Scenario`]: given what has happened, when a command comes, then this happens. For tests.

use std::fmt;
use std::marker::PhantomData;

use crate::eventstore::aggregate::{
    Aggregate, AggregateHandler, Events, FactSource, Facts, IntoEvents,
};
use crate::eventstore::backend::Encoding;
use crate::eventstore::finished::finished;
use crate::eventstore::stored::{Encoded, Unreadable};
use crate::message::{Command, Message, Query};

/// An aggregate to which something has happened; see [`given`].
pub struct Scenario<A: Aggregate> {
    state: A,
    resources: A::Resources,
    facts: Facts,
}

/// The decision of an aggregate; see [`Scenario::when`].
#[must_use = "nothing is checked until it is compared with `then`, `then_error` or `then_nothing`"]
pub struct Decided<A: Aggregate, C: Command> {
    result: Result<Events<A>, C::Error>,
    state: A,
    command: PhantomData<C>,
}

/// An aggregate to which these events have happened, without a store or a system: to test what it decides.
/// Its events are given as decisions give them: one, several in a tuple or an array, `()` for none.
///
/// ```
/// use nether::eventstore::given;
/// use nether::prelude::*;
///
/// #[derive(Debug, PartialEq, thiserror::Error)]
/// #[error("the door is locked")]
/// pub struct Locked;
///
/// #[command(key = door, error = Locked)]
/// pub struct Open { pub door: u32 }
///
/// #[event(name = "door.opened")]
/// pub struct Opened { pub door: u32 }
///
/// #[event(name = "door.locked")]
/// pub struct WasLocked { pub door: u32 }
///
/// #[derive(Default)]
/// pub struct Door { is_locked: bool }
///
/// #[aggregate(handles = [Open], events = [Opened, WasLocked])]
/// impl Door {
///     fn open(&self, open: Open) -> Result<Opened, Locked> {
///         if self.is_locked { Err(Locked) } else { Ok(Opened { door: open.door }) }
///     }
///
///     fn opened(&mut self, _: &Opened) {}
///     fn was_locked(&mut self, _: &WasLocked) { self.is_locked = true; }
/// }
///
/// given::<Door, _>(()).when(Open { door: 1 }).then([Opened { door: 1 }]);
/// given::<Door, _>([WasLocked { door: 1 }]).when(Open { door: 1 }).then_error(Locked);
/// ```
///
/// # Panics
/// If an event cannot be stored, or could not be read again.
#[track_caller]
pub fn given<A, Kind>(events: impl IntoEvents<A, Kind>) -> Scenario<A>
where
    A: Aggregate<Resources = ()>,
{
    given_with((), events)
}

/// [`given`], for an aggregate whose decisions ask for resources: a tuple of them, in the order of `handles`
/// and of each method's arguments. [`Resource::new`](crate::Resource::new) makes one.
///
/// # Panics
/// If an event cannot be stored, or could not be read again.
#[track_caller]
pub fn given_with<A: Aggregate, Kind>(
    resources: A::Resources,
    events: impl IntoEvents<A, Kind>,
) -> Scenario<A> {
    let mut state = A::initial();
    for event in stored(&events.into_events(), "given").0 {
        state.apply(&event);
    }
    Scenario {
        state,
        resources,
        facts: Facts::new(),
    }
}

impl<A: Aggregate> Scenario<A> {
    /// Sets what decisions know: who asks, when, and by which command. Without this no principal asks, now.
    #[must_use]
    pub fn with_facts(self, facts: Facts) -> Self {
        Scenario { facts, ..self }
    }

    /// Lets it decide upon a command. A decision that waits for something is waited for, in a runtime of its
    /// own.
    ///
    /// # Panics
    /// If the decision does; if it leads to an event that cannot be stored, or could not be read again; or if
    /// no thread can be started for a decision that waits.
    #[track_caller]
    pub fn when<C>(self, command: C) -> Decided<A, C>
    where
        A: AggregateHandler<C, Itself = C, Reply = C::Reply, Error = C::Error, Outcome = Events<A>>,
        C: Command,
        C::Error: Send,
    {
        let facts = FactSource::of_test(&self.facts);
        let result = finished(self.state.handle(command, &self.resources, &facts));
        let result = match result {
            Ok(events) => Ok(stored(&events, C::NAME)),
            Err(error) => Err(error),
        };
        let mut state = self.state;
        for event in result.iter().flat_map(|events| &events.0) {
            state.apply(event);
        }
        Decided {
            result,
            state,
            command: PhantomData,
        }
    }

    /// Asks it a query, and returns the answer. A method that waits for something is waited for, in a runtime
    /// of its own.
    ///
    /// ```
    /// use nether::eventstore::given;
    /// use nether::prelude::*;
    ///
    /// #[query(key = door, reply = u32)]
    /// pub struct TimesOpened { pub door: u32 }
    ///
    /// #[event(name = "door.opened")]
    /// pub struct Opened;
    ///
    /// #[derive(Default)]
    /// pub struct Door { opened: u32 }
    ///
    /// #[aggregate(handles = [TimesOpened], events = [Opened])]
    /// impl Door {
    ///     fn times_opened(&self, _: TimesOpened) -> u32 { self.opened }
    ///     fn opened(&mut self, _: &Opened) { self.opened += 1; }
    /// }
    ///
    /// let door = given::<Door, _>([Opened, Opened]);
    /// assert_eq!(door.ask(TimesOpened { door: 1 }).unwrap(), 2);
    /// ```
    ///
    /// # Errors
    /// The error of the query.
    ///
    /// # Panics
    /// If the method does, or if no thread can be started for one that waits.
    pub fn ask<Q>(&self, query: Q) -> Result<Q::Reply, Q::Error>
    where
        A: AggregateHandler<
                Q,
                Itself = Q,
                Reply = Q::Reply,
                Error = Q::Error,
                Outcome = <Q as Message>::Reply,
            >,
        Q: Query,
        Q::Error: Send,
    {
        let facts = FactSource::of_test(&self.facts);
        finished(self.state.handle(query, &self.resources, &facts))
    }

    /// The state.
    pub fn state(&self) -> &A {
        &self.state
    }
}

impl<A: Aggregate, C: Command> Decided<A, C> {
    /// Asserts that exactly these events happen, and returns the state after them. They are compared as they
    /// would be stored.
    ///
    /// # Panics
    /// If other events happen, or the command is refused; the message says which.
    #[track_caller]
    pub fn then<Kind>(self, events: impl IntoEvents<A, Kind>) -> A {
        let expected = written(&events.into_events());
        match &self.result {
            Ok(events) => assert_eq!(written(events), expected, "other events happened"),
            Err(error) => panic!("`{}` was refused: {error}", C::NAME),
        }
        self.state
    }

    /// Asserts that no events happen, and returns the state.
    ///
    /// # Panics
    /// If events happen, or the command is refused; the message says which.
    #[track_caller]
    pub fn then_nothing(self) -> A {
        self.then(())
    }

    /// Asserts that the command is refused with that error.
    ///
    /// # Panics
    /// If it is refused with another one, or is not: saying what happens.
    #[track_caller]
    pub fn then_error(self, expected: C::Error)
    where
        C::Error: PartialEq,
    {
        match self.result {
            Ok(events) => panic!(
                "`{}` was not refused, and this happened: {:#?}",
                C::NAME,
                written(&events)
            ),
            Err(error) => assert!(
                error == expected,
                "`{}` was refused with `{error}`, and not with `{expected}`",
                C::NAME
            ),
        }
    }

    /// The events or the error, for assertions that `then` cannot make.
    ///
    /// # Errors
    /// The error of the command.
    pub fn into_result(self) -> Result<Events<A>, C::Error> {
        self.result
    }
}

/// Events as they are written down.
#[track_caller]
pub(super) fn written<A: Aggregate>(events: &Events<A>) -> Vec<String> {
    let mut written = Vec::new();
    for event in &events.0 {
        match encoded::<A>(event) {
            Ok((Encoded { schema, payload }, _)) => {
                let text = String::from_utf8_lossy(&payload.bytes);
                written.push(format!("{} {text}", schema.name));
            }
            Err(error) => panic!("{}", unstored::<A>("this test", &error)),
        }
    }
    written
}

/// Events as they are read from the store.
#[track_caller]
fn stored<A: Aggregate>(events: &Events<A>, what: &str) -> Events<A> {
    let mut read = Events::none();
    for event in &events.0 {
        match encoded::<A>(event) {
            Ok((_, event)) => read.0.push(event),
            Err(error) => panic!("{}", unstored::<A>(what, &error)),
        }
    }
    read
}

/// An event in the encoding that a store has by default, or in the other one, which holds more.
fn encoded<A: Aggregate>(event: &A::Event) -> Result<(Encoded, A::Event), Unreadable> {
    A::encode(event, Encoding::Json)
        .or_else(|error| A::encode(event, Encoding::MessagePack).map_err(|_| error))
}

fn unstored<A: Aggregate>(what: &str, error: &Unreadable) -> String {
    let aggregate = A::DESCRIPTOR.declaration.name;
    format!("`{what}`: an event of `{aggregate}` cannot be stored: {error}")
}

impl<A: Aggregate> fmt::Debug for Scenario<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scenario").finish_non_exhaustive()
    }
}

impl<A: Aggregate, C: Command> fmt::Debug for Decided<A, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decided")
            .field("result", &self.result)
            .finish_non_exhaustive()
    }
}
