//! The mark of a backup that no store has opened: a log beside it is not its own.

use rusqlite::{Connection, Transaction};

/// The generation of a backup until a store opens it: the first change of the first log raises it.
pub(super) const NEVER_OPENED: i64 = 0;

/// Marks a copy of a store, in which everything is in the file, as a backup that no store has opened: a log
/// that is found beside it does not belong to it, unless the log says otherwise.
pub(super) fn mark_never_opened(connection: &Connection) -> rusqlite::Result<()> {
    let sql =
        "UPDATE nether_log SET store = randomblob(16), generation = ?1, base = ?1, opened_as = ''";
    connection.execute(sql, [NEVER_OPENED]).map(drop)
}

/// Marks a file as opened in a transaction that changes it before its first checkpoint.
pub(super) fn mark_opened(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    let sql = "UPDATE nether_log SET generation = ?1 + 1 WHERE generation = ?1";
    transaction.execute(sql, [NEVER_OPENED]).map(drop)
}
