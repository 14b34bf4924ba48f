//! Events that are not stored any more, in projections: all that one becomes is one step.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use nether::eventstore::{Position, Projection, Projections, Store};
use nether::prelude::*;
use nether_sqlite::{SqliteStore, SqliteTransaction};
use nether_tests::Folder;

use crate::retired::{Renamed, Repriced};
use crate::unsteady::raw;

/// What was handled, and whether prices cannot be.
#[derive(Default)]
pub struct Ledger {
    log: Mutex<Vec<String>>,
    has_bug: AtomicBool,
}

impl Ledger {
    fn note(&self, text: String) {
        self.log.lock().unwrap().push(text);
    }

    /// Notes a price, unless that fails.
    fn price(&self, event: &Repriced) -> nether::Result<()> {
        if self.has_bug.load(Ordering::SeqCst) {
            return Err(nether::Error::msg("a bug"));
        }
        self.note(event.price.to_string());
        Ok(())
    }
}

#[derive(Default)]
pub struct InMemory {
    log: Vec<String>,
}

static MEMORY_HAS_BUG: AtomicBool = AtomicBool::new(true);

#[query(reply = String)]
pub struct WholeLog;

#[projection(handles = [Renamed, Repriced, WholeLog], retry = 1)]
impl InMemory {
    fn renamed(&mut self, event: &Renamed, at: Position) {
        self.log.push(format!("{}@{at}", event.name));
    }

    fn repriced(&mut self, event: &Repriced) -> nether::Result<()> {
        if MEMORY_HAS_BUG.load(Ordering::SeqCst) {
            return Err(nether::Error::msg("a bug"));
        }
        self.log.push(event.price.to_string());
        Ok(())
    }

    fn log(&self, _: WholeLog) -> String {
        self.log.join(" ")
    }
}

pub struct Elsewhere {
    ledger: Resource<Arc<Ledger>>,
}

#[projection(handles = [Renamed, Repriced], retry = 1, name = "retired_elsewhere")]
impl Elsewhere {
    #[init]
    fn new(ledger: Resource<Arc<Ledger>>) -> Self {
        Elsewhere { ledger }
    }

    async fn renamed(&mut self, event: &Renamed, at: Position) {
        self.ledger.note(format!("{}@{at}", event.name));
    }

    fn repriced(&mut self, event: &Repriced) -> nether::Result<()> {
        self.ledger.price(event)
    }

    #[on_rebuild]
    fn clear(&mut self) {
        self.ledger.log.lock().unwrap().clear();
    }
}

pub struct Beside {
    ledger: Resource<Arc<Ledger>>,
}

#[projection(handles = [Renamed, Repriced], retry = 1, parallel = 4, name = "retired_beside")]
impl Beside {
    #[init]
    fn new(ledger: Resource<Arc<Ledger>>) -> Self {
        Beside { ledger }
    }

    async fn renamed(&self, event: &Renamed, at: Position) {
        self.ledger.note(format!("{}@{at}", event.name));
    }

    fn repriced(&self, event: &Repriced) -> nether::Result<()> {
        self.ledger.price(event)
    }
}

pub struct InFile {
    ledger: Resource<Arc<Ledger>>,
}

#[projection(handles = [Renamed, Repriced], transaction = SqliteTransaction, retry = 1, name = "retired_in_file")]
impl InFile {
    #[init]
    fn new(ledger: Resource<Arc<Ledger>>) -> Self {
        InFile { ledger }
    }

    fn renamed(
        &mut self,
        event: &Renamed,
        tx: &SqliteTransaction<'_>,
        at: Position,
    ) -> nether::Result<()> {
        tx.execute_batch("CREATE TABLE IF NOT EXISTS log (text TEXT)")?;
        let text = format!("{}@{at}", event.name);
        tx.execute("INSERT INTO log VALUES (?)", [text])?;
        Ok(())
    }

    fn repriced(&mut self, event: &Repriced, tx: &SqliteTransaction<'_>) -> nether::Result<()> {
        self.ledger.price(event)?;
        tx.execute("INSERT INTO log VALUES (?)", [event.price.to_string()])?;
        Ok(())
    }
}

const BOTH: &str = r#"{"order":1,"name":"box","price":5}"#;
const NONE: &str = r#"{"order":1,"name":null,"price":null}"#;

/// Appends retired events: one that becomes two, one that becomes none, and one that becomes one.
async fn append(store: &Store) {
    let name = r#"{"order":1,"name":"jar"}"#;
    for (name, version, json) in [
        ("retired.changed", 2, BOTH),
        ("retired.noted", 1, r#"{"text":"hm"}"#),
        ("retired.changed", 1, name),
    ] {
        store
            .append(raw("retired/1", name, version, json))
            .await
            .unwrap();
    }
}

async fn started<P: Projection>(store: &Store, ledger: &Arc<Ledger>) -> System {
    let builder = System::builder().isolated().with::<Projections<P>>();
    let builder = builder.provide(store.clone()).provide(Arc::clone(ledger));
    builder.start().await.unwrap()
}

/// Shows the events while the second part of the first one cannot be handled, and then can.
async fn fails_and_recovers<P: Projection>(
    store: &Store,
    ledger: &Arc<Ledger>,
    mend: impl FnOnce(),
) -> System {
    append(store).await;
    let system = started::<P>(store, ledger).await;
    let projection = store.projection::<P>().unwrap();
    projection.caught_up().await.unwrap();
    // The stored event is parked as a whole, and the later ones of its stream wait.
    let parked = projection.parked();
    assert_eq!((parked.len(), parked[0].position), (1, Position(1)));
    assert!(parked[0].error.contains("a bug"), "{}", parked[0].error);
    mend();
    assert_eq!(projection.retry_parked("retired/1").await.unwrap(), 2);
    assert!(projection.parked().is_empty());
    system
}

#[tokio::test(start_paused = true)]
async fn a_projection_handles_each_part_of_a_retired_event_once_whatever_fails() {
    let (store, ledger) = (Store::memory(), Arc::default());
    let mend = || MEMORY_HAS_BUG.store(false, Ordering::SeqCst);
    let system = fails_and_recovers::<InMemory>(&store, &ledger, mend).await;
    assert_eq!(
        system.context().ask(WholeLog).await.unwrap(),
        "box@1 5 jar@3"
    );
    system.shutdown().await;
    let with_bug = || {
        Arc::new(Ledger {
            has_bug: AtomicBool::new(true),
            ..Ledger::default()
        })
    };
    let (store, ledger) = (Store::memory(), with_bug());
    let mend = || ledger.has_bug.store(false, Ordering::SeqCst);
    let system = fails_and_recovers::<Elsewhere>(&store, &ledger, mend).await;
    assert_eq!(*ledger.log.lock().unwrap(), ["box@1", "5", "jar@3"]);
    let projection = store.projection::<Elsewhere>().unwrap();
    projection.rebuild().await.unwrap();
    assert_eq!(*ledger.log.lock().unwrap(), ["box@1", "5", "jar@3"]);
    system.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_projection_handles_each_part_of_a_retired_event_once_in_parallel_and_in_the_file() {
    let with_bug = || {
        Arc::new(Ledger {
            has_bug: AtomicBool::new(true),
            ..Ledger::default()
        })
    };
    let (store, ledger) = (Store::memory(), with_bug());
    let mend = || ledger.has_bug.store(false, Ordering::SeqCst);
    let system = fails_and_recovers::<Beside>(&store, &ledger, mend).await;
    assert_eq!(*ledger.log.lock().unwrap(), ["box@1", "5", "jar@3"]);
    system.shutdown().await;

    let folder = Folder::new("retired");
    let (store, ledger) = (
        Store::new(SqliteStore::open(folder.file()).unwrap()),
        with_bug(),
    );
    let mend = || ledger.has_bug.store(false, Ordering::SeqCst);
    let system = fails_and_recovers::<InFile>(&store, &ledger, mend).await;
    system.shutdown().await;
    drop((system, store));
    let file = rusqlite::Connection::open(folder.file()).unwrap();
    let mut rows = file.prepare("SELECT text FROM log").unwrap();
    let rows = rows.query_map([], |row| row.get::<_, String>(0)).unwrap();
    let rows: Vec<String> = rows.map(Result::unwrap).collect();
    assert_eq!(rows, ["box@1", "5", "jar@3"]);
}

#[tokio::test(start_paused = true)]
async fn a_retired_event_that_cannot_be_read_is_parked_by_projections_at_once() {
    let (store, ledger) = (Store::memory(), Arc::default());
    let none = raw("retired/1", "retired.changed", 2, NONE);
    store.append(none).await.unwrap();
    // Nothing that it handles is made of this one, so it is not read.
    let noted = raw("retired/2", "retired.noted", 1, "{}");
    store.append(noted).await.unwrap();
    let bubble = raw("retired/3", "retired.bubble", 1, "{}");
    store.append(bubble).await.unwrap();
    let began = tokio::time::Instant::now();
    let system = started::<Elsewhere>(&store, &ledger).await;
    let projection = store.projection::<Elsewhere>().unwrap();
    projection.caught_up().await.unwrap();
    let parked = projection.parked();
    assert_eq!((parked.len(), parked[0].position), (2, Position(1)));
    let bubble = &parked[1].error;
    assert!(bubble.contains("panicked: it burst"), "{bubble}");
    for part in ["`retired.changed`", "position 1", "nothing of it"] {
        assert!(parked[0].error.contains(part), "{}", parked[0].error);
    }
    let elapsed = began.elapsed().as_millis();
    assert!(elapsed < 50, "it is not tried again: {elapsed}");
    system.shutdown().await;
}
