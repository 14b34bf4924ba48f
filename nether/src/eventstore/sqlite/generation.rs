//! Which log belongs to a database. [`Checkpointer`] brings the log into the file, and writes down how far it
//! has come; [`check_log`] finds, before the log of a killed process is used, that the file is another one
//! than it was written for: a backup that was put in its place, say.
//!
//! A log (`-wal`) is a list of pages that replace those of the file. With a file of an older moment it makes
//! a mixture of both, which SQLite does not notice. So the last change before a log is brought into the file
//! as a whole raises a number in it, the generation; and the first change of the next log holds that number,
//! as its base. The file alone, without the log, has to be of the generation on which the log is based, or
//! newer: then it has all that came before the log.

use std::fs;
use std::path::Path;
use std::time::Duration;

use rusqlite::{
    Connection, ErrorCode, OpenFlags, OptionalExtension, Transaction, TransactionBehavior,
};

use crate::eventstore::backend::StoreError;
use crate::eventstore::sqlite::database_file::{beside, holds_something};
use crate::eventstore::sqlite::errors::store_error;
use crate::eventstore::sqlite::file_id::FileId;
use crate::eventstore::sqlite::reading::{FLAGS, immutable};

/// After how many pages in the log it is brought into the file, as SQLite would do it.
const PAGES: i64 = 1000;

/// After how many transactions to look how long the log is.
const TRANSACTIONS: u32 = 8;

/// How often a log that does not belong to its file is compared with it, and after what time.
const ATTEMPTS: u32 = 3;
const AGAIN: Duration = Duration::from_millis(5);

/// When the log is brought into the file, and what is written down of it.
#[derive(Debug)]
pub(super) struct Checkpointer {
    path: String,
    transactions: u32,
    /// SQLite's count of what others have committed, if all of the log was brought into the file since: the
    /// next transaction may be the first of a log.
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
                // It is not the time for that, and what is there can be read.
                Some(ErrorCode::DiskFull | ErrorCode::DatabaseBusy) => Ok(checkpointer),
                Some(ErrorCode::ConstraintViolation) => Err(StoreError::Corrupt {
                    reason: format!("there is something that no event store has written: {error}"),
                    readable_up_to: None,
                }),
                _ => Err(store_error(&error)),
            },
        }
    }

    /// In each transaction, before anything else: the first of a log says on what the log is based. If others
    /// have committed since, they may have raised the generation in the log alone, and nothing is said: the
    /// base that is there stays true.
    pub(super) fn mark(&mut self, transaction: &Transaction<'_>) -> rusqlite::Result<()> {
        if self.begins.is_none() {
            return Ok(());
        }
        if self.begins != Some(data_version(transaction)?) {
            self.begins = None;
            return Ok(());
        }
        transaction.execute("UPDATE nether_log SET base = generation", [])?;
        // Writes the first page, with which the tables of an older file are not taken for those of the log.
        let version: i64 =
            transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
        transaction.pragma_update(None, "user_version", version)
    }

    /// After a transaction was committed and acknowledged.
    pub(super) fn committed(&mut self, connection: &Connection) {
        self.begins = None;
        self.transactions += 1;
        if self.transactions < TRANSACTIONS {
            return;
        }
        self.transactions = 0;
        let is_long = pages_in_log(connection).is_ok_and(|pages| pages >= PAGES);
        if is_long && let Err(error) = self.checkpoint(connection) {
            // It is tried again. Until then, the log grows.
            tracing::debug!(%error, "the log is not brought into the file");
        }
    }

    /// Brings the log into the file, as far as nobody reads what is older.
    fn checkpoint(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        self.begins = None;
        let raising = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
        let sql = "UPDATE nether_log SET generation = generation + 1, opened_as = ?1";
        raising.execute(sql, [&self.path])?;
        // Asked while nobody else can commit: whoever commits from now on changes it.
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

/// How many pages are in the log.
pub(super) fn pages_in_log(connection: &Connection) -> rusqlite::Result<i64> {
    let mut statement = connection.prepare_cached("PRAGMA wal_checkpoint(NOOP)")?;
    statement.query_row([], |row| row.get(1))
}

/// Checks that the log which was left beside a file belongs to it. It is read, and nothing of it is brought
/// into the file.
///
/// # Errors
/// [`StoreError::BadFile`] if it does not.
pub(super) fn check_log(path: &Path) -> Result<(), StoreError> {
    let log = beside(path, "-wal");
    if !holds_something(&log) {
        return check_name(path);
    }
    // A process that has the store open may be writing the file at this moment, and a page is then read in
    // parts. What does not belong stays so.
    for _ in 0..ATTEMPTS {
        match belongs(path) {
            Ok(true) => return Ok(()),
            Err(error) if !is_damage(&error) => return Ok(()), // It is not compared: somebody is at it, say.
            _ => std::thread::sleep(AGAIN),
        }
    }
    Err(StoreError::BadFile {
        path: path.to_owned(),
        problem: format!(
            "does not belong to `{}`, which was left beside it by a process that did not end in order: one of the two is a backup, or of another store, and each may have events that the other lacks. First of all, copy both. Then put the file back to which this `-wal` belongs; or, if the file is a backup to go on with, give it a folder of its own",
            log.display()
        ),
    })
}

fn belongs(path: &Path) -> rusqlite::Result<bool> {
    let alone = alone(path)?;
    // Read-only: SQLite would bring the log into the file when a connection is closed that can write.
    let with_log = Connection::open_with_flags(path, FLAGS)?;
    with_log.busy_timeout(Duration::from_secs(1))?;
    // Others may be writing, if the file is shared. So what has to be older is read before, and what has to
    // be newer after.
    let before = row(&with_log);
    if is_older(&alone) {
        // The log has such tables too, or makes those of the next version; or it is of a file that had them.
        return Ok(is_older(&with_log) || before?.is_some_and(|it| it.base == 0));
    }
    // All is in the log, or the file was being written when the process was killed.
    let Ok(Some(alone)) = row(&alone) else {
        return Ok(true);
    };
    let (Some(before), Some(after)) = (before?, row(&with_log)?) else {
        return Ok(false);
    };
    Ok(alone.store == before.store
        && before.base <= alone.generation
        && alone.generation <= after.generation)
}

/// Whether the tables are of a version in which the generation is not written down. The first page says it,
/// which is never half of a checkpoint.
fn is_older(connection: &Connection) -> bool {
    let version = connection.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0));
    version.is_ok_and(|version| version < 2)
}

/// The file without its log.
fn alone(path: &Path) -> rusqlite::Result<Connection> {
    let uri = FLAGS.union(OpenFlags::SQLITE_OPEN_URI);
    Connection::open_with_flags(immutable(path), uri)
}

/// Checks that a file without a log has not left it under another name: it was renamed after its process was
/// killed, or has another name by a mount.
fn check_name(path: &Path) -> Result<(), StoreError> {
    let Ok(Some(found)) = alone(path).and_then(|alone| row(&alone)) else {
        return Ok(());
    };
    let before = Path::new(&found.opened_as);
    let id = |path: &Path| fs::metadata(path).ok().map(|it| FileId::of(&it));
    // A file that is still there under its old name has its log there: this one is a copy of it.
    let is_copy = id(before).is_some_and(|before| Some(before) != id(path));
    if before == path || is_copy || !holds_something(&beside(before, "-wal")) {
        return Ok(());
    }
    Err(StoreError::BadFile {
        path: path.to_owned(),
        problem: format!(
            "was opened as `{}` before, by a process that did not end in order, and its newest events are in the `-wal` that was left there: rename that one too",
            before.display()
        ),
    })
}

fn is_damage(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error_code();
    let is_unsound = matches!(
        code,
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
    );
    // A table that the file alone has, and not with the log.
    is_unsound || code == Some(ErrorCode::Unknown)
}

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
