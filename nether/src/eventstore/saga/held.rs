//! [`HeldEvents`]: events that wait until the saga of their key is over. Each has a document of its own, so
//! that the cost of one more does not depend on their number.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use crate::eventstore::backend::{DocumentChange, Position, StoreError};
use crate::eventstore::checkpoint;
use crate::eventstore::store::Store;

/// The waiting events of the sagas of one type. The first one of a key starts the next saga with that key.
pub(super) struct HeldEvents {
    collection: Arc<str>,
    by_key: HashMap<Arc<str>, BTreeSet<Position>>,
    /// The events that differ from what is in the store, with their keys.
    changed: BTreeSet<(Position, Arc<str>)>,
}

impl HeldEvents {
    pub(super) fn none(name: &str) -> Self {
        HeldEvents {
            collection: format!("saga_held/{name}").into(),
            by_key: HashMap::new(),
            changed: BTreeSet::new(),
        }
    }

    /// Loads those in the store.
    ///
    /// # Errors
    /// [`StoreError::Codec`] or [`StoreError::Corrupt`] if one of them makes no sense; or why they could not
    /// be read.
    pub(super) async fn load(store: &Store, name: &str) -> Result<Self, StoreError> {
        let mut held = HeldEvents::none(name);
        let mut last = Position::START;
        for (document, key) in store.documents(&held.collection).await? {
            // An event that is for several sagas has a document for each, so the key is part of the name.
            let position = document.split('/').next().unwrap_or_default();
            let read = position.parse().ok().zip(String::from_utf8(key).ok());
            let (position, key) = read.ok_or_else(|| StoreError::Codec {
                what: format!("what waits for the end of a saga `{name}` cannot be read"),
                reason: format!("`{document}` is not what it was written as"),
            })?;
            last = last.max(Position(position));
            let of_key = held.by_key.entry(key.into()).or_default();
            of_key.insert(Position(position));
        }
        checkpoint::check(store, name, last, &held.collection).await?;
        Ok(held)
    }

    /// The keys that have waiting events.
    pub(super) fn keys(&self) -> impl Iterator<Item = &Arc<str>> {
        self.by_key.keys()
    }

    /// The number of waiting events of a key.
    pub(super) fn count(&self, key: &str) -> usize {
        self.by_key.get(key).map_or(0, BTreeSet::len)
    }

    /// The first waiting event of a key.
    pub(super) fn first(&self, key: &str) -> Option<Position> {
        self.by_key.get(key)?.first().copied()
    }

    /// Lets an event wait.
    pub(super) fn hold(&mut self, key: &Arc<str>, position: Position) {
        let of_key = self.by_key.entry(Arc::clone(key)).or_default();
        of_key.insert(position);
        self.changed.insert((position, Arc::clone(key)));
    }

    /// Notes that an event does not wait any more.
    pub(super) fn remove(&mut self, key: &Arc<str>, position: Position) {
        if let Some(of_key) = self.by_key.get_mut(key) {
            of_key.remove(&position);
            if of_key.is_empty() {
                self.by_key.remove(key);
            }
            self.changed.insert((position, Arc::clone(key)));
        }
    }

    /// All waiting events of a key.
    pub(super) fn all(&self, key: &str) -> VecDeque<Position> {
        let all = self.by_key.get(key);
        all.map(|all| all.iter().copied().collect())
            .unwrap_or_default()
    }

    /// The changes that bring the store to the state in memory.
    pub(super) fn changes(&self) -> impl Iterator<Item = DocumentChange> {
        self.changed.iter().map(|(position, key)| {
            let of_key = self.by_key.get(key);
            let waits = of_key.is_some_and(|of_key| of_key.contains(position));
            DocumentChange {
                collection: Arc::clone(&self.collection),
                key: format!("{position}/{key}").into(),
                content: waits.then(|| key.as_bytes().to_vec()),
            }
        })
    }

    /// Notes that the store has the state in memory.
    pub(super) fn saved(&mut self) {
        self.changed.clear();
    }
}
