//! Servers that say nothing, or take long: no call waits without end.

use std::time::{Duration, Instant};

use nether::Transaction;
use nether::eventstore::{EventStore, Expected, Position, StoreError};
use nether_postgres::PostgresStore;
use nether_postgres_tests::Server;

use crate::proxy::{Proxy, Way};
use crate::support::{
    all, any, append, assert_unavailable, connected, event, hasty, persistently, until, within,
};

/// What the documentation of `answer_within` says: four times three seconds, and some for a machine with much
/// to do.
const BOUND: Duration = Duration::from_secs(16);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_call_waits_without_end_for_a_server_that_says_nothing() {
    let database = Server::shared().database().await;
    let proxy = Proxy::to(Server::shared().port()).await;
    let address = database.address_at(proxy.port());
    let store = hasty(&address).await;
    let apart = connected(&database).await;
    let first = append("a/1", Expected::Version(0), vec![event("first")]);
    store.append(first).await.unwrap();
    // Connections that were used before it falls silent, and those that are opened behind that.
    let (open, unused) = (store.begin().await.unwrap(), store.begin().await.unwrap());
    open.append(any("t/1", "never")).unwrap();
    let of_store = store.clone();
    let waiting = tokio::spawn(async move { of_store.wait_for_new(Position(1)).await });
    proxy.hold(Way::ToServer);
    proxy.hold(Way::ToClient);
    let unknown = any("a/1", "unknown");
    within(BOUND, "all of them", async {
        tokio::join!(
            async { assert_unavailable(store.append(unknown.clone()).await) },
            async { assert_unavailable(store.append_all(vec![any("b/1", "no")]).await) },
            async { assert_unavailable(store.head().await) },
            async { assert_unavailable(store.documents("c").await) },
            async { assert_unavailable(store.find(event("no").id).await) },
            async { assert_unavailable(store.begin().await) },
            async { assert!(open.commit().await.is_err()) },
            async { unused.rollback().await.unwrap() },
            async {
                let options = PostgresStore::options().answer_within(Duration::from_secs(3));
                assert_unavailable(options.connect(&address).await);
            },
        );
    })
    .await;
    assert_eq!(all(&apart).await.len(), 1);
    // It speaks again, on the connections that it has, and goes on.
    proxy.open();
    let appended = persistently(async || store.append(unknown.clone()).await).await;
    let newest = within(BOUND, "the news", waiting).await.unwrap().unwrap();
    assert!(newest > Position(1));
    within(BOUND, "a read", store.head()).await.unwrap();
    let transaction = persistently(async || store.begin().await).await;
    transaction.append(any("t/1", "last")).unwrap();
    transaction.commit().await.unwrap();
    let stored = all(&apart).await;
    let unknown = stored.iter().filter(|it| it.stream.as_str() == "a/1");
    assert_eq!(unknown.count() as u64, appended.version, "each once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_for_a_lock_too_long_is_refused_and_not_written() {
    let database = Server::shared().database().await;
    let store = connected(&database).await;
    let client = database.client().await;
    store.append(any("a/1", "first")).await.unwrap();
    let since = Instant::now();
    client
        .batch_execute("BEGIN; SELECT FROM nether.head FOR UPDATE")
        .await
        .unwrap();
    let transaction = store.begin().await.unwrap();
    transaction.append(any("t/1", "never")).unwrap();
    let locked = |result: Result<_, StoreError>| {
        assert!(
            matches!(result, Err(StoreError::Locked { .. })),
            "{result:?}"
        )
    };
    tokio::join!(
        async { locked(store.append(any("a/1", "never")).await.map(drop)) },
        async { locked(store.append(any("a/2", "never")).await.map(drop)) },
        async {
            let error = transaction.commit().await.unwrap_err();
            assert!(error.to_string().contains("locked elsewhere"), "{error}");
        },
        // Reads do not wait.
        async { assert_eq!(store.head().await.unwrap(), Position(1)) },
    );
    assert!(since.elapsed() < BOUND);
    client
        .batch_execute("ROLLBACK; BEGIN; LOCK TABLE nether.events")
        .await
        .unwrap();
    locked(store.read_all(Position::START, 10).await.map(drop));
    client.batch_execute("ROLLBACK").await.unwrap();
    store.append(any("a/1", "second")).await.unwrap();
    assert_eq!(all(&store).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_statement_is_refused_by_the_server_and_not_written() {
    let database = Server::shared().database().await;
    let store = connected(&database).await;
    let client = database.client().await;
    let slow = "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(60); RETURN NEW; END'; \
        CREATE TRIGGER slow BEFORE INSERT ON nether.events FOR EACH ROW EXECUTE FUNCTION slow()";
    client.batch_execute(slow).await.unwrap();
    let appended = within(BOUND, "an append", store.append(any("a/1", "never"))).await;
    let error = appended.unwrap_err();
    assert!(matches!(error, StoreError::Locked { .. }), "{error:?}");
    assert!(error.to_string().contains("statement timeout"), "{error}");
    client
        .batch_execute("DROP TRIGGER slow ON nether.events")
        .await
        .unwrap();
    store.append(any("a/1", "one")).await.unwrap();
    assert_eq!(all(&store).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_ends_its_session_each_time_is_not_sent_without_end() {
    let database = Server::shared().database().await;
    let store = connected(&database).await;
    let client = database.client().await;
    let deadly = "CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS \
        'BEGIN IF NEW.stream = ''deadly/1'' THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF; RETURN NEW; END'; \
        CREATE TRIGGER die BEFORE INSERT ON nether.events FOR EACH ROW EXECUTE FUNCTION die()";
    client.batch_execute(deadly).await.unwrap();
    let appended = within(BOUND, "an append", store.append(any("deadly/1", "never"))).await;
    assert_unavailable(appended);
    store.append(any("a/1", "one")).await.unwrap();
    assert_eq!(all(&store).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_client_that_is_gone_was_doing_ends() {
    let database = Server::shared().database().await;
    let store = connected(&database).await;
    let client = database.client().await;
    let transaction = store.begin().await.unwrap();
    let statement = tokio::time::timeout(
        Duration::from_millis(20),
        transaction.batch_execute("SELECT pg_sleep(600)"),
    );
    statement.await.unwrap_err();
    within(BOUND, "a rollback", transaction.rollback())
        .await
        .unwrap();
    let running = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(600)%'";
    until("the server has noticed", async || {
        client
            .query_one(running, &[])
            .await
            .unwrap()
            .get::<_, i64>(0)
            == 0
    })
    .await;
}
