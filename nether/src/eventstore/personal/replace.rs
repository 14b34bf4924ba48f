//! [`Replace`]: what takes the place of a value in some content.

use crate::eventstore::backend::StoreError;

/// Given the subject of a value and the value as it is written, returns what takes the place of both.
pub(super) type Replace<'a> = dyn FnMut(&str, &[u8]) -> Result<Vec<u8>, StoreError> + 'a;
