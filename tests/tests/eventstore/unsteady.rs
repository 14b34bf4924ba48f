//! A store in memory that fails on demand, and counts what is written.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use nether::eventstore::{
    Append, Appended, Direction, DocumentChange, DocumentCondition, Encoding, EventId, EventStore,
    Expected, MemoryStore, Metadata, NewEvent, Payload, Position, RecordedEvent, Store, StoreError,
    StoreFuture, StreamId,
};

use crate::forward::forward;

/// Whether the next time fails.
type Fault = Box<dyn FnMut() -> Option<StoreError> + Send>;

#[derive(Default)]
pub struct Unsteady {
    store: MemoryStore,
    of_append: Mutex<Option<Fault>>,
    of_change: Mutex<Option<Fault>>,
    written: AtomicUsize,
    read: AtomicUsize,
}

struct UnsteadyStore(Arc<Unsteady>);

impl Unsteady {
    pub fn open() -> (Store, Arc<Unsteady>) {
        let unsteady = Arc::<Unsteady>::default();
        (Store::new(UnsteadyStore(Arc::clone(&unsteady))), unsteady)
    }

    pub fn fail_appends(&self, fault: impl FnMut() -> Option<StoreError> + Send + 'static) {
        *self.of_append.lock().unwrap() = Some(Box::new(fault));
    }

    pub fn fail_changes(&self, fault: impl FnMut() -> Option<StoreError> + Send + 'static) {
        *self.of_change.lock().unwrap() = Some(Box::new(fault));
    }

    pub fn recover(&self) {
        *self.of_append.lock().unwrap() = None;
        *self.of_change.lock().unwrap() = None;
    }

    /// How many bytes of documents were written, and how many events were read, since this was asked last.
    pub fn effort(&self) -> (usize, usize) {
        let written = self.written.swap(0, Ordering::SeqCst);
        (written, self.read.swap(0, Ordering::SeqCst))
    }

    async fn noting(
        &self,
        events: StoreFuture<'_, Vec<RecordedEvent>>,
    ) -> Result<Vec<RecordedEvent>, StoreError> {
        let events = events.await?;
        self.read.fetch_add(events.len(), Ordering::SeqCst);
        Ok(events)
    }
}

fn fault(of: &Mutex<Option<Fault>>) -> Option<StoreError> {
    of.lock().unwrap().as_mut().and_then(|fault| fault())
}

/// A failure that may pass.
pub fn locked() -> StoreError {
    StoreError::Locked {
        reason: "by somebody".to_owned(),
    }
}

/// A failure that does not.
pub fn bad_file() -> StoreError {
    StoreError::BadFile {
        location: "events.db".into(),
        problem: "was renamed".to_owned(),
    }
}

/// An event of any version.
pub fn raw(stream: &str, name: &'static str, schema_version: u32, json: &str) -> Append {
    Append {
        stream: stream.into(),
        expected: Expected::Any,
        events: vec![NewEvent {
            id: EventId::new(),
            name: name.into(),
            schema_version,
            payload: Payload {
                encoding: Encoding::Json,
                bytes: json.as_bytes().to_vec(),
            },
        }],
        metadata: Metadata::default(),
        conditions: Vec::new(),
    }
}

impl EventStore for UnsteadyStore {
    forward!(self => self.0.store; head wait_for_new find document documents);

    fn append(&self, append: Append) -> StoreFuture<'_, Appended> {
        match fault(&self.0.of_append) {
            Some(error) => Box::pin(async { Err(error) }),
            None => self.0.store.append(append),
        }
    }

    fn read_stream(
        &self,
        stream: &StreamId,
        from: u64,
        direction: Direction,
        limit: usize,
    ) -> StoreFuture<'_, Vec<RecordedEvent>> {
        let events = self.0.store.read_stream(stream, from, direction, limit);
        Box::pin(self.0.noting(events))
    }

    fn read_all(&self, after: Position, limit: usize) -> StoreFuture<'_, Vec<RecordedEvent>> {
        Box::pin(self.0.noting(self.0.store.read_all(after, limit)))
    }

    fn change_documents(
        &self,
        changes: Vec<DocumentChange>,
        conditions: Vec<DocumentCondition>,
    ) -> StoreFuture<'_, ()> {
        if let Some(error) = fault(&self.0.of_change) {
            return Box::pin(async { Err(error) });
        }
        let bytes = changes.iter().filter_map(|change| change.content.as_ref());
        let bytes = bytes.map(Vec::len).sum();
        self.0.written.fetch_add(bytes, Ordering::SeqCst);
        self.0.store.change_documents(changes, conditions)
    }

    fn is_shared(&self) -> bool {
        false
    }
}
