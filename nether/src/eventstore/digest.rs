//! [`digest`]: the hash of several values, none of which can be taken for a part of another.

use sha2::{Digest, Sha256};
use uuid::Builder;

use crate::eventstore::backend::EventId;

/// The SHA-256 of the values, each with its length before it (8 bytes, the highest first). The first one says
/// what the hash is of, so that hashes of different things differ.
pub(super) fn digest(values: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for value in values {
        hash.update((value.len() as u64).to_be_bytes());
        hash.update(value);
    }
    hash.finalize().into()
}

/// The id of an event that is made of these values: a UUID v8 (RFC 9562), the first half of their hash.
pub(super) fn id_of(values: &[&[u8]]) -> EventId {
    let mut half = [0; 16];
    half.copy_from_slice(&digest(values)[..16]);
    EventId::from_u128(Builder::from_custom_bytes(half).into_uuid().as_u128())
}
