//! What of a page a projection saves that writes in the store's transactions.

use std::sync::Arc;

use nether::eventstore::{DocumentChange, EventStore, Position, Projections, Store};
use nether::prelude::*;
use tokio::sync::Semaphore;
use tokio::task::yield_now;

use crate::notes::{Flaw, NoteStore, NoteTransaction};

#[event(name = "pages.turned")]
pub struct Turned {
    pub number: u32,
}

#[event(name = "pages.torn")]
pub struct Torn;

/// Lets so many handlers through, and says how many have begun.
pub struct TurnGate {
    begun: Semaphore,
    open: Semaphore,
}

impl TurnGate {
    fn open_for(count: usize) -> Arc<Self> {
        Arc::new(TurnGate {
            begun: Semaphore::new(0),
            open: Semaphore::new(count),
        })
    }
}

pub struct Turner {
    gate: Resource<Arc<TurnGate>>,
}

#[projection(handles = [Turned], name = "turner", transaction = NoteTransaction)]
impl Turner {
    #[init]
    fn new(gate: Resource<Arc<TurnGate>>) -> Self {
        Turner { gate }
    }

    async fn turned(&mut self, event: &Turned, transaction: &mut NoteTransaction<'_>) {
        self.gate.begun.add_permits(1);
        self.gate.open.acquire().await.unwrap().forget();
        transaction.note(event.number.to_string()).await;
    }
}

async fn started(store: &Store, gate: &Arc<TurnGate>) -> System {
    let builder = System::builder().isolated().with::<Projections<Turner>>();
    let builder = builder.provide(store.clone()).provide(Arc::clone(gate));
    builder.start().await.unwrap()
}

async fn text(notes: &NoteStore, collection: &str) -> Option<String> {
    let content = notes.document(collection, "turner").await.unwrap();
    content.map(|content| String::from_utf8(content).unwrap())
}

#[tokio::test(start_paused = true)]
async fn a_stop_in_the_middle_of_a_page_forgets_no_event_that_is_handled_ahead() {
    let notes = NoteStore::new(Flaw::None);
    let store = Store::new(notes.clone());
    let turned = (1..=3).map(|number| Turned { number });
    store.append_events("page/1", turned).await.unwrap();
    // Handled already, as by a `parallel` that was removed since.
    let ahead = DocumentChange {
        collection: "checkpoint_ahead".into(),
        key: "turner".into(),
        content: Some(b"[3]".to_vec()),
    };
    let ahead = notes.change_documents(vec![ahead], Vec::new());
    ahead.await.unwrap();
    let gate = TurnGate::open_for(0);
    let system = started(&store, &gate).await;
    gate.begun.acquire().await.unwrap().forget();
    let stopping = tokio::spawn(async move { system.shutdown().await });
    for _ in 0..100 {
        yield_now().await;
    }
    gate.open.add_permits(1);
    stopping.await.unwrap();
    assert_eq!(notes.notes().await, ["1"]);
    assert_eq!(text(&notes, "checkpoint").await.as_deref(), Some("1"));
    let ahead = text(&notes, "checkpoint_ahead").await;
    assert_eq!(ahead.as_deref(), Some("[3]"));

    let system = started(&store, &TurnGate::open_for(9)).await;
    let turner = store.projection::<Turner>().unwrap();
    turner.caught_up().await.unwrap();
    assert_eq!(notes.notes().await, ["1", "2"], "each once");
    assert_eq!(text(&notes, "checkpoint_ahead").await, None);
    system.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_page_without_its_events_is_no_transaction_and_is_saved_all_the_same() {
    let notes = NoteStore::new(Flaw::None);
    let store = Store::new(notes.clone());
    let system = started(&store, &TurnGate::open_for(9)).await;
    store.append_events("page/1", [Torn, Torn]).await.unwrap();
    let turner = store.projection::<Turner>().unwrap();
    turner.caught_up().await.unwrap();
    assert_eq!(turner.position(), Position(2));
    assert_eq!(text(&notes, "checkpoint").await.as_deref(), Some("2"));
    assert_eq!(text(&notes, "transaction").await, None);
    let turned = [Turned { number: 1 }];
    store.append_events("page/1", turned).await.unwrap();
    turner.caught_up().await.unwrap();
    assert!(text(&notes, "transaction").await.is_some());
    assert_eq!(notes.notes().await, ["1"]);
    system.shutdown().await;
}
