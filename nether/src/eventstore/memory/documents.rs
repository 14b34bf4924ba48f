//! [`MemoryDocuments`]: the documents of a store in memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::eventstore::backend::{DocumentChange, DocumentCondition, Documents, StoreError};

/// Documents by collection and key.
#[derive(Debug, Default)]
pub(super) struct MemoryDocuments(BTreeMap<Arc<str>, BTreeMap<Arc<str>, Vec<u8>>>);

impl MemoryDocuments {
    pub(super) fn get(&self, collection: &str, key: &str) -> Option<&Vec<u8>> {
        self.0.get(collection)?.get(key)
    }

    pub(super) fn all(&self, collection: &str) -> Documents {
        let documents = self.0.get(collection).into_iter().flatten();
        let copied = documents.map(|(key, content)| (Arc::clone(key), content.clone()));
        copied.collect()
    }

    /// The names of the collections that have a document.
    pub(super) fn collections(&self) -> Vec<Arc<str>> {
        let collections = self.0.iter().filter(|(_, documents)| !documents.is_empty());
        collections.map(|(name, _)| Arc::clone(name)).collect()
    }

    /// Checks that all conditions hold.
    pub(super) fn check(&self, conditions: &[DocumentCondition]) -> Result<(), StoreError> {
        for DocumentCondition {
            collection,
            key,
            content,
        } in conditions
        {
            if self.get(collection, key) != content.as_ref() {
                return Err(StoreError::PreconditionFailed {
                    collection: Arc::clone(collection),
                    key: Arc::clone(key),
                });
            }
        }
        Ok(())
    }

    /// Makes all changes if all conditions hold, else none.
    pub(super) fn change(
        &mut self,
        changes: Vec<DocumentChange>,
        conditions: &[DocumentCondition],
    ) -> Result<(), StoreError> {
        self.check(conditions)?;
        for change in changes {
            let collection = self.0.entry(change.collection).or_default();
            match change.content {
                Some(content) => collection.insert(change.key, content),
                None => collection.remove(&change.key),
            };
        }
        Ok(())
    }
}
