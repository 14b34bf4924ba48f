//! [`Parked`]: events that could not be handled, and whose streams or keys wait behind them.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::eventstore::backend::{DocumentChange, Position, StoreError};
use crate::eventstore::store::Store;

/// An event that could not be handled. Later events of its stream (in a saga: with its key) wait behind it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParkedEvent {
    /// The stream or key.
    pub key: String,
    /// The event's position.
    pub position: Position,
    /// Why it could not be handled.
    pub error: String,
}

/// All that a projection or saga has parked.
#[derive(Debug, Clone)]
pub(super) struct Parked {
    collection: Arc<str>,
    by_key: BTreeMap<Arc<str>, ParkedEvent>,
}

impl Parked {
    /// None.
    pub(super) fn none(name: &str) -> Self {
        Parked {
            collection: format!("parked/{name}").into(),
            by_key: BTreeMap::new(),
        }
    }

    /// Those that are in the store.
    pub(super) async fn load(store: &Store, name: &str) -> Result<Self, StoreError> {
        let mut parked = Parked::none(name);
        for (key, content) in store.documents(&parked.collection).await? {
            let one = serde_json::from_slice(&content).map_err(|error| StoreError::Codec {
                what: format!("what `{name}` has parked of `{key}` cannot be read"),
                reason: error.to_string(),
            })?;
            parked.by_key.insert(key, one);
        }
        Ok(parked)
    }

    pub(super) fn all(&self) -> Vec<ParkedEvent> {
        self.by_key.values().cloned().collect()
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.by_key.contains_key(key)
    }

    /// Parks an event.
    pub(super) fn park(&mut self, key: &str, position: Position, error: String) -> DocumentChange {
        let one = ParkedEvent {
            key: key.to_owned(),
            position,
            error,
        };
        self.by_key.insert(key.into(), one);
        self.change(key)
    }

    /// Where the event is that a key waits behind.
    pub(super) fn position(&self, key: &str) -> Option<Position> {
        self.by_key.get(key).map(|one| one.position)
    }

    /// Lets a key go.
    pub(super) fn release(&mut self, key: &str) -> Option<DocumentChange> {
        self.by_key.remove(key)?;
        Some(self.change(key))
    }

    /// The event that a key waits behind was handled: it waits behind the `next`, if there is one.
    pub(super) fn advance(&mut self, key: &str, next: Option<Position>) -> DocumentChange {
        match (self.by_key.get_mut(key), next) {
            (Some(one), Some(next)) => one.position = next,
            _ => drop(self.by_key.remove(key)),
        }
        self.change(key)
    }

    /// Lets all go.
    pub(super) fn clear(&mut self) -> Vec<DocumentChange> {
        let all = std::mem::take(&mut self.by_key);
        all.keys().map(|key| self.change(key)).collect()
    }

    /// What has to be written of a key.
    fn change(&self, key: &str) -> DocumentChange {
        let content = self.by_key.get(key);
        DocumentChange {
            collection: Arc::clone(&self.collection),
            key: key.into(),
            content: content.and_then(|one| serde_json::to_vec(one).ok()),
        }
    }
}
