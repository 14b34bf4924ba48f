//! Futures and transactions that are dropped before their end.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use nether::Transaction;
use nether::eventstore::EventStore;
use nether_postgres::PostgresStore;
use nether_postgres_tests::{Database, Server};

use crate::ledger;
use crate::support::{any, texts, until, within};

const BOUND: Duration = Duration::from_secs(10);

/// A store with two connections for transactions, and the table.
async fn with_two(database: &Database<'_>) -> PostgresStore {
    ledger::make(&database.client().await).await;
    let options = PostgresStore::options().transactions(2).readers(1);
    let options = options.answer_within(Duration::from_secs(3));
    options.connect(&database.address()).await.unwrap()
}

/// Polls a future so many times at most, and drops it.
async fn dropped_after<T>(polls: usize, future: impl Future<Output = T>) {
    let mut future = pin!(future);
    for _ in 0..polls {
        let is_done = poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx).is_ready())).await;
        if is_done {
            return;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transactions_that_are_dropped_are_rolled_back_and_hold_no_connection() {
    let database = Server::shared().database().await;
    let store = with_two(&database).await;
    let client = database.client().await;
    for n in 0..100_i64 {
        let transaction = within(BOUND, "a begin", store.begin()).await.unwrap();
        let insert = "INSERT INTO ledger VALUES ($1)";
        transaction.execute(insert, &[&n]).await.unwrap();
        transaction.append(any("a/1", "never")).unwrap();
        drop(transaction);
        dropped_after(n as usize % 7, store.begin()).await;
    }
    let open = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in%'";
    until("no transaction is open", async || {
        client.query_one(open, &[]).await.unwrap().get::<_, i64>(0) == 0
    })
    .await;
    assert!(ledger::rows(&client).await.is_empty());
    assert!(texts(&store).await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commits_that_are_dropped_are_whole() {
    let database = Server::shared().database().await;
    let store = with_two(&database).await;
    let client = database.client().await;
    for n in 0..100_i64 {
        let transaction = within(BOUND, "a begin", store.begin()).await.unwrap();
        let insert = "INSERT INTO ledger VALUES ($1)";
        transaction.execute(insert, &[&n]).await.unwrap();
        transaction.append(any("a/1", &n.to_string())).unwrap();
        dropped_after(n as usize % 12, transaction.commit()).await;
    }
    // Those that are under way on the server have ended when others could write behind them.
    store.append(any("a/1", "100")).await.unwrap();
    let open = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state <> 'idle' AND pid <> pg_backend_pid()";
    until("all are over", async || {
        client.query_one(open, &[]).await.unwrap().get::<_, i64>(0) == 0
    })
    .await;
    let mut events: Vec<u32> = texts(&store)
        .await
        .iter()
        .map(|it| it.parse().unwrap())
        .collect();
    events.retain(|n| *n < 100);
    events.sort_unstable();
    assert_eq!(ledger::rows(&client).await, events);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn appends_and_reads_that_are_dropped_leave_the_store_as_it_is() {
    let database = Server::shared().database().await;
    let store = with_two(&database).await;
    for n in 0..100 {
        dropped_after(n % 5, store.append(any("a/1", "maybe"))).await;
        dropped_after(n % 6, store.read_all(Default::default(), 10)).await;
        dropped_after(n % 3, store.wait_for_new(Default::default())).await;
    }
    within(BOUND, "an append", store.append(any("a/1", "last")))
        .await
        .unwrap();
    assert_eq!(texts(&store).await.last().unwrap(), "last");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_with_a_statement_under_way_is_not_committed_by_the_next_one() {
    let database = Server::shared().database().await;
    ledger::make(&database.client().await).await;
    let options = PostgresStore::options().transactions(1);
    let options = options.answer_within(Duration::from_secs(6));
    let store = options.connect(&database.address()).await.unwrap();
    let client = database.client().await;
    client
        .batch_execute("SELECT pg_advisory_lock(1)")
        .await
        .unwrap();
    let transaction = store.begin().await.unwrap();
    transaction
        .batch_execute("INSERT INTO ledger VALUES (1)")
        .await
        .unwrap();
    let handle = transaction.clone();
    let (sent, is_sent) = tokio::sync::oneshot::channel();
    let waiting = tokio::spawn(async move {
        let mut waits = pin!(handle.batch_execute("SELECT pg_advisory_xact_lock(1)"));
        let _ = poll_fn(|cx| Poll::Ready(waits.as_mut().poll(cx).is_ready())).await;
        sent.send(()).unwrap();
        waits.await
    });
    is_sent.await.unwrap();
    let error = transaction.commit().await.unwrap_err();
    assert!(error.to_string().contains("under way"), "{error}");
    client
        .batch_execute("SELECT pg_advisory_unlock(1)")
        .await
        .unwrap();
    waiting.await.unwrap().unwrap();
    let next = within(BOUND, "a begin", store.begin()).await.unwrap();
    next.batch_execute("INSERT INTO ledger VALUES (2)")
        .await
        .unwrap();
    next.commit().await.unwrap();
    assert_eq!(ledger::rows(&client).await, [2]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_with_a_dropped_statement_says_so() {
    let database = Server::shared().database().await;
    let store = with_two(&database).await;
    let client = database.client().await;
    client
        .batch_execute("SELECT pg_advisory_lock(2)")
        .await
        .unwrap();
    let transaction = store.begin().await.unwrap();
    transaction
        .batch_execute("INSERT INTO ledger VALUES (1)")
        .await
        .unwrap();
    dropped_after(
        2,
        transaction.batch_execute("SELECT pg_advisory_xact_lock(2)"),
    )
    .await;
    let error = within(BOUND, "a commit", transaction.commit())
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("was dropped before its answer"),
        "{error}"
    );
    let transactions = [store.begin().await.unwrap(), store.begin().await.unwrap()];
    for transaction in transactions {
        transaction.commit().await.unwrap();
    }
    assert!(ledger::rows(&client).await.is_empty());
}
