//! [`AggregateMessage`], [`ListedQuery`], [`ListedCommand`] and [`StartCommand`]: what aggregates,
//! projections and sagas may name in their lists.
//!
//! The attributes of messages implement them, and they ask for nothing. Generated code knows of a listed
//! message what they say, and nothing else: so a list that names something else has one error, in the words
//! that stand here.

use crate::envelope::Given;
use crate::eventstore::aggregate::{Aggregate, AggregateHandler, Aggregates, Events, Parts};
use crate::eventstore::decision::{Decision, DecisionHandler, Decisions, Participants};
use crate::eventstore::projection::{Answers, Projection, Projections};
use crate::eventstore::saga::{Saga, Sagas, StartedBy};
use crate::message::{ByValue, Command, Message, MessageProof, Query, Reads, Writes};
use crate::module::Routes;

/// A command or a query, which an aggregate handles.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is neither a command nor a query",
    label = "neither a command nor a query",
    note = "put `#[command(key = ..)]` above the definition of `{Self}`, or `#[query(key = ..)]` if it changes nothing; if it is an event, it belongs in `events`, and is taken by reference: `&{Self}`"
)]
pub trait AggregateMessage: Sized {
    /// The type itself. Unknown for a type that is not a message, so that rustc reports only that.
    type Itself;
    /// Its reply; unknown in the same case.
    type Reply;
    /// Its error; unknown in the same case.
    type Error;
    /// The type whose functions make of what the method gives back what it comes to.
    type Outcomes<A: Parts>;
    /// What its method gives back in the end: events, or the reply of a query.
    type Outcome<A: Parts>;
    /// The value that is made of the state behind a command: its reply. `()` for a query.
    type OfState;
    /// The type of its key; that of another message's key, if it has none, which is a mistake of its own.
    type KeyOr<Other>;
    /// What a module's list holds of it.
    const LISTED: MessageProof;

    /// Adds the way to its method.
    fn add_to<A>(routes: &mut Routes<'_, Aggregates<A>>)
    where
        A: Aggregate
            + AggregateHandler<
                Self,
                Itself = Self,
                Reply = Self::Reply,
                Error = Self::Error,
                Outcome = Self::Outcome<A>,
                OfState = Self::OfState,
            >;
}

/// A command, which a saga sends.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a command",
    label = "not a command",
    note = "put `#[command(name = \"..\")]` above the definition of `{Self}`; if it is a query, a module asks it, and an aggregate or a projection answers it; if it is an event, a module or an aggregate publishes it"
)]
pub trait ListedCommand: Sized {
    /// The type itself. Unknown for a type that is not a command, so that rustc reports only that.
    type Itself;
    /// Its reply; unknown in the same case.
    type Reply;
    /// Its error; unknown in the same case.
    type Error;
    /// The type whose functions make of what the function of a decision gives back what it comes to.
    type JointOutcomes<Of: Participants>;
    /// What a module's list holds of it.
    const LISTED: MessageProof;
    /// Whether its name was given: else it is the path of the type, and changes when that moves.
    const IS_NAMED: bool;

    /// Adds the way to its decision.
    fn add_to<D>(routes: &mut Routes<'_, Decisions<D>>)
    where
        D: Decision
            + DecisionHandler<Self, Itself = Self, Reply = Self::Reply, Error = Self::Error>;
}

/// A command, which starts a saga.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` starts no saga: it is not a command, and not in `handles`",
    label = "neither a command nor in `handles`",
    note = "an event that starts a saga is one that the saga handles: list it in `handles` too; a query changes nothing, so that it starts nothing"
)]
pub trait StartCommand: Sized {
    /// The type itself. Unknown for a type that is not a command, so that rustc reports only that.
    type Itself;
    /// Its reply; unknown in the same case.
    type Reply;
    /// Its error; unknown in the same case.
    type Error;
    /// The type of its key; that of an event's key, if it has none, which is a mistake of its own.
    type KeyOr<Other>;
    /// What a module's list holds of it.
    const LISTED: MessageProof;
    /// The name that it is stored under.
    const NAME: &'static str;
    /// Whether that was given: else it is the path of the type, and changes when that moves.
    const IS_NAMED: bool;

    /// Adds the way to its saga.
    fn add_to<S>(routes: &mut Routes<'_, Sagas<S>>)
    where
        S: Saga + StartedBy<Self, Itself = Self, Reply = Self::Reply, Error = Self::Error>;
}

/// A query, which a projection answers.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a query",
    label = "not a query",
    note = "put `#[query]` above the definition of `{Self}`; if it is an event, take it by reference: `&{Self}`; if it is a command, it is for an aggregate, or for a module"
)]
pub trait ListedQuery: Sized {
    /// The type itself. Unknown for a type that is not a query, so that rustc reports only that.
    type Itself;
    /// Its reply; unknown in the same case.
    type Reply;
    /// Its error; unknown in the same case.
    type Error;
    /// What a module's list holds of it.
    const LISTED: MessageProof;

    /// Adds the way to its answer.
    fn add_to<P>(routes: &mut Routes<'_, Projections<P>>)
    where
        P: Projection + Answers<Self, Itself = Self, Reply = Self::Reply, Error = Self::Error>;
}

/// Adds the way to a command's decision.
///
/// Not public API. Used by generated code.
#[doc(hidden)]
pub fn add_command<A, C>(routes: &mut Routes<'_, Aggregates<A>>)
where
    A: Aggregate
        + AggregateHandler<
            C,
            Itself = C,
            Reply = C::Reply,
            Error = C::Error,
            Outcome = Events<A>,
            OfState = <C as Message>::Reply,
        >,
    C: Command + ByValue<Access = Writes>,
{
    routes.add::<Given<C>>();
}

/// Adds the way to a decision over several aggregates.
///
/// Not public API. Used by generated code.
#[doc(hidden)]
pub fn add_decided<D, C>(routes: &mut Routes<'_, Decisions<D>>)
where
    D: Decision + DecisionHandler<C, Itself = C, Reply = C::Reply, Error = C::Error>,
    C: Command,
{
    routes.add::<Given<C>>();
}

/// Adds the way to the answer of an aggregate.
///
/// Not public API. Used by generated code.
#[doc(hidden)]
pub fn add_query_of_state<A, Q>(routes: &mut Routes<'_, Aggregates<A>>)
where
    A: Aggregate
        + AggregateHandler<
            Q,
            Itself = Q,
            Reply = Q::Reply,
            Error = Q::Error,
            Outcome = <Q as Message>::Reply,
            OfState = (),
        >,
    Q: Query + ByValue<Access = Reads>,
{
    routes.add::<Given<Q>>();
}

/// Adds the way to a query's answer.
///
/// Not public API. Used by generated code.
#[doc(hidden)]
pub fn add_query<P, Q>(routes: &mut Routes<'_, Projections<P>>)
where
    P: Projection + Answers<Q, Itself = Q, Reply = Q::Reply, Error = Q::Error>,
    Q: Query,
{
    routes.add::<Given<Q>>();
}

/// Adds the way to a saga that a command starts.
///
/// Not public API. Used by generated code.
#[doc(hidden)]
pub fn add_start<S, C>(routes: &mut Routes<'_, Sagas<S>>)
where
    S: Saga
        + StartedBy<C, Itself = C, Reply = <C as Message>::Reply, Error = <C as Message>::Error>,
    C: Command + ByValue<Access = Writes>,
{
    routes.add::<Given<C>>();
}
