//! [`key_of`]: which value of a module a message is for, with the texts of the compile errors.

use std::fmt;
use std::hash::Hash;

use crate::message::Keyed;
use crate::module::KeyedModule;

/// What the key of a module must be.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the key of a module",
    label = "not a key",
    note = "the values of the module are found by it, and reports name it: it is `Hash`, `Eq`, `Clone`, `Display`, `Send` and `Sync`"
)]
pub trait ModuleKey: Hash + Eq + Clone + fmt::Display + Send + Sync + 'static {}

#[diagnostic::do_not_recommend]
impl<K: Hash + Eq + Clone + fmt::Display + Send + Sync + 'static> ModuleKey for K {}

/// The key of a message that is of the type `K`, which `#[init]` of the module `M` takes.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "the key of this message is of type `{Self}`, but `{M}` has a value for each `{K}`",
    label = "its key is a `{Self}`",
    note = "the field that `key = ..` names, and the argument of `#[init]` that `per = ..` names, are of one type",
    note = "if it is an event, all values in memory may handle it: `#[handler(all)]` above its handler"
)]
pub trait IsKeyOf<K, M> {
    /// The key.
    fn as_key(&self) -> &K;
}

#[diagnostic::do_not_recommend]
impl<K, M> IsKeyOf<K, M> for K {
    fn as_key(&self) -> &K {
        self
    }
}

/// The key of a message to the module `M`.
///
/// Not public API. Used by generated code.
#[doc(hidden)]
pub fn key_of<M, C>(message: &C) -> &M::Key
where
    M: KeyedModule,
    C: Keyed,
    C::Key: IsKeyOf<M::Key, M>,
{
    message.key().as_key()
}
