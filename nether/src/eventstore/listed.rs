//! [`ListedCommand`] and [`ListedQuery`]: what aggregates, projections and sagas may name in their lists.
//!
//! The attributes of messages implement them, and they ask for nothing. Generated code knows of a listed
//! message what they say, and nothing else: so a list that names something else has one error, in the words
//! that stand here.

use crate::envelope::Given;
use crate::eventstore::aggregate::{Aggregate, Aggregates, Decides};
use crate::eventstore::projection::{Answers, Projection, Projections};
use crate::message::{Command, MessageProof, Query};
use crate::module::Routes;

/// A command, which an aggregate decides upon and a saga sends.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a command",
    label = "not a command",
    note = "put `#[command(key = ..)]` above the definition of `{Self}`; if it is a query, a projection answers it; if it is an event, it belongs in `events`, and is taken by reference: `&{Self}`"
)]
pub trait ListedCommand: Sized {
    /// The type itself. It is not known of what is no command, so that nothing more is said of it.
    type Itself;
    /// Its reply, and likewise.
    type Reply;
    /// Its error, and likewise.
    type Error;
    /// What a module's list holds of it.
    const LISTED: MessageProof;
    /// Whether its name was given: else it is the path of the type, and changes when that moves.
    const IS_NAMED: bool;

    /// Adds the way to its decision.
    fn add_to<A>(routes: &mut Routes<'_, Aggregates<A>>)
    where
        A: Aggregate + Decides<Self, Itself = Self, Reply = Self::Reply, Error = Self::Error>;
}

/// A query, which a projection answers.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a query",
    label = "not a query",
    note = "put `#[query]` above the definition of `{Self}`; if it is an event, take it by reference: `&{Self}`; if it is a command, it is for an aggregate, or for a module"
)]
pub trait ListedQuery: Sized {
    /// The type itself. It is not known of what is no query, so that nothing more is said of it.
    type Itself;
    /// Its reply, and likewise.
    type Reply;
    /// Its error, and likewise.
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
    A: Aggregate + Decides<C, Itself = C, Reply = C::Reply, Error = C::Error>,
    C: Command,
{
    routes.add::<Given<C>>();
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
