//! What every event store does.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use nether::eventstore::Worked;
use nether::eventstore::conformance::{self, TransactionalCounter};
use nether_postgres::tokio_postgres::Client;
use nether_postgres::{PostgresOptions, PostgresStore, PostgresTransaction};
use nether_postgres_tests::{Database, Server};

/// An empty store, in a schema of its own; and the options by which another one is connected to it.
pub(crate) async fn empty(database: &Database<'_>) -> (PostgresStore, PostgresOptions) {
    static SCHEMAS: AtomicU32 = AtomicU32::new(0);
    let number = SCHEMAS.fetch_add(1, Ordering::Relaxed);
    let options = PostgresStore::options().schema(format!("Store \"{number}\""));
    let store = options.clone().connect(&database.address()).await;
    (store.expect("the server is there"), options)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_does_what_every_store_does() {
    let database = Server::shared().database().await;
    conformance::check(async || empty(&database).await.0).await;
}

#[tokio::test]
async fn a_store_on_one_thread_does_what_every_store_does() {
    let database = Server::shared().database().await;
    conformance::check(async || empty(&database).await.0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_is_opened_again_has_what_it_was_given() {
    let database = Server::shared().database().await;
    conformance::check_reopened(async || {
        let store = PostgresStore::connect(&database.address()).await;
        store.expect("the server is there")
    })
    .await;
}

/// Counts in a table beside the store's.
#[derive(Clone)]
struct CountsRows {
    client: Arc<Client>,
    table: String,
}

impl TransactionalCounter<PostgresStore> for CountsRows {
    fn add<'t>(&'t self, transaction: &'t mut PostgresTransaction<'_>) -> Worked<'t> {
        let table = &self.table;
        Worked::waits(async move {
            let counted = format!("SELECT count FROM {table}");
            let count: i64 = transaction.query_one(&counted, &[]).await?.get(0);
            let written = format!("UPDATE {table} SET count = $1");
            transaction.execute(&written, &[&(count + 1)]).await?;
            Ok(())
        })
    }

    fn end<'t>(&'t self, transaction: &'t mut PostgresTransaction<'_>) -> Worked<'t> {
        Worked::waits(async move {
            let _ = transaction.batch_execute("SELECT 1; ROLLBACK").await;
            Ok(())
        })
    }

    async fn read(&self, _: &PostgresStore) -> u64 {
        let counted = format!("SELECT count FROM {}", self.table);
        let row = self.client.query_one(&counted, &[]).await;
        row.expect("it is there").get::<_, i64>(0).cast_unsigned()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transactions_do_what_every_store_does() {
    static TABLES: AtomicU32 = AtomicU32::new(0);
    let database = Server::shared().database().await;
    let client = Arc::new(database.client().await);
    conformance::check_transactional(async || {
        let table = format!("counter_{}", TABLES.fetch_add(1, Ordering::Relaxed));
        let make = format!("CREATE TABLE {table} (count bigint); INSERT INTO {table} VALUES (0)");
        client.batch_execute(&make).await.expect("it is not there");
        let client = Arc::clone(&client);
        (empty(&database).await.0, CountsRows { client, table })
    })
    .await;
}
