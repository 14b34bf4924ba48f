//! [`KeyValue`]: the key of a message, apart from the message, to be compared with those of other types of
//! messages.

use std::any::Any;
use std::fmt;
use std::hash::{Hash, Hasher};
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

/// The field that is the key, of which generated code does not know whether it can be compared: of the two
/// traits, the compiler takes the first that fits.
#[doc(hidden)]
#[derive(Debug)]
pub struct KeyField<'a, K>(pub &'a K);

/// A key that is compared.
#[doc(hidden)]
pub trait KeyByEq {
    fn key_value(&self, hash: u64) -> KeyValue;
}

impl<K: Eq + Clone + Send + Sync + 'static> KeyByEq for KeyField<'_, K> {
    fn key_value(&self, hash: u64) -> KeyValue {
        let value = OwnKey(Some(self.0.clone()));
        KeyValue {
            hash,
            value: Some(Arc::new(value)),
        }
    }
}

/// A key that stands for all of its hash.
#[doc(hidden)]
pub trait KeyByHash {
    fn key_value(&self, hash: u64) -> KeyValue;
}

impl<K> KeyByHash for &KeyField<'_, K> {
    fn key_value(&self, hash: u64) -> KeyValue {
        KeyValue { hash, value: None }
    }
}
