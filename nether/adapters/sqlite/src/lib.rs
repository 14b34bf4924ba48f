//! An event store of [Nether](nether::eventstore) in one file of SQLite: no server, and no setup.
//!
#![doc = include_str!("docs/sqlite.md")]

// One thread writes. It takes all waiting appends into one transaction and answers them after the commit, so
// that concurrent appends share one flush to the disk (group commit). Readers have connections of their own
// and never wait for the writer.

mod append;
mod backup;
mod database_file;
mod errors;
mod file_id;
mod file_watch;
mod frozen;
mod generation;
#[cfg(feature = "erasure")]
mod keys;
mod lent;
mod lock;
mod log_watch;
mod migrations;
mod never_opened;
mod open;
mod options;
mod reader;
mod readers;
mod reading;
mod removal;
mod transaction;
mod writer;

pub use self::backup::Backup;
#[cfg(feature = "erasure")]
pub use self::keys::SqliteKeys;
pub use self::options::{Durability, SqliteOptions};
pub use self::transaction::SqliteTransaction;
/// The release of `rusqlite` that [`SqliteTransaction`] is made of. A program that writes through one uses
/// this, or depends on `rusqlite` in the same version.
#[doc(no_inline)]
pub use rusqlite;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use nether::eventstore::{
    Append, Appended, Archival, Direction, DocumentChange, DocumentCondition, Documents, EventId,
    EventPage, EventStore, PageLimit, Position, RecordedEvent, Redaction, StoreError, StoreFuture,
    StreamId, Transactions,
};
use nether::integration::{hold_clock, race};
use tokio::sync::{oneshot, watch};
use tokio::time::sleep;

use self::backup::back_up;
use self::database_file::DatabaseFile;
use self::reader::{Reader, without_bytes};
use self::readers::Readers;
use self::removal::Removal;
use self::writer::{DocumentsJob, Job, Writer};

/// An event store in one file of SQLite.
///
/// ```
/// use nether::eventstore::{EventStore, Store};
/// use nether_sqlite::SqliteStore;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> nether::Result<()> {
/// # let folder = std::env::temp_dir().join(format!("nether-doc-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder)?;
/// # let path = folder.join("bank.db");
/// let store = SqliteStore::open(&path)?;
/// assert_eq!(store.head().await?.0, 0);
/// let store = Store::new(store); // To be provided: `System::builder().provide(store)`.
/// # drop(store);
/// # std::fs::remove_dir_all(&folder)?;
/// # Ok(()) }
/// ```
///
/// Acknowledged events are on the disk, unless [`Durability::Normal`] is set. The file is in WAL mode: while
/// it is open, and after a crash, the files `-wal` and `-shm` beside it belong to it. A program's own tables
/// may be in the same file: see [`SqliteStore::transaction`] and [`#[projection]`](macro@nether::projection).
/// Names that begin with `nether_` are the store's.
///
/// A clone is another handle. Dropping the last one ends reads that no caller waits for, writes what was
/// accepted and closes the file; the drop blocks until that is done.
#[derive(Clone)]
pub struct SqliteStore {
    inner: Arc<SqliteInner>,
}

struct SqliteInner {
    path: PathBuf,
    /// Declared before `writer`, so that its connections are closed first: the last connection brings the log
    /// into the file, and only one that writes can.
    readers: Readers,
    /// The connection that makes backups: one at a time, and none that others read by.
    backups: Readers,
    /// Dropped, it has written everything.
    writer: Option<Writer>,
    /// The position of the newest event. It is sent after the commit.
    head: watch::Receiver<Position>,
    /// Keeps the `head` channel open if the store is read-only, so that waiters stay pending instead of
    /// seeing it closed.
    _head_sender: Option<watch::Sender<Position>>,
    /// How often to check whether another process has written, if other processes may write.
    poll: Option<Duration>,
    /// Declared last: the file is owned until the last connection is closed.
    _file: Option<Arc<DatabaseFile>>,
}

impl SqliteStore {
    /// Opens the store in that file, and creates the file if it does not exist: for its owner alone (mode
    /// 0600), and never through a link. A program calls this once, when it starts: it blocks until the file
    /// is checked and, if an older version has written it, migrated.
    ///
    /// # Errors
    /// [`StoreError::AlreadyOpen`] if a store has it open, by whatever name; [`StoreError::BadFile`] if it
    /// cannot be opened safely by that name; [`StoreError::Foreign`] if it is another kind of file;
    /// [`StoreError::Newer`] if a newer version has written it; [`StoreError::Corrupt`] if it is shorter than
    /// it should be; or the reason why it cannot be opened.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        SqliteStore::options().open(path)
    }

    /// Options for opening a store: durability, several processes, size.
    pub fn options() -> SqliteOptions {
        SqliteOptions::default()
    }

    /// Writes a backup of the whole store to a new file, while the store is used: every event, document and
    /// table of one moment, with every event that was acknowledged before the call. Appends and reads do not
    /// wait for it. The backup is checked and counted, is on the disk, and only then gets its name. It is
    /// compact: what was deleted is not in it.
    ///
    /// It works on a store that is open as [shared](SqliteOptions::shared) or
    /// [read-only](SqliteOptions::read_only) too, so that another process may make the backups of a program
    /// that runs. Several at a time are made one after the other. Dropping the future ends the backup and
    /// removes what it has written, unless it is whole already. [Backup and
    /// restore](crate#backup-and-restore) says how a backup is restored.
    ///
    /// ```
    /// # use nether::eventstore::{EventStore, Store};
    /// # use nether_sqlite::SqliteStore;
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> nether::Result<()> {
    /// # let folder = std::env::temp_dir().join(format!("nether-backup-{}", std::process::id()));
    /// # std::fs::create_dir_all(&folder)?;
    /// let file = SqliteStore::open(folder.join("bank.db"))?;
    /// let store = Store::new(file.clone()); // To be provided.
    /// let backup = file.backup_to(folder.join("bank.2026-11-30.db")).await?;
    /// println!("{} events in {} bytes", backup.head, backup.bytes);
    /// # assert_eq!(backup.head.0, 0);
    /// # drop((file, store));
    /// # std::fs::remove_dir_all(&folder)?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`StoreError::BadFile`] if something has that name already; [`StoreError::Full`] if there is no room;
    /// [`StoreError::Corrupt`] if the store is damaged, and a backup of it could not be used;
    /// [`StoreError::Closed`] if the store was closed meanwhile; or why the file cannot be written. There is
    /// no file of that name then.
    pub async fn backup_to(&self, path: impl AsRef<Path>) -> Result<Backup, StoreError> {
        let acknowledged = *self.inner.head.borrow();
        back_up(&self.inner.backups, path.as_ref(), acknowledged).await
    }

    /// Runs `work` in a transaction of the store's file, on the thread that writes: for tables of the
    /// program's own. The transaction is committed if `work` returns `Ok`, and rolled back if it returns an
    /// error or panics. Appends wait meanwhile. Inside of it, a `COMMIT` or `ROLLBACK` is refused, as are
    /// changes of the store's own tables and settings; savepoints are allowed.
    ///
    /// # Errors
    /// The error of `work`; or a [`StoreError`]: that it panicked, that a statement in it was refused or has
    /// rolled it back, or why the transaction could not be
    /// committed. If the files of the store are found to be out of place after the commit, the error says so,
    /// although `work` is committed.
    pub async fn transaction<T: Send + 'static>(
        &self,
        work: impl FnOnce(&SqliteTransaction<'_>) -> nether::Result<T> + Send + 'static,
    ) -> nether::Result<T> {
        let (done, mut answered) = oneshot::channel();
        let written = self.in_transaction(move |transaction| {
            let worked = transaction.unless_ended(work(transaction));
            let is_done = worked.is_ok();
            let _ = done.send(worked);
            match is_done {
                true => Ok(()),
                false => Err(StoreError::Failed {
                    reason: "what was done in a transaction failed".to_owned(),
                    source: None,
                }),
            }
        });
        match (written.await, answered.try_recv()) {
            (Ok(()), Ok(worked)) => worked,
            (Err(_), Ok(Err(error))) => Err(error),
            (Err(error), _) => Err(error.into()),
            (Ok(()), Err(_)) => Err(StoreError::Closed.into()),
        }
    }

    /// Does that in a transaction, on the thread that writes.
    async fn in_transaction(
        &self,
        work: impl FnOnce(&mut SqliteTransaction<'_>) -> Result<(), StoreError> + Send + 'static,
    ) -> Result<(), StoreError> {
        let work = Box::new(work);
        self.written(|answer| Job::Transaction(work, answer)).await
    }

    /// Gives the writer a job, and waits for its result.
    async fn written<T>(
        &self,
        job: impl FnOnce(oneshot::Sender<Result<T, StoreError>>) -> Job,
    ) -> Result<T, StoreError> {
        let Some(writer) = &self.inner.writer else {
            return Err(StoreError::ReadOnly {
                reason: format!("`{}` was opened read-only", self.inner.path.display()),
            });
        };
        let (answer, answered) = oneshot::channel();
        let _hold = hold_clock();
        writer.give(job(answer)).await?;
        answered.await.map_err(|_| StoreError::Closed)?
    }
}

impl EventStore for SqliteStore {
    fn append(&self, append: Append) -> StoreFuture<'_, Appended> {
        Box::pin(self.written(|answer| Job::Append(append, answer)))
    }

    fn append_all(&self, appends: Vec<Append>) -> StoreFuture<'_, Vec<Appended>> {
        Box::pin(self.written(|answer| Job::AppendAll(appends, answer)))
    }

    fn can_redact(&self) -> bool {
        true
    }

    fn redact(&self, redaction: Redaction) -> StoreFuture<'_, Appended> {
        let removal = Box::new(Removal::Redaction(redaction));
        Box::pin(self.written(|answer| Job::Remove(removal, answer)))
    }

    fn can_archive(&self) -> bool {
        true
    }

    fn archive(&self, archival: Archival) -> StoreFuture<'_, Appended> {
        let removal = Box::new(Removal::Archival(archival));
        Box::pin(self.written(|answer| Job::Remove(removal, answer)))
    }

    fn can_append_all(&self) -> bool {
        true
    }

    fn read_stream(
        &self,
        stream: &StreamId,
        from: u64,
        direction: Direction,
        limit: usize,
    ) -> StoreFuture<'_, Vec<RecordedEvent>> {
        let stream = stream.clone();
        self.inner.readers.read(move |reader| {
            let all = without_bytes(limit);
            Ok(reader.read_stream(&stream, from, direction, all)?.events)
        })
    }

    fn read_all_page(&self, after: Position, limit: PageLimit) -> StoreFuture<'_, EventPage> {
        self.inner
            .readers
            .read(move |reader| reader.read_all_page(after, limit))
    }

    fn read_stream_page(
        &self,
        stream: &StreamId,
        from: u64,
        limit: PageLimit,
    ) -> StoreFuture<'_, EventPage> {
        let stream = stream.clone();
        self.inner
            .readers
            .read(move |reader| reader.read_stream(&stream, from, Direction::Forwards, limit))
    }

    fn read_all(&self, after: Position, limit: usize) -> StoreFuture<'_, Vec<RecordedEvent>> {
        self.inner
            .readers
            .read(move |reader| reader.read_all(after, limit))
    }

    fn head(&self) -> StoreFuture<'_, Position> {
        if self.inner.poll.is_none() {
            let head = *self.inner.head.borrow();
            return Box::pin(std::future::ready(Ok(head)));
        }
        self.inner.readers.read(|reader| reader.head())
    }

    fn wait_for_new(&self, after: Position) -> StoreFuture<'_, Position> {
        let mut head = self.inner.head.clone();
        Box::pin(async move {
            let notified = async move {
                let newest = head.wait_for(|head| *head > after).await;
                newest.map(|head| *head).map_err(|_| StoreError::Closed)
            };
            let Some(interval) = self.inner.poll else {
                return notified.await;
            };
            let found = async {
                loop {
                    let newest = self.inner.readers.read(|reader| reader.head()).await?;
                    if newest > after {
                        return Ok(newest);
                    }
                    sleep(interval).await;
                }
            };
            race(notified, found).await
        })
    }

    fn find(&self, id: EventId) -> StoreFuture<'_, Option<RecordedEvent>> {
        self.inner.readers.read(move |reader| reader.find(id))
    }

    fn document(&self, collection: &str, key: &str) -> StoreFuture<'_, Option<Vec<u8>>> {
        let (collection, key) = (collection.to_owned(), key.to_owned());
        self.inner
            .readers
            .read(move |reader| reader.document(&collection, &key))
    }

    fn documents(&self, collection: &str) -> StoreFuture<'_, Documents> {
        let collection = collection.to_owned();
        self.inner
            .readers
            .read(move |reader| reader.documents(&collection))
    }

    fn collections(&self) -> StoreFuture<'_, Vec<Arc<str>>> {
        self.inner.readers.read(Reader::collections)
    }

    fn change_documents(
        &self,
        changes: Vec<DocumentChange>,
        conditions: Vec<DocumentCondition>,
    ) -> StoreFuture<'_, ()> {
        let job = DocumentsJob {
            changes,
            conditions,
        };
        Box::pin(self.written(|answer| Job::Documents(job, answer)))
    }

    fn is_shared(&self) -> bool {
        self.inner.poll.is_some()
    }

    fn transactions(&self) -> Option<Transactions<'_>> {
        Some(Transactions::of(self))
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore")
            .field("path", &self.inner.path)
            .field("head", &*self.inner.head.borrow())
            .finish_non_exhaustive()
    }
}
