//! [`FileWatch`]: notices before an acknowledgement that the files of a store were removed, renamed, replaced
//! or truncated. Events in a file that has no name are lost with the process.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use rusqlite::{Connection, OpenFlags};

use crate::eventstore::backend::StoreError;
use crate::eventstore::sqlite::database_file::{DatabaseFile, beside};
use crate::eventstore::sqlite::file_id::FileId;
use crate::eventstore::sqlite::log_watch::LogWatch;

/// How long a look is good for before a transaction begins. Before an acknowledgement there is always one.
const RECENT: Duration = Duration::from_millis(1);

/// When the time of a folder is old enough that a further change in it gets another time.
const SETTLED: Duration = Duration::from_secs(1);

/// What the writer knows of its files.
pub(super) struct FileWatch {
    file: Arc<DatabaseFile>,
    folder: PathBuf,
    /// The folder when all its files were looked at, if it had settled: as long as it is the same, no file in
    /// it was removed, renamed or replaced.
    settled: Option<(FileId, SystemTime)>,
    /// The log and the memory that connections share, as SQLite has opened them.
    beside: Vec<(PathBuf, FileId)>,
    log: Option<LogWatch>,
    length: u64,
    /// When all was well.
    looked: Option<Instant>,
}

impl FileWatch {
    /// Begins, when the database is open.
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

    /// Before a transaction: it would be written to a lost file for nothing.
    pub(super) fn before(&mut self, connection: &Connection) -> Result<(), StoreError> {
        // A log that was cut off would be as long as before after the next write, with a hole in it.
        self.look_at_log(connection)?;
        if self.looked.is_some_and(|looked| looked.elapsed() < RECENT) {
            return Ok(());
        }
        self.look(connection)
    }

    /// Before an acknowledgement.
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

    /// Not before each acknowledgement: on some systems, a file that was looked at takes a new time with the
    /// next write, and to write that down makes each flush of the log dearer.
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

    /// Whether the database is where it was.
    pub(super) fn is_in_place(&self) -> bool {
        self.file.check().is_ok()
    }

    /// Checks that a file which is shorter than it was has all its pages: then it was vacuumed.
    #[cold]
    fn check_pages(&self, length: u64) -> Result<(), StoreError> {
        // Asked of a new connection, which has read none of them before.
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let checked = Connection::open_with_flags(self.file.path(), flags).and_then(|connection| {
            connection.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0))
        });
        // A file without a byte is a sound database, and another one.
        if length > 0 && checked.is_ok_and(|found| found == "ok") {
            return Ok(());
        }
        Err(StoreError::BadFile {
            path: self.file.path().to_owned(),
            problem: format!(
                "was truncated from {} to {length} bytes while the store was open. Events in it are lost, and no more are accepted: stop the program, copy all files of the store, and restore a backup",
                self.length
            ),
        })
    }
}

#[cold]
fn lost(path: PathBuf) -> StoreError {
    StoreError::BadFile {
        path,
        problem: "was removed, renamed or replaced while the store was open. The newest events are in it, and no more are accepted: put it back under its name, or stop in order, which brings them into the store's own file"
            .to_owned(),
    }
}
