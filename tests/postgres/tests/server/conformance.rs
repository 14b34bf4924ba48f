//! What every event store does.

use nether::eventstore::conformance;
use nether_postgres::PostgresStore;
use nether_postgres_tests::Server;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_does_what_every_store_does() {
    let server = Server::shared();
    conformance::check(async || {
        let database = server.database().await;
        PostgresStore::connect(&database.address()).await.expect("the server is there")
    })
    .await;
}

#[tokio::test]
async fn a_store_on_one_thread_does_what_every_store_does() {
    let server = Server::shared();
    conformance::check(async || {
        let database = server.database().await;
        PostgresStore::connect(&database.address()).await.expect("the server is there")
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_is_opened_again_has_what_it_was_given() {
    let database = Server::shared().database().await;
    conformance::check_reopened(async || {
        PostgresStore::connect(&database.address()).await.expect("the server is there")
    })
    .await;
}
