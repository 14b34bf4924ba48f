//! [`EventId`]: the id of one event.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The id of one event, and what makes an append idempotent: an event whose id is in the store already is not
/// written again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventId(Uuid);

impl EventId {
    /// A new one, a UUID v7: ids of one process sort by time.
    pub fn new() -> Self {
        EventId(Uuid::now_v7())
    }

    /// The id with these 128 bits.
    pub const fn from_u128(bits: u128) -> Self {
        EventId(Uuid::from_u128(bits))
    }

    /// Its 128 bits.
    pub const fn as_u128(self) -> u128 {
        self.0.as_u128()
    }
}

impl Default for EventId {
    fn default() -> Self {
        EventId::new()
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EventId({self})")
    }
}
