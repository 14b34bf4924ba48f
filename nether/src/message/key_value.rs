//! [`KeyValue`]: the key of a message, apart from the message, to be compared with those of other types of
//! messages.

use std::any::Any;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::sync::Arc;

use crate::guarded::{catch_now, drop_unpanicked};

/// The key of a message. Two are equal if their types and values are. Keys of a type without `Eq` or `Clone`
/// are equal if their hashes are.
#[doc(hidden)]
#[derive(Clone)]
pub struct KeyValue {
    hash: u64,
    value: Option<Arc<dyn ComparedKey>>,
}

impl PartialEq for KeyValue {
    fn eq(&self, other: &Self) -> bool {
        if self.hash != other.hash {
            return false;
        }
        match (&self.value, &other.value) {
            (None, None) => true,
            (Some(value), Some(other)) => {
                // One that is itself is equal whatever its `Eq` does: so what has a name is found by it.
                Arc::ptr_eq(value, other) || value.equals(&**other)
            }
            _ => false,
        }
    }
}

impl Eq for KeyValue {}

impl Hash for KeyValue {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

impl fmt::Debug for KeyValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyValue")
            .field("hash", &self.hash)
            .finish_non_exhaustive()
    }
}

/// A key that is compared with others, whatever their types.
trait ComparedKey: Any + Send + Sync {
    /// An `Eq` that panics says no.
    fn equals(&self, other: &dyn ComparedKey) -> bool;
}

/// A key that may be dropped anywhere: a panic in its `Drop` goes no further.
struct OwnKey<K>(Option<K>);

impl<K: Eq + Send + Sync + 'static> ComparedKey for OwnKey<K> {
    fn equals(&self, other: &dyn ComparedKey) -> bool {
        let other: &dyn Any = other;
        let Some(other) = other.downcast_ref::<Self>() else {
            return false;
        };
        let mut equals = false;
        let _ = catch_now(&mut || equals = self.0 == other.0);
        equals
    }
}

impl<K> Drop for OwnKey<K> {
    fn drop(&mut self) {
        drop_unpanicked(self.0.take());
    }
}

/// How the keys of a type are compared, of which generated code does not know whether they can be: the
/// function of the type is found before that of the trait.
#[doc(hidden)]
#[derive(Debug)]
pub struct KeyType<K>(PhantomData<K>);

impl<K: Eq + Clone + Send + Sync + 'static> KeyType<K> {
    /// A key that is compared.
    pub fn key_value(key: &K, hash: u64) -> KeyValue {
        let value = OwnKey(Some(key.clone()));
        KeyValue {
            hash,
            value: Some(Arc::new(value)),
        }
    }
}

/// A type whose keys are not compared: each stands for all of its hash.
#[doc(hidden)]
pub trait KeyByHash<K> {
    /// For generated code to name, so that the import of this trait is never unused.
    const IS_HERE: bool = true;

    /// A key that is known by its hash.
    fn key_value(_: &K, hash: u64) -> KeyValue {
        KeyValue { hash, value: None }
    }
}

impl<K> KeyByHash<K> for KeyType<K> {}
