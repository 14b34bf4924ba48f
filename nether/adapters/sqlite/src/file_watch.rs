//! [`FileWatch`]: checks, before each acknowledgement, that the files of a store were not removed, renamed,
//! replaced or truncated. Events in a file that has no name any more are lost with the process.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use nether::eventstore::StoreError;
use rusqlite::{Connection, OpenFlags};

use crate::database_file::{DatabaseFile, beside};
use crate::errors::location;
use crate::file_id::FileId;
use crate::log_watch::LogWatch;

/// How old a look may be for a transaction to begin without another. Each acknowledgement has a look of its
/// own.
const RECENT: Duration = Duration::from_millis(1);

/// How old the modification time of a folder must be: a further change in the folder then gets another time.
const SETTLED: Duration = Duration::from_secs(1);

/// The files of a store as the writer has last seen them.
pub(super) struct FileWatch {
    file: Arc<DatabaseFile>,
    folder: PathBuf,
    /// The folder and its modification time when all its files were checked, if that time was old enough. As
    /// long as both are the same, no file in the folder was removed, renamed or replaced.
    settled: Option<(FileId, SystemTime)>,
    /// The files `-wal` and `-shm` that SQLite has opened.
    beside: Vec<(PathBuf, FileId)>,
    log: Option<LogWatch>,
    /// The length of the database file.
    length: u64,
    /// When the last look was, if it found nothing wrong.
    looked: Option<Instant>,
}

impl FileWatch {
    /// Begins, once the database is open.
    ///
    /// # Errors
    /// As those of [`DatabaseFile::check`].
    pub(super) fn begin(file: Arc<DatabaseFile>) -> Result<Self, StoreError> {
        let beside = ["-wal", "-shm"].map(|suffix| beside(file.path(), suffix));
        let beside = beside.into_iter().filter_map(|path| {
            let id = FileId::of(&fs::symlink_metadata(&path).ok()?);
            Some((path, id))
        });
        let folder = file.path().parent().map(Path::to_owned);
        Ok(FileWatch {
            folder: folder.unwrap_or_default(),
            settled: None,
            beside: beside.collect(),
            log: LogWatch::begin(file.path()),
            length: file.check()?.len(),
            looked: Some(Instant::now()),
            file,
        })
    }

    /// Checks the files before a transaction, which would otherwise be written to a lost file.
    ///
    /// # Errors
    /// [`StoreError::BadFile`], or why the files could not be looked at. Nothing was written.
    pub(super) fn before(&mut self, connection: &Connection) -> Result<(), StoreError> {
        // Always: after the next write, a truncated log is as long as before, with a hole in it.
        self.look_at_log(connection)?;
        if self.looked.is_some_and(|looked| looked.elapsed() < RECENT) {
            return Ok(());
        }
        self.look(connection)
    }

    /// Checks the files before an acknowledgement.
    ///
    /// # Errors
    /// [`StoreError::BadFile`], or why the files could not be looked at. The transaction is already committed
    /// then.
    pub(super) fn look(&mut self, connection: &Connection) -> Result<(), StoreError> {
        self.looked = None;
        let length = self.file.check()?.len();
        let folder = fs::metadata(&self.folder).ok();
        let folder = folder.and_then(|it| Some((FileId::of(&it), it.modified().ok()?)));
        if self.settled.is_none() || self.settled != folder {
            self.look_beside()?;
            let has_settled = |(_, changed): &(FileId, SystemTime)| {
                changed.elapsed().is_ok_and(|since| since > SETTLED)
            };
            self.settled = folder.filter(has_settled);
        }
        if length < self.length {
            self.check_pages(length)?;
        }
        self.look_at_log(connection)?;
        self.length = length;
        self.looked = Some(Instant::now());
        Ok(())
    }

    /// Checks that the log was not truncated.
    pub(super) fn look_at_log(&mut self, connection: &Connection) -> Result<(), StoreError> {
        let log = self.log.as_mut();
        log.map_or(Ok(()), |log| log.look(connection))
    }

    /// Checks that `-wal` and `-shm` are still in place. Not done before each acknowledgement: on some
    /// systems a file whose metadata were read takes a new time with the next write, which makes each flush
    /// slower.
    #[cold]
    fn look_beside(&self) -> Result<(), StoreError> {
        for (path, id) in &self.beside {
            let is_there = fs::symlink_metadata(path).is_ok_and(|it| FileId::of(&it) == *id);
            if !is_there {
                return Err(lost(path.clone()));
            }
        }
        Ok(())
    }

    /// Whether the database file is still in place.
    pub(super) fn is_in_place(&self) -> bool {
        self.file.check().is_ok()
    }

    /// Checks that a file which has become shorter still has all its pages, as after a `VACUUM`.
    #[cold]
    fn check_pages(&self, length: u64) -> Result<(), StoreError> {
        // A new connection has none of the pages in its cache.
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let checked = Connection::open_with_flags(self.file.path(), flags).and_then(|connection| {
            connection.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0))
        });
        // An empty file passes the check, and is another database.
        if length > 0 && checked.is_ok_and(|found| found == "ok") {
            return Ok(());
        }
        Err(StoreError::BadFile {
            location: location(self.file.path()),
            problem: format!(
                "was truncated from {} to {length} bytes while the store was open. Events in it are lost, and no more are accepted: stop the program, copy all files of the store, and restore a backup",
                self.length
            ),
        })
    }
}

/// The error that a file beside the database is not in place.
#[cold]
fn lost(path: PathBuf) -> StoreError {
    StoreError::BadFile {
        location: location(&path),
        problem: "was removed, renamed or replaced while the store was open. The newest events are in it, and no more are accepted: put it back under its name, or stop in order, which brings them into the store's own file"
            .to_owned(),
    }
}
