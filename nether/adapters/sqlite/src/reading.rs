//! Connections that read, also on media that cannot be written.

use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};

use nether::eventstore::StoreError;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::SqliteOptions;
use crate::database_file::{beside, examine, examine_to_read, holds_something};
use crate::errors::{located, opening};
use crate::file_id::links;
use crate::frozen::Frozen;
use crate::lock::unopened;
use crate::reader::Reader;

/// How a connection is opened that reads.
pub(super) const FLAGS: OpenFlags =
    OpenFlags::SQLITE_OPEN_READ_ONLY.union(OpenFlags::SQLITE_OPEN_NO_MUTEX);

/// A connection that reads a file that this process also writes.
pub(super) fn reading(options: &SqliteOptions, path: &Path) -> Result<Connection, StoreError> {
    let connection =
        Connection::open_with_flags(path, FLAGS).map_err(|error| opening(&error, path))?;
    prepared(options, path, connection)
}

/// Opens a file that others may write, or that no process can write. SQLite needs files beside it to read it
/// together with others. A medium on which they cannot be created is read without them, if the store was
/// closed in order.
pub(super) fn reading_alone(options: &SqliteOptions, path: &Path) -> Result<Reader, StoreError> {
    let metadata = fs::metadata(path).map_err(|error| unopened(&error, path))?;
    if links(&metadata) > 1 && !holds_something(&beside(path, "-wal")) {
        // A backup that shares unchanged files with others. SQLite would look for a log beside this name.
        examine_to_read(path, &metadata)?;
        return frozen(options, path, &metadata);
    }
    examine(path, &metadata)?;
    let connection = reading(options, path)?;
    // The first that is read of it: whether it is a database at all, and can be shared.
    match connection.query_row("PRAGMA schema_version", [], |_| Ok(())) {
        Ok(()) => Ok(Reader::new(connection, None)),
        Err(error) if is_unshareable(&error) => {
            drop(connection);
            frozen(options, path, &metadata)
        }
        Err(error) => Err(opening(&error, path)),
    }
}

fn prepared(
    options: &SqliteOptions,
    path: &Path,
    connection: Connection,
) -> Result<Connection, StoreError> {
    // The file is not mapped into memory: reading is not faster by it, and of a file that is cut off the
    // process would die.
    connection
        .busy_timeout(options.busy_timeout)
        .map_err(|error| located(opening(&error, path), &connection))?;
    connection.set_prepared_statement_cache_capacity(32);
    Ok(connection)
}

/// Whether SQLite cannot create what it needs beside the file.
fn is_unshareable(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly)
    )
}

/// Opens a file as one that does not change.
fn frozen(options: &SqliteOptions, path: &Path, metadata: &Metadata) -> Result<Reader, StoreError> {
    if holds_something(&beside(path, "-wal")) {
        return Err(StoreError::ReadOnly {
            reason: format!(
                "`{}` was not closed in order: to read the events that are in the `-wal` beside it, `-shm` has to be created there. Copy both files to a folder that can be written, and open the copy",
                path.display()
            ),
        });
    }
    let frozen = Frozen::new(path, metadata);
    let flags = FLAGS.union(OpenFlags::SQLITE_OPEN_URI);
    let connection = Connection::open_with_flags(immutable(path), flags)
        .map_err(|error| opening(&error, path))?;
    let connection = prepared(options, path, connection)?;
    frozen.check()?;
    Ok(Reader::new(connection, Some(frozen)))
}

/// The name of a file as a URI that says that it does not change.
pub(super) fn immutable(path: &Path) -> PathBuf {
    let mut uri = String::from("file:");
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'/' | b'.' | b'-' | b'_' | b':' => uri.push(char::from(*byte)),
            byte if byte.is_ascii_alphanumeric() => uri.push(char::from(*byte)),
            byte => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri.push_str("?immutable=1");
    uri.into()
}
