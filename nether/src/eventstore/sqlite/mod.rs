//! [`SqliteStore`]: the embedded store: one file, no server.
//!
//! One thread writes. It takes all that waits into one transaction and answers when that is committed, so
//! that many who append at the same time share one flush to the disk (group commit). Readers have connections
//! of their own and wait for nobody.

mod append;
mod errors;
mod lock;
mod migrations;
mod open;
mod options;
mod reader;
mod writer;

pub(super) use self::errors::store_error;
pub use self::options::{Durability, SqliteOptions};

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{oneshot, watch};
use tokio::time::sleep;

use self::reader::Readers;
use self::writer::{Job, Writer};
use crate::eventstore::store::{
    Append, Appended, Direction, DocumentChange, Documents, EventId, EventStore, Position,
    RecordedEvent, StoreError, StoreFuture, StreamId,
};
use crate::race::race;

/// The transaction of a projection's checkpoint: what a projection writes with it into the store's file is
/// committed together with the checkpoint. It is that of `rusqlite`, which a program that uses it depends on,
/// in the same version.
pub type SqliteTransaction<'a> = rusqlite::Transaction<'a>;

/// An event store in one file of SQLite.
///
/// ```
/// use nether::eventstore::{EventStore, SqliteStore, Store};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> nether::Result<()> {
/// # let folder = std::env::temp_dir().join(format!("nether-doc-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder)?;
/// # let path = folder.join("bank.db");
/// let store = SqliteStore::open(&path)?;
/// assert_eq!(store.head().await?.0, 0);
/// let store = Store::sqlite(store); // To be provided: `System::builder().provide(store)`.
/// # drop(store);
/// # std::fs::remove_dir_all(&folder)?;
/// # Ok(()) }
/// ```
///
/// What is acknowledged is on the disk, unless [`Durability::Normal`] is asked for. The file is in WAL mode:
/// beside it there are `-wal` and `-shm` while it is open, which belong to it, and a `.lock`. A program's own
/// tables may be in the same file: see [`SqliteStore::transaction`] and
/// [`#[projection]`](macro@crate::projection).
///
/// A clone is another handle. When the last one is dropped, what was accepted is written, and the file is
/// closed; that blocks for as long as it takes.
#[derive(Clone)]
pub struct SqliteStore {
    inner: Arc<Inner>,
}

struct Inner {
    path: PathBuf,
    /// Before `readers` and the lock file: it is dropped first, and so has written all.
    writer: Option<Writer>,
    readers: Readers,
    /// The position of the newest event. Told after it is committed.
    head: watch::Receiver<Position>,
    /// Who would tell of it, if there is no writer: while this is there, whoever waits is not told that
    /// nobody will.
    _untold: Option<watch::Sender<Position>>,
    /// How often to look whether another process has written, if any may.
    poll: Option<Duration>,
    _lock: Option<lock::LockFile>,
}

impl SqliteStore {
    /// Opens the store in that file, which is made if it is not there. To be called once, when the program
    /// starts: it blocks until the file is checked and, if an older version has written it, brought up to
    /// date.
    ///
    /// # Errors
    /// [`StoreError::AlreadyOpen`] if somebody has it open; [`StoreError::Foreign`] if it is another kind of
    /// file, or [`StoreError::Newer`] than this program; [`StoreError::Corrupt`] if it is shorter than it
    /// should be; or why it cannot be opened.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        SqliteStore::options().open(path)
    }

    /// Otherwise than by default: durability, several processes, size.
    pub fn options() -> SqliteOptions {
        SqliteOptions::default()
    }

    /// Does something in a transaction of the store's file, on the thread that writes: for tables of the
    /// program's own. It is committed if `work` gives `Ok`, and rolled back if it gives an error or panics.
    /// Whoever appends meanwhile waits.
    ///
    /// # Errors
    /// That of `work`; that it panicked; or why it could not be committed.
    pub fn transaction<T: Send + 'static>(
        &self,
        work: impl FnOnce(&SqliteTransaction<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> StoreFuture<'_, T> {
        Box::pin(async move {
            let (done, told) = oneshot::channel();
            let work = Box::new(move |transaction: &SqliteTransaction<'_>| {
                let value = work(transaction)?;
                let _ = done.send(value);
                Ok(())
            });
            self.written(|answer| Job::Transaction(work, answer))
                .await?;
            told.await.map_err(|_| StoreError::Closed)
        })
    }

    /// Gives the writer a job, and waits for what comes of it.
    async fn written<T>(
        &self,
        job: impl FnOnce(oneshot::Sender<Result<T, StoreError>>) -> Job,
    ) -> Result<T, StoreError> {
        let Some(writer) = &self.inner.writer else {
            return Err(StoreError::ReadOnly {
                reason: format!("`{}` was opened read-only", self.inner.path.display()),
            });
        };
        let (answer, told) = oneshot::channel();
        writer.give(job(answer)).await?;
        told.await.map_err(|_| StoreError::Closed)?
    }
}

impl EventStore for SqliteStore {
    fn append(&self, append: Append) -> StoreFuture<'_, Appended> {
        Box::pin(self.written(|answer| Job::Append(append, answer)))
    }

    fn read_stream(
        &self,
        stream: &StreamId,
        from: u64,
        direction: Direction,
        limit: usize,
    ) -> StoreFuture<'_, Vec<RecordedEvent>> {
        let stream = stream.clone();
        self.inner
            .readers
            .read(move |reader| reader.read_stream(&stream, from, direction, limit))
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

    fn changed(&self, after: Position) -> StoreFuture<'_, Position> {
        let mut head = self.inner.head.clone();
        Box::pin(async move {
            let told = async move {
                let newest = head.wait_for(|head| *head > after).await;
                newest.map(|head| *head).map_err(|_| StoreError::Closed)
            };
            let Some(interval) = self.inner.poll else {
                return told.await;
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
            race(told, found).await
        })
    }

    fn find(&self, id: EventId) -> StoreFuture<'_, Option<Appended>> {
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

    fn change_documents(&self, changes: Vec<DocumentChange>) -> StoreFuture<'_, ()> {
        Box::pin(self.written(|answer| Job::Documents(changes, answer)))
    }
}

/// Changes a document in a transaction that somebody else has open.
pub(super) fn save_document_in(
    transaction: &SqliteTransaction<'_>,
    change: &DocumentChange,
) -> Result<(), StoreError> {
    append::change_document(transaction, change).map_err(|error| store_error(&error))
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore")
            .field("path", &self.inner.path)
            .field("head", &*self.inner.head.borrow())
            .finish_non_exhaustive()
    }
}
