//! What every event store does.

use std::sync::atomic::{AtomicU32, Ordering};

use nether::eventstore::conformance;
use nether_postgres::PostgresStore;
use nether_postgres_tests::{Database, Server};

/// An empty store, in a schema of its own.
async fn empty(database: &Database<'_>) -> PostgresStore {
    static SCHEMAS: AtomicU32 = AtomicU32::new(0);
    let number = SCHEMAS.fetch_add(1, Ordering::Relaxed);
    let options = PostgresStore::options().schema(format!("Store \"{number}\""));
    let store = options.connect(&database.address()).await;
    store.expect("the server is there")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_does_what_every_store_does() {
    let database = Server::shared().database().await;
    conformance::check(async || empty(&database).await).await;
}

#[tokio::test]
async fn a_store_on_one_thread_does_what_every_store_does() {
    let database = Server::shared().database().await;
    conformance::check(async || empty(&database).await).await;
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
