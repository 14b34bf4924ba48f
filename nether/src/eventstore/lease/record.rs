//! [`LeaseRecord`]: a lease as it is written down.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A lease as it is written down. Its content changes only when the lease is taken or given back, so that the
/// holder can require it byte for byte in each of its writes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LeaseRecord {
    /// How often the lease was taken.
    pub(crate) epoch: u64,
    /// `None` after the lease was given back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) holder: Option<LeaseHolder>,
}

/// The runner that holds a lease.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LeaseHolder {
    /// The id of its process, which no other process has.
    pub(crate) process: Uuid,
    /// The number of the runner, which no other runner of the process has.
    pub(crate) runner: u64,
    /// The name of its process, for people.
    pub(crate) name: String,
    /// How long the holder may be silent before another takes over.
    pub(crate) lease_time_ms: u64,
    /// Whether no other process can have the store open while the holder runs.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) is_alone: bool,
}
