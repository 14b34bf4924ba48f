//! Opening a store: the file is taken and checked, and its connections and its writer are made.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nether::eventstore::StoreError;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use tokio::sync::watch;

use crate::database_file::{DatabaseFile, examine_to_read, resolved};
use crate::errors::{located, location, opening, store_error};
use crate::file_id::FileId;
use crate::file_watch::FileWatch;
use crate::generation::{Checkpointer, check_log};
use crate::lock::unopened;
use crate::migrations::{MIGRATIONS, check, migrate};
use crate::reader::Reader;
use crate::readers::Readers;
use crate::reading::{reading, reading_alone};
use crate::writer::{Writer, checkpoint};
use crate::{Durability, SqliteInner, SqliteOptions, SqliteStore};

/// The first SQLite with `wal_checkpoint(NOOP)`, which says how long the log is and does nothing else. An
/// older one takes it for a checkpoint.
const OLDEST_LIBRARY: i32 = 3_051_000;

/// The pause before the mode of the file is set again.
const AGAIN: Duration = Duration::from_millis(2);

impl SqliteOptions {
    /// Opens the store.
    ///
    /// # Errors
    /// See [`SqliteStore::open`].
    pub fn open(self, path: impl AsRef<Path>) -> Result<SqliteStore, StoreError> {
        open(&self, path.as_ref())
    }
}

fn open(options: &SqliteOptions, path: &Path) -> Result<SqliteStore, StoreError> {
    if path.as_os_str() == ":memory:" || path.as_os_str().is_empty() {
        return Err(StoreError::Foreign {
            location: location(path),
            reason: "it is no file; a store in memory is a `MemoryStore`".to_owned(),
        });
    }
    check_library(rusqlite::version_number())?;
    if options.read_only {
        return read_only(options, path);
    }
    let file = Arc::new(DatabaseFile::take(path, options.shared)?);
    let path = file.path();
    check_log(path)?;
    let mut connection = connect(options, path)?;
    let sound = migrate(&mut connection, path, MIGRATIONS);
    let sound = sound.and_then(|()| check_length(&connection, options, path));
    sound.map_err(|error| located(error, &connection))?;
    let checkpointer = Checkpointer::begin(&connection, path)?;
    let files = FileWatch::begin(Arc::clone(&file))?;
    let readers = readers_of(options, options.readers, &file);
    let backups = readers_of(options, 1, &file);
    let head = Reader::new(reading(options, path)?, None).head()?;
    let (head_sender, head) = watch::channel(head);
    let writer = Writer::start(
        connection,
        files,
        checkpointer,
        head_sender,
        options.max_batch,
    )?;
    Ok(SqliteStore {
        inner: Arc::new(SqliteInner {
            path: path.to_owned(),
            readers,
            backups,
            writer: Some(writer),
            head,
            _head_sender: None,
            poll: options.shared.then_some(options.poll_interval),
            _file: Some(file),
        }),
    })
}

/// Checks the version of SQLite. A program that is built with the library of the system may have an older
/// one.
fn check_library(found: i32) -> Result<(), StoreError> {
    if found >= OLDEST_LIBRARY {
        return Ok(());
    }
    let version = |number: i32| format!("{}.{}", number / 1_000_000, number / 1000 % 1000);
    Err(StoreError::Failed {
        reason: format!(
            "SQLite {} is linked, and the event store needs {} or newer: build without `LIBSQLITE3_SYS_USE_PKG_CONFIG`, with the one that `rusqlite` brings",
            version(found),
            version(OLDEST_LIBRARY)
        ),
        source: None,
    })
}

/// Opens a file to be read only, while another process may write it.
fn read_only(options: &SqliteOptions, path: &Path) -> Result<SqliteStore, StoreError> {
    let path = resolved(path)?;
    // First: SQLite would remove the log beside a file that was truncated to nothing.
    let found = std::fs::metadata(&path).map_err(|error| unopened(&error, &path))?;
    examine_to_read(&path, &found)?;
    check_log(&path)?;
    let mut reader = reading_alone(options, &path)?;
    reader.check_version(&path)?;
    let (head_sender, head) = watch::channel(reader.head()?);
    let (settings, file) = (options.clone(), path.clone());
    let id = FileId::of(&found);
    let open = move || {
        let reader = reading_alone(&settings, &file)?;
        // Another file may have taken the name. Connections that are open still read the file that had it.
        let named = std::fs::metadata(&file).map_err(|error| unopened(&error, &file))?;
        if FileId::of(&named) == id {
            return Ok(reader);
        }
        Err(StoreError::BadFile {
            location: location(&file),
            problem: "was replaced while it was open to be read: open it again".to_owned(),
        })
    };
    Ok(SqliteStore {
        inner: Arc::new(SqliteInner {
            path,
            readers: Readers::new(options.readers, Box::new(open.clone())),
            backups: Readers::new(1, Box::new(open)),
            writer: None,
            head,
            _head_sender: Some(head_sender),
            poll: Some(options.poll_interval),
            _file: None,
        }),
    })
}

fn readers_of(options: &SqliteOptions, count: usize, file: &Arc<DatabaseFile>) -> Readers {
    // Weak, so that a read under way does not keep the file locked after the store is dropped.
    let (settings, file) = (options.clone(), Arc::downgrade(file));
    let open = move || {
        let file = file.upgrade().ok_or(StoreError::Closed)?;
        // Checked before, because SQLite would remove the log of a file that was truncated to nothing; and
        // after, because it may have opened another file that has taken the name.
        file.check()?;
        let connection = reading(&settings, file.path())?;
        file.check()?;
        Ok(Reader::new(connection, None))
    };
    Readers::new(count, Box::new(open))
}

/// A connection that writes.
fn connect(options: &SqliteOptions, path: &Path) -> Result<Connection, StoreError> {
    // Without the flag to create a file: it was created before.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection =
        Connection::open_with_flags(path, flags).map_err(|error| opening(&error, path))?;
    let synchronous = match options.durability {
        Durability::Full => "FULL",
        Durability::Normal => "NORMAL",
    };
    let is_read = || {
        connection.busy_timeout(options.busy_timeout)?;
        // The first that is read of it: fails if it is no database.
        connection.pragma_query_value(None, "application_id", |_| Ok(()))
    };
    is_read().map_err(|error| located(opening(&error, path), &connection))?;
    // Before the mode is set, which changes the file: a file of another program must stay as it is.
    let seen = connection.unchecked_transaction();
    seen.map_err(|error| store_error(&error))
        .and_then(|seen| check(&seen, path, MIGRATIONS))
        .map_err(|error| located(error, &connection))?;
    let settings = || {
        write_ahead(&connection, options.busy_timeout)?;
        connection.pragma_update(None, "synchronous", synchronous)?;
        // Removed and replaced content is overwritten with zeros: someone may want it forgotten.
        connection.pragma_update_and_check(None, "secure_delete", "ON", |_| Ok(()))?;
        if let Some(bytes) = options.max_bytes {
            let size: i64 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
            let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
            let pages = bytes / size.max(1);
            connection.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))?;
        }
        Ok(())
    };
    settings().map_err(|error| located(opening(&error, path), &connection))?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// Sets WAL mode, in which readers never wait. If two processes set it for a new file at the same time,
/// SQLite refuses one of them without waiting for the busy timeout; so it is repeated.
fn write_ahead(connection: &Connection, timeout: Duration) -> rusqlite::Result<()> {
    let start = Instant::now();
    loop {
        // The answer is the mode.
        let set = connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()));
        match set {
            Err(error)
                if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
                    && start.elapsed() < timeout =>
            {
                std::thread::sleep(AGAIN);
            }
            set => return set,
        }
    }
}

/// Checks that the file has not lost its end, so that this is found now and not when an event there is read.
fn check_length(
    connection: &Connection,
    options: &SqliteOptions,
    path: &Path,
) -> Result<(), StoreError> {
    let failed = |error: rusqlite::Error| store_error(&error);
    // The log is brought into the file, so that the file can be measured.
    let is_whole = checkpoint(connection);
    connection
        .busy_timeout(options.busy_timeout)
        .map_err(failed)?;
    match is_whole {
        Ok(true) => {}
        Ok(false) => return Ok(()), // Another process reads or writes it.
        // There is no room for that, but everything can be read from the log.
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::DiskFull) => return Ok(()),
        Err(error) => return Err(failed(error)),
    }
    let number = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let pages = number("page_count").map_err(failed)?;
    let size = number("page_size").map_err(failed)?;
    let length = std::fs::metadata(path).map_err(StoreError::failed)?.len();
    let whole = (pages * size).cast_unsigned();
    if length >= whole {
        return Ok(());
    }
    Err(StoreError::Corrupt {
        reason: format!(
            "`{}` has {length} bytes and should have {whole}: it was cut off",
            path.display()
        ),
        readable_up_to: None,
    })
}

#[cfg(test)]
mod tests {
    use super::check_library;

    #[test]
    fn an_older_sqlite_is_refused_by_its_version() {
        check_library(rusqlite::version_number()).unwrap();
        let error = check_library(3_050_004).unwrap_err().to_string();
        assert!(error.contains("SQLite 3.50 is linked"), "{error}");
        assert!(error.contains("3.51 or newer"), "{error}");
    }
}
