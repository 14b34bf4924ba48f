//! [`Store::forget`]: a subject is forgotten.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::eventstore::backend::{Position, StoreError};
use crate::eventstore::personal::forgotten::forgotten;
use crate::eventstore::personal::keys::SubjectKeys;
use crate::eventstore::store::Store;

impl Store {
    /// The store with keys to encrypt [`Personal`](crate::eventstore::Personal) values with. A store without
    /// keys refuses these.
    ///
    /// ```
    /// use nether::eventstore::{MemoryKeys, Store};
    ///
    /// let store = Store::memory().subject_keys(MemoryKeys::default());
    /// # drop(store);
    /// ```
    #[must_use]
    pub fn subject_keys(self, keys: impl SubjectKeys) -> Self {
        self.with_keys(Arc::new(keys))
    }

    /// Forgets a subject, for good: its key is destroyed, so that its
    /// [`Personal`](crate::eventstore::Personal) values are read as forgotten, wherever they were stored: in
    /// events, snapshots, states of sagas, and in every backup of the store. New events with values about it
    /// are refused. What this process has in memory of aggregates and sagas is read again. Returns the
    /// position of the event [`SubjectForgotten`](crate::eventstore::SubjectForgotten): a projection that has
    /// come so far has handled it.
    ///
    /// When it is called again, it does what is left to do, and returns the same position.
    ///
    /// # Errors
    /// [`StoreError::Codec`] if the store has no keys; or why the key could not be destroyed, or the event
    /// not be stored. Call it again then: the key may be destroyed already.
    pub async fn forget(&self, subject: impl Into<String>) -> Result<Position, StoreError> {
        let (store, subject) = (self.clone(), subject.into());
        // A task of its own: it is done to its end, also if the caller stops waiting.
        let forgetting = tokio::spawn(async move { store.forget_whole(&subject).await });
        forgetting.await.unwrap_or(Err(StoreError::Closed))
    }

    async fn forget_whole(&self, subject: &str) -> Result<Position, StoreError> {
        let keys = self.personal.keys().await?;
        let keys = keys.ok_or_else(|| StoreError::Codec {
            what: format!("`{subject}` cannot be forgotten"),
            reason: "the store has no keys: give it those with which it was written, `Store::new(..).subject_keys(..)`".to_owned(),
        })?;
        let destroyed = keys.forget(subject.into()).await;
        // Whatever came of it: the key may be destroyed.
        self.erasures.fetch_add(1, Ordering::Release);
        destroyed?;
        Ok(self.append(forgotten(subject)?).await?.position)
    }
}
