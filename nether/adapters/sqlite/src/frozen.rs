//! [`Frozen`]: a file that is read as immutable, on a medium on which SQLite cannot create its files.

use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use nether::eventstore::StoreError;

use crate::database_file::{beside, holds_something};
use crate::file_id::FileId;

/// A file that is read without locks. Another process may be able to write it, so each read is checked: what
/// was read counts only if the file has not changed.
#[derive(Debug)]
pub(super) struct Frozen {
    path: PathBuf,
    log: PathBuf,
    /// The id, length and modification time of the file when it was opened.
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
    /// [`StoreError::Locked`] if it has: what was read may be a mixture of old and new pages. The next
    /// attempt opens the file again.
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
