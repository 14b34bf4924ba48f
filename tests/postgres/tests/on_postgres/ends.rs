//! Texts that hide the end of a transaction from who reads them in another way than the server.

use nether::Transaction;
use nether_postgres::PostgresStore;
use nether_postgres_tests::Server;

#[tokio::test]
async fn a_transaction_is_not_ended_in_strings_with_escapes() {
    let database = Server::shared().database().await;
    let client = database.client().await;
    let off = format!(
        "CREATE TABLE kept (text text); ALTER DATABASE {} SET standard_conforming_strings = off",
        database.name()
    );
    client.batch_execute(&off).await.expect("a superuser may");
    let store = PostgresStore::connect(&database.address()).await;
    let store = store.expect("the server is there");
    for end in [
        "SELECT '\\''; COMMIT; --'",
        "SELECT E'a'\n'b\\''; COMMIT; --'",
        "SELECT 1; -- a\rCOMMIT",
        "SELECT 1 AS \u{20ac}$$; COMMIT; SELECT 1 AS \u{20ac}$$",
        "SELECT $\u{20ac}$ ' $\u{20ac}$; COMMIT; --'",
    ] {
        let transaction = store.begin().await.expect("a connection is free");
        let insert = "INSERT INTO kept VALUES ('a')";
        transaction.execute(insert, &[]).await.expect("it can");
        let _ = transaction.batch_execute(end).await;
        transaction.rollback().await.expect("it is open");
        let kept = client
            .query("SELECT FROM kept", &[])
            .await
            .expect("it is there");
        assert_eq!(kept.len(), 0, "{end}");
    }
}
