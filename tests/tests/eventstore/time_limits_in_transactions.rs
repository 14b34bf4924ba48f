//! `timeout` of projections that write in the store's transactions: of their handlers, if they wait, and of
//! their queries.

use std::collections::BTreeMap;
use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nether::CallError;
use nether::eventstore::{Position, Projections, Store};
use nether::prelude::*;
use nether_sqlite::{SqliteStore, SqliteTransaction};
use nether_tests::Folder;
use tokio::task::yield_now;
use tokio::time::Instant;

use crate::notes::{Flaw, NoteStore, NoteTransaction};

#[event(name = "limits.jotted")]
pub struct Jotted {
    pub text: String,
}

/// How often the handler of a text hangs before it succeeds.
type Hanging = Arc<Mutex<BTreeMap<String, u32>>>;

pub struct Jotter {
    hanging: Resource<Hanging>,
}

#[projection(
    handles = [Jotted],
    name = "limits_jotter",
    transaction = NoteTransaction,
    timeout = "1s",
    retry = 1,
    backoff = "100ms..200ms"
)]
impl Jotter {
    #[init]
    fn new(hanging: Resource<Hanging>) -> Self {
        Jotter { hanging }
    }

    async fn jotted(&mut self, event: &Jotted, transaction: &mut NoteTransaction<'_>) {
        transaction.note(event.text.clone()).await;
        // After it has written: that is taken back.
        if self.hangs(&event.text) {
            pending::<()>().await;
        }
    }

    fn hangs(&self, text: &str) -> bool {
        match self.hanging.lock().unwrap().get_mut(text) {
            Some(0) | None => false,
            Some(more) => {
                *more -= 1;
                true
            }
        }
    }
}

async fn started(notes: &NoteStore, hanging: &Hanging) -> (System, Store) {
    let store = Store::new(notes.clone());
    let builder = System::builder()
        .isolated()
        .with::<Projections<Jotter>>()
        .provide(store.clone());
    let system = builder.provide(Arc::clone(hanging)).start().await;
    (system.unwrap(), store)
}

async fn jot(store: &Store, stream: &str, texts: &[&str]) {
    let jotted = texts.iter().map(|text| Jotted {
        text: (*text).to_owned(),
    });
    store.append_events(stream, jotted).await.unwrap();
}

fn hang(hanging: &Hanging, text: &str, times: u32) {
    hanging.lock().unwrap().insert(text.to_owned(), times);
}

async fn check_that_a_hanging_event_is_parked() {
    let (notes, hanging) = (NoteStore::new(Flaw::None), Hanging::default());
    hang(&hanging, "once", 1);
    hang(&hanging, "never", u32::MAX);
    let (system, store) = started(&notes, &hanging).await;
    let jotter = store.projection::<Jotter>().unwrap();
    jot(&store, "jot/1", &["once", "after"]).await;
    jotter.caught_up().await.unwrap();
    assert_eq!(notes.notes().await, ["once", "after"], "written once");
    assert!(jotter.parked().is_empty());

    jot(&store, "jot/1", &["never", "behind"]).await;
    jot(&store, "jot/2", &["beside"]).await;
    jotter.caught_up().await.unwrap();
    assert_eq!(notes.notes().await, ["once", "after", "beside"]);
    let parked = jotter.parked();
    assert_eq!((parked.len(), parked[0].position), (1, Position(3)));
    let error = &parked[0].error;
    assert!(error.contains("longer than 1s"), "{error}");

    hang(&hanging, "never", 0);
    assert_eq!(jotter.retry_parked("jot/1").await.unwrap(), 2);
    let all = ["once", "after", "beside", "never", "behind"];
    assert_eq!(notes.notes().await, all);
    system.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn an_event_whose_handler_takes_too_long_in_a_transaction_is_rolled_back_and_parked() {
    check_that_a_hanging_event_is_parked().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_whose_handler_takes_too_long_in_a_transaction_is_parked_on_several_threads() {
    check_that_a_hanging_event_is_parked().await;
}

#[tokio::test(start_paused = true)]
async fn a_page_with_an_event_whose_handler_hangs_costs_the_time_limit_twice() {
    let (notes, hanging) = (NoteStore::new(Flaw::None), Hanging::default());
    hang(&hanging, "never", u32::MAX);
    let (system, store) = started(&notes, &hanging).await;
    jot(&store, "jot/1", &["before", "never", "behind"]).await;
    let (jotter, began) = (store.projection::<Jotter>().unwrap(), Instant::now());
    while jotter.position() < Position(1) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let elapsed = began.elapsed();
    let expected = Duration::from_secs(2)..Duration::from_millis(2_100);
    assert!(expected.contains(&elapsed), "{elapsed:?}");
    assert_eq!(notes.notes().await, ["before"]);
    system.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_stop_waits_for_a_handler_that_hangs_in_a_transaction_no_longer_than_its_time_limit() {
    let (notes, hanging) = (NoteStore::new(Flaw::None), Hanging::default());
    let (system, store) = started(&notes, &hanging).await;
    hang(&hanging, "never", 9);
    jot(&store, "jot/1", &["before", "never", "behind"]).await;
    while hanging.lock().unwrap()["never"] == 9 {
        yield_now().await;
    }
    let stopping = Instant::now();
    let report = system.shutdown().await;
    assert!(stopping.elapsed() <= Duration::from_secs(1), "{report}");
    assert!(report.cut_off.is_empty(), "{report}");
    assert!(notes.notes().await.is_empty(), "all of it is rolled back");
    drop(store);
    hang(&hanging, "never", 0);
    let (system, store) = started(&notes, &hanging).await;
    let jotter = store.projection::<Jotter>().unwrap();
    jotter.caught_up().await.unwrap();
    assert_eq!(notes.notes().await, ["before", "never", "behind"]);
    system.shutdown().await;
}

#[query(reply = u32)]
pub struct HowManyJotted {
    pub hangs: bool,
}

/// Its handler blocks, so that only its query is cut off.
#[derive(Default)]
pub struct JotTable;

#[projection(
    handles = [Jotted, HowManyJotted],
    name = "limits_table",
    transaction = SqliteTransaction,
    timeout = "50ms"
)]
impl JotTable {
    fn jotted(&mut self, event: &Jotted, tx: &SqliteTransaction<'_>) -> nether::Result<()> {
        tx.execute_batch("CREATE TABLE IF NOT EXISTS jotted (text TEXT)")?;
        tx.execute("INSERT INTO jotted VALUES (?1)", [&event.text])?;
        Ok(())
    }

    async fn how_many(&self, query: HowManyJotted) -> u32 {
        if query.hangs {
            pending::<()>().await;
        }
        1
    }
}

#[tokio::test]
async fn a_query_of_a_projection_whose_transaction_blocks_is_cut_off() {
    let folder = Folder::new("limits-table");
    let sqlite = SqliteStore::open(folder.file()).unwrap();
    let store = Store::new(sqlite.clone());
    let builder = System::builder().isolated().with::<Projections<JotTable>>();
    let system = builder.provide(store.clone()).start().await.unwrap();
    let ctx = system.context();
    let late = async { ctx.ask(HowManyJotted { hangs: true }).await };
    let event = async {
        jot(&store, "jot/1", &["one"]).await;
        store.projection::<JotTable>().unwrap().caught_up().await
    };
    let (late, event) = tokio::join!(late, event);
    event.unwrap();
    assert!(matches!(late, Err(CallError::TimedOut(_))), "{late:?}");
    assert_eq!(ctx.ask(HowManyJotted { hangs: false }).await.unwrap(), 1);
    let rows = sqlite.transaction(|tx| {
        let sql = "SELECT count(*) FROM jotted";
        Ok(tx.query_row(sql, [], |row| row.get::<_, i64>(0))?)
    });
    assert_eq!(rows.await.unwrap(), 1);
    let _ = ctx.close().await;
    system.shutdown().await;
}
