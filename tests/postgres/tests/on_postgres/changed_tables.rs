//! Tables of a program that are changed while it runs.

use nether::Transaction;
use nether::eventstore::{StoreError, TransactionalStore};
use nether_postgres::PostgresStore;
use nether_postgres_tests::Server;

const ALL: &str = "SELECT * FROM notes";

#[tokio::test]
async fn a_statement_is_prepared_anew_once_its_table_has_changed() {
    let database = Server::shared().database().await;
    let client = database.client().await;
    let changed = async |sql: &str| client.batch_execute(sql).await.expect("it is allowed");
    changed("CREATE TABLE notes (text text)").await;
    let store = PostgresStore::options().transactions(2);
    let store = store
        .connect(&database.address())
        .await
        .expect("the server is there");
    let begin = async || store.begin().await.expect("a connection is free");

    // Both connections know the statement.
    let (first, second) = (begin().await, begin().await);
    for transaction in [first, second] {
        transaction.query(ALL, &[]).await.expect("it can be read");
        transaction.rollback().await.expect("it is open");
    }
    changed("ALTER TABLE notes ADD COLUMN more text").await;

    let outdated = begin().await;
    let error = outdated
        .query(ALL, &[])
        .await
        .expect_err("it has other columns now");
    let failure = PostgresStore::store_failure(&nether::Error::from(error));
    let passes = matches!(failure, Some(StoreError::Unavailable { .. }));
    assert!(passes, "a projection tries again: {failure:?}");
    outdated.rollback().await.expect("it is open");

    let (first, second) = (begin().await, begin().await);
    for transaction in [first, second] {
        transaction.query(ALL, &[]).await.expect("it can be read");
        transaction.rollback().await.expect("it is open");
    }
}
