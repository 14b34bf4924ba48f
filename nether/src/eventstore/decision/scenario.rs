//! [`DecisionScenario`]: given what has happened to each aggregate, when a command comes, then this happens.
//! For tests.

use std::fmt;
use std::marker::PhantomData;

use crate::eventstore::aggregate::{FactSource, Facts};
use crate::eventstore::backend::{Metadata, StoreError};
use crate::eventstore::decision::executing::{Of, gather, held, load_missing, take_turns};
use crate::eventstore::decision::outcome::IntoJointEvents;
use crate::eventstore::decision::participants::Participating;
use crate::eventstore::decision::{Decision, DecisionHandler, Participants};
use crate::eventstore::finished::finished;
use crate::eventstore::store::Store;
use crate::message::{Command, Message};

/// Aggregates to which something has happened, and which a decision is over; see [`given_decision`].
#[must_use]
pub struct DecisionScenario<D: Decision> {
    events: <Of<D> as Participants>::Events,
    resources: D::Resources,
    facts: Facts,
}

/// What a decision has come to; see [`DecisionScenario::when`].
#[must_use = "nothing is checked until it is compared with `then`, `then_error` or `then_nothing`"]
pub struct JointlyDecided<D: Decision, C: Command> {
    /// The events of each aggregate, as they would be stored, and the reply after them.
    result: JointResult<C>,
    decision: PhantomData<fn() -> D>,
}

/// The events of each aggregate, as they would be stored, with the reply after them; or the refusal.
type JointResult<C> = Result<(Vec<Vec<String>>, <C as Message>::Reply), <C as Message>::Error>;

/// A decision over aggregates to which these events have happened, without a store or a system: to test what
/// it decides. The events are given as the decision gives them: a tuple with a place for each aggregate, in
/// the order of `of`; `()` alone if nothing has happened. Which aggregates these are is what the command
/// says.
///
/// ```
/// use nether::eventstore::given_decision;
/// use nether::prelude::*;
///
/// #[derive(Debug, PartialEq, thiserror::Error)]
/// #[error("only {0} cents")]
/// pub struct NotEnough(u64);
///
/// #[command(error = NotEnough)]
/// pub struct Transfer { pub from: u32, pub to: u32, pub cents: u64 }
///
/// #[event(name = "account.deposited")]
/// pub struct Deposited { pub cents: u64 }
///
/// #[event(name = "account.withdrawn")]
/// pub struct Withdrawn { pub cents: u64 }
///
/// #[derive(Default)]
/// pub struct Account { cents: u64 }
///
/// #[aggregate(handles = [], events = [Deposited, Withdrawn])]
/// impl Account {
///     fn deposited(&mut self, event: &Deposited) { self.cents += event.cents; }
///     fn withdrawn(&mut self, event: &Withdrawn) { self.cents -= event.cents; }
/// }
///
/// pub struct Transfers;
///
/// #[decision(handles = [Transfer], of = [Account(from), Account(to)])]
/// impl Transfers {
///     fn transfer(
///         transfer: Transfer,
///         from: &Account,
///         _to: &Account,
///     ) -> Result<(Withdrawn, Deposited), NotEnough> {
///         let cents = transfer.cents;
///         match from.cents >= cents {
///             true => Ok((Withdrawn { cents }, Deposited { cents })),
///             false => Err(NotEnough(from.cents)),
///         }
///     }
/// }
///
/// let transfer = Transfer { from: 1, to: 2, cents: 30 };
/// given_decision::<Transfers, _>((Deposited { cents: 50 }, ()))
///     .when(transfer.clone())
///     .then((Withdrawn { cents: 30 }, Deposited { cents: 30 }));
/// given_decision::<Transfers, _>(()).when(transfer).then_error(NotEnough(0));
/// ```
pub fn given_decision<D, Kind>(events: impl IntoJointEvents<Of<D>, Kind>) -> DecisionScenario<D>
where
    D: Decision<Resources = ()>,
{
    given_decision_with((), events)
}

/// [`given_decision`], for a decision whose functions ask for resources: a tuple of them, in the order of
/// `handles` and of each function's arguments. [`Resource::new`](crate::Resource::new) makes one.
pub fn given_decision_with<D: Decision, Kind>(
    resources: D::Resources,
    events: impl IntoJointEvents<Of<D>, Kind>,
) -> DecisionScenario<D> {
    DecisionScenario {
        events: events.into_joint_events(),
        resources,
        facts: Facts::new(),
    }
}

impl<D: Decision> DecisionScenario<D> {
    /// Sets what decisions know: who asks, when, and by which command. Without this no principal asks, now.
    pub fn with_facts(self, facts: Facts) -> Self {
        DecisionScenario { facts, ..self }
    }

    /// Lets it decide upon a command. If two fields of the command name one aggregate, the events of both
    /// places have happened to that one, in order, and both arguments show its state. A decision that waits
    /// for something is waited for, in a runtime of its own.
    ///
    /// # Panics
    /// If the decision does; if an event, also one that is given, cannot be stored, or could not be read
    /// again; or if no thread can be started for a decision that waits.
    #[track_caller]
    pub fn when<C>(self, command: C) -> JointlyDecided<D, C>
    where
        D: DecisionHandler<C, Itself = C, Reply = C::Reply, Error = C::Error>,
        C: Command,
        C::Reply: Send,
        C::Error: Send,
    {
        match finished(self.decided(command)) {
            Ok(result) => JointlyDecided {
                result,
                decision: PhantomData,
            },
            Err(error) => panic!("`{}`: {error}", C::NAME),
        }
    }

    /// As [`Decisions`](crate::eventstore::Decisions) does it, in a store of its own.
    async fn decided<C>(self, command: C) -> Result<JointResult<C>, StoreError>
    where
        D: DecisionHandler<C, Itself = C, Reply = C::Reply, Error = C::Error>,
        C: Command,
    {
        let store = Store::memory();
        let caches = <Of<D>>::caches(&store)?;
        let mut all = <Of<D>>::enter(&caches, D::keys(&command));
        take_turns(<Of<D>>::all(&mut all)).await;
        load_missing(<Of<D>>::all(&mut all), &store).await?;
        <Of<D>>::put(&mut all, self.events);
        happen::<Of<D>>(&mut all, &store).await?;
        let facts = FactSource::of_test(&self.facts);
        let states = <Of<D>>::states(&all);
        let events = match D::decide(command, states, &self.resources, &facts).await {
            Ok(events) => events,
            Err(error) => return Ok(Err(error)),
        };
        let written = <Of<D>>::written(&events);
        <Of<D>>::put(&mut all, events);
        happen::<Of<D>>(&mut all, &store).await?;
        let reply = D::reply(<Of<D>>::states(&all));
        Ok(Ok((written, reply)))
    }
}

/// Lets what the participations hold happen to their aggregates.
async fn happen<P: Participating>(
    all: &mut P::Participations,
    store: &Store,
) -> Result<(), StoreError> {
    gather(&mut P::all(all));
    let appends = held(P::all(all)).map(|it| it.append(store, None, Metadata::default()));
    let appends = appends.collect::<Result<_, _>>()?;
    P::all(all).into_iter().for_each(|it| it.evolve());
    let appended = store.append_all(appends).await?;
    held(P::all(all))
        .zip(appended)
        .for_each(|(it, appended)| it.keep(store, appended.version));
    Ok(())
}

impl<D: Decision, C: Command> JointlyDecided<D, C> {
    /// Asserts that exactly these events happen to each of the aggregates, and returns the reply, which is
    /// made of the states after them. The events are compared as they would be stored.
    ///
    /// # Panics
    /// If other events happen, or the command is refused; the message says which.
    #[track_caller]
    pub fn then<Kind>(self, events: impl IntoJointEvents<Of<D>, Kind>) -> C::Reply {
        let expected = <Of<D>>::written(&events.into_joint_events());
        match self.result {
            Ok((events, reply)) => {
                assert_eq!(events, expected, "other events happened");
                reply
            }
            Err(error) => panic!("`{}` was refused: {error}", C::NAME),
        }
    }

    /// Asserts that nothing happens to any of the aggregates, and returns the reply.
    ///
    /// # Panics
    /// If events happen, or the command is refused; the message says which.
    #[track_caller]
    pub fn then_nothing(self) -> C::Reply {
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
            Ok((events, _)) => panic!(
                "`{}` was not refused, and this happened: {events:#?}",
                C::NAME
            ),
            Err(error) => assert!(
                error == expected,
                "`{}` was refused with `{error}`, and not with `{expected}`",
                C::NAME
            ),
        }
    }

    /// The reply or the error, for assertions that the others cannot make.
    ///
    /// # Errors
    /// The error of the command.
    pub fn into_result(self) -> Result<C::Reply, C::Error> {
        self.result.map(|(_, reply)| reply)
    }
}

impl<D: Decision> fmt::Debug for DecisionScenario<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DecisionScenario").finish_non_exhaustive()
    }
}

impl<D: Decision, C: Command> fmt::Debug for JointlyDecided<D, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let events = self.result.as_ref().map(|(events, _)| events).ok();
        f.debug_struct("JointlyDecided")
            .field("events", &events)
            .finish_non_exhaustive()
    }
}
