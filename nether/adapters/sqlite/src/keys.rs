//! [`SqliteKeys`]: the keys of personal values, in a file of their own.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nether::eventstore::{StoreError, StoreFuture, SubjectKey, SubjectKeyState, SubjectKeys};
use nether::integration::lock;
use rusqlite::{Connection, OpenFlags, OptionalExtension, Transaction, TransactionBehavior};
use uuid::Uuid;

use crate::backup::Target;
use crate::database_file::DatabaseFile;
use crate::errors::{location, opening, store_error};

/// What SQLite knows a file of keys by: `NthK`.
const APPLICATION: i32 = 0x4e74_684b;

/// The version of the tables.
const VERSION: i32 = 1;

const TABLES: &str = "
    CREATE TABLE identity (id BLOB NOT NULL);
    -- A subject that is forgotten has no key, and never gets another.
    CREATE TABLE subjects (
        subject TEXT PRIMARY KEY,
        key BLOB
    ) WITHOUT ROWID;
";

/// How long to wait for another process that writes.
const BUSY: Duration = Duration::from_secs(5);

/// The keys of personal values in a file of SQLite, beside the file of the store and never in it (feature
/// `erasure`).
///
/// ```
/// use nether::eventstore::Store;
/// use nether_sqlite::{SqliteKeys, SqliteStore};
///
/// # let folder = std::env::temp_dir().join(format!("nether-keys-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder).unwrap();
/// # let (bank, keys) = (folder.join("bank.db"), folder.join("bank.keys"));
/// let store = Store::new(SqliteStore::open(&bank)?).subject_keys(SqliteKeys::open(&keys)?);
/// # drop(store);
/// # std::fs::remove_dir_all(&folder).unwrap();
/// # Ok::<(), nether::eventstore::StoreError>(())
/// ```
///
/// This file and the store's are enough to read everything: keep it, and its backups, elsewhere. Without it,
/// every personal value is lost. A key that is destroyed is overwritten with zeros in the file. Processes of
/// one machine may have it open at the same time.
///
/// [Erasure](crate#erasure) says how the two files are backed up.
#[derive(Clone)]
pub struct SqliteKeys {
    inner: Arc<KeysInner>,
}

struct KeysInner {
    path: PathBuf,
    /// Declared before `_file`: the file is owned until the connection is closed.
    connection: Mutex<Connection>,
    id: Uuid,
    _file: DatabaseFile,
}

impl SqliteKeys {
    /// Opens the keys in that file, and creates the file if it does not exist: for its owner alone (mode
    /// 0600). A program calls this once, when it starts: it blocks until the file is checked.
    ///
    /// # Errors
    /// [`StoreError::Foreign`] if it is another kind of file; [`StoreError::Corrupt`] if it is damaged;
    /// [`StoreError::Newer`] if a newer version has written it; or why it cannot be opened.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let file = DatabaseFile::take(path.as_ref(), true)?;
        let path = file.path().to_owned();
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let opened = Connection::open_with_flags(&path, flags);
        let mut connection = opened.map_err(|error| opening(&error, &path))?;
        let id = prepared(&mut connection, &path)?;
        Ok(SqliteKeys {
            inner: Arc::new(KeysInner {
                path,
                connection: Mutex::new(connection),
                id,
                _file: file,
            }),
        })
    }

    /// Writes a backup of the keys to a new file, while they are used. It has the keys of all subjects that
    /// are not forgotten now: destroy it when a subject is forgotten that it has the key of. A store forgets
    /// that subject again when it is opened with a backup of the keys; another program would not.
    ///
    /// # Errors
    /// Those of [`SqliteStore::backup_to`](crate::SqliteStore::backup_to).
    pub async fn backup_to(&self, path: impl AsRef<Path>) -> Result<(), StoreError> {
        let target = Target::new(path.as_ref())?;
        self.blocking(move |connection| {
            let never = Arc::new(AtomicBool::new(false));
            let sound = |copy: &Path| {
                let copy = Connection::open(copy).map_err(|error| store_error(&error))?;
                check(&copy)
            };
            target.write(connection, &never, sound).map(drop)
        })
        .await
    }

    /// Does that on a thread that may block.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let inner = Arc::clone(&self.inner);
        let working = tokio::task::spawn_blocking(move || work(&mut lock(&inner.connection)));
        working.await.map_err(|_| StoreError::Closed)?
    }
}

/// Makes the tables of a new file, and checks those of another one: the id of the keys.
fn prepared(connection: &mut Connection, path: &Path) -> Result<Uuid, StoreError> {
    let read = || {
        connection.busy_timeout(BUSY)?;
        // In one transaction: another process may be making the tables.
        let reading = connection.unchecked_transaction()?;
        let number = |sql: &str| reading.query_row(sql, [], |row| row.get::<_, i32>(0));
        Ok((
            number("PRAGMA application_id")?,
            number("PRAGMA user_version")?,
            number("SELECT count(*) FROM sqlite_schema")?,
        ))
    };
    let read: rusqlite::Result<_> = read();
    let (application, found, tables) = read.map_err(|error| opening(&error, path))?;
    let is_new = application == 0 && found == 0 && tables == 0;
    if !is_new && application != APPLICATION {
        return Err(StoreError::Foreign {
            location: location(path),
            reason: "it is a database, but no file of keys".to_owned(),
        });
    }
    if found > VERSION {
        return Err(StoreError::Newer {
            location: location(path),
            found: found.cast_unsigned(),
            known: VERSION.cast_unsigned(),
        });
    }
    let failed = |error: rusqlite::Error| store_error(&error);
    let settings = || {
        // Deleted keys are overwritten with zeros; and the journal, which has them too, is gone with the
        // commit. A write-ahead log would keep it until a checkpoint.
        connection.pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(()))?;
        connection.pragma_update_and_check(None, "secure_delete", "ON", |_| Ok(()))?;
        connection.pragma_update(None, "synchronous", "EXTRA")
    };
    settings().map_err(failed)?;
    if !is_new {
        check(connection)?;
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate);
    let transaction = transaction.map_err(failed)?;
    let id = identity(&transaction).map_err(failed)?;
    transaction.commit().map_err(failed)?;
    Ok(id)
}

/// The id of the keys, which a new file gets. Another process may have made the tables meanwhile.
fn identity(transaction: &Transaction<'_>) -> rusqlite::Result<Uuid> {
    let version: i32 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if version == 0 {
        transaction.execute_batch(TABLES)?;
        let id = Uuid::now_v7();
        transaction.execute("INSERT INTO identity VALUES (?1)", [id.into_bytes()])?;
        transaction.pragma_update(None, "application_id", APPLICATION)?;
        transaction.pragma_update(None, "user_version", VERSION)?;
    }
    let id = transaction.query_row("SELECT id FROM identity", [], |row| row.get(0))?;
    Ok(Uuid::from_bytes(id))
}

/// Checks that every key can be read.
fn check(connection: &Connection) -> Result<(), StoreError> {
    let sound = connection.query_row("PRAGMA integrity_check(1)", [], |row| {
        row.get::<_, String>(0)
    });
    let sql = "SELECT count(*) FROM subjects WHERE key IS NOT NULL AND length(key) <> 32";
    let sound = sound.and_then(|sound| {
        let misfits: i64 = connection.query_row(sql, [], |row| row.get(0))?;
        Ok((sound, misfits))
    });
    let corrupt = |reason: String| StoreError::Corrupt {
        reason: format!("the file of keys is damaged: {reason}. Restore a backup of it"),
        readable_up_to: None,
    };
    match sound {
        Ok((sound, 0)) if sound == "ok" => Ok(()),
        Ok((sound, 0)) => Err(corrupt(sound)),
        Ok((_, misfits)) => Err(corrupt(format!("{misfits} keys are of another length"))),
        Err(error) => match store_error(&error) {
            StoreError::Corrupt { reason, .. } => Err(corrupt(reason)),
            other => Err(other),
        },
    }
}

fn states(
    connection: &Connection,
    subjects: &[Arc<str>],
) -> rusqlite::Result<Vec<SubjectKeyState>> {
    let mut statement = connection.prepare_cached("SELECT key FROM subjects WHERE subject = ?1")?;
    let states = subjects.iter().map(|subject| {
        let key = statement.query_row([&**subject], |row| row.get::<_, Option<[u8; 32]>>(0));
        Ok(match key.optional()? {
            Some(Some(key)) => SubjectKeyState::Known(SubjectKey::from_bytes(key)),
            Some(None) => SubjectKeyState::Forgotten,
            None => SubjectKeyState::Unknown,
        })
    });
    states.collect()
}

impl SubjectKeys for SqliteKeys {
    fn id(&self) -> StoreFuture<'_, Uuid> {
        Box::pin(async { Ok(self.inner.id) })
    }

    fn keys(&self, subjects: Vec<Arc<str>>) -> StoreFuture<'_, Vec<SubjectKeyState>> {
        Box::pin(self.blocking(move |connection| {
            states(connection, &subjects).map_err(|error| store_error(&error))
        }))
    }

    fn keys_or_new(&self, subjects: Vec<Arc<str>>) -> StoreFuture<'_, Vec<SubjectKeyState>> {
        Box::pin(self.blocking(move |connection| {
            let failed = |error: rusqlite::Error| store_error(&error);
            let found = states(connection, &subjects).map_err(failed)?;
            if !found.contains(&SubjectKeyState::Unknown) {
                return Ok(found);
            }
            let new: Result<Vec<_>, _> = subjects.iter().map(|_| SubjectKey::random()).collect();
            let new = new?;
            let mut written = || {
                let behavior = TransactionBehavior::Immediate;
                let transaction = connection.transaction_with_behavior(behavior)?;
                let sql = "INSERT INTO subjects VALUES (?1, ?2) ON CONFLICT DO NOTHING";
                for (subject, key) in subjects.iter().zip(&new) {
                    transaction.execute(sql, (&**subject, key.as_bytes()))?;
                }
                let states = states(&transaction, &subjects)?;
                transaction.commit()?;
                Ok(states)
            };
            written().map_err(failed)
        }))
    }

    fn forgotten(&self) -> StoreFuture<'_, Vec<Arc<str>>> {
        Box::pin(self.blocking(|connection| {
            let read = || {
                let sql = "SELECT subject FROM subjects WHERE key IS NULL";
                let mut statement = connection.prepare(sql)?;
                let subjects = statement.query_map([], |row| row.get::<_, Arc<str>>(0))?;
                subjects.collect()
            };
            let read: rusqlite::Result<_> = read();
            read.map_err(|error| store_error(&error))
        }))
    }

    fn forget(&self, subject: Arc<str>) -> StoreFuture<'_, ()> {
        Box::pin(self.blocking(move |connection| {
            let sql = "INSERT INTO subjects VALUES (?1, NULL)
                ON CONFLICT DO UPDATE SET key = NULL WHERE key IS NOT NULL";
            let forgotten = connection.execute(sql, [&*subject]);
            forgotten.map(drop).map_err(|error| store_error(&error))
        }))
    }
}

impl fmt::Debug for SqliteKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteKeys")
            .field("path", &self.inner.path)
            .finish_non_exhaustive()
    }
}
