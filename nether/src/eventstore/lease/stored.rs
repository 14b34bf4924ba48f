//! [`StoredLease`]: a lease as it was found in a store, and how it is taken.

use std::sync::Arc;

use crate::eventstore::backend::{DocumentChange, DocumentCondition, StoreError};
use crate::eventstore::lease::record::{LeaseHolder, LeaseRecord};

/// Where the leases are, by the names of those who follow the store.
pub(crate) const LEASES: &str = "lease";

/// Where the signs of life of their holders are.
pub(crate) const HEARTBEATS: &str = "heartbeat";

/// A lease as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredLease {
    pub(crate) name: Arc<str>,
    /// `None` if it was never taken.
    pub(crate) record: Option<LeaseRecord>,
    content: Option<Vec<u8>>,
    heartbeat: Option<Vec<u8>>,
}

/// What has to be written, and what has to be there for that.
pub(crate) struct LeaseChange {
    pub(crate) changes: Vec<DocumentChange>,
    pub(crate) conditions: Vec<DocumentCondition>,
}

impl StoredLease {
    /// The lease of that name, by the documents that were found.
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

    /// Who holds it.
    pub(crate) fn holder(&self) -> Option<&LeaseHolder> {
        self.record.as_ref()?.holder.as_ref()
    }

    /// What has to be written for the lease to be taken: if it is still as it was found, and whoever held it
    /// has given no sign of life since.
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

/// A lease that was taken.
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

    /// The lease in the store, if it is that of the holder. It may have taken it without learning of it.
    pub(crate) fn already(found: &StoredLease, holder: &LeaseHolder) -> Option<Self> {
        let record = found.record.as_ref()?;
        let is_own = record.holder.as_ref() == Some(holder);
        is_own.then(|| HeldLease::new(&found.name, record.epoch, holder))
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// What has to be in the store for anything to be written as the holder: the fence.
    pub(crate) fn fence(&self) -> DocumentCondition {
        condition(LEASES, &self.name, Some(self.content.clone()))
    }

    /// A sign of life, of that number.
    pub(crate) fn beat(&self, number: u64) -> LeaseChange {
        LeaseChange {
            changes: vec![self.heartbeat_is(Some(number.to_string().into_bytes()))],
            conditions: vec![self.fence()],
        }
    }

    /// What has to be written for the lease to be given back.
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
