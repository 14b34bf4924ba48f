//! [`AggregateHandler`]: the method of an aggregate for a command, which decides, or for a query, which
//! answers.
//!
//! The attribute of the aggregate cannot know which of the two a listed type is. So both have one trait, and
//! their [access](crate::message::ByValue::Access) says what is asked of what the method gives back.

use std::marker::PhantomData;

use crate::eventstore::aggregate::answer::IntoAnswer;
use crate::eventstore::aggregate::decision::{Events, IntoDecision, ReplyFrom};
use crate::eventstore::aggregate::{FactSource, Parts};
use crate::message::{Reads, Writes};

/// An aggregate that handles `M`. As [`Parts`], it asks for nothing.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not handle `{M}`",
    label = "not in the aggregate's `handles`",
    note = "list it: `#[aggregate(handles = [.., {M}], ..)]`"
)]
pub trait AggregateHandler<M>: Parts {
    /// The message.
    type Itself;
    /// The reply of the message.
    type Reply;
    /// The error of the message.
    type Error;
    /// What the method gives back in the end: events, or the reply of a query.
    type Outcome;
    /// What a command is answered with: its reply. `()` for a query.
    type OfState;

    /// Which aggregate it is for.
    fn key(message: &Self::Itself) -> String;

    /// The message once more, if it may be handled again after a failure.
    fn again(message: &M) -> Option<M> {
        let _ = message;
        None
    }

    /// What happens because of a command, or the answer to a query.
    fn handle<'a>(
        &'a self,
        message: M,
        resources: &'a Self::Resources,
        facts: &'a FactSource<'a>,
    ) -> impl Future<Output = Result<Self::Outcome, Self::Error>> + Send + 'a;

    /// What a command is answered with, once it has happened.
    fn of_state(&self) -> Self::OfState;
}

/// What the method of the aggregate `A` for the message `M` comes to, by the access of the message, if `M`
/// declares the reply `R` and the error `E`.
///
/// Not public API. Used by generated code.
#[doc(hidden)]
#[derive(Debug)]
pub struct OutcomeOf<A, M, Access, R, E>(PhantomData<(A, M, Access, R, E)>);

impl<A: Parts, C, R, E> OutcomeOf<A, C, Writes, R, E> {
    /// The events that a decision gives back.
    pub fn outcome<Kind>(self, decision: impl IntoDecision<A, C, E, Kind>) -> Result<Events<A>, E> {
        decision.into_decision()
    }

    /// The reply that is made of a state.
    pub fn reply<Kind>(self, state: &A) -> R
    where
        R: ReplyFrom<A, Kind>,
    {
        R::reply_from(state)
    }
}

impl<A: Parts, Q, R, E> OutcomeOf<A, Q, Reads, R, E> {
    /// The answer that the method of a query gives back.
    pub fn outcome<Kind>(self, answer: impl IntoAnswer<A, Q, R, E, Kind>) -> Result<R, E> {
        answer.into_answer()
    }

    /// Nothing: the answer is there already.
    pub fn reply(self, _: &A) {}
}

impl<A, M, Access, R, E> Default for OutcomeOf<A, M, Access, R, E> {
    fn default() -> Self {
        OutcomeOf(PhantomData)
    }
}

/// The [`OutcomeOf`] of a message. Its functions are methods, because a method of a type that is not known is
/// no error besides the one that says why.
///
/// Not public API. Used by generated code.
#[doc(hidden)]
pub fn outcomes<T: Default>() -> T {
    T::default()
}

/// A message that can be handled again.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be handled again: it is not `Clone`",
    label = "not `Clone`, and its aggregate has a `retry`",
    note = "each attempt is given the message anew: derive `Clone` for `{Self}`, or remove `retry`"
)]
pub trait HandledAgain {
    fn again(&self) -> Self;
}

#[diagnostic::do_not_recommend]
impl<M: Clone> HandledAgain for M {
    fn again(&self) -> Self {
        self.clone()
    }
}

/// The message once more.
///
/// Not public API. Used by generated code.
#[doc(hidden)]
pub fn handled_again<M: HandledAgain>(message: &M) -> M {
    message.again()
}
