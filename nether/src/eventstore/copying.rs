//! [`DocumentsToCopy`]: the documents of a store that a copy of it in another database needs.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::eventstore::backend::{Documents, EventStore, StoreError};
use crate::eventstore::checkpoint::{AHEAD, CHECKPOINTS};
use crate::eventstore::lease::{HEARTBEATS, LEASES};
use crate::eventstore::parked::parked_by;
use crate::eventstore::projection::TURNS;

/// The documents of a store that a copy of it in another database needs, one collection after the other.
///
/// What belongs to the processes of the store or to its database is left out:
///
/// - leases and heartbeats, because no process has the copy open;
/// - the progress of projections that write in transactions of the store, and the events that they have
///   parked: their tables are in the database of the store, so that they begin anew in the copy.
///
/// Every other document is copied byte for byte: other checkpoints, snapshots, sagas, keys of idempotency.
#[derive(Debug)]
pub struct DocumentsToCopy<'a, S> {
    store: &'a S,
    /// The projections that write in transactions of the store.
    in_transactions: BTreeSet<Arc<str>>,
}

impl<'a, S: EventStore> DocumentsToCopy<'a, S> {
    /// Those of that store.
    ///
    /// # Errors
    /// Why it could not be read.
    pub async fn of(store: &'a S) -> Result<Self, StoreError> {
        let turns = store.documents(TURNS).await?;
        Ok(DocumentsToCopy {
            store,
            in_transactions: turns.into_iter().map(|(name, _)| name).collect(),
        })
    }

    /// The collections that have some.
    ///
    /// # Errors
    /// [`StoreError::Unsupported`] if the store cannot list them; or why they could not be read.
    pub async fn collections(&self) -> Result<Vec<Arc<str>>, StoreError> {
        let mut collections = self.store.collections().await?;
        collections.retain(|it| ![LEASES, HEARTBEATS, TURNS].contains(&&**it));
        collections.retain(|it| !parked_by(it).is_some_and(|name| self.is_in_transactions(name)));
        Ok(collections)
    }

    /// Those of a collection, by key.
    ///
    /// # Errors
    /// Why they could not be read.
    pub async fn documents(&self, collection: &str) -> Result<Documents, StoreError> {
        let mut documents = self.store.documents(collection).await?;
        if [CHECKPOINTS, AHEAD].contains(&collection) {
            documents.retain(|(name, _)| !self.is_in_transactions(name));
        }
        Ok(documents)
    }

    /// Whether that is the name of the progress of a projection that writes in transactions of the store,
    /// whichever its tables are.
    fn is_in_transactions(&self, name: &str) -> bool {
        let of_tables = name.rsplit_once('/').filter(|(_, generation)| {
            !generation.is_empty() && generation.bytes().all(|digit| digit.is_ascii_digit())
        });
        self.in_transactions.contains(name)
            || of_tables.is_some_and(|(name, _)| self.in_transactions.contains(name))
    }
}
