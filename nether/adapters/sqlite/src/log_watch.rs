//! [`LogWatch`]: notices that the log (`-wal`) was truncated. SQLite does not notice: it goes on writing
//! where the end was, and everything after the hole is lost once the process ends.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nether::eventstore::StoreError;
use rusqlite::Connection;

use crate::database_file::beside;
use crate::errors::location;
use crate::generation::pages_in_log;

/// The sizes in bytes of the header of a log and of the header of each page in it.
const HEADER: u64 = 32;
const PAGE_HEADER: u64 = 24;

/// How often a log that seems truncated is measured: another process may be bringing it into the file.
const ATTEMPTS: u32 = 3;

/// The pause before the number of pages is asked for again.
const AGAIN: Duration = Duration::from_millis(1);

/// The log as the writer has last seen it.
pub(super) struct LogWatch {
    path: PathBuf,
    /// A descriptor of its own. Closing it is safe: SQLite has no locks on the log.
    file: File,
    /// The length of the log.
    length: u64,
}

impl LogWatch {
    /// Begins with the log of a database that is open; `None` if the log cannot be opened.
    pub(super) fn begin(database: &Path) -> Option<Self> {
        let path = beside(database, "-wal");
        let file = File::open(&path).ok()?;
        let mut watch = LogWatch {
            path,
            file,
            length: 0,
        };
        watch.length = watch.measured().ok()?;
        Some(watch)
    }

    /// Checks that what was written is still there. Its length is found by a seek: on some systems a file
    /// whose metadata were read takes a new time with the next write, which makes each flush slower.
    ///
    /// # Errors
    /// [`StoreError::BadFile`] if the log was truncated; or why it could not be measured.
    pub(super) fn look(&mut self, connection: &Connection) -> Result<(), StoreError> {
        let length = self.measured().map_err(StoreError::failed)?;
        if length < self.length {
            return self.look_closer(connection);
        }
        self.length = length;
        Ok(())
    }

    /// The length, if the log has a beginning; 0 if it begins with a hole.
    fn measured(&mut self) -> io::Result<u64> {
        let length = self.file.seek(SeekFrom::End(0))?;
        let mut first = [0];
        self.file.seek(SeekFrom::Start(0))?;
        let has_header = self.file.read(&mut first)? == 1 && first != [0];
        Ok(if has_header { length } else { 0 })
    }

    /// Checks that a log which has become shorter still has all its pages: another process may have brought
    /// it into the file.
    #[cold]
    fn look_closer(&mut self, connection: &Connection) -> Result<(), StoreError> {
        let failed = |error: rusqlite::Error| StoreError::failed(error);
        let page: u64 = connection
            .pragma_query_value(None, "page_size", |row| row.get::<_, i64>(0))
            .map_err(failed)?
            .cast_unsigned();
        let mut found = 0;
        for _ in 0..ATTEMPTS {
            let pages = wait_for_pages(connection)?;
            found = self.measured().map_err(StoreError::failed)?;
            if pages == 0 || found >= HEADER + pages * (PAGE_HEADER + page) {
                self.length = found;
                return Ok(());
            }
        }
        Err(StoreError::BadFile {
            location: location(&self.path),
            problem: format!(
                "was truncated from {} to {found} bytes while the store was open. Events in it may be lost, and no more are accepted: stop the program, and copy all files of the store. Opened again, the store goes on with the events that are left; or restore a backup",
                self.length
            ),
        })
    }
}

/// How many pages are in the log. Another process may keep that from being known, as long as it takes to open
/// the file.
///
/// # Errors
/// [`StoreError::Locked`] if it takes longer than the connection waits for locks; or why it cannot be known.
fn wait_for_pages(connection: &Connection) -> Result<u64, StoreError> {
    let failed = |error: rusqlite::Error| StoreError::failed(error);
    let patience: u64 = connection
        .pragma_query_value(None, "busy_timeout", |row| row.get::<_, i64>(0))
        .map_err(failed)?
        .cast_unsigned();
    let began = Instant::now();
    loop {
        if let Some(pages) = pages_in_log(connection).map_err(failed)? {
            return Ok(pages);
        }
        if began.elapsed() >= Duration::from_millis(patience) {
            return Err(StoreError::Locked {
                reason: "another process keeps the length of its log from being known".to_owned(),
            });
        }
        std::thread::sleep(AGAIN);
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Duration;

    use rusqlite::Connection;

    use super::LogWatch;
    use nether::eventstore::StoreError;

    #[test]
    fn a_log_whose_length_cannot_be_known_is_not_taken_for_truncated() {
        let folder = std::env::temp_dir().join(format!("nether-log-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let database = folder.join("a.db");
        fs::write(folder.join("a.db-wal"), [1; 100]).unwrap();
        let mut watch = LogWatch::begin(&database).unwrap();
        fs::write(folder.join("a.db-wal"), [1; 50]).unwrap();
        // It has no log, so SQLite says as little as when it is locked.
        let connection = Connection::open_in_memory().unwrap();
        connection.busy_timeout(Duration::from_millis(3)).unwrap();
        let error = watch.look(&connection).unwrap_err();
        assert!(matches!(error, StoreError::Locked { .. }), "{error}");
        fs::remove_dir_all(folder).unwrap();
    }
}
