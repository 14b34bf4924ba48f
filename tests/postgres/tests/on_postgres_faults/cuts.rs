//! Connections that are cut, before and after the server has committed.

use std::sync::Arc;
use std::time::Duration;

use nether::Transaction;
use nether::eventstore::{
    Appended, DocumentChange, DocumentCondition, EventStore, Expected, StoreError,
};
use nether_postgres::PostgresStore;
use nether_postgres::tokio_postgres::Client;
use nether_postgres_tests::Server;

use crate::ledger;
use crate::proxy::{Proxy, Way};
use crate::support::{
    all, any, append, assert_unavailable, connected, event, hasty, persistently, texts, until,
    within,
};

/// No call takes longer, however the connection is lost.
const BOUND: Duration = Duration::from_secs(12);

async fn count(client: &Client, sql: &str) -> i64 {
    let sql = format!("SELECT count(*) FROM {sql}");
    client.query_one(&sql, &[]).await.unwrap().get(0)
}

/// The result of work whose answer is lost when the condition holds.
async fn answer_lost<T: Send + 'static>(
    proxy: &Proxy,
    work: impl Future<Output = T> + Send + 'static,
    holds: impl AsyncFnMut() -> bool,
) -> T {
    proxy.hold(Way::ToClient);
    let work = tokio::spawn(work);
    until("it is committed", holds).await;
    proxy.cut();
    proxy.open();
    within(BOUND, "a call", work).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn appends_whose_answer_is_lost_are_stored_once() {
    let database = Server::shared().database().await;
    let proxy = Proxy::to(Server::shared().port()).await;
    let store = hasty(&database.address_at(proxy.port())).await;
    let client = database.client().await;
    for n in 0..3 {
        let of_store = store.clone();
        let alone = append("a/1", Expected::Version(n), vec![event("one")]);
        let appended = answer_lost(
            &proxy,
            async move { of_store.append(alone).await },
            async || count(&client, "nether.events WHERE stream = 'a/1'").await > n as i64,
        );
        let appended = appended.await.unwrap();
        assert_eq!(appended.version, n + 1);
        assert!(!appended.is_repeated, "it was this call that wrote it");
    }
    let of_store = store.clone();
    let both = vec![any("b/1", "both"), any("b/2", "both")];
    let appended = answer_lost(
        &proxy,
        async move { of_store.append_all(both).await },
        async || count(&client, "nether.events WHERE stream LIKE 'b/%'").await > 0,
    );
    let appended: Vec<Appended> = appended.await.unwrap();
    assert!(appended.iter().all(|it| !it.is_repeated));
    assert_eq!(texts(&store).await, ["one", "one", "one", "both", "both"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_append_that_others_have_made_stays_a_repetition() {
    let database = Server::shared().database().await;
    let proxy = Proxy::to(Server::shared().port()).await;
    let store = hasty(&database.address_at(proxy.port())).await;
    let by_others = any("a/1", "one");
    let other = connected(&database).await;
    other.append(by_others.clone()).await.unwrap();
    let mut repeated = by_others;
    repeated.metadata.causation = Some("another message".into());
    proxy.hold(Way::ToClient);
    let mut sent = proxy.sent();
    sent.mark_unchanged();
    let appending = tokio::spawn(async move { store.append(repeated).await });
    sent.changed().await.unwrap();
    proxy.cut();
    proxy.open();
    let appended = within(BOUND, "an append", appending).await.unwrap();
    assert!(appended.unwrap().is_repeated);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn appends_that_do_not_reach_the_server_are_sent_again() {
    let database = Server::shared().database().await;
    let proxy = Proxy::to(Server::shared().port()).await;
    let store = hasty(&database.address_at(proxy.port())).await;
    for n in 0..3 {
        proxy.hold(Way::ToServer);
        let mut sent = proxy.sent();
        sent.mark_unchanged();
        let of_store = store.clone();
        let one = append("a/1", Expected::Version(n), vec![event("one")]);
        let appending = tokio::spawn(async move { of_store.append(one).await });
        sent.changed().await.unwrap();
        proxy.cut();
        proxy.open();
        let appended = within(BOUND, "an append", appending).await.unwrap();
        assert!(!appended.unwrap().is_repeated);
    }
    assert_eq!(all(&store).await.len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_told_apart_is_unavailable() {
    let database = Server::shared().database().await;
    let proxy = Proxy::to(Server::shared().port()).await;
    let store = hasty(&database.address_at(proxy.port())).await;
    let client = database.client().await;
    let changes = vec![DocumentChange {
        collection: "c".into(),
        key: "k".into(),
        content: Some(b"new".to_vec()),
    }];
    let conditions = vec![DocumentCondition {
        collection: "c".into(),
        key: "k".into(),
        content: None,
    }];
    let of_store = store.clone();
    let changed = answer_lost(
        &proxy,
        async move { of_store.change_documents(changes, conditions).await },
        async || count(&client, "nether.documents").await > 0,
    );
    assert_unavailable(changed.await);
    assert_eq!(store.document("c", "k").await.unwrap().unwrap(), b"new");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_error_behind_a_lost_answer_does_not_say_that_nothing_was_written() {
    let database = Server::shared().database().await;
    let proxy = Proxy::to(Server::shared().port()).await;
    let store = hasty(&database.address_at(proxy.port())).await;
    let client = database.client().await;
    let of_store = store.clone();
    let appending = answer_lost(
        &proxy,
        async move { of_store.append(any("a/1", "one")).await },
        async || {
            let is_there = count(&client, "nether.events").await > 0;
            if is_there {
                let name = database.name();
                let reads = format!("ALTER DATABASE {name} SET default_transaction_read_only = on");
                client.batch_execute(&reads).await.unwrap();
            }
            is_there
        },
    );
    assert_unavailable(appending.await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_whose_end_is_lost_is_whole() {
    let database = Server::shared().database().await;
    let proxy = Proxy::to(Server::shared().port()).await;
    let store = hasty(&database.address_at(proxy.port())).await;
    let client = database.client().await;
    ledger::make(&client).await;
    // The connection knows the statement that ends a transaction from now on.
    let first = store.begin().await.unwrap();
    first.commit().await.unwrap();
    let transaction = store.begin().await.unwrap();
    let sql = "INSERT INTO ledger VALUES (1)";
    transaction.execute(sql, &[]).await.unwrap();
    transaction.append(any("a/1", "one")).unwrap();
    let committed = answer_lost(&proxy, transaction.commit(), async || {
        count(&client, "ledger").await > 0
    });
    let error = committed.await.unwrap_err();
    assert!(error.to_string().contains("cannot be reached"), "{error}");
    assert_eq!(texts(&store).await, ["one"]);

    // Another one is cut off before its end: nothing of it is there.
    let transaction = store.begin().await.unwrap();
    transaction.execute(sql, &[]).await.unwrap();
    proxy.cut();
    transaction.append(any("a/1", "two")).unwrap();
    let committed = within(BOUND, "a commit", transaction.commit()).await;
    committed.unwrap_err();
    assert_eq!(count(&client, "ledger").await, 1);
    assert_eq!(texts(&store).await, ["one"]);
}

/// Cuts the connections of a program again and again, at whatever it does.
async fn cut_again_and_again(proxy: &Proxy) {
    for n in 0..40_u32 {
        let way = if n % 2 == 0 {
            Way::ToClient
        } else {
            Way::ToServer
        };
        let mut sent = proxy.sent();
        sent.mark_unchanged();
        // What is sent now is lost, or its answer is.
        proxy.hold(way);
        let some = async {
            for _ in 0..=n % 3 {
                let _ = sent.changed().await;
            }
        };
        let _ = tokio::time::timeout(Duration::from_millis(50), some).await;
        proxy.cut();
        proxy.open();
        let _ = tokio::time::timeout(Duration::from_millis(30), sent.changed()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_projection_whose_commits_are_lost_has_each_effect_once() {
    let database = Server::shared().database().await;
    let proxy = Proxy::to(Server::shared().port()).await;
    let store: PostgresStore = hasty(&database.address_at(proxy.port())).await;
    let client = database.client().await;
    ledger::make(&client).await;
    let (system, of_program) = ledger::started(&store, Arc::new(|_| None)).await;
    let apart = nether::eventstore::Store::new(connected(&database).await);
    let noting = async {
        for n in 0..200 {
            persistently(async || ledger::note(&apart, n).await).await;
            tokio::task::yield_now().await;
        }
    };
    tokio::join!(noting, cut_again_and_again(&proxy));
    let projection = of_program.projection::<ledger::Ledger>().unwrap();
    within(BOUND, "catching up", projection.caught_up())
        .await
        .unwrap();
    let all: Vec<u32> = (0..200).collect();
    assert_eq!(ledger::rows(&client).await, all);
    assert!(projection.parked().is_empty());
    system.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_whose_connections_are_cut_write_each_event_once() {
    let database = Server::shared().database().await;
    let proxy = Proxy::to(Server::shared().port()).await;
    let store = hasty(&database.address_at(proxy.port())).await;
    let mut writers = tokio::task::JoinSet::new();
    let (stop, stopped) = tokio::sync::watch::channel(false);
    for writer in 0..8 {
        let (store, stopped) = (store.clone(), stopped.clone());
        writers.spawn(async move {
            let (mut stored, mut unknown) = (Vec::new(), Vec::new());
            let mut n = 0;
            while !*stopped.borrow() {
                let text = format!("{writer}-{n}");
                match store.append(any(&format!("w/{writer}"), &text)).await {
                    Ok(appended) if !appended.is_repeated => stored.push(text),
                    Err(StoreError::Unavailable { .. }) => unknown.push(text),
                    other => panic!("{other:?}"),
                }
                n += 1;
            }
            (stored, unknown)
        });
    }
    cut_again_and_again(&proxy).await;
    stop.send_replace(true);
    let writers = writers.join_all().await;
    let written = texts(&store).await;
    let mut unique = written.clone();
    unique.sort();
    unique.dedup();
    assert_eq!(unique.len(), written.len(), "nothing is there twice");
    let mut count = 0;
    for (stored, unknown) in writers {
        let missing = stored.iter().find(|it| unique.binary_search(it).is_err());
        assert_eq!(missing, None, "what is acknowledged is there");
        count += stored.len() + unknown.len();
    }
    assert!(count >= written.len(), "nothing else is there");
    assert!(!written.is_empty());
}
