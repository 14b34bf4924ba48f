//! Handlers of a projection that spoil their transaction: each effect is there once afterwards.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nether::eventstore::{EventStore, Expected, StoreError, TransactionalStore};
use nether_postgres::{PostgresStore, TransactionError};
use nether_postgres_tests::Server;

use crate::ledger::{self, Doing, Ledger};
use crate::support::{append, connected, event, within};

/// What handlers do, whether always or the first time, and whether the event is parked if it is always.
const DONE: [(&str, bool); 11] = [
    ("INSERT INTO once VALUES (1)", true),
    ("COMMIT", true),
    ("ROLLBACK", true),
    ("SELECT 1; COMMIT; BEGIN", true),
    ("drop COMMIT", true),
    ("SAVEPOINT a; RELEASE a", false),
    (
        "SAVEPOINT a; INSERT INTO ledger VALUES (999); ROLLBACK TO a",
        false,
    ),
    (
        "DO $$ BEGIN INSERT INTO once VALUES (1); EXCEPTION WHEN unique_violation THEN END $$",
        false,
    ),
    ("SET LOCAL lock_timeout = 1", false),
    ("SELECT 1/0", true),
    ("not SQL", true),
];

/// What passes: it is done once, and the event is handled again.
const PASSES: [&str; 5] = [
    "SELECT pg_sleep(60)",
    "drop INSERT INTO once VALUES (1)",
    "SELECT pg_terminate_backend(pg_backend_pid())",
    "drop SELECT pg_terminate_backend(pg_backend_pid())",
    "drop SELECT 1/0",
];

async fn projected(doing: Doing, count: u32) -> (Vec<u32>, usize) {
    let database = Server::shared().database().await;
    let store = connected(&database).await;
    let client = database.client().await;
    ledger::make(&client).await;
    let (system, store) = ledger::started(&store, doing).await;
    for n in 0..count {
        ledger::note(&store, n).await.unwrap();
    }
    let projection = store.projection::<Ledger>().unwrap();
    let caught_up = within(Duration::from_secs(30), "it", projection.caught_up());
    caught_up.await.unwrap();
    let parked = projection.parked().len();
    system.shutdown().await;
    (ledger::rows(&client).await, parked)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_that_always_spoils_its_transaction_is_parked_alone() {
    let count = DONE.len() as u32 + 1;
    let doing: Doing = Arc::new(|n| Some(DONE.get(n as usize)?.0.to_owned()));
    let (rows, parked) = projected(doing, count).await;
    let whole: Vec<u32> = (0..count)
        .filter(|n| !DONE.get(*n as usize).is_some_and(|it| it.1))
        .collect();
    assert_eq!(rows, whole);
    assert_eq!(parked, DONE.iter().filter(|it| it.1).count());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_that_spoils_its_transaction_once_has_its_effect_once() {
    let tried = Mutex::new(BTreeSet::new());
    let all: Vec<&str> = DONE.iter().map(|it| it.0).chain(PASSES).collect();
    let count = all.len() as u32 + 1;
    let doing: Doing = Arc::new(move |n| {
        // A page is tried first, and then each event alone.
        let is_first = tried.lock().unwrap().insert(n);
        Some((*all.get(n as usize)?).to_owned()).filter(|_| is_first)
    });
    let (rows, parked) = projected(doing, count).await;
    assert_eq!(rows, (0..count).collect::<Vec<_>>());
    assert_eq!(parked, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_savepoint_has_taken_back_fails_nothing() {
    let database = Server::shared().database().await;
    let store = connected(&database).await;
    let (client, other) = (database.client().await, database.client().await);
    ledger::make(&client).await;
    let locked = "BEGIN; LOCK TABLE once";
    other.batch_execute(locked).await.unwrap();
    let transaction = store.begin().await.unwrap();
    let statements = [
        ("INSERT INTO ledger VALUES (1)", true),
        ("SAVEPOINT a", true),
        // Not there in time, and not there at all.
        ("LOCK TABLE once NOWAIT", false),
        ("/* again */ ROLLBACK TO a", true),
        ("SELECT 1/0", false),
        ("ROLLBACK TO SAVEPOINT a", true),
        ("INSERT INTO ledger VALUES (2)", true),
    ];
    for (sql, succeeds) in statements {
        let done = transaction.batch_execute(sql).await;
        assert_eq!(done.is_ok(), succeeds, "{sql}: {done:?}");
    }
    nether::Transaction::commit(transaction).await.unwrap();
    assert_eq!(ledger::rows(&client).await, [1, 2]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_that_has_changed_is_an_error_that_passes() {
    let database = Server::shared().database().await;
    let options = PostgresStore::options().transactions(1);
    let store = options.connect(&database.address()).await.unwrap();
    let client = database.client().await;
    client
        .batch_execute("CREATE TABLE seats (number int); INSERT INTO seats VALUES (1)")
        .await
        .unwrap();
    let sql = "SELECT * FROM seats";
    for change in [
        "ALTER TABLE seats ADD COLUMN guest text",
        "ALTER TABLE seats DROP COLUMN guest",
    ] {
        let transaction = store.begin().await.unwrap();
        let columns = transaction.query_one(sql, &[]).await.unwrap().len();
        nether::Transaction::commit(transaction).await.unwrap();
        client.batch_execute(change).await.unwrap();
        // The one connection knows the statement as it was.
        let transaction = store.begin().await.unwrap();
        let error = transaction.query_one(sql, &[]).await.unwrap_err();
        let said = nether::Error::from(error);
        let failure = PostgresStore::store_failure(&said);
        assert!(
            matches!(failure, Some(StoreError::Unavailable { .. })),
            "no event is parked for it: {said}"
        );
        nether::Transaction::rollback(transaction).await.unwrap();
        let transaction = store.begin().await.unwrap();
        let row = transaction.query_one(sql, &[]).await.unwrap();
        assert_ne!(row.len(), columns);
        nether::Transaction::rollback(transaction).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_commit_leaves_its_connection_to_the_next_transaction() {
    let database = Server::shared().database().await;
    let options = PostgresStore::options().transactions(1);
    let store = options.connect(&database.address()).await.unwrap();
    let session = "SELECT pg_backend_pid()";
    let mut sessions = BTreeSet::new();
    for _ in 0..3 {
        let transaction = store.begin().await.unwrap();
        let row = transaction.query_one(session, &[]).await.unwrap();
        sessions.insert(row.get::<_, i32>(0));
        let wrong = Expected::Version(7);
        let never = append("a/1", wrong, vec![event("never")]);
        transaction.append(never.clone()).unwrap();
        let other = transaction.clone();
        let error = nether::Transaction::commit(transaction).await.unwrap_err();
        let late = other.append(never);
        assert!(matches!(late, Err(TransactionError::Ended)), "{late:?}");
        let error = error.downcast_ref::<StoreError>();
        assert!(
            matches!(error, Some(StoreError::Conflict { .. })),
            "{error:?}"
        );
    }
    assert_eq!(sessions.len(), 1, "{sessions:?}");
    let first = append("a/1", Expected::Version(0), vec![event("one")]);
    store.append(first).await.unwrap();
}
