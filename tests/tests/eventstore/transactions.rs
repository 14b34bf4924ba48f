//! Projections that write in the transactions of any store: synchronous ones, and those that are awaited.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use nether::eventstore::conformance::{self, TransactionalCounter};
use nether::eventstore::{Position, Projections, Store, Worked};
use nether::prelude::*;
use nether_sqlite::{Durability, SqliteStore, SqliteTransaction};
use nether_tests::Folder;

use crate::notes::{CountsNotes, Flaw, NoteStore, NoteTransaction};

/// Counts in a table.
#[derive(Clone)]
struct CountsRows;

impl TransactionalCounter<SqliteStore> for CountsRows {
    fn add<'t>(&'t self, transaction: &'t mut SqliteTransaction<'_>) -> Worked<'t> {
        let add = || {
            transaction.execute_batch("CREATE TABLE IF NOT EXISTS counted (n INTEGER)")?;
            let sql = "INSERT INTO counted SELECT count(*) FROM counted";
            transaction.execute(sql, [])?;
            Ok(())
        };
        Worked::done(add())
    }

    fn end<'t>(&'t self, transaction: &'t mut SqliteTransaction<'_>) -> Worked<'t> {
        for end in ["COMMIT", "ROLLBACK"] {
            let refused = transaction.execute_batch(end).unwrap_err();
            assert!(refused.to_string().contains("not authorized"), "{refused}");
        }
        Worked::done(Ok(()))
    }

    async fn read(&self, store: &SqliteStore) -> u64 {
        let counted = store.transaction(|transaction| {
            transaction.execute_batch("CREATE TABLE IF NOT EXISTS counted (n INTEGER)")?;
            let sql = "SELECT count(*) FROM counted";
            Ok(transaction.query_row(sql, [], |row| row.get::<_, i64>(0))?)
        });
        counted.await.unwrap().cast_unsigned()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_transactions_of_sqlite_conform() {
    let folder = Folder::new("transactional");
    let count = AtomicU64::new(0);
    conformance::check_transactional(async || {
        let number = count.fetch_add(1, Ordering::Relaxed);
        let options = SqliteStore::options().durability(Durability::Normal);
        let store = options.open(folder.0.join(format!("{number}.db"))).unwrap();
        (store, CountsRows)
    })
    .await;
}

async fn check_notes(flaw: Flaw) {
    conformance::check_transactional(async || (NoteStore::new(flaw), CountsNotes)).await;
}

#[tokio::test]
async fn transactions_that_are_awaited_conform() {
    conformance::check(async || NoteStore::new(Flaw::None)).await;
    check_notes(Flaw::None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn transactions_that_are_awaited_conform_on_several_threads() {
    check_notes(Flaw::None).await;
}

#[tokio::test]
#[should_panic(expected = "work that fails or panics is rolled back")]
async fn a_store_that_commits_what_has_failed_is_found_out() {
    check_notes(Flaw::CommitsFailures).await;
}

#[tokio::test]
#[should_panic(expected = "what a handler has ended is not committed in part")]
async fn a_store_that_hides_that_a_handler_has_ended_a_transaction_is_found_out() {
    check_notes(Flaw::HidesEnds).await;
}

#[tokio::test]
#[should_panic(expected = "a condition that does not hold refuses a transaction")]
async fn a_store_whose_transactions_ignore_conditions_is_found_out() {
    check_notes(Flaw::IgnoresConditions).await;
}

#[tokio::test]
#[should_panic(expected = "each sees what the others have written")]
async fn a_store_that_loses_updates_is_found_out() {
    check_notes(Flaw::HasLostUpdates).await;
}

/// How often the handler of a text fails before it succeeds.
type Failing = Arc<Mutex<BTreeMap<String, u32>>>;

#[event(name = "notes.noted")]
pub struct Noted {
    pub text: String,
}

#[event(name = "notes.counted")]
pub struct Counted;

/// Another name of the transaction.
type Tx<'a> = NoteTransaction<'a>;

/// Keeps notes. Its handlers wait, but for one.
pub struct Notebook {
    failing: Resource<Failing>,
}

#[projection(handles = [Noted, Counted], transaction = NoteTransaction, retry = 1)]
impl Notebook {
    #[init]
    fn new(failing: Resource<Failing>) -> Self {
        Notebook { failing }
    }

    async fn noted(
        &mut self,
        event: &Noted,
        at: Position,
        transaction: &mut Tx<'_>,
    ) -> nether::Result<()> {
        transaction.note(format!("{at} {}", event.text)).await;
        // After it has written: that is taken back.
        match self.failing.lock().unwrap().get_mut(&event.text) {
            Some(0) | None => Ok(()),
            Some(more) => {
                *more -= 1;
                Err(nether::Error::msg("it fails"))
            }
        }
    }

    fn counted(&mut self, _: &Counted, at: Position) {
        assert_ne!(at, Position::START);
    }

    #[on_rebuild]
    async fn clear(&mut self, transaction: &mut NoteTransaction<'_>) {
        transaction.remove_all().await;
    }
}

async fn started(store: &NoteStore, failing: &Failing) -> (System, Store) {
    let store = Store::new(store.clone());
    let builder = System::builder()
        .isolated()
        .with::<Projections<Notebook>>()
        .provide(store.clone());
    let system = builder.provide(Arc::clone(failing)).start().await;
    (system.unwrap(), store)
}

async fn note(store: &Store, stream: &str, texts: &[&str]) {
    let noted = texts.iter().map(|text| Noted {
        text: (*text).to_owned(),
    });
    store.append_events(stream, noted).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_is_written_in_a_transaction_that_is_awaited_is_written_once() {
    let (notes, failing) = (NoteStore::new(Flaw::ForgetsToAnswer), Failing::default());
    let (system, store) = started(&notes, &failing).await;
    // The first time, with its page; then by itself, and again.
    failing.lock().unwrap().insert("twice".to_owned(), 2);
    note(&store, "notes/1", &["once", "twice"]).await;
    store.append_events("notes/2", [Counted]).await.unwrap();
    let projection = store.projection::<Notebook>().unwrap();
    projection.caught_up().await.unwrap();
    assert_eq!(notes.notes().await, ["1 once", "2 twice"]);

    failing.lock().unwrap().insert("never".to_owned(), u32::MAX);
    note(&store, "notes/1", &["never", "behind"]).await;
    note(&store, "notes/2", &["beside"]).await;
    projection.caught_up().await.unwrap();
    assert_eq!(notes.notes().await, ["1 once", "2 twice", "6 beside"]);
    assert_eq!(projection.parked()[0].position, Position(4));
    system.shutdown().await;
    drop((projection, store, system));

    let (system, store) = started(&notes, &failing).await;
    let projection = store.projection::<Notebook>().unwrap();
    projection.caught_up().await.unwrap();
    assert_eq!(notes.notes().await.len(), 3, "also after a restart");
    failing.lock().unwrap().clear();
    assert_eq!(projection.retry_parked("notes/1").await.unwrap(), 2);
    let all = ["1 once", "2 twice", "6 beside", "4 never", "5 behind"];
    assert_eq!(notes.notes().await, all);
    projection.rebuild().await.unwrap();
    let all = ["1 once", "2 twice", "4 never", "5 behind", "6 beside"];
    assert_eq!(notes.notes().await, all, "as if it were the first time");
    system.shutdown().await;
}

#[derive(Default)]
pub struct Rows;

#[projection(handles = [Noted], transaction = SqliteTransaction)]
impl Rows {
    fn noted(&mut self, _: &Noted, transaction: &SqliteTransaction<'_>) -> nether::Result<()> {
        Ok(transaction.execute_batch("SELECT 1")?)
    }
}

async fn refused<P>(store: Store) -> String
where
    P: nether::eventstore::Projection,
{
    let builder = System::builder()
        .isolated()
        .with::<Projections<P>>()
        .provide(store);
    let started = builder.provide(Failing::default()).start().await;
    started.unwrap_err().to_string()
}

#[tokio::test]
async fn a_store_without_the_transactions_that_a_projection_wants_is_a_start_problem() {
    let error = refused::<Rows>(Store::memory()).await;
    for told in ["Rows", "SqliteTransaction", "has none", "SqliteStore::open"] {
        assert!(error.contains(told), "{told}: {error}");
    }
    let error = refused::<Rows>(Store::new(NoteStore::new(Flaw::None))).await;
    assert!(error.contains("has those of"), "{error}");
    assert!(error.contains("NoteTransaction"), "{error}");
    let folder = Folder::new("other-transactions");
    let store = Store::new(SqliteStore::open(folder.file()).unwrap());
    let error = refused::<Notebook>(store).await;
    for told in ["Notebook", "NoteTransaction", "NoteStore::new"] {
        assert!(error.contains(told), "{told}: {error}");
    }
}

#[tokio::test]
async fn a_store_behind_a_handle_has_its_transactions() {
    let store = Store::new(NoteStore::new(Flaw::None));
    assert!(store.transactions().is_some());
    assert!(Store::memory().transactions().is_none());
}
