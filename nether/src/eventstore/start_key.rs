//! [`NamesSaga`]: the commands that start a saga name it by a key of the type that the one of its events has.

use std::marker::PhantomData;

use crate::eventstore::listed::StartCommand;

/// The key of a command that starts the saga `S`, which is of the type `K` as that of its events is.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "the key of `{C}` is a `{Self}`, but the events of `{S}` name it by a `{K}`",
    label = "its key is a `{Self}`",
    note = "what starts a saga and what it goes on with have keys of one type: let `key = ..` of the command name the field that holds it"
)]
pub trait NamesSaga<K, S, C> {}

#[diagnostic::do_not_recommend]
impl<K, S, C> NamesSaga<K, S, C> for K {}

/// The type of the key of an event.
#[doc(hidden)]
#[derive(Debug)]
pub struct EventKeyType<K>(PhantomData<fn() -> K>);

/// The type of the field that is the key of an event.
///
/// Not public API. Used by generated code.
#[doc(hidden)]
pub fn event_key<E, K>(_: fn(&E) -> &K) -> EventKeyType<K> {
    EventKeyType(PhantomData)
}

impl<K> EventKeyType<K> {
    /// Asserts that a command names the saga by a key of that type.
    pub fn is_of<S, C>(self)
    where
        C: StartCommand,
        C::KeyOr<K>: NamesSaga<K, S, C>,
    {
    }
}
