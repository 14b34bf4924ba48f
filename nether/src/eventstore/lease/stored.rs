//! [`StoredLease`]: a lease as it was found in a store, and how it is taken.

use std::sync::Arc;

use crate::eventstore::backend::{DocumentChange, DocumentCondition, StoreError};
use crate::eventstore::lease::record::{LeaseHolder, LeaseRecord};

/// The collection of the leases, by the names of projections and sagas.
pub(crate) const LEASES: &str = "lease";

/// The collection of the heartbeats, by the names of their leases.
pub(crate) const HEARTBEATS: &str = "heartbeat";

/// A lease as it was read, with its heartbeat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredLease {
    pub(crate) name: Arc<str>,
    /// `None` if it was never taken.
    pub(crate) record: Option<LeaseRecord>,
    content: Option<Vec<u8>>,
    heartbeat: Option<Vec<u8>>,
}

/// Changes of documents, and the conditions on which they are made.
pub(crate) struct LeaseChange {
    pub(crate) changes: Vec<DocumentChange>,
    pub(crate) conditions: Vec<DocumentCondition>,
}

impl StoredLease {
    /// The lease of that name, from its two documents.
    ///
    /// # Errors
    /// [`StoreError::Codec`] if the lease cannot be read.
    pub(crate) fn of(
        name: &str,
        content: Option<Vec<u8>>,
        heartbeat: Option<Vec<u8>>,
    ) -> Result<Self, StoreError> {
        let record = content.as_deref().map(serde_json::from_slice);
        let record = record.transpose().map_err(|error| StoreError::Codec {
            what: format!("the lease of `{name}` cannot be read"),
            reason: format!(
                "{error}; if no process runs `{name}`, remove the document `{name}` of `{LEASES}`"
            ),
        })?;
        Ok(StoredLease {
            name: name.into(),
            record,
            content,
            heartbeat,
        })
    }

    /// The runner that holds the lease; `None` if it is free.
    pub(crate) fn holder(&self) -> Option<&LeaseHolder> {
        self.record.as_ref()?.holder.as_ref()
    }

    /// The document of the lease.
    pub(crate) fn content(&self) -> Option<&Vec<u8>> {
        self.content.as_ref()
    }

    /// The lease as `holder` will hold it, and the change that takes it: on condition that the lease is still
    /// as it was read, and that its holder has written no heartbeat since.
    pub(crate) fn taken_by(&self, holder: &LeaseHolder) -> (HeldLease, LeaseChange) {
        let epoch = self.record.as_ref().map_or(0, |it| it.epoch) + 1;
        let held = HeldLease::new(&self.name, epoch, holder);
        let taken = LeaseChange {
            changes: vec![
                held.lease_is(Some(held.content.clone())),
                held.heartbeat_is(None),
            ],
            conditions: vec![
                condition(LEASES, &self.name, self.content.clone()),
                condition(HEARTBEATS, &self.name, self.heartbeat.clone()),
            ],
        };
        (held, taken)
    }
}

/// A lease that a runner has taken.
#[derive(Debug, Clone)]
pub(crate) struct HeldLease {
    name: Arc<str>,
    pub(crate) epoch: u64,
    content: Vec<u8>,
}

impl HeldLease {
    fn new(name: &Arc<str>, epoch: u64, holder: &LeaseHolder) -> Self {
        let record = LeaseRecord {
            epoch,
            holder: Some(holder.clone()),
        };
        HeldLease {
            name: Arc::clone(name),
            epoch,
            content: written(&record),
        }
    }

    /// The lease, if `holder` holds it. A bid may have been written although the store returned an error.
    pub(crate) fn if_own(found: &StoredLease, holder: &LeaseHolder) -> Option<Self> {
        let (record, content) = (found.record.as_ref()?, found.content.as_ref()?);
        let is_own = record.holder.as_ref() == Some(holder);
        // With the bytes that were found: another program may have written the same lease in another way.
        is_own.then(|| HeldLease {
            name: Arc::clone(&found.name),
            epoch: record.epoch,
            content: content.clone(),
        })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The condition on every write of the holder: the lease document is as the holder wrote it.
    pub(crate) fn fence(&self) -> DocumentCondition {
        condition(LEASES, &self.name, Some(self.content.clone()))
    }

    /// The change that writes the heartbeat of that number.
    pub(crate) fn beat(&self, number: u64) -> LeaseChange {
        LeaseChange {
            changes: vec![self.heartbeat_is(Some(number.to_string().into_bytes()))],
            conditions: vec![self.fence()],
        }
    }

    /// The change that gives the lease back.
    pub(crate) fn released(&self) -> LeaseChange {
        let record = LeaseRecord {
            epoch: self.epoch,
            holder: None,
        };
        LeaseChange {
            changes: vec![
                self.lease_is(Some(written(&record))),
                self.heartbeat_is(None),
            ],
            conditions: vec![self.fence()],
        }
    }

    fn lease_is(&self, content: Option<Vec<u8>>) -> DocumentChange {
        DocumentChange {
            collection: LEASES.into(),
            key: Arc::clone(&self.name),
            content,
        }
    }

    fn heartbeat_is(&self, content: Option<Vec<u8>>) -> DocumentChange {
        DocumentChange {
            collection: HEARTBEATS.into(),
            key: Arc::clone(&self.name),
            content,
        }
    }
}

fn written(record: &LeaseRecord) -> Vec<u8> {
    serde_json::to_vec(record).expect("it is made of numbers and texts")
}

fn condition(collection: &str, name: &Arc<str>, content: Option<Vec<u8>>) -> DocumentCondition {
    DocumentCondition {
        collection: collection.into(),
        key: Arc::clone(name),
        content,
    }
}
