//! [`Replace`]: what takes the place of a personal value in some content.

use crate::eventstore::backend::StoreError;

/// The key of a personal value: behind it are the subject, and the value.
pub(super) const TAG: &str = "$personal";

/// How many personal values may be in each other.
pub(super) const DEEPEST: u32 = 4;

/// A personal value, as it is found in some content.
pub(super) enum FoundValue<'a> {
    /// The value as it is written.
    Known(&'a [u8]),
    /// The value encrypted.
    Sealed(Vec<u8>),
    Forgotten,
}

/// What takes its place.
pub(super) enum NewValue {
    /// It stays.
    Same,
    /// The value as it is written.
    Known(Vec<u8>),
    /// The value encrypted.
    Sealed(Vec<u8>),
    Forgotten,
    /// It cannot be read, and neither can what it is in.
    Unreadable,
}

/// Given the subject and the value, returns what takes its place.
pub(super) type Replace<'a> = dyn FnMut(&str, FoundValue<'_>) -> Result<NewValue, StoreError> + 'a;

pub(super) fn too_deep() -> StoreError {
    StoreError::Codec {
        what: "a personal value cannot be stored".to_owned(),
        reason: format!("more than {DEEPEST} personal values are in each other"),
    }
}
