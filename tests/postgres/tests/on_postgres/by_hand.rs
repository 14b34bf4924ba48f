//! What a role that may append cannot do by SQL of its own.

use std::time::Duration;

use nether::eventstore::{
    Append, Encoding, EventId, EventStore, Expected, Metadata, NewEvent, Payload, Position,
};
use nether_postgres::PostgresStore;
use nether_postgres_tests::{Database, Server};
use tokio_postgres::Client;

use crate::bank::{Deposit, caught_up, number, start};

/// As the manual shows it.
const GRANTS: &str = include_str!("../../../../nether/adapters/postgres/src/docs/role.sql");

/// The role of the manual, which other tests may have made on the same server.
async fn granted(database: &Database<'_>) -> Client {
    let client = database.client().await;
    let role = GRANTS.replace("bank_app", "by_hand");
    client.batch_execute(&role).await.expect("a superuser may");
    database.client_as("by_hand").await
}

fn said(stream: &str) -> Append {
    Append {
        stream: stream.into(),
        expected: Expected::Any,
        events: vec![NewEvent {
            id: EventId::new(),
            name: "said".into(),
            schema_version: 1,
            payload: Payload {
                encoding: Encoding::Json,
                bytes: b"{}".to_vec(),
            },
        }],
        metadata: Metadata::default(),
        conditions: Vec::new(),
    }
}

#[tokio::test]
async fn the_functions_that_write_leave_no_gap_whatever_they_are_given() {
    let server = Server::start(&["fsync=off"]);
    let database = server.database().await;
    let store = PostgresStore::connect(&database.address()).await;
    let store = store.expect("the server is there");
    let app = granted(&database).await;
    for (stream, count, number) in [
        ("{a}", 5, 5),
        ("{a}", 5, 1),
        ("{a}", 1, -50),
        ("{a}", 1, 100),
        ("{a}", 1, 0),
        ("[0:1]={a,b}", 1, 1),
    ] {
        let sql = format!(
            "SELECT FROM nether.write_1('{{f}}','{{}}','{{}}','{{}}','{{}}',
             '{{1}}','{stream}','{{NULL}}','{{{count}}}','{{1}}',
             '{{NULL}}','{{NULL}}','{{NULL}}','{{NULL}}','{{1}}','{{{number}}}',
             ARRAY[gen_random_uuid()],'{{n}}','{{1}}','{{0}}',ARRAY[''::bytea],'{{}}','{{}}','{{}}','{{}}')"
        );
        let refused = app.batch_execute(&sql).await.expect_err(&sql);
        assert_eq!(refused.code().map(|it| it.code()), Some("22023"), "{sql}");
    }
    for stream in ["a", "b"] {
        store.append(said(stream)).await.expect("it is written");
    }
    let stored = store.read_all(Position::START, 10).await;
    let positions: Vec<_> = stored.unwrap().iter().map(|it| it.position.0).collect();
    assert_eq!(positions, [1, 2]);
}

#[tokio::test]
async fn a_notice_of_events_that_are_not_there_is_not_believed() {
    let server = Server::start(&["fsync=off"]);
    let database = server.database().await;
    let connect = async || {
        let store = PostgresStore::connect(&database.address()).await;
        store.expect("the server is there")
    };
    let (store, other) = (connect().await, connect().await);
    let app = granted(&database).await;
    store.append(said("a")).await.expect("it is written");
    let first = store.wait_for_new(Position::START).await;
    assert_eq!(first.expect("it is there"), Position(1));
    let id = EventId::new();
    for text in [format!("1000000 {id} nether"), "1000000 nether".to_owned()] {
        let sql = "SELECT pg_notify('nether', $1)";
        app.execute(sql, &[&text]).await.expect("anyone may");
    }
    let waiting = tokio::time::timeout(Duration::from_secs(10), store.wait_for_new(Position(1)));
    let (newest, appended) = tokio::join!(waiting, other.append(said("a")));
    appended.expect("it is written");
    let newest = newest.expect("it hears of it").expect("nothing is lost");
    assert_eq!(newest, Position(2));
}

/// Functions that fit what the store calls better than those of the system do.
const SHADOWS: &str = "
    CREATE FUNCTION public.array_agg(text) RETURNS text[] LANGUAGE plpgsql
        AS $$ BEGIN RAISE 'run as %', current_user; END $$;
    CREATE FUNCTION public.hashtextextended(text, integer) RETURNS bigint LANGUAGE plpgsql
        AS $$ BEGIN RAISE 'run as %', current_user; END $$;
    CREATE FUNCTION public.concat_ws(text, text, text, text) RETURNS text LANGUAGE plpgsql
        AS $$ BEGIN RAISE 'run as %', current_user; END $$";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn functions_of_another_role_do_not_run_with_the_rights_of_who_connects() {
    let server = Server::start(&["fsync=off"]);
    let database = server.database().await;
    let client = database.client().await;
    // As it is by default before PostgreSQL 15.
    let guest = "CREATE ROLE guest LOGIN; GRANT CREATE ON SCHEMA public TO guest";
    client.batch_execute(guest).await.expect("a superuser may");
    let guest = database.client_as("guest").await;
    guest.batch_execute(SHADOWS).await.expect("it may");

    let (system, store, client) = start(&database).await;
    let account = "a".to_owned();
    let sent = system.context().send(Deposit { account, cents: 1 }).await;
    sent.expect("it is accepted");
    caught_up(&store).await;
    assert_eq!(number(&client, "SELECT count(*) FROM sums").await, 1);
    system.shutdown().await;
}
