//! A store in a file, whose snapshots wait until they may be written.

use std::sync::Arc;

use nether::eventstore::{
    Append, Appended, Direction, DocumentChange, DocumentCondition, Documents, EventId, EventStore,
    Position, RecordedEvent, StoreError, StoreFuture, StreamId,
};
use nether_sqlite::SqliteStore;
use tokio::sync::{Semaphore, mpsc};

/// A store that lets no change of documents through before it may, and reports what came of it.
pub struct Slow {
    pub store: SqliteStore,
    pub may_pass: Arc<Semaphore>,
    pub passed: mpsc::UnboundedSender<Result<(), StoreError>>,
}

impl EventStore for Slow {
    fn change_documents(
        &self,
        changes: Vec<DocumentChange>,
        conditions: Vec<DocumentCondition>,
    ) -> StoreFuture<'_, ()> {
        Box::pin(async move {
            let permit = self.may_pass.acquire().await;
            permit.expect("it is open").forget();
            let changed = self.store.change_documents(changes, conditions).await;
            self.passed.send(changed.clone()).expect("the test waits");
            changed
        })
    }

    fn append(&self, append: Append) -> StoreFuture<'_, Appended> {
        self.store.append(append)
    }

    fn append_all(&self, appends: Vec<Append>) -> StoreFuture<'_, Vec<Appended>> {
        self.store.append_all(appends)
    }

    fn can_append_all(&self) -> bool {
        self.store.can_append_all()
    }

    fn read_stream(
        &self,
        stream: &StreamId,
        from: u64,
        direction: Direction,
        limit: usize,
    ) -> StoreFuture<'_, Vec<RecordedEvent>> {
        self.store.read_stream(stream, from, direction, limit)
    }

    fn read_all(&self, after: Position, limit: usize) -> StoreFuture<'_, Vec<RecordedEvent>> {
        self.store.read_all(after, limit)
    }

    fn head(&self) -> StoreFuture<'_, Position> {
        self.store.head()
    }

    fn wait_for_new(&self, after: Position) -> StoreFuture<'_, Position> {
        self.store.wait_for_new(after)
    }

    fn find(&self, id: EventId) -> StoreFuture<'_, Option<RecordedEvent>> {
        self.store.find(id)
    }

    fn document(&self, collection: &str, key: &str) -> StoreFuture<'_, Option<Vec<u8>>> {
        self.store.document(collection, key)
    }

    fn documents(&self, collection: &str) -> StoreFuture<'_, Documents> {
        self.store.documents(collection)
    }
}
