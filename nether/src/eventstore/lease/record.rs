//! [`LeaseRecord`]: a lease as it is written down.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A lease as it is written down. Its content changes only when the lease changes hands, so that whoever
/// writes as the holder can require it byte for byte.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LeaseRecord {
    /// How often the lease was taken.
    pub(crate) epoch: u64,
    /// `None` once it was given back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) holder: Option<LeaseHolder>,
}

/// Who holds a lease.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LeaseHolder {
    /// The process, by an id that no other has.
    pub(crate) process: Uuid,
    /// The runner, by a number that no other of the process has.
    pub(crate) runner: u64,
    /// The process, for people.
    pub(crate) name: String,
    /// How long the holder may be silent before another takes over.
    pub(crate) lease_time_ms: u64,
}
