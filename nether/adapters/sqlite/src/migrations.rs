//! The tables of a store, and how those of an older version become those of the next.

use std::path::Path;

use nether::eventstore::StoreError;
use rusqlite::{Connection, TransactionBehavior};

use crate::errors::{location, store_error};
use crate::never_opened::mark_opened;

/// What SQLite knows a store by: `NthE`.
pub(super) const APPLICATION: i32 = 0x4e74_6845;

/// What makes each version of the one before it. What has been released is never changed: a new version is
/// added at the end.
pub(super) const MIGRATIONS: &[&str] = &[
    include_str!("version_1.sql"),
    include_str!("version_2.sql"),
    include_str!("version_3.sql"),
];

/// The first version that has generations.
const WITH_GENERATIONS: u32 = 2;

/// Brings the tables to the newest version, one at a time, each in a transaction.
///
/// # Errors
/// [`StoreError::Newer`] if there are more versions than are known here; [`StoreError::Foreign`] if the file
/// is another program's.
pub(super) fn migrate(
    connection: &mut Connection,
    path: &Path,
    migrations: &[&str],
) -> Result<(), StoreError> {
    let failed = |error: rusqlite::Error| store_error(&error);
    loop {
        let transaction = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(failed)?;
        let version = check(&transaction, path, migrations)?;
        let Some(migration) = migrations.get(version as usize) else {
            return Ok(());
        };
        if version > 0 {
            tracing::info!(path = %path.display(), from = version, to = version + 1, of = migrations.len(), "migrating the event store");
        }
        transaction.execute_batch(migration).map_err(failed)?;
        if version + 1 >= WITH_GENERATIONS {
            mark_opened(&transaction).map_err(failed)?;
        }
        transaction
            .pragma_update(None, "application_id", APPLICATION)
            .and_then(|()| transaction.pragma_update(None, "user_version", version + 1))
            .and_then(|()| transaction.commit())
            .map_err(failed)?;
    }
}

/// Looks whose a file is, changing nothing, and gives the version of its tables. To be asked in a
/// transaction: another process may be making the tables.
///
/// # Errors
/// As those of [`migrate`].
pub(super) fn check(
    connection: &Connection,
    path: &Path,
    migrations: &[&str],
) -> Result<u32, StoreError> {
    let found = version(connection, path)?;
    let known = u32::try_from(migrations.len()).unwrap_or(u32::MAX);
    if found > known {
        return Err(StoreError::Newer {
            location: location(path),
            found,
            known,
        });
    }
    Ok(found)
}

/// Checks that a file which cannot be migrated can be read as it is.
///
/// # Errors
/// As those of [`migrate`]; [`StoreError::ReadOnly`] if an older version has written it.
pub(super) fn check_newest(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let found = check(connection, path, MIGRATIONS)?;
    if found == 0 {
        return Err(StoreError::Foreign {
            location: location(path),
            reason: "there is no store in it yet".to_owned(),
        });
    }
    if (found as usize) < MIGRATIONS.len() {
        return Err(StoreError::ReadOnly {
            reason: format!(
                "`{}` has tables of version {found}, and to be read they have to be of version {}: open it once to be written, which migrates it",
                path.display(),
                MIGRATIONS.len()
            ),
        });
    }
    Ok(())
}

/// The version of the tables; 0 of a file without any.
fn version(connection: &Connection, path: &Path) -> Result<u32, StoreError> {
    let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i32>(0));
    let failed = |error: rusqlite::Error| store_error(&error);
    let application = number("PRAGMA application_id").map_err(failed)?;
    let version = number("PRAGMA user_version").map_err(failed)?;
    if application == APPLICATION {
        return Ok(version.cast_unsigned());
    }
    let tables = number("SELECT count(*) FROM sqlite_schema").map_err(failed)?;
    if application == 0 && version == 0 && tables == 0 {
        return Ok(0);
    }
    Err(StoreError::Foreign {
        location: location(path),
        reason: "it is a database of another program".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use rusqlite::Connection;

    use super::{MIGRATIONS, migrate};
    use nether::eventstore::StoreError;

    const PATH: &str = "a.db";

    fn migrated(connection: &mut Connection, migrations: &[&str]) -> Result<(), StoreError> {
        migrate(connection, Path::new(PATH), migrations)
    }

    #[test]
    fn an_older_file_is_brought_up_to_date_and_keeps_what_it_has() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrated(&mut connection, MIGRATIONS).unwrap();
        connection
            .execute("INSERT INTO nether_documents VALUES ('a', 'b', x'01')", [])
            .unwrap();
        let next = [
            MIGRATIONS,
            &["ALTER TABLE nether_documents ADD COLUMN since INTEGER NOT NULL DEFAULT 7"],
        ];
        let next = next.concat();
        migrated(&mut connection, &next).unwrap();
        let since: i32 = connection
            .query_row("SELECT since FROM nether_documents", [], |row| row.get(0))
            .unwrap();
        assert_eq!(since, 7);
        let error = migrated(&mut connection, MIGRATIONS).unwrap_err();
        assert!(
            matches!(error, StoreError::Newer { found, known, .. } if found == known + 1),
            "{error}"
        );
    }

    #[test]
    fn tables_of_version_1_get_names_of_their_own_and_keep_what_they_have() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrated(&mut connection, &MIGRATIONS[..1]).unwrap();
        connection
            .execute_batch(
                "INSERT INTO streams VALUES (1, 'a/1'); INSERT INTO names VALUES (1, 'happened');
                INSERT INTO events VALUES (1, 1, 1, x'00', 1, 1, 0, x'00', 0, NULL, NULL, NULL);
                INSERT INTO documents VALUES ('a', 'b', x'01');
                CREATE VIEW own AS SELECT position FROM events",
            )
            .unwrap();
        migrated(&mut connection, MIGRATIONS).unwrap();
        let others = "SELECT count(*) FROM sqlite_schema
            WHERE name NOT LIKE 'nether%' AND name NOT LIKE 'sqlite%' AND name <> 'own'";
        let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
        assert_eq!(number(others).unwrap(), 0);
        let joined = "SELECT count(*) FROM own JOIN nether_events e USING (position)
            JOIN nether_streams s ON s.id = e.stream JOIN nether_names n ON n.id = e.name";
        assert_eq!(number(joined).unwrap(), 1);
        assert_eq!(number("SELECT count(*) FROM nether_documents").unwrap(), 1);
        connection
            .execute_batch("CREATE TABLE events (own); CREATE INDEX events_by_id ON events (own)")
            .unwrap();
    }

    #[test]
    fn a_migration_that_fails_changes_nothing() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrated(&mut connection, MIGRATIONS).unwrap();
        let broken = [
            MIGRATIONS,
            &["CREATE TABLE more (a); CREATE TABLE more (a)"],
        ];
        let broken = broken.concat();
        migrated(&mut connection, &broken).unwrap_err();
        migrated(&mut connection, MIGRATIONS).unwrap();
    }

    #[test]
    fn another_programs_database_is_refused() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.execute("CREATE TABLE notes (a)", []).unwrap();
        let error = migrated(&mut connection, MIGRATIONS).unwrap_err();
        assert!(matches!(error, StoreError::Foreign { .. }), "{error}");
    }
}
