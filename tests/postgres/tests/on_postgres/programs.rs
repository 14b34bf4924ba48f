//! What programs write beside the store's own data is committed with it.

use nether::eventstore::{Position, StoreError};
use nether_postgres::{PostgresStore, TransactionError};
use nether_postgres_tests::Server;

use crate::bank::{Deposit, Visit, Visited, caught_up, number, start};

fn deposit(account: &str, cents: i64) -> Deposit {
    Deposit {
        account: account.to_owned(),
        cents,
    }
}

fn visit(fails: bool) -> Visit {
    Visit {
        guest: "ann".to_owned(),
        fails,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_of_a_projection_are_committed_with_its_checkpoint() {
    let database = Server::shared().database().await;
    let (system, store, client) = start(&database).await;
    for cents in 1..=20 {
        let sum = system
            .context()
            .send(deposit("a", cents))
            .await
            .expect("it is accepted");
        assert_eq!(sum, cents * (cents + 1) / 2);
    }
    caught_up(&store).await;
    assert_eq!(
        number(&client, "SELECT sum(cents)::bigint FROM sums").await,
        210
    );
    system.shutdown().await;

    // The next run goes on behind its checkpoint: a second row for a position would be refused.
    let (system, store) = crate::bank::open(&database.address()).await;
    system
        .context()
        .send(deposit("a", 1))
        .await
        .expect("it is accepted");
    caught_up(&store).await;
    assert_eq!(number(&client, "SELECT count(*) FROM sums").await, 21);
    system.shutdown().await;
}

#[tokio::test]
async fn a_unit_of_work_commits_its_rows_and_its_events_together() {
    let database = Server::shared().database().await;
    let (system, store, client) = start(&database).await;
    let ctx = system.context();
    ctx.send(visit(true)).await.expect_err("it fails");
    ctx.close().await.expect_err("it has failed");
    assert_eq!(number(&client, "SELECT count(*) FROM visits").await, 0);
    assert_eq!(store.head().await.expect("it can be read"), Position::START);

    let ctx = system.context();
    ctx.send(visit(false)).await.expect("it is done");
    let correlation = ctx.correlation_id().to_string();
    assert_eq!(ctx.close().await.expect("it has succeeded").committed, 1);
    assert_eq!(number(&client, "SELECT count FROM visits").await, 2);
    let events = store
        .read_all(Position::START, 10)
        .await
        .expect("it can be read");
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].read::<Visited>().expect("it is one").guest, "ann");
    assert_eq!(
        events[0].metadata.correlation.as_deref(),
        Some(&*correlation)
    );
    let newest = store.wait_for_new(Position::START).await;
    assert_eq!(newest.expect("it can be waited for"), Position(1));

    // The guest has a stream already, so the append is refused, and the rows with it.
    client
        .batch_execute("DELETE FROM visits")
        .await
        .expect("it may");
    let ctx = system.context();
    ctx.send(visit(false)).await.expect("it is done");
    let error = ctx.close().await.expect_err("its events are refused");
    assert!(error.to_string().contains("guest/ann"), "{error}");
    assert_eq!(number(&client, "SELECT count(*) FROM visits").await, 0);
    system.shutdown().await;
}

#[tokio::test]
async fn a_transaction_on_a_pool_of_the_program_is_the_stores() {
    let database = Server::shared().database().await;
    let store = PostgresStore::connect(&database.address())
        .await
        .expect("it is there");
    let pool = database.pool(1);
    let transaction = store.begin_on(pool.get().await.expect("it is there")).await;
    let transaction = transaction.expect("it begins");
    transaction
        .batch_execute("CREATE TABLE own (number int)")
        .await
        .expect("it is done");
    let other = transaction.clone();
    nether::Transaction::commit(transaction)
        .await
        .expect("it is committed");
    let late = other.execute("INSERT INTO own VALUES (1)", &[]).await;
    assert!(matches!(late, Err(TransactionError::Ended)), "{late:?}");
    // The connection is in its pool again, although a handle is left.
    let client = pool.get().await.expect("it is there");
    client
        .query("SELECT number FROM own", &[])
        .await
        .expect("it is committed");
}

#[tokio::test]
async fn a_transaction_is_not_ended_by_its_program() {
    let database = Server::shared().database().await;
    let store = PostgresStore::connect(&database.address())
        .await
        .expect("it is there");
    for end in ["COMMIT", "SELECT 1; ROLLBACK", "/* a */ end", "BEGIN"] {
        let transaction = store.begin().await.expect("it begins");
        transaction
            .batch_execute("CREATE TABLE own (number int)")
            .await
            .expect("it is done");
        let refused = transaction.batch_execute(end).await;
        assert!(
            matches!(refused, Err(TransactionError::Refused { .. })),
            "{end}: {refused:?}"
        );
        let failed = nether::Transaction::commit(transaction).await;
        let error = failed.expect_err("it was ended");
        assert!(
            error
                .to_string()
                .contains("is refused inside of a transaction"),
            "{error}"
        );
    }
    let client = database.client().await;
    let found = client.query("SELECT 1 FROM own", &[]).await;
    assert!(found.is_err(), "nothing is committed: {found:?}");
}

#[tokio::test]
async fn a_failed_statement_is_taken_back_by_a_savepoint_alone() {
    let database = Server::shared().database().await;
    let store = PostgresStore::connect(&database.address())
        .await
        .expect("it is there");
    let transaction = store.begin().await.expect("it begins");
    transaction
        .batch_execute("CREATE TABLE own (number int); SAVEPOINT a")
        .await
        .expect("it is done");
    transaction
        .execute("SELECT 1 / 0", &[])
        .await
        .expect_err("nothing is divided by 0");
    transaction
        .batch_execute("ROLLBACK TO a")
        .await
        .expect("it is taken back");
    transaction
        .execute("INSERT INTO own VALUES (7)", &[])
        .await
        .expect("it is done");
    nether::Transaction::commit(transaction)
        .await
        .expect("it is committed");
    let client = database.client().await;
    assert_eq!(number(&client, "SELECT number::bigint FROM own").await, 7);

    let transaction = store.begin().await.expect("it begins");
    transaction
        .execute("INSERT INTO own VALUES (8)", &[])
        .await
        .expect("it is done");
    transaction
        .execute("SELECT 1 / 0", &[])
        .await
        .expect_err("nothing is divided by 0");
    let error = nether::Transaction::commit(transaction).await;
    let error = error.expect_err("a statement has failed");
    assert!(error.to_string().contains("SAVEPOINT"), "{error}");
    assert_eq!(number(&client, "SELECT count(*) FROM own").await, 1);
}

#[tokio::test]
async fn tables_of_a_newer_version_are_refused_and_so_are_those_of_others() {
    let database = Server::shared().database().await;
    drop(
        PostgresStore::connect(&database.address())
            .await
            .expect("it is there"),
    );
    let client = database.client().await;
    client
        .batch_execute("UPDATE nether.version SET number = 2")
        .await
        .expect("it may");
    let refused = PostgresStore::connect(&database.address()).await;
    let error = refused.expect_err("it is newer");
    assert!(
        matches!(
            error,
            StoreError::Newer {
                found: 2,
                known: 1,
                ..
            }
        ),
        "{error}"
    );

    client
        .batch_execute("CREATE SCHEMA shop; CREATE TABLE shop.events (id int)")
        .await
        .expect("it may");
    let options = PostgresStore::options().schema("shop");
    let error = options
        .connect(&database.address())
        .await
        .expect_err("it is another's");
    assert!(matches!(error, StoreError::Foreign { .. }), "{error}");
    assert!(error.to_string().contains("`events`"), "{error}");
}

#[tokio::test]
async fn a_schema_that_cannot_be_named_is_refused() {
    let database = Server::shared().database().await;
    for name in ["", "a$$b", "a\0b", &"a".repeat(64)] {
        let options = PostgresStore::options().schema(name);
        let refused = options.connect(&database.address()).await;
        let error = refused.expect_err(name).to_string();
        assert!(error.contains("cannot be the name of a schema"), "{error}");
    }
}
