//! Random bytes of the operating system.

use crate::eventstore::backend::StoreError;

/// Fills the bytes.
///
/// # Errors
/// If the operating system gives none.
pub(super) fn fill(bytes: &mut [u8]) -> Result<(), StoreError> {
    getrandom::fill(bytes).map_err(|error| StoreError::Failed {
        reason: format!("the operating system gives no random numbers: {error}"),
        source: None,
    })
}
