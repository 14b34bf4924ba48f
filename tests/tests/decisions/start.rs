//! Mistakes that are found at the start, and decisions as the topology shows them.

use nether::eventstore::{
    Append, Appended, Decisions, Direction, DocumentChange, DocumentCondition, Documents, EventId,
    EventStore, MemoryStore, Position, RecordedEvent, Store, StoreFuture, StreamId, conformance,
};
use nether::prelude::*;

use crate::bank::Transfers;

/// A store that appends to one stream at a time.
#[derive(Default)]
struct OneAtATime(MemoryStore);

impl EventStore for OneAtATime {
    fn append(&self, append: Append) -> StoreFuture<'_, Appended> {
        self.0.append(append)
    }

    fn read_stream(
        &self,
        stream: &StreamId,
        from: u64,
        direction: Direction,
        limit: usize,
    ) -> StoreFuture<'_, Vec<RecordedEvent>> {
        self.0.read_stream(stream, from, direction, limit)
    }

    fn read_all(&self, after: Position, limit: usize) -> StoreFuture<'_, Vec<RecordedEvent>> {
        self.0.read_all(after, limit)
    }

    fn head(&self) -> StoreFuture<'_, Position> {
        self.0.head()
    }

    fn wait_for_new(&self, after: Position) -> StoreFuture<'_, Position> {
        self.0.wait_for_new(after)
    }

    fn find(&self, id: EventId) -> StoreFuture<'_, Option<RecordedEvent>> {
        self.0.find(id)
    }

    fn document(&self, collection: &str, key: &str) -> StoreFuture<'_, Option<Vec<u8>>> {
        self.0.document(collection, key)
    }

    fn documents(&self, collection: &str) -> StoreFuture<'_, Documents> {
        self.0.documents(collection)
    }

    fn change_documents(
        &self,
        changes: Vec<DocumentChange>,
        conditions: Vec<DocumentCondition>,
    ) -> StoreFuture<'_, ()> {
        self.0.change_documents(changes, conditions)
    }
}

#[tokio::test]
async fn a_store_that_cannot_write_several_streams_is_refused_at_the_start() {
    let builder = System::builder().isolated().with::<Decisions<Transfers>>();
    let builder = builder.provide(Store::new(OneAtATime::default()));
    let error = builder.start().await.expect_err("it cannot start");
    let text = error.to_string();
    for said in [
        "decisions::bank::Transfers",
        "cannot append to several streams in one transaction",
        "EventStore::append_all",
        "nether_sqlite::SqliteStore",
    ] {
        assert!(text.contains(said), "{said:?} is not in {text}");
    }
}

#[tokio::test]
async fn such_a_store_is_sound_otherwise() {
    conformance::check(async || OneAtATime::default()).await;
}

#[tokio::test]
async fn the_topology_shows_what_a_decision_emits() -> nether::Result<()> {
    let builder = System::builder().isolated().with::<Decisions<Transfers>>();
    let system = builder.provide(Store::memory()).start().await?;
    let drawn = system.topology().to_mermaid();
    for said in [
        "Transfers",
        "bank.transfer",
        "bank.withdrawn",
        "bank.deposited",
    ] {
        assert!(drawn.contains(said), "{said:?} is not in {drawn}");
    }
    Ok(())
}
