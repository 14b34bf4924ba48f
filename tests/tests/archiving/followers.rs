//! Projections of a store in which streams are archived.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use nether::eventstore::{EventParked, Position, Projection, Projections, Store, StreamArchived};
use nether::prelude::*;
use nether_sqlite::{SqliteStore, SqliteTransaction};
use nether_tests::Folder;

use crate::program::{Noted, archive, noted, on_each_store};

#[query(reply = BTreeMap<u32, Vec<String>>)]
pub struct All;

/// Notes by order, and the streams that are archived.
#[derive(Default)]
pub struct Board {
    notes: BTreeMap<u32, Vec<String>>,
}

#[projection(handles = [Noted, StreamArchived, All])]
impl Board {
    fn noted(&mut self, event: &Noted) {
        let notes = self.notes.entry(event.order).or_default();
        notes.push(event.text.clone());
    }

    fn archived(&mut self, event: &StreamArchived) {
        let order = event
            .stream
            .split('/')
            .nth(1)
            .and_then(|it| it.parse().ok());
        let notes = self
            .notes
            .entry(order.expect("it is an order"))
            .or_default();
        notes.push("archived".to_owned());
    }

    fn all(&self, _: All) -> BTreeMap<u32, Vec<String>> {
        self.notes.clone()
    }
}

type Seen = Arc<Mutex<Vec<String>>>;

/// What is handled at the same time.
pub struct Beside(Seen);

#[projection(handles = [Noted, StreamArchived], parallel = 4, retry = 0)]
impl Beside {
    #[init]
    fn new(seen: Resource<Seen>) -> Self {
        Beside(Arc::clone(&seen))
    }

    fn noted(&self, event: &Noted) {
        self.0.lock().unwrap().push(event.text.clone());
    }

    fn archived(&self, event: &StreamArchived) {
        self.0.lock().unwrap().push(event.stream.clone());
    }
}

/// What is written into the file of the store.
pub struct Written;

#[projection(
    handles = [Noted, StreamArchived],
    transaction = SqliteTransaction,
    retry = 0
)]
impl Written {
    #[init]
    fn new() -> Self {
        Written
    }

    fn noted(&mut self, event: &Noted, transaction: &SqliteTransaction<'_>) -> nether::Result<()> {
        write(transaction, &event.text)
    }

    fn archived(
        &mut self,
        event: &StreamArchived,
        transaction: &SqliteTransaction<'_>,
    ) -> nether::Result<()> {
        write(transaction, &event.stream)
    }

    #[on_rebuild]
    fn clear(&mut self, transaction: &SqliteTransaction<'_>) -> nether::Result<()> {
        transaction.execute("DROP TABLE IF EXISTS written", [])?;
        Ok(())
    }
}

fn write(transaction: &SqliteTransaction<'_>, text: &str) -> nether::Result<()> {
    transaction.execute("CREATE TABLE IF NOT EXISTS written (text TEXT)", [])?;
    transaction.execute("INSERT INTO written VALUES (?1)", [text])?;
    Ok(())
}

async fn started<P: Projection>(store: &Store, seen: &Seen) -> System {
    let builder = System::builder().isolated().with::<Projections<P>>();
    let builder = builder.provide(store.clone()).provide(Arc::clone(seen));
    builder.start().await.unwrap()
}

#[tokio::test]
async fn a_projection_keeps_what_it_has_built_and_learns_that_it_is_archived() {
    on_each_store(async |store| {
        let system = started::<Board>(&store, &Seen::default()).await;
        store
            .append_events("order/7", [noted(7, "a")])
            .await
            .unwrap();
        store
            .append_events("order/8", [noted(8, "b")])
            .await
            .unwrap();
        let board = store.projection::<Board>().unwrap();
        board.caught_up().await.unwrap();
        let (_, position) = archive(&store, "order/7").await;
        board.wait_for(position).await.unwrap();
        let all = async || {
            let all = system.context().ask(All).await.unwrap();
            all.into_values()
                .map(|notes| notes.join(" "))
                .collect::<Vec<_>>()
        };
        assert_eq!(all().await, ["a archived", "b"]);
        board.rebuild().await.unwrap();
        assert_eq!(all().await, ["archived", "b"], "its content is gone");
        system.shutdown().await;
    })
    .await;
}

#[tokio::test]
async fn a_rebuild_passes_over_what_is_archived_however_much_it_is() {
    let store = Store::memory();
    for order in 0..1_000 {
        let stream = format!("order/{order}");
        let events = (0..10).map(|_| noted(order, "a"));
        store.append_events(stream.as_str(), events).await.unwrap();
        archive(&store, &stream).await;
    }
    store
        .append_events("order/1000", [noted(1_000, "b")])
        .await
        .unwrap();
    let seen = Seen::default();
    let system = started::<Board>(&store, &seen).await;
    let mut parked = system.subscribe::<EventParked>();
    let board = store.projection::<Board>().unwrap();
    board.caught_up().await.unwrap();
    board.rebuild().await.unwrap();
    assert!(board.parked().is_empty());
    let all = system.context().ask(All).await.unwrap();
    assert_eq!(all[&0], ["archived"]);
    assert_eq!((all.len(), &*all[&1_000]), (1_001, &["b".to_owned()][..]));
    system.shutdown().await;
    assert!(parked.next().await.is_none());

    let system = started::<Beside>(&store, &seen).await;
    let beside = store.projection::<Beside>().unwrap();
    beside.caught_up().await.unwrap();
    assert!(beside.parked().is_empty());
    assert_eq!(seen.lock().unwrap().len(), 1_001);
    system.shutdown().await;
}

#[tokio::test]
async fn a_projection_that_writes_in_transactions_passes_over_what_is_archived() {
    let folder = Folder::new("written");
    let file = SqliteStore::open(folder.file()).unwrap();
    let store = Store::new(file.clone());
    for (order, text) in [(7, "a"), (8, "b"), (7, "c")] {
        let stream = format!("order/{order}");
        store
            .append_events(stream.as_str(), [noted(order, text)])
            .await
            .unwrap();
    }
    archive(&store, "order/7").await;
    let system = started::<Written>(&store, &Seen::default()).await;
    let written = store.projection::<Written>().unwrap();
    for _ in 0..2 {
        written.caught_up().await.unwrap();
        assert!(written.parked().is_empty());
        let texts = file.transaction(|transaction| {
            let mut rows = transaction.prepare("SELECT text FROM written")?;
            let texts = rows.query_map([], |row| row.get::<_, String>(0))?;
            Ok(texts.collect::<Result<Vec<_>, _>>()?)
        });
        assert_eq!(texts.await.unwrap(), ["b", "order/7"]);
        written.rebuild().await.unwrap();
    }
    system.shutdown().await;
}

static HAS_BUG: AtomicBool = AtomicBool::new(true);

/// Cannot handle a note until the bug is gone.
pub struct Strict(Seen);

#[projection(handles = [Noted, StreamArchived], durable, retry = 0)]
impl Strict {
    #[init]
    fn new(seen: Resource<Seen>) -> Self {
        Strict(Arc::clone(&seen))
    }

    fn noted(&mut self, event: &Noted) -> nether::Result<()> {
        if HAS_BUG.load(Ordering::SeqCst) {
            return Err(nether::Error::msg("a bug"));
        }
        self.0.lock().unwrap().push(event.text.clone());
        Ok(())
    }

    fn archived(&mut self, event: &StreamArchived) {
        self.0.lock().unwrap().push(event.stream.clone());
    }
}

#[tokio::test]
async fn what_is_parked_when_its_stream_is_archived_is_passed_over_when_it_is_retried() {
    let (store, seen) = (Store::memory(), Seen::default());
    for _ in 0..2 {
        let system = started::<Strict>(&store, &seen).await;
        let strict = store.projection::<Strict>().unwrap();
        if store.head().await.unwrap() == Position::START {
            let events = [noted(7, "a"), noted(7, "b")];
            store.append_events("order/7", events).await.unwrap();
            strict.caught_up().await.unwrap();
            assert_eq!(strict.parked()[0].position, Position(1));
            let (_, record) = archive(&store, "order/7").await;
            strict.wait_for(record).await.unwrap();
            assert_eq!(strict.parked()[0].position, Position(1));
            assert_eq!(seen.lock().unwrap().len(), 0, "the record waits behind it");
            // After a restart, what waits behind it is found by reading its stream.
            system.shutdown().await;
            continue;
        }
        HAS_BUG.store(false, Ordering::SeqCst);
        assert_eq!(strict.retry_parked("order/7").await.unwrap(), 1);
        assert!(strict.parked().is_empty());
        assert_eq!(*seen.lock().unwrap(), ["order/7"]);
        store
            .append_events("order/8", [noted(8, "c")])
            .await
            .unwrap();
        strict.caught_up().await.unwrap();
        assert_eq!(*seen.lock().unwrap(), ["order/7", "c"]);
        system.shutdown().await;
    }
}
