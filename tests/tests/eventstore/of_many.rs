//! A store in memory that stands for one which several processes have open.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use nether::eventstore::{
    Append, Appended, DocumentChange, DocumentCondition, EventStore, MemoryStore, Store,
    StoreFuture,
};
use tokio::sync::watch;

use crate::forward::forward;
use crate::unsteady::locked;

pub const LEASE_TIME: Duration = Duration::from_secs(10);

/// A store in memory. Each handle of it stands for the store as another process has it open.
#[derive(Clone)]
pub struct OfMany {
    pub store: Arc<MemoryStore>,
    is_shared: bool,
    /// Before a document is read, before an append, before documents are changed, and after that.
    pub reads: Gate,
    pub appends: Gate,
    pub changes: Gate,
    pub answers: Gate,
    /// The next change of documents is made, and the answer is an error.
    pub loses_answer: Arc<AtomicBool>,
}

/// Where those who come wait while it is closed.
#[derive(Clone, Default)]
pub struct Gate(Arc<GateState>);

#[derive(Default)]
struct GateState {
    is_closed: watch::Sender<bool>,
    waiting: AtomicUsize,
}

impl Gate {
    pub fn close(&self) {
        self.0.is_closed.send_replace(true);
    }

    pub fn open(&self) {
        self.0.is_closed.send_replace(false);
    }

    /// How many have come while it was closed.
    pub fn waiting(&self) -> usize {
        self.0.waiting.load(Ordering::SeqCst)
    }

    pub async fn pass(&self) {
        let mut is_closed = self.0.is_closed.subscribe();
        if *is_closed.borrow() {
            self.0.waiting.fetch_add(1, Ordering::SeqCst);
        }
        let _ = is_closed.wait_for(|is_closed| !is_closed).await;
    }
}

impl OfMany {
    pub fn new(is_shared: bool) -> Self {
        OfMany {
            store: Arc::default(),
            is_shared,
            reads: Gate::default(),
            appends: Gate::default(),
            changes: Gate::default(),
            answers: Gate::default(),
            loses_answer: Arc::default(),
        }
    }

    pub fn open(&self) -> Store {
        Store::new(self.clone()).lease_time(LEASE_TIME)
    }

    /// Writes the lease of that name as a holder in another process would.
    pub async fn put_lease(&self, name: &str, epoch: u64) {
        let holder = r#"{"process":"01980000-0000-7000-8000-000000000000","runner":1,"name":"process 1 on elsewhere","lease_time_ms":10000}"#;
        let lease = format!(r#"{{"epoch":{epoch},"holder":{holder}}}"#);
        self.put("lease", name, Some(lease.into_bytes())).await;
    }

    pub async fn beat(&self, name: &str, number: u64) {
        let beat = number.to_string().into_bytes();
        self.put("heartbeat", name, Some(beat)).await;
    }

    pub async fn put(&self, collection: &str, key: &str, content: Option<Vec<u8>>) {
        let change = DocumentChange {
            collection: collection.into(),
            key: key.into(),
            content,
        };
        let changed = self.store.change_documents(vec![change], Vec::new());
        changed.await.unwrap();
    }

    pub async fn text(&self, collection: &str, key: &str) -> Option<String> {
        let document = self.store.document(collection, key).await.unwrap();
        document.map(|it| String::from_utf8(it).unwrap())
    }
}

impl EventStore for OfMany {
    forward!(self => self.store; read_stream read_all head wait_for_new find documents);

    fn append(&self, append: Append) -> StoreFuture<'_, Appended> {
        Box::pin(async move {
            self.appends.pass().await;
            self.store.append(append).await
        })
    }

    fn document(&self, collection: &str, key: &str) -> StoreFuture<'_, Option<Vec<u8>>> {
        let (collection, key) = (collection.to_owned(), key.to_owned());
        Box::pin(async move {
            self.reads.pass().await;
            self.store.document(&collection, &key).await
        })
    }

    fn change_documents(
        &self,
        changes: Vec<DocumentChange>,
        conditions: Vec<DocumentCondition>,
    ) -> StoreFuture<'_, ()> {
        Box::pin(async move {
            self.changes.pass().await;
            let changed = self.store.change_documents(changes, conditions).await;
            self.answers.pass().await;
            match self.loses_answer.swap(false, Ordering::SeqCst) {
                true => Err(locked()),
                false => changed,
            }
        })
    }

    fn is_shared(&self) -> bool {
        self.is_shared
    }
}
