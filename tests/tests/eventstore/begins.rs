//! Where projections and sagas begin that are new to a store with events.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use nether::eventstore::{Position, Projections, Saga, Sagas, Step, Store};
use nether::prelude::*;
use nether_sqlite::SqliteStore;
use nether_tests::{Folder, Lines};
use serde::{Deserialize, Serialize};
use tokio::time::sleep;

use crate::of_many::OfMany;

#[event(name = "begins.issued")]
pub struct Issued {
    pub invoice: u32,
}

#[command(name = "begins.thank")]
pub struct Thank {
    pub invoice: u32,
}

type Thanked = Arc<Mutex<Vec<u32>>>;

pub struct Mail(Resource<Thanked>);

#[module(handles = [Thank])]
impl Mail {
    #[init]
    fn new(thanked: Resource<Thanked>) -> Self {
        Mail(thanked)
    }

    async fn thank(&self, thank: Thank) {
        self.0.lock().unwrap().push(thank.invoice);
    }
}

macro_rules! saga {
    ($ty:ident, $($key:tt)*) => {
        #[derive(Default, Serialize, Deserialize)]
        pub struct $ty {}

        #[saga($($key)*, key = invoice, handles = [Issued], starts = [Issued], sends = [Thank])]
        impl $ty {
            fn issued(&mut self, event: &Issued, step: &mut Step<Self>) {
                step.send(Thank {
                    invoice: event.invoice,
                });
                step.end();
            }
        }
    };
}

saga!(Unsaid, name = "thanks");
saga!(Renamed, name = "gratitude");
saga!(FromNow, name = "thanks", from = "now");
saga!(FromBeginning, name = "thanks", from = "beginning");
saga!(FromThird, name = "thanks", from = 3);

async fn start<S: Saga>(store: &Store, thanked: &Thanked) -> nether::Result<System> {
    let builder = System::builder()
        .isolated()
        .with::<Mail>()
        .with::<Sagas<S>>()
        .provide(store.clone());
    Ok(builder.provide(Arc::clone(thanked)).start().await?)
}

/// Starts it, waits until nothing is left to do, and stops it: what was done.
async fn run<S: Saga>(store: &Store) -> Vec<u32> {
    let thanked = Thanked::default();
    let system = start::<S>(store, &thanked).await.unwrap();
    store.saga::<S>().unwrap().settled().await.unwrap();
    system.shutdown().await;
    let mut thanked = std::mem::take(&mut *thanked.lock().unwrap());
    thanked.sort_unstable();
    thanked
}

async fn issue(store: &Store, invoices: impl IntoIterator<Item = u32>) {
    for invoice in invoices {
        let stream = format!("invoice/{invoice}");
        let issued = [Issued { invoice }];
        store.append_events(stream, issued).await.unwrap();
    }
}

async fn is_refused<S: Saga>(store: &Store, name: &str) {
    let thanked = Thanked::default();
    let refused = start::<S>(store, &thanked).await.unwrap_err().to_string();
    for part in [
        &format!("`{name}` is new to this store, which has events up to position 4"),
        "from = \"now\"",
        "from = \"beginning\"",
        "name = \"..\"",
    ] {
        assert!(refused.contains(part), "{refused}");
    }
    assert!(thanked.lock().unwrap().is_empty(), "nothing was sent");
}

async fn a_new_saga_has_to_say(open: impl Fn() -> Store) {
    let store = open();
    issue(&store, 1..=4).await;
    is_refused::<Unsaid>(&store, "thanks").await;
    is_refused::<Unsaid>(&store, "thanks").await;
    assert_eq!(run::<FromNow>(&store).await, [0; 0]);
    // It is decided: events from while no process runs are not of before its time.
    issue(&store, 5..=6).await;
    drop(store);
    assert_eq!(run::<FromNow>(&open()).await, [5, 6]);
    issue(&open(), [7]).await;
    assert_eq!(run::<FromBeginning>(&open()).await, [7], "it is not new");
    assert_eq!(run::<Unsaid>(&open()).await, [0; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_new_saga_says_what_becomes_of_events_from_before_its_time() {
    let backend = OfMany::new(false);
    a_new_saga_has_to_say(|| backend.open()).await;
    let backend = OfMany::new(false);
    issue(&backend.open(), 1..=4).await;
    assert_eq!(run::<FromBeginning>(&backend.open()).await, [1, 2, 3, 4]);
    let backend = OfMany::new(false);
    issue(&backend.open(), 1..=4).await;
    assert_eq!(run::<FromThird>(&backend.open()).await, [3, 4]);
    let backend = OfMany::new(false);
    issue(&backend.open(), [1]).await;
    assert_eq!(run::<FromThird>(&backend.open()).await, [0; 0]);
    issue(&backend.open(), [2]).await;
    assert_eq!(
        run::<FromThird>(&backend.open()).await,
        [2],
        "behind what was there"
    );
}

#[tokio::test]
async fn a_new_saga_says_what_becomes_of_events_from_before_its_time_in_the_file() {
    let folder = Folder::new("begins");
    let open = || Store::new(SqliteStore::open(folder.file()).unwrap());
    a_new_saga_has_to_say(open).await;
}

#[tokio::test(start_paused = true)]
async fn a_saga_that_was_started_with_an_empty_store_need_not_say_ever() {
    let backend = OfMany::new(true);
    assert_eq!(run::<Unsaid>(&backend.open()).await, [0; 0]);
    let checkpoint = backend.text("checkpoint", "thanks").await;
    assert_eq!(checkpoint.as_deref(), Some("0"), "it is noted at once");
    issue(&backend.open(), 1..=2).await;
    assert_eq!(run::<Unsaid>(&backend.open()).await, [1, 2]);
    issue(&backend.open(), 3..=4).await;
    is_refused::<Renamed>(&backend.open(), "gratitude").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_systems_that_start_together_while_events_come_none_is_refused() {
    for _ in 0..20 {
        let (backend, thanked) = (OfMany::new(true), Thanked::default());
        let first = start::<Unsaid>(&backend.open(), &thanked).await.unwrap();
        let starting: Vec<_> = (0..4)
            .map(|number| {
                let (store, thanked) = (backend.open(), Arc::clone(&thanked));
                tokio::spawn(async move {
                    issue(&store, [number]).await;
                    start::<Unsaid>(&store, &thanked).await.unwrap()
                })
            })
            .collect();
        for system in starting {
            system.await.unwrap().shutdown().await;
        }
        let store = backend.open();
        first.shutdown().await;
        let last = start::<Unsaid>(&store, &thanked).await.unwrap();
        store.saga::<Unsaid>().unwrap().settled().await.unwrap();
        last.shutdown().await;
        let mut thanked = thanked.lock().unwrap().clone();
        thanked.sort_unstable();
        assert_eq!(thanked, [0, 1, 2, 3]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_position_that_the_start_cannot_note_is_noted_by_the_runner() {
    let (backend, thanked) = (OfMany::new(false), Thanked::default());
    issue(&backend.open(), [1]).await;
    backend.changes.close();
    let store = backend.open();
    let system = start::<FromNow>(&store, &thanked).await.unwrap();
    sleep(Duration::from_secs(1)).await;
    assert_eq!(backend.text("checkpoint", "thanks").await, None);
    backend.changes.open();
    store.saga::<FromNow>().unwrap().settled().await.unwrap();
    issue(&store, [2]).await;
    store.saga::<FromNow>().unwrap().settled().await.unwrap();
    system.shutdown().await;
    assert_eq!(*thanked.lock().unwrap(), [2]);
}

/// Keeps what it has seen elsewhere.
pub struct Seen(Resource<Thanked>);

#[projection(name = "seen", handles = [Issued], from = "now")]
impl Seen {
    #[init]
    fn new(seen: Resource<Thanked>) -> Self {
        Seen(seen)
    }

    fn issued(&mut self, event: &Issued) {
        self.0.lock().unwrap().push(event.invoice);
    }

    #[on_rebuild]
    fn clear(&mut self) {
        self.0.lock().unwrap().clear();
    }
}

#[derive(Default)]
pub struct SeenAll;

#[projection(name = "seen_all", handles = [Issued], durable)]
impl SeenAll {
    fn issued(&mut self, _: &Issued) {}
}

#[tokio::test(start_paused = true)]
async fn a_new_projection_begins_where_it_says_and_is_rebuilt_from_there() {
    let (backend, seen) = (OfMany::new(false), Thanked::default());
    let store = backend.open();
    issue(&store, 1..=4).await;
    let (lines, _guard) = Lines::of_this_thread();
    let start = || {
        let builder = System::builder()
            .isolated()
            .with::<Projections<Seen>>()
            .with::<Projections<SeenAll>>();
        let builder = builder.provide(store.clone());
        builder.provide(Arc::clone(&seen)).start()
    };
    let system = start().await.unwrap();
    issue(&store, 5..=6).await;
    let projection = store.projection::<Seen>().unwrap();
    projection.caught_up().await.unwrap();
    assert_eq!(*seen.lock().unwrap(), [5, 6]);
    projection.rebuild().await.unwrap();
    assert_eq!(*seen.lock().unwrap(), [5, 6]);
    assert_eq!(projection.position(), Position(6));
    system.shutdown().await;
    let said = lines.take();
    for (name, from) in [("seen", 5), ("seen_all", 1)] {
        let line = said.lines().find(|line| {
            line.contains("is new to this store") && line.contains(&format!("name=\"{name}\""))
        });
        let line = line.unwrap_or_else(|| panic!("{said}"));
        assert!(line.contains(&format!("from={from}")), "{line}");
    }
    let system = start().await.unwrap();
    issue(&store, [7]).await;
    let projection = store.projection::<Seen>().unwrap();
    projection.caught_up().await.unwrap();
    assert_eq!(*seen.lock().unwrap(), [5, 6, 7]);
    system.shutdown().await;
    assert!(!lines.take().contains("is new to this store"));
}
