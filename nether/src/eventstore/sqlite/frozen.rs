//! [`Frozen`]: a file that is read as one that does not change.

use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::eventstore::backend::StoreError;
use crate::eventstore::sqlite::database_file::{beside, holds_something};
use crate::eventstore::sqlite::file_id::FileId;

/// A file that is read without locks, as long as it stays what it was: somebody else may be able to write it.
#[derive(Debug)]
pub(super) struct Frozen {
    path: PathBuf,
    log: PathBuf,
    seen: (FileId, u64, Option<SystemTime>),
}

impl Frozen {
    /// The file as it is now.
    pub(super) fn new(path: &Path, metadata: &Metadata) -> Self {
        Frozen {
            path: path.to_owned(),
            log: beside(path, "-wal"),
            seen: Frozen::seen(metadata),
        }
    }

    fn seen(metadata: &Metadata) -> (FileId, u64, Option<SystemTime>) {
        (
            FileId::of(metadata),
            metadata.len(),
            metadata.modified().ok(),
        )
    }

    /// Checks that it has not changed.
    ///
    /// # Errors
    /// [`StoreError::Locked`]: what was read may be a mixture of before and after. The next attempt opens the
    /// file again.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        let now = fs::metadata(&self.path).map_err(StoreError::failed)?;
        if Frozen::seen(&now) == self.seen && !holds_something(&self.log) {
            return Ok(());
        }
        Err(StoreError::Locked {
            reason: format!(
                "`{}` has changed while it was read without locks, in a folder that cannot be written: try again",
                self.path.display()
            ),
        })
    }
}
