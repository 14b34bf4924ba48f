//! A store in memory that stands for one which another process has open too.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use nether::eventstore::{
    Append, Appended, Direction, DocumentChange, DocumentCondition, Documents, Encoding, EventId,
    EventStore, Expected, MemoryStore, Metadata, NewEvent, Payload, Position, RecordedEvent, Store,
    StoreError, StoreFuture, StreamId,
};

/// What a test does with the store.
#[derive(Default)]
pub struct Other {
    pub inner: MemoryStore,
    /// What the other process appends, one before each append to several streams, and before each look at the
    /// newest event of a stream.
    pub between: Mutex<VecDeque<Append>>,
    /// How many appends to several streams there were.
    pub appends: AtomicUsize,
    /// How many appends to several streams were refused, because a version was another.
    pub conflicts: AtomicUsize,
    pub fails: AtomicBool,
}

#[derive(Clone, Default)]
pub struct OtherStore(pub Arc<Other>);

impl OtherStore {
    pub fn open(&self) -> Store {
        Store::new(self.clone())
    }

    /// Lets the other process append an event before the next append to several streams, or look at the
    /// newest event of one.
    pub fn appends_first(&self, stream: &str, name: &str, json: &str) {
        let mut between = self.0.between.lock().unwrap();
        between.push_back(new(stream, name, json));
    }

    pub async fn append_now(&self, stream: &str, name: &str, json: &str) {
        self.0.inner.append(new(stream, name, json)).await.unwrap();
    }

    async fn append_between(&self) -> Result<(), StoreError> {
        let between = self.0.between.lock().unwrap().pop_front();
        match between {
            Some(between) => self.0.inner.append(between).await.map(drop),
            None => Ok(()),
        }
    }

    /// The names of the events in a stream.
    pub async fn names(&self, stream: &str) -> Vec<String> {
        let stream = StreamId::from(stream);
        let read = self.read_stream(&stream, 1, Direction::Forwards, usize::MAX);
        let read = read.await.unwrap();
        read.iter().map(|event| event.name.to_string()).collect()
    }
}

pub fn new(stream: &str, name: &str, json: &str) -> Append {
    let event = NewEvent {
        id: EventId::new(),
        name: name.to_owned().into(),
        schema_version: 1,
        payload: Payload {
            encoding: Encoding::Json,
            bytes: json.as_bytes().to_vec(),
        },
    };
    Append {
        stream: stream.into(),
        expected: Expected::Any,
        events: vec![event],
        metadata: Metadata::default(),
        conditions: Vec::new(),
    }
}

impl EventStore for OtherStore {
    fn append(&self, append: Append) -> StoreFuture<'_, Appended> {
        self.0.inner.append(append)
    }

    fn append_all(&self, appends: Vec<Append>) -> StoreFuture<'_, Vec<Appended>> {
        Box::pin(async move {
            self.0.appends.fetch_add(1, Ordering::SeqCst);
            self.append_between().await?;
            if self.0.fails.swap(false, Ordering::SeqCst) {
                return Err(StoreError::Full {
                    reason: "no room".to_owned(),
                });
            }
            let appended = self.0.inner.append_all(appends).await;
            if matches!(appended, Err(StoreError::Conflict { .. })) {
                self.0.conflicts.fetch_add(1, Ordering::SeqCst);
            }
            appended
        })
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
        Box::pin(async move {
            if limit == 1 {
                self.append_between().await?;
            }
            let inner = &self.0.inner;
            inner.read_stream(&stream, from, direction, limit).await
        })
    }

    fn read_all(&self, after: Position, limit: usize) -> StoreFuture<'_, Vec<RecordedEvent>> {
        self.0.inner.read_all(after, limit)
    }

    fn head(&self) -> StoreFuture<'_, Position> {
        self.0.inner.head()
    }

    fn wait_for_new(&self, after: Position) -> StoreFuture<'_, Position> {
        self.0.inner.wait_for_new(after)
    }

    fn find(&self, id: EventId) -> StoreFuture<'_, Option<RecordedEvent>> {
        self.0.inner.find(id)
    }

    fn document(&self, collection: &str, key: &str) -> StoreFuture<'_, Option<Vec<u8>>> {
        self.0.inner.document(collection, key)
    }

    fn documents(&self, collection: &str) -> StoreFuture<'_, Documents> {
        self.0.inner.documents(collection)
    }

    fn change_documents(
        &self,
        changes: Vec<DocumentChange>,
        conditions: Vec<DocumentCondition>,
    ) -> StoreFuture<'_, ()> {
        self.0.inner.change_documents(changes, conditions)
    }
}
