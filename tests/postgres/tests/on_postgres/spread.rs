//! Several stores on one database, as several processes have them, are one store.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use nether::eventstore::{
    Append, Appended, Direction, DocumentChange, DocumentCondition, Documents, EventId, EventPage,
    EventStore, PageLimit, Position, RecordedEvent, StoreFuture, StreamId, conformance,
};
use nether_postgres::PostgresStore;
use nether_postgres_tests::Server;

use crate::conformance::empty;

/// Each call goes to another one of three stores, which have nothing in common but their database.
struct Spread {
    stores: [PostgresStore; 3],
    calls: AtomicUsize,
}

impl Spread {
    fn next(&self) -> &PostgresStore {
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        &self.stores[call % self.stores.len()]
    }
}

impl EventStore for Spread {
    fn append(&self, append: Append) -> StoreFuture<'_, Appended> {
        self.next().append(append)
    }

    fn append_all(&self, appends: Vec<Append>) -> StoreFuture<'_, Vec<Appended>> {
        self.next().append_all(appends)
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
        self.next().read_stream(stream, from, direction, limit)
    }

    fn read_all(&self, after: Position, limit: usize) -> StoreFuture<'_, Vec<RecordedEvent>> {
        self.next().read_all(after, limit)
    }

    fn read_all_page(&self, after: Position, limit: PageLimit) -> StoreFuture<'_, EventPage> {
        self.next().read_all_page(after, limit)
    }

    fn read_stream_page(
        &self,
        stream: &StreamId,
        from: u64,
        limit: PageLimit,
    ) -> StoreFuture<'_, EventPage> {
        self.next().read_stream_page(stream, from, limit)
    }

    fn head(&self) -> StoreFuture<'_, Position> {
        self.next().head()
    }

    fn wait_for_new(&self, after: Position) -> StoreFuture<'_, Position> {
        self.next().wait_for_new(after)
    }

    fn find(&self, id: EventId) -> StoreFuture<'_, Option<RecordedEvent>> {
        self.next().find(id)
    }

    fn document(&self, collection: &str, key: &str) -> StoreFuture<'_, Option<Vec<u8>>> {
        self.next().document(collection, key)
    }

    fn documents(&self, collection: &str) -> StoreFuture<'_, Documents> {
        self.next().documents(collection)
    }

    fn collections(&self) -> StoreFuture<'_, Vec<Arc<str>>> {
        self.next().collections()
    }

    fn change_documents(
        &self,
        changes: Vec<DocumentChange>,
        conditions: Vec<DocumentCondition>,
    ) -> StoreFuture<'_, ()> {
        self.next().change_documents(changes, conditions)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_stores_on_one_database_do_what_one_does() {
    let database = Server::shared().database().await;
    conformance::check(async || {
        let (first, options) = Box::pin(empty(&database)).await;
        let address = database.address();
        let [second, third] = [options.clone(), options].map(|it| Box::pin(it.connect(&address)));
        Spread {
            stores: [
                first,
                second.await.expect("the server is there"),
                third.await.expect("the server is there"),
            ],
            calls: AtomicUsize::new(0),
        }
    })
    .await;
}
