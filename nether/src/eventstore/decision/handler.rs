//! [`DecisionHandler`]: the function of a decision for a command.

use crate::eventstore::aggregate::{FactSource, Parts};
use crate::eventstore::decision::{DecisionParts, Participants};
use crate::eventstore::keyed::StreamKey;

/// A decision that handles `C`. As [`DecisionParts`], it asks for nothing.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not handle `{C}`",
    label = "not in the decision's `handles`",
    note = "list it: `#[decision(handles = [.., {C}], ..)]`"
)]
pub trait DecisionHandler<C>: DecisionParts<Of: Participants> {
    /// The command.
    type Itself;
    /// The reply of the command.
    type Reply;
    /// The error of the command.
    type Error;

    /// The keys of the aggregates, in order.
    fn keys(command: &C) -> Vec<String>;

    /// The command once more, if it may be decided upon again after a failure.
    fn again(command: &C) -> Option<C> {
        let _ = command;
        None
    }

    /// What happens because of the command.
    fn decide<'a>(
        command: C,
        states: <Self::Of as Participants>::States<'a>,
        resources: &'a Self::Resources,
        facts: &'a FactSource<'a>,
    ) -> impl Future<Output = Result<<Self::Of as Participants>::Events, Self::Error>> + Send + 'a;

    /// What the command is answered with, once it has happened.
    fn reply(states: <Self::Of as Participants>::States<'_>) -> Self::Reply;
}

/// The type of a field that names an aggregate `A`, whose key is a `K`.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "the field is a `{Self}`, but the key of `{A}` is a `{K}`",
    label = "a `{Self}`",
    note = "the messages that `{A}` handles name it by a `{K}`: let `of = [{A}(..)]` name a field of that type"
)]
pub trait NamesParticipant<A, K> {}

#[diagnostic::do_not_recommend]
impl<A, K> NamesParticipant<A, K> for K {}

/// The key of the aggregate `A` in a field of a command, as text.
///
/// Not public API. Used by generated code.
#[doc(hidden)]
pub fn key_of_participant<A: Parts, K>(field: &K) -> String
where
    K: StreamKey + NamesParticipant<A, A::KeyOr<K>>,
{
    field.text()
}
