//! Transactions that end early, and errors of the database behind those of a program: whether the store has
//! failed or a handler.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use nether::eventstore::{Projections, Store, StoreError};
use nether::prelude::*;
use nether_sqlite::{SqliteStore, SqliteTransaction};
use nether_tests::Folder;
use tokio::time::{Instant, timeout};

use crate::notes::{Flaw, NoteStore, NoteTransaction};

#[event(name = "ended.wrote")]
pub struct WroteLine {
    pub text: String,
}

async fn write_lines(store: &Store, texts: &[&str]) {
    for text in texts {
        let line = [WroteLine {
            text: (*text).to_owned(),
        }];
        store.append_events(*text, line).await.unwrap();
    }
}

/// An error of the program, with what caused it.
#[derive(Debug)]
struct LineError<E>(E);

impl<E> fmt::Display for LineError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the line cannot be written")
    }
}

impl<E: StdError + 'static> StdError for LineError<E> {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&self.0)
    }
}

#[derive(Default)]
pub struct Lines;

#[projection(handles = [WroteLine], name = "ended_lines", transaction = NoteTransaction, retry = 0)]
impl Lines {
    async fn wrote(
        &mut self,
        event: &WroteLine,
        transaction: &mut NoteTransaction<'_>,
    ) -> nether::Result<()> {
        transaction.note(event.text.clone()).await;
        match event.text.as_str() {
            "ends" => transaction.roll_back().await,
            "is rolled back" => transaction.is_rolled_back().await,
            "fails" if transaction.is_lost() => return Err(nether::Error::msg("it fails")),
            "panics" => assert!(!transaction.is_lost(), "it panics"),
            _ => {}
        }
        Ok(())
    }
}

async fn lines(store: &Store) -> System {
    let builder = System::builder().isolated().with::<Projections<Lines>>();
    builder.provide(store.clone()).start().await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_lost_parks_no_event_whatever_the_handler_makes_of_it() {
    let notes = NoteStore::new(Flaw::None);
    let store = Store::new(notes.clone());
    let system = lines(&store).await;
    let projection = store.projection::<Lines>().unwrap();
    for text in ["succeeds", "fails", "panics"] {
        notes.lose_connections(7);
        write_lines(&store, &[text]).await;
        projection.caught_up().await.unwrap();
        assert!(projection.parked().is_empty(), "{text}");
    }
    assert_eq!(notes.notes().await, ["succeeds", "fails", "panics"]);
    system.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_ends_its_transaction_has_failed_and_its_event_is_parked() {
    let notes = NoteStore::new(Flaw::None);
    let store = Store::new(notes.clone());
    write_lines(&store, &["before", "ends", "behind"]).await;
    let system = lines(&store).await;
    let projection = store.projection::<Lines>().unwrap();
    projection.caught_up().await.unwrap();
    assert_eq!(notes.notes().await, ["before", "behind"]);
    let parked = projection.parked();
    let error = &parked[0].error;
    assert!(error.contains("has ended the transaction"), "{error}");
    system.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn an_event_is_parked_in_the_end_whose_handler_drops_the_error_of_a_rollback_each_time() {
    let notes = NoteStore::new(Flaw::None);
    let store = Store::new(notes.clone());
    write_lines(&store, &["before", "is rolled back", "behind"]).await;
    let system = lines(&store).await;
    let projection = store.projection::<Lines>().unwrap();
    let began = Instant::now();
    timeout(Duration::from_secs(600), projection.caught_up())
        .await
        .expect("it is not tried again for ever")
        .unwrap();
    // The file may be full that long.
    let tried_for = began.elapsed();
    assert!(tried_for > Duration::from_secs(290), "{tried_for:?}");
    assert_eq!(notes.notes().await, ["before", "behind"]);
    let parked = projection.parked();
    let error = &parked[0].error;
    assert!(error.contains("dropped its error"), "{error}");
    system.shutdown().await;
}

/// How often the file has no room.
type Filling = Arc<AtomicU32>;

pub struct LineTable {
    filling: Resource<Filling>,
}

#[projection(
    handles = [WroteLine],
    name = "ended_table",
    transaction = SqliteTransaction,
    retry = 0
)]
impl LineTable {
    #[init]
    fn new(filling: Resource<Filling>) -> Self {
        LineTable { filling }
    }

    fn wrote(&mut self, event: &WroteLine, tx: &SqliteTransaction<'_>) -> nether::Result<()> {
        tx.execute("INSERT INTO lines VALUES (?1)", [&event.text])?;
        match event.text.as_str() {
            "drops" => drop(self.fill(tx)),
            "wraps" => self.fill(tx).map_err(LineError)?,
            "commits" => tx.execute_batch("COMMIT")?,
            _ => {}
        }
        Ok(())
    }

    /// Writes more than there is room for, the first few times.
    fn fill(&self, tx: &SqliteTransaction<'_>) -> rusqlite::Result<()> {
        let less = |left: u32| left.checked_sub(1);
        let filling = self
            .filling
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, less);
        if filling.is_err() {
            return Ok(());
        }
        let limit = |sql| tx.query_row(sql, [], |_| Ok(()));
        limit("PRAGMA max_page_count = 1")?;
        let filled = tx.execute("INSERT INTO lines VALUES (zeroblob(1000000))", []);
        limit("PRAGMA max_page_count = 1000000")?;
        filled.map(|_| ())
    }
}

async fn check_table(name: &str, text: &str) -> (Vec<String>, Vec<String>) {
    let folder = Folder::new(name);
    let sqlite = SqliteStore::open(folder.file()).unwrap();
    let table = sqlite.transaction(|tx| Ok(tx.execute_batch("CREATE TABLE lines (text TEXT)")?));
    table.await.unwrap();
    let (store, filling) = (Store::new(sqlite.clone()), Filling::new(AtomicU32::new(2)));
    write_lines(&store, &["before", text, "behind"]).await;
    let builder = System::builder()
        .isolated()
        .with::<Projections<LineTable>>();
    let builder = builder.provide(store.clone()).provide(filling);
    let system = builder.start().await.unwrap();
    let projection = store.projection::<LineTable>().unwrap();
    projection.caught_up().await.unwrap();
    let parked = projection.parked().into_iter().map(|it| it.error).collect();
    let lines = sqlite.transaction(|tx| {
        let mut statement = tx.prepare("SELECT text FROM lines ORDER BY rowid")?;
        let lines = statement.query_map([], |row| row.get(0))?;
        Ok(lines.collect::<Result<_, _>>()?)
    });
    let lines = lines.await.unwrap();
    system.shutdown().await;
    (lines, parked)
}

#[tokio::test]
async fn a_full_file_parks_no_event_although_the_handler_drops_the_error() {
    let (lines, parked) = check_table("drops", "drops").await;
    assert_eq!(lines, ["before", "drops", "behind"]);
    assert!(parked.is_empty(), "{parked:?}");
}

#[tokio::test]
async fn a_full_file_parks_no_event_although_the_handler_wraps_the_error() {
    let (lines, parked) = check_table("wraps", "wraps").await;
    assert_eq!(lines, ["before", "wraps", "behind"]);
    assert!(parked.is_empty(), "{parked:?}");
}

#[tokio::test]
async fn a_handler_cannot_commit_the_transaction_of_sqlite() {
    let (lines, parked) = check_table("commits", "commits").await;
    assert_eq!(lines, ["before", "behind"]);
    for part in [
        "not authorized",
        "`COMMIT` is refused",
        "return `Ok` to commit",
    ] {
        assert!(parked[0].contains(part), "{part}: {parked:?}");
    }
}

#[test]
fn a_failure_of_the_store_is_found_behind_other_errors() {
    let locked = || StoreError::Locked {
        reason: "somebody else writes".to_owned(),
    };
    let errors: [nether::Error; 3] = [
        locked().into(),
        LineError(LineError(locked())).into(),
        StoreError::failed(LineError(locked())).into(),
    ];
    for error in errors {
        let found = StoreError::of_store(&error);
        assert!(matches!(found, Some(StoreError::Locked { .. })), "{error}");
    }
    let failed = StoreError::Failed {
        reason: "a value is not unique".to_owned(),
        source: None,
    };
    assert!(StoreError::of_store(&LineError(failed).into()).is_none());
}
