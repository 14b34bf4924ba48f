//! What SQLite's errors are in terms of [`StoreError`].

use std::path::Path;
use std::sync::Arc;

use nether::eventstore::{Position, StoreError};
use rusqlite::{Connection, Error, ErrorCode, OpenFlags};

pub(super) fn store_error(error: &Error) -> StoreError {
    let reason = error.to_string();
    if is_misfit(error) {
        return StoreError::Corrupt {
            reason: format!("there is something that no event store has written: {reason}"),
            readable_up_to: None,
        };
    }
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => StoreError::Full { reason },
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => StoreError::ReadOnly { reason },
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Locked { reason },
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => StoreError::Corrupt {
            reason,
            readable_up_to: None,
        },
        _ => StoreError::Failed {
            reason,
            source: None,
        },
    }
}

/// Whether SQLite has given what this module never puts in: the content of its tables was changed by
/// something else.
fn is_misfit(error: &Error) -> bool {
    matches!(
        error,
        Error::QueryReturnedNoRows
            | Error::InvalidColumnType(..)
            | Error::FromSqlConversionFailure(..)
            | Error::IntegralValueOutOfRange(..)
            | Error::Utf8Error(..)
    )
}

/// The name of a file, as errors report it.
pub(super) fn location(path: &Path) -> Arc<str> {
    path.display().to_string().into()
}

/// Why a file cannot be opened.
pub(super) fn opening(error: &rusqlite::Error, path: &Path) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => StoreError::Foreign {
            location: location(path),
            reason: "it is no database".to_owned(),
        },
        _ => match store_error(error) {
            StoreError::Failed { reason, source } => StoreError::Failed {
                reason: format!("`{}`: {reason}", path.display()),
                source,
            },
            other => other,
        },
    }
}

/// The error of a write that failed.
pub(super) fn unwritten(error: &Error, connection: &Connection) -> StoreError {
    match error.sqlite_error_code() {
        // The database file is already open, so CANTOPEN means that SQLite cannot create the WAL file: the
        // folder is read-only.
        Some(ErrorCode::CannotOpen) => StoreError::ReadOnly {
            reason: error.to_string(),
        },
        _ => examined(error, connection),
    }
}

/// The error of an operation that failed. If the store is damaged, it says up to where it can be read.
pub(super) fn examined(error: &Error, connection: &Connection) -> StoreError {
    match store_error(error) {
        StoreError::Corrupt { reason, .. } => {
            let found = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0));
            let found: String = found.unwrap_or_default();
            let first = found.lines().next().filter(|line| *line != "ok");
            StoreError::Corrupt {
                reason: first.map_or(reason.clone(), |first| format!("{reason}: {first}")),
                readable_up_to: readable(connection),
            }
        }
        other => other,
    }
}

/// The last position up to which all events can be read. Asked of another connection, one that may look at
/// what is damaged.
fn readable(connection: &Connection) -> Option<Position> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let path = connection.path()?;
    if std::fs::metadata(path).ok()?.len() == 0 {
        return None; // SQLite would remove the log beside it, in which events may be.
    }
    let connection = Connection::open_with_flags(path, flags).ok()?;
    // Without this, nothing is read of a file that is shorter than it should be. Nothing can be written here.
    connection
        .execute_batch("PRAGMA writable_schema = ON")
        .ok()?;
    let sql = "SELECT position, payload FROM nether_events NOT INDEXED ORDER BY position";
    let mut statement = connection.prepare(sql).ok()?;
    let mut rows = statement.query([]).ok()?;
    let mut last = Position::START;
    while let Ok(Some(row)) = rows.next() {
        let (Ok(position), Ok(_)) = (row.get::<_, i64>(0), row.get_ref(1)) else {
            break;
        };
        if position.cast_unsigned() != last.0 + 1 {
            break;
        }
        last = Position(position.cast_unsigned());
    }
    Some(last)
}

/// Completes an error: if the store is damaged, with how far it can be read.
pub(super) fn located(error: StoreError, connection: &Connection) -> StoreError {
    match error {
        StoreError::Corrupt {
            reason,
            readable_up_to: None,
        } => StoreError::Corrupt {
            reason,
            readable_up_to: readable(connection),
        },
        other => other,
    }
}
