//! [`id_of`]: the ids of events that are hashes.

use uuid::Builder;

use crate::digest::digest;
use crate::eventstore::backend::EventId;

/// The id of an event that is made of these values: a UUID v8 (RFC 9562), the first half of their hash.
pub(super) fn id_of(values: &[&[u8]]) -> EventId {
    let mut half = [0; 16];
    half.copy_from_slice(&digest(values)[..16]);
    EventId::from_u128(Builder::from_custom_bytes(half).into_uuid().as_u128())
}
