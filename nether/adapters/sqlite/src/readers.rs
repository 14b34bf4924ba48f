//! [`Readers`]: a pool of connections that read, each used by one read at a time, on threads that may block.

use std::collections::BTreeMap;
use std::panic::resume_unwind;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use nether::eventstore::{StoreError, StoreFuture};
use nether::integration::lock;
use rusqlite::InterruptHandle;
use tokio::sync::Semaphore;

use crate::reader::Reader;

/// The pause between interrupts of the readers at work, until all have ended: an interrupt does not reach a
/// reader that is between two queries.
const INTERRUPT_AGAIN: Duration = Duration::from_millis(2);

/// Opens another connection.
type OpenReader = Box<dyn Fn() -> Result<Reader, StoreError> + Send + Sync>;

/// The pool. Dropping it closes all connections. It interrupts the reads under way and blocks until they have
/// ended: their futures were dropped before.
pub(super) struct Readers {
    /// One permit for each connection.
    room: Arc<Semaphore>,
    pool: Arc<ReaderPool>,
}

struct ReaderPool {
    connections: Mutex<ReaderConnections>,
    /// Notified when a read has ended.
    ended: Condvar,
    open: OpenReader,
}

#[derive(Default)]
struct ReaderConnections {
    idle: Vec<Reader>,
    /// The reads under way. One whose connection is being opened has no handle yet.
    working: BTreeMap<u64, Option<InterruptHandle>>,
    /// The id of the newest read.
    last: u64,
    /// Set when the pool is dropped: no read may begin any more.
    closed: bool,
}

impl Readers {
    pub(super) fn new(count: usize, open: OpenReader) -> Self {
        Readers {
            room: Arc::new(Semaphore::new(count)),
            pool: Arc::new(ReaderPool {
                connections: Mutex::default(),
                ended: Condvar::new(),
                open,
            }),
        }
    }

    /// Runs `read` on a connection, as soon as one is free. Dropping the future does not end a read that has
    /// begun.
    pub(super) fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&mut Reader) -> Result<T, StoreError> + Send + 'static,
    ) -> StoreFuture<'_, T> {
        Box::pin(async move {
            let room = Arc::clone(&self.room).acquire_owned().await;
            let room = room.map_err(|_| StoreError::Closed)?;
            let pool = Arc::clone(&self.pool);
            let reading = tokio::task::spawn_blocking(move || {
                let _room = room;
                pool.read(read)
            });
            match reading.await {
                Ok(result) => result,
                Err(error) if error.is_panic() => resume_unwind(error.into_panic()),
                Err(_) => Err(StoreError::Closed),
            }
        })
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        let mut connections = lock(&self.pool.connections);
        connections.closed = true;
        connections.idle.clear();
        while !connections.working.is_empty() {
            for handle in connections.working.values().flatten() {
                handle.interrupt();
            }
            let ended = self.pool.ended.wait_timeout(connections, INTERRUPT_AGAIN);
            (connections, _) = ended.unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl ReaderPool {
    fn read<T>(
        &self,
        read: impl FnOnce(&mut Reader) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let (idle, working) = self.begin()?;
        // Dropped before `working`, so that the connection is closed when the read counts as ended.
        let mut reader = idle.map_or_else(|| (self.open)(), Ok)?;
        let handle = reader.interrupt_handle();
        lock(&self.connections)
            .working
            .insert(working.id, Some(handle));
        let result = read(&mut reader).and_then(|read| {
            reader.check_frozen()?;
            Ok(read)
        });
        // After an error, the next read opens a new connection.
        if result.is_ok() {
            working.give_back(reader);
        }
        result
    }

    fn begin(&self) -> Result<(Option<Reader>, ReaderAtWork<'_>), StoreError> {
        let mut connections = lock(&self.connections);
        if connections.closed {
            return Err(StoreError::Closed);
        }
        connections.last += 1;
        let id = connections.last;
        connections.working.insert(id, None);
        Ok((connections.idle.pop(), ReaderAtWork { pool: self, id }))
    }
}

/// A read under way, until this is dropped.
struct ReaderAtWork<'a> {
    pool: &'a ReaderPool,
    id: u64,
}

impl ReaderAtWork<'_> {
    fn give_back(&self, reader: Reader) {
        let mut connections = lock(&self.pool.connections);
        if !connections.closed {
            connections.idle.push(reader);
        }
    }
}

impl Drop for ReaderAtWork<'_> {
    fn drop(&mut self) {
        lock(&self.pool.connections).working.remove(&self.id);
        self.pool.ended.notify_all();
    }
}
