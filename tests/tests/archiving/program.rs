//! The program: orders with notes.

use nether::CallError;
use nether::eventstore::{
    Aggregates, Decisions, EventStore, Position, Store, StoreError, StreamCopy,
};
use nether::prelude::*;
use nether_sqlite::SqliteStore;
use nether_tests::Folder;
use serde::{Deserialize, Serialize};

#[command(
    key = order,
    name = "archiving.note",
    reply = Notes,
    http = "POST /orders/{order}/notes"
)]
pub struct Note {
    pub order: u32,
    pub text: String,
}

/// A command that cannot be copied, so that it is decided upon once.
#[command(key = order, local, reply = Notes)]
pub struct Look {
    pub order: u32,
}

#[query(key = order, reply = Notes, http = "GET /orders/{order}/notes")]
pub struct NotesOf {
    pub order: u32,
}

#[event(name = "archiving.noted")]
pub struct Noted {
    pub order: u32,
    pub text: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notes(pub Vec<String>);

#[derive(Default, Serialize, Deserialize)]
pub struct Order {
    notes: Vec<String>,
}

#[aggregate(handles = [Note, Look, NotesOf], events = [Noted], snapshot_every = 1)]
impl Order {
    fn note(&self, note: Note) -> Option<Noted> {
        let Note { order, text } = note;
        (!text.is_empty()).then_some(Noted { order, text })
    }

    fn look(&self, _: Look) {}

    fn notes(&self, _: NotesOf) -> Notes {
        Notes(self.notes.clone())
    }

    fn noted(&mut self, event: &Noted) {
        self.notes.push(event.text.clone());
    }
}

impl From<&Order> for Notes {
    fn from(order: &Order) -> Self {
        Notes(order.notes.clone())
    }
}

/// Writes a note on two orders, or on none if it is empty.
#[command(name = "archiving.note_both")]
pub struct NoteBoth {
    pub one: u32,
    pub other: u32,
    pub text: String,
}

/// Looks at two orders. It cannot be copied, so that it is decided upon once.
#[command(local)]
pub struct LookAtBoth {
    pub one: u32,
    pub other: u32,
}

pub struct Both;

#[decision(handles = [NoteBoth, LookAtBoth], of = [Order(one), Order(other)])]
impl Both {
    fn look(_: LookAtBoth, _: &Order, _: &Order) {}

    fn note(note: NoteBoth, _: &Order, _: &Order) -> Option<(Noted, Noted)> {
        let noted = |order| Noted {
            order,
            text: note.text.clone(),
        };
        (!note.text.is_empty()).then(|| (noted(note.one), noted(note.other)))
    }
}

pub const SECRET: &str = "it is a present for Erasmus";

pub fn note(order: u32, text: &str) -> Note {
    let text = text.to_owned();
    Note { order, text }
}

pub fn noted(order: u32, text: &str) -> Noted {
    let text = text.to_owned();
    Noted { order, text }
}

pub fn both(one: u32, other: u32, text: &str) -> NoteBoth {
    let text = text.to_owned();
    NoteBoth { one, other, text }
}

pub async fn start(store: &Store) -> System {
    let builder = System::builder()
        .isolated()
        .with::<Aggregates<Order>>()
        .with::<Decisions<Both>>();
    builder.provide(store.clone()).start().await.unwrap()
}

/// A store in a file that others have open too.
pub fn shared(folder: &Folder) -> Store {
    let options = SqliteStore::options().shared(true);
    Store::new(options.open(folder.file()).unwrap())
}

/// Runs a test with each kind of store.
pub async fn on_each_store(test: impl AsyncFn(Store)) {
    test(Store::memory()).await;
    let folder = Folder::new("archiving");
    test(Store::new(SqliteStore::open(folder.file()).unwrap())).await;
    let folder = Folder::new("archiving-shared");
    test(shared(&folder)).await;
}

pub async fn archive(store: &Store, stream: &str) -> (StreamCopy, Position) {
    let copy = store.copy_of(stream).await.unwrap();
    let position = store.archive(&copy, "olga", "it is old").await.unwrap();
    (copy, position)
}

/// The snapshot of an order.
pub async fn snapshot(store: &dyn EventStore, order: u32) -> Option<Vec<u8>> {
    let snapshot = store.document("snapshot/order", &order.to_string());
    snapshot.await.unwrap()
}

/// Waits until there is a snapshot of an order.
pub async fn has_snapshot(store: &Store, order: u32) {
    while snapshot(&**store, order).await.is_none() {
        tokio::task::yield_now().await;
    }
}

/// The stream of which an error says that it is archived.
pub fn archived<T: std::fmt::Debug, E: std::fmt::Debug>(result: Result<T, CallError<E>>) -> String {
    let Err(CallError::Unavailable(unavailable)) = result else {
        panic!("another result: {result:?}");
    };
    archived_of(unavailable.error.downcast_ref().expect("of the store"))
}

pub fn archived_of(error: &StoreError) -> String {
    let StoreError::Archived { stream, time } = error else {
        panic!("another error: {error}");
    };
    assert!(*time > 1_700_000_000_000, "it says when: {time}");
    assert!(error.is_permanent(), "{error}");
    stream.to_string()
}
