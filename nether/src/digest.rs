//! [`digest`]: the hash of several values, none of which can be taken for a part of another.

use sha2::{Digest, Sha256};

/// The SHA-256 of the values, each with its length before it (8 bytes, the highest first). The first one says
/// what the hash is of, so that hashes of different things differ. It is the same in every process and every
/// version of the library.
pub(crate) fn digest(values: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for value in values {
        hash.update((value.len() as u64).to_be_bytes());
        hash.update(value);
    }
    hash.finalize().into()
}
