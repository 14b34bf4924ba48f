//! The least that a role must be allowed.

use nether::eventstore::Position;
use nether_postgres::PostgresStore;
use nether_postgres_tests::Server;

use crate::bank::{Deposit, caught_up, number, open, start};

/// As the manual shows it.
const GRANTS: &str = include_str!("../../../../nether/adapters/postgres/src/docs/role.sql");

#[tokio::test]
async fn a_role_that_may_append_and_read_can_do_all_but_change_what_has_happened() {
    let database = Server::shared().database().await;
    let (system, _, client) = start(&database).await;
    system.shutdown().await;
    client.batch_execute(GRANTS).await.expect("a superuser may");
    let own = "GRANT SELECT, INSERT, UPDATE, DELETE ON sums, visits TO bank_app";
    client.batch_execute(own).await.expect("a superuser may");

    let (system, store) = open(&database.address_as("bank_app")).await;
    for cents in 1..=3 {
        let account = "a".to_owned();
        let sent = system.context().send(Deposit { account, cents }).await;
        sent.expect("it is accepted");
    }
    caught_up(&store).await;
    assert_eq!(
        number(&client, "SELECT sum(cents)::bigint FROM sums").await,
        6
    );
    assert_eq!(
        store
            .read_all(Position::START, 10)
            .await
            .expect("it may")
            .len(),
        3
    );
    system.shutdown().await;

    let app = database.client_as("bank_app").await;
    for denied in [
        "DELETE FROM nether.events",
        "UPDATE nether.events SET payload = ''",
        "INSERT INTO nether.streams VALUES ('a', 1)",
        "TRUNCATE nether.events",
        "UPDATE nether.head SET position = 0",
        "DELETE FROM nether.documents",
        "DROP TABLE nether.events",
        "CREATE TABLE nether.more ()",
    ] {
        let error = app.batch_execute(denied).await.expect_err(denied);
        assert_eq!(
            error.code().map(|it| it.code()),
            Some("42501"),
            "{denied}: {error}"
        );
    }
}

#[tokio::test]
async fn a_role_that_may_make_no_tables_learns_what_to_do() {
    let database = Server::shared().database().await;
    let client = database.client().await;
    client
        .batch_execute("CREATE ROLE visitor LOGIN")
        .await
        .expect("a superuser may");
    let refused = PostgresStore::connect(&database.address_as("visitor")).await;
    let error = refused.expect_err("it may not make tables").to_string();
    assert!(error.contains("GRANT CREATE ON DATABASE"), "{error}");
}
