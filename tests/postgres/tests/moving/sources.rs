//! Sources of imports.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use nether::eventstore::{
    Append, Appended, Direction, DocumentChange, DocumentCondition, Documents, Encoding, EventId,
    EventStore, Expected, MemoryStore, Metadata, NewEvent, Payload, Position, RecordedEvent,
    StoreFuture, StreamId,
};
use tokio::sync::Notify;

/// An append of so many events.
pub fn append(stream: &str, events: u32) -> Append {
    let event = |number: u32| NewEvent {
        id: EventId::new(),
        name: "moving.noted".into(),
        schema_version: 1,
        payload: Payload {
            encoding: Encoding::MessagePack,
            bytes: number.to_be_bytes().to_vec(),
        },
    };
    Append {
        stream: StreamId::from(stream),
        expected: Expected::Any,
        events: (0..events).map(event).collect(),
        metadata: Metadata {
            time: 5,
            correlation: Some("a correlation".into()),
            ..Metadata::default()
        },
        conditions: Vec::new(),
    }
}

pub fn document(collection: &str, key: &str, content: &[u8]) -> DocumentChange {
    DocumentChange {
        collection: collection.into(),
        key: key.into(),
        content: Some(content.to_vec()),
    }
}

/// What a program writes while its store is imported.
#[derive(Clone)]
pub enum Meanwhile {
    Event,
    Document,
    /// Nothing: the source does not answer any more, which this notifies of.
    Hangs(Arc<Notify>),
}

/// A store that a program writes to while its events are read.
pub struct Busy {
    pub store: MemoryStore,
    pub writes: Meanwhile,
    has_written: AtomicBool,
}

impl Busy {
    pub fn new(store: MemoryStore, writes: Meanwhile) -> Self {
        Busy {
            store,
            writes,
            has_written: AtomicBool::new(false),
        }
    }
}

impl EventStore for Busy {
    fn append(&self, append: Append) -> StoreFuture<'_, Appended> {
        self.store.append(append)
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
        Box::pin(async move {
            let read = self.store.read_all(after, limit).await?;
            match &self.writes {
                Meanwhile::Hangs(notify) => {
                    // After the first page.
                    if after > Position::START {
                        notify.notify_one();
                        std::future::pending::<()>().await;
                    }
                }
                _ if self.has_written.swap(true, Ordering::Relaxed) => {}
                Meanwhile::Event => drop(self.store.append(append("late/1", 1)).await?),
                Meanwhile::Document => {
                    let late = vec![document("checkpoint", "seen", b"2")];
                    self.store.change_documents(late, Vec::new()).await?;
                }
            }
            Ok(read)
        })
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

    fn collections(&self) -> StoreFuture<'_, Vec<Arc<str>>> {
        self.store.collections()
    }

    fn change_documents(
        &self,
        changes: Vec<DocumentChange>,
        conditions: Vec<DocumentCondition>,
    ) -> StoreFuture<'_, ()> {
        self.store.change_documents(changes, conditions)
    }
}
