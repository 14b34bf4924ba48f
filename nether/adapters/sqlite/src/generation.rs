//! Generations: which log belongs to which database file. [`Checkpointer`] brings the log into the file, and
//! counts how often. [`check_log`] finds, before the log of a killed process is used, that it was written for
//! another file, as when a backup was put in the place of the file.
//!
//! A log (`-wal`) is a list of pages that replace those of the file. Together with an older state of the file
//! it gives a mixture of both, which SQLite does not notice. So the last change before a log is brought into
//! the file raises a number in the file, the generation, and the first change of the next log holds that
//! number as its base. The file without its log must be of the generation on which the log is based, or of a
//! newer one: then it has everything that came before the log.

use std::fs;
use std::path::Path;
use std::time::Duration;

use nether::eventstore::StoreError;
use rusqlite::{
    Connection, ErrorCode, OpenFlags, OptionalExtension, Transaction, TransactionBehavior,
};

use crate::database_file::{beside, holds_something};
use crate::errors::{location, store_error};
use crate::file_id::FileId;
use crate::never_opened::NEVER_OPENED;
use crate::reading::{FLAGS, immutable};

/// The number of pages in the log after which it is brought into the file: the default of SQLite.
const PAGES: u64 = 1000;

/// The number of transactions after which the length of the log is looked at.
const TRANSACTIONS: u32 = 8;

/// How often a log that seems not to belong to its file is compared with it, and the pause in between.
const ATTEMPTS: u32 = 3;
const AGAIN: Duration = Duration::from_millis(5);

/// Brings the log into the file from time to time, and writes the generation and the base.
#[derive(Debug)]
pub(super) struct Checkpointer {
    /// The name by which the file is open.
    path: String,
    /// The number of transactions since the length of the log was last looked at.
    transactions: u32,
    /// SQLite's count of the commits of others when the whole log was brought into the file, if nothing was
    /// committed here since: the next transaction may be the first of a new log.
    begins: Option<i64>,
}

impl Checkpointer {
    /// Begins with a file that is open and checked: whatever log there is belongs to it.
    pub(super) fn begin(connection: &Connection, path: &Path) -> Result<Self, StoreError> {
        let mut checkpointer = Checkpointer {
            path: path.display().to_string(),
            transactions: 0,
            begins: None,
        };
        let begun = connection
            .pragma_update_and_check(None, "wal_autocheckpoint", 0, |_| Ok(()))
            .and_then(|()| checkpointer.checkpoint(connection));
        match begun {
            Ok(()) => Ok(checkpointer),
            Err(error) => match error.sqlite_error_code() {
                // It cannot be done now, and is not needed for reading.
                Some(ErrorCode::DiskFull | ErrorCode::DatabaseBusy) => Ok(checkpointer),
                Some(ErrorCode::ConstraintViolation) => Err(StoreError::Corrupt {
                    reason: format!("there is something that no event store has written: {error}"),
                    readable_up_to: None,
                }),
                _ => Err(store_error(&error)),
            },
        }
    }

    /// Called first in each transaction: the first transaction of a log writes the base of that log. If
    /// others have committed since, they may have raised the generation in the log alone. Then nothing is
    /// written: the base that is there stays true.
    pub(super) fn mark(&mut self, transaction: &Transaction<'_>) -> rusqlite::Result<()> {
        if self.begins.is_none() {
            return Ok(());
        }
        if self.begins != Some(data_version(transaction)?) {
            self.begins = None;
            return Ok(());
        }
        transaction.execute("UPDATE nether_log SET base = generation", [])?;
        // Brings the first page into the log, so that the schema of an older file is not used with this log.
        let version: i64 =
            transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
        transaction.pragma_update(None, "user_version", version)
    }

    /// Called after a transaction was committed and acknowledged.
    pub(super) fn committed(&mut self, connection: &Connection) {
        self.begins = None;
        self.transactions += 1;
        if self.transactions < TRANSACTIONS {
            return;
        }
        self.transactions = 0;
        let pages = pages_in_log(connection).ok().flatten();
        let is_long = pages.is_some_and(|pages| pages >= PAGES);
        if is_long && let Err(error) = self.checkpoint(connection) {
            // It is repeated after more transactions. Until then, the log grows.
            tracing::debug!(%error, "the log is not brought into the file");
        }
    }

    /// Brings all of the log into the file, and empties it, so that it has no former content: whether that
    /// was possible while the connection waits for those that read.
    pub(super) fn empty_log(&mut self, connection: &Connection) -> rusqlite::Result<bool> {
        self.checkpoint(connection)?;
        let checkpoint = "PRAGMA wal_checkpoint(TRUNCATE)";
        connection.query_row(checkpoint, [], |row| Ok(row.get::<_, i64>(0)? == 0))
    }

    /// Brings the log into the file, up to the pages that no reader still needs in their older state.
    fn checkpoint(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        self.begins = None;
        let raising = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
        let sql = "UPDATE nether_log SET generation = generation + 1, opened_as = ?1";
        raising.execute(sql, [&self.path])?;
        // Read while no other connection can commit: each later commit changes it.
        let version = data_version(&raising)?;
        raising.commit()?;
        let is_whole = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| {
            let [busy, pages, done] = [row.get::<_, i64>(0)?, row.get(1)?, row.get(2)?];
            Ok(busy == 0 && pages == done)
        })?;
        self.begins = is_whole.then_some(version);
        Ok(())
    }
}

/// SQLite's count of what other connections have committed, in this process or another.
pub(super) fn data_version(transaction: &Transaction<'_>) -> rusqlite::Result<i64> {
    let mut statement = transaction.prepare_cached("PRAGMA data_version")?;
    statement.query_row([], |row| row.get(0))
}

/// How many pages are in the log; `None` if that cannot be known now, because another process is opening the
/// file. SQLite says -1 then, and does not wait.
pub(super) fn pages_in_log(connection: &Connection) -> rusqlite::Result<Option<u64>> {
    let mut statement = connection.prepare_cached("PRAGMA wal_checkpoint(NOOP)")?;
    let pages: i64 = statement.query_row([], |row| row.get(1))?;
    Ok(u64::try_from(pages).ok())
}

/// Checks that a log which was left beside a file belongs to it. The log is only read, and not brought into
/// the file.
///
/// # Errors
/// [`StoreError::BadFile`] if it does not.
pub(super) fn check_log(path: &Path) -> Result<(), StoreError> {
    let log = beside(path, "-wal");
    if !holds_something(&log) {
        return check_name(path);
    }
    // Another process may be writing the file at this moment, so that a page is read in parts. A log that
    // does not belong to the file fails every comparison.
    for _ in 0..ATTEMPTS {
        match belongs(path) {
            Ok(true) => return Ok(()),
            // It cannot be compared: another process has locked it, say.
            Err(error) if !is_damage(&error) => return Ok(()),
            _ => std::thread::sleep(AGAIN),
        }
    }
    Err(StoreError::BadFile {
        location: location(path),
        problem: format!(
            "does not belong to `{}`, which was left beside it by a process that did not end in order: one of the two is a backup, or of another store, and each may have events that the other lacks. First of all, copy both. Then put the file back to which this `-wal` belongs; or, if the file is a backup to go on with, give it a folder of its own",
            log.display()
        ),
    })
}

fn belongs(path: &Path) -> rusqlite::Result<bool> {
    let alone = alone(path)?;
    // Read-only: SQLite brings the log into the file when a connection that can write is closed.
    let with_log = Connection::open_with_flags(path, FLAGS)?;
    with_log.busy_timeout(Duration::from_secs(1))?;
    // If the file is shared, others may be writing. So the side that must be older is read first, and the
    // side that must be newer is read last.
    let before = row(&with_log);
    if is_older(&alone) {
        // It belongs to the file if it has the old tables too, or migrates them, which leaves 0 as the base.
        // Otherwise it was written for a file that had the new tables.
        return Ok(is_older(&with_log) || before?.is_some_and(|it| it.base == 0));
    }
    // Everything is in the log, or the process was killed while it wrote the file.
    let Ok(Some(alone)) = row(&alone) else {
        return Ok(true);
    };
    let (Some(before), Some(after)) = (before?, row(&with_log)?) else {
        return Ok(false);
    };
    if alone.generation == NEVER_OPENED {
        // A backup had no log when it was made: only the first one is its own, whose base is the backup.
        let is_first = before.base == NEVER_OPENED && after.base == NEVER_OPENED;
        let is_its = alone.store == after.store && after.generation > NEVER_OPENED;
        return Ok(is_first && is_its);
    }
    Ok(alone.store == before.store
        && before.base <= alone.generation
        && alone.generation <= after.generation)
}

/// Whether the tables are of a version without generations. The version is on the first page, which a
/// checkpoint writes as a whole.
fn is_older(connection: &Connection) -> bool {
    let version = connection.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0));
    version.is_ok_and(|version| version < 2)
}

/// A connection that reads the file without its log.
fn alone(path: &Path) -> rusqlite::Result<Connection> {
    let uri = FLAGS.union(OpenFlags::SQLITE_OPEN_URI);
    Connection::open_with_flags(immutable(path), uri)
}

/// Checks, for a file without a log, that its log was not left beside another name: the file was renamed
/// after its process was killed, or has another name through a mount.
fn check_name(path: &Path) -> Result<(), StoreError> {
    let Ok(Some(found)) = alone(path).and_then(|alone| row(&alone)) else {
        return Ok(());
    };
    if found.opened_as.is_empty() {
        return Ok(()); // It was never opened.
    }
    let before = Path::new(&found.opened_as);
    let id = |path: &Path| fs::metadata(path).ok().map(|it| FileId::of(&it));
    // If another file has the old name, the log there belongs to that one, and this file is a copy.
    let is_copy = id(before).is_some_and(|before| Some(before) != id(path));
    if before == path || is_copy || !holds_something(&beside(before, "-wal")) {
        return Ok(());
    }
    Err(StoreError::BadFile {
        location: location(path),
        problem: format!(
            "was opened as `{}` before, by a process that did not end in order, and its newest events are in the `-wal` that was left there: rename that one too",
            before.display()
        ),
    })
}

/// Whether an error says that the content is damaged, and not that the file cannot be read now.
fn is_damage(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error_code();
    let is_unsound = matches!(
        code,
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
    );
    // As when a table is there without the log, and not with it.
    is_unsound || code == Some(ErrorCode::Unknown)
}

/// The row in which generation and base are written down.
struct LogRow {
    store: Vec<u8>,
    generation: i64,
    base: i64,
    opened_as: String,
}

fn row(connection: &Connection) -> rusqlite::Result<Option<LogRow>> {
    let sql = "SELECT store, generation, base, opened_as FROM nether_log WHERE id = 1";
    let row = connection.query_row(sql, [], |row| {
        Ok(LogRow {
            store: row.get(0)?,
            generation: row.get(1)?,
            base: row.get(2)?,
            opened_as: row.get(3)?,
        })
    });
    row.optional()
}
