//! [`LockFile`]: who has a store open. The operating system lets go of it when its holder dies.

use std::fs::{File, TryLockError};
use std::io::{Error, ErrorKind, Read, Seek, Write};
use std::path::{Path, PathBuf};

use crate::eventstore::backend::StoreError;

/// The lock, as long as this is there.
#[derive(Debug)]
pub(super) struct LockFile {
    file: File,
}

impl LockFile {
    /// Takes the lock of a store: for oneself, or together with others who want it `shared`.
    pub(super) fn take(path: &Path, shared: bool) -> Result<Self, StoreError> {
        let lock = beside(path);
        let mut file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&lock)
            .map_err(|error| unopened(error, &lock))?;
        let taken = if shared {
            file.try_lock_shared()
        } else {
            file.try_lock()
        };
        match taken {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(StoreError::AlreadyOpen {
                    path: path.to_owned(),
                    holder: holder(&mut file),
                });
            }
            Err(TryLockError::Error(error)) => return Err(StoreError::failed(error)),
        }
        // Only for who is refused: that it cannot be written changes nothing.
        let _ = file.rewind();
        let _ = file.set_len(0);
        let _ = write!(file, "{}", std::process::id());
        Ok(LockFile { file })
    }
}

impl Drop for LockFile {
    fn drop(&mut self) {
        // Closing it is not enough: a process that is being started at this moment holds the same file until
        // it runs.
        let _ = self.file.unlock();
    }
}

/// Why the lock cannot be taken at all.
fn unopened(error: Error, lock: &Path) -> StoreError {
    match error.kind() {
        ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied => StoreError::ReadOnly {
            reason: format!("`{}`: {error}", lock.display()),
        },
        _ => StoreError::failed(error),
    }
}

/// Who holds it, as far as they have written that down.
fn holder(file: &mut File) -> String {
    let mut text = String::new();
    let _ = file.read_to_string(&mut text);
    match text.trim().parse::<u32>() {
        Ok(id) if id == std::process::id() => "in this process".to_owned(),
        Ok(id) => format!("in process {id}"),
        Err(_) => "in another process".to_owned(),
    }
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    name.into()
}
