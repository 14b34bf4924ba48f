//! [`same_key`]: the messages of an aggregate name it by a key of one type.

use crate::eventstore::listed::AggregateMessage;

/// The key of a message of the aggregate `A`, which is of the type `K` as that of the message `First` is.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "the key of this message is a `{Self}`, but `{First}` names `{A}` by a `{K}`",
    label = "its key is a `{Self}`",
    note = "the keys of all messages in `handles` are of one type, that of the ID of `{A}`: let `key = ..` name the field that holds it"
)]
pub trait NamesAggregate<K, A, First> {}

#[diagnostic::do_not_recommend]
impl<K, A, First> NamesAggregate<K, A, First> for K {}

/// Asserts that a message names the aggregate by a key of the type that the first message of its list has.
///
/// A message without a key has one error, which says that: so it passes here, whatever the other one has.
///
/// Not public API. Used by generated code.
#[doc(hidden)]
pub fn same_key<A, First, M>()
where
    First: AggregateMessage,
    M: AggregateMessage,
    M::KeyOr<First::KeyOr<()>>: NamesAggregate<First::KeyOr<M::KeyOr<()>>, A, First>,
{
}
