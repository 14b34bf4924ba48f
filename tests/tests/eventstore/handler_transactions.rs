//! Transactions of SQLite that are lent to the code of a program, which ends them by itself.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use nether::eventstore::{EventStore, Projections, Store};
use nether::prelude::*;
use nether_sqlite::{SqliteStore, SqliteTransaction};
use nether_tests::Folder;

/// What a program may not do in a transaction, and how errors name it.
const REFUSED: [(&str, &str); 12] = [
    ("COMMIT", "`COMMIT`"),
    ("END", "`COMMIT`"),
    ("COMMIT; BEGIN IMMEDIATE", "`COMMIT`"),
    ("ROLLBACK", "`ROLLBACK`"),
    ("ROLLBACK; BEGIN IMMEDIATE", "`ROLLBACK`"),
    ("BEGIN", "`BEGIN`"),
    ("ATTACH ':memory:' AS other", "`ATTACH`"),
    ("PRAGMA journal_mode = DELETE", "`PRAGMA journal_mode`"),
    ("PRAGMA Writable_Schema = 1", "`PRAGMA writable_schema`"),
    ("DELETE FROM nether_documents", "`nether_documents`"),
    ("DROP TABLE Nether_Events", "`nether_events`"),
    (
        "CREATE TRIGGER t AFTER INSERT ON nether_events BEGIN SELECT 1; END",
        "`nether_events`",
    ),
];

/// A table with a row that another one like it rolls back.
const TABLES: &str = "CREATE TABLE steps (n INTEGER);
    CREATE TABLE once (n INTEGER UNIQUE ON CONFLICT ROLLBACK); INSERT INTO once VALUES (1)";

const ROLLS_BACK: &str = "INSERT INTO once VALUES (1)";

#[event(name = "steps.taken")]
pub struct Taken {
    pub n: u32,
    pub sql: String,
    pub is_always: bool,
}

type Tries = Arc<Mutex<BTreeSet<u32>>>;

/// Executes the statements of events, passes over their errors, and goes on writing.
pub struct Steps {
    tries: Resource<Tries>,
}

#[projection(handles = [Taken], transaction = SqliteTransaction, retry = 1, backoff = "1ms..2ms")]
impl Steps {
    #[init]
    fn new(tries: Resource<Tries>) -> Self {
        Steps { tries }
    }

    fn taken(&mut self, event: &Taken, tx: &SqliteTransaction<'_>) -> nether::Result<()> {
        insert(tx, event.n)?;
        let is_first = self.tries.lock().unwrap().insert(event.n);
        if event.is_always || is_first {
            let _ = tx.execute_batch(&event.sql);
            let _ = insert(tx, event.n + 100);
            let _ = insert(tx, event.n + 200);
        }
        Ok(())
    }

    #[on_rebuild]
    fn clear(&mut self, tx: &SqliteTransaction<'_>) -> nether::Result<()> {
        Ok(tx.execute_batch("DELETE FROM steps")?)
    }
}

fn insert(tx: &SqliteTransaction<'_>, n: u32) -> nether::Result<()> {
    let mut statement = tx.prepare_cached("INSERT INTO steps VALUES (?)")?;
    statement.execute([n])?;
    Ok(())
}

async fn opened(folder: &Folder) -> SqliteStore {
    let store = SqliteStore::open(folder.file()).unwrap();
    let tables = store.transaction(|tx| Ok(tx.execute_batch(TABLES)?));
    tables.await.unwrap();
    store
}

async fn steps(store: &SqliteStore) -> Vec<u32> {
    let read = store.transaction(|tx| {
        let mut statement = tx.prepare("SELECT n FROM steps ORDER BY n")?;
        let rows = statement.query_map([], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    });
    read.await.unwrap()
}

async fn take(store: &Store, n: u32, sql: &str, is_always: bool) {
    let sql = sql.to_owned();
    let taken = Taken { n, sql, is_always };
    let stream = format!("steps/{n}");
    store.append_events(&*stream, [taken]).await.unwrap();
}

/// The rows and how many streams are parked; after that, it is rebuilt.
async fn projected(sqlite: &SqliteStore, store: &Store) -> (Vec<u32>, usize) {
    let builder = System::builder()
        .isolated()
        .with::<Projections<Steps>>()
        .provide(store.clone());
    let system = builder.provide(Tries::default()).start().await.unwrap();
    let projection = store.projection::<Steps>().unwrap();
    projection.caught_up().await.unwrap();
    let rows = steps(sqlite).await;
    let parked = projection.parked().len();
    projection.rebuild().await.unwrap();
    projection.caught_up().await.unwrap();
    assert_eq!(projection.parked().len(), parked);
    system.shutdown().await;
    (rows, parked)
}

#[tokio::test]
async fn a_handler_cannot_end_its_transaction_or_change_what_is_the_stores() {
    let folder = Folder::new("handlers-refused");
    let sqlite = opened(&folder).await;
    let store = Store::new(sqlite.clone());
    take(&store, 1, "SELECT 1", true).await;
    for ((sql, _), n) in REFUSED.iter().zip(2..) {
        take(&store, n, sql, true).await;
    }
    take(&store, 90, "SELECT 1", true).await;
    let (rows, parked) = projected(&sqlite, &store).await;
    assert_eq!(rows, [1, 90, 101, 190, 201, 290]);
    assert_eq!(parked, REFUSED.len());
    assert_eq!(steps(&sqlite).await, rows, "as after a rebuild");
}

#[tokio::test]
async fn what_a_handler_writes_after_a_rollback_is_not_written() {
    let folder = Folder::new("handlers-rolled-back");
    let sqlite = opened(&folder).await;
    let store = Store::new(sqlite.clone());
    take(&store, 1, "SELECT 1", true).await;
    // Only when it is tried for the first time.
    take(&store, 2, ROLLS_BACK, false).await;
    take(&store, 3, "SELECT 1", true).await;
    let (rows, parked) = projected(&sqlite, &store).await;
    assert_eq!(rows, [1, 2, 3, 101, 103, 201, 203]);
    assert_eq!((steps(&sqlite).await, parked), (rows, 0));
}

#[tokio::test]
async fn the_work_of_a_program_cannot_end_its_transaction_and_learns_what_it_did() {
    let folder = Folder::new("work-refused");
    let store = opened(&folder).await;
    let all = REFUSED
        .into_iter()
        .chain([(ROLLS_BACK, "ON CONFLICT ROLLBACK")]);
    for (sql, told) in all {
        for is_ignored in [true, false] {
            let worked = store.transaction(move |tx| {
                insert(tx, 1)?;
                let done = tx.execute_batch(sql);
                // Prepared already; and not yet.
                let more = (
                    insert(tx, 2),
                    tx.execute("INSERT INTO steps VALUES (3)", []),
                );
                if !is_ignored {
                    done?;
                }
                drop(more);
                Ok(())
            });
            let error = worked.await.unwrap_err().to_string();
            let is_own = !is_ignored && sql == ROLLS_BACK;
            let told = if is_own { "UNIQUE" } else { told };
            let is_told = error.to_lowercase().contains(&told.to_lowercase());
            assert!(is_told, "{sql}: {error}");
            assert!(steps(&store).await.is_empty(), "{sql}");
        }
    }
    // The store goes on.
    let worked = store.transaction(|tx| insert(tx, 4));
    worked.await.unwrap();
    take(&Store::new(store.clone()), 1, "", false).await;
    assert_eq!(steps(&store).await, [4]);
    assert_eq!(store.head().await.unwrap().0, 1);
}

#[tokio::test]
async fn savepoints_are_allowed_in_a_transaction_of_the_store() {
    let folder = Folder::new("savepoints");
    let store = opened(&folder).await;
    let worked = store.transaction(|tx| {
        insert(tx, 1)?;
        tx.execute_batch("SAVEPOINT a; INSERT INTO steps VALUES (2); ROLLBACK TO a; RELEASE a")?;
        tx.execute_batch("SAVEPOINT b; INSERT INTO steps VALUES (3); RELEASE b; SAVEPOINT c")?;
        insert(tx, 4)
    });
    worked.await.unwrap();
    assert_eq!(steps(&store).await, [1, 3, 4]);
}

#[tokio::test]
async fn a_store_goes_on_after_work_that_was_refused_and_panics() {
    let folder = Folder::new("work-panics");
    let store = opened(&folder).await;
    let worked = store.transaction(|tx| -> nether::Result<()> {
        insert(tx, 1)?;
        let refused = tx.execute_batch("COMMIT");
        panic!("it is {refused:?}");
    });
    let error = worked.await.unwrap_err().to_string();
    assert!(error.contains("panicked"), "{error}");
    take(&Store::new(store.clone()), 1, "", false).await;
    let worked = store.transaction(|tx| insert(tx, 2));
    worked.await.unwrap();
    assert_eq!(steps(&store).await, [2]);
}
