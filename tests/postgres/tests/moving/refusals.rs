//! An import that is refused leaves nothing, and can be made again.

use std::sync::Arc;

use nether::eventstore::{EventStore, MemoryStore, Position, StoreError};
use nether_postgres::PostgresStore;
use nether_postgres_tests::{Database, Server};
use tokio::sync::Notify;

use crate::sources::{Busy, Meanwhile, append, document};

async fn connect(database: &Database<'_>) -> PostgresStore {
    let store = PostgresStore::connect(&database.address()).await;
    store.expect("the server is there")
}

/// A source with events in several streams and some documents.
async fn source(events: u32) -> MemoryStore {
    let source = MemoryStore::default();
    for stream in 0..events.div_ceil(100) {
        let count = 100.min(events - stream * 100);
        let appended = source
            .append(append(&format!("note/{stream}"), count))
            .await;
        appended.expect("it is stored");
    }
    let documents = vec![
        document("checkpoint", "seen", b"1"),
        document("checkpoint", "sums", b"1"),
        document("checkpoint", "sums/2", b"1"),
        document("checkpoint", "sums/others", b"1"),
        document("checkpoint_ahead", "sums", b"[3]"),
        document("parked/sums/2", "note/1", b"{}"),
        document("parked/seen", "note/1", b"{}"),
        document("definition", "sums", b"{}"),
        document("transaction", "sums", b"1"),
        document("lease", "seen", b"{}"),
        document("heartbeat", "seen", b"1"),
        document("unheard of", "ü", &[0, 255]),
    ];
    let written = source.change_documents(documents, Vec::new()).await;
    written.expect("they are stored");
    source
}

async fn check_empty(store: &PostgresStore) {
    assert_eq!(store.head().await.expect("it can be read"), Position::START);
    assert!(
        store
            .read_all(Position::START, 1)
            .await
            .expect("it can be read")
            .is_empty()
    );
    assert!(
        store
            .collections()
            .await
            .expect("they can be listed")
            .is_empty()
    );
}

#[tokio::test]
async fn what_belongs_to_processes_and_to_the_database_stays_behind() {
    let database = Server::shared().database().await;
    let (store, source) = (connect(&database).await, source(3).await);
    let imported = store.import(&source).await.expect("it is imported");
    assert_eq!((imported.events, imported.documents), (3, 5));
    let mut all = Vec::new();
    for collection in store.collections().await.expect("they can be listed") {
        let documents = store
            .documents(&collection)
            .await
            .expect("they can be read");
        all.extend(
            documents
                .into_iter()
                .map(|(key, _)| format!("{collection}: {key}")),
        );
    }
    let expected = [
        "checkpoint: seen",
        "checkpoint: sums/others",
        "definition: sums",
        "parked/seen: note/1",
        "unheard of: ü",
    ];
    assert_eq!(all, expected);
    let content = store
        .document("unheard of", "ü")
        .await
        .expect("it can be read");
    assert_eq!(content, Some(vec![0, 255]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_events_keep_all_that_is_known_of_them() {
    let database = Server::shared().database().await;
    let (store, source) = (connect(&database).await, source(20_050).await);
    let other = connect(&database).await;
    let waits = tokio::spawn(async move { other.wait_for_new(Position::START).await });
    let imported = store.import(&source).await.expect("it is imported");
    assert_eq!(imported.events, 20_050);
    let moved = store.read_all(Position::START, 30_000).await;
    let all = source.read_all(Position::START, 30_000).await;
    assert_eq!(moved.expect("it can be read"), all.expect("it can be read"));
    let noticed = waits
        .await
        .expect("no panic")
        .expect("it can be waited for");
    assert_eq!(noticed, Position(20_050), "other processes notice it");

    // The store is one as any other.
    let appended = store
        .append(append("note/7", 1))
        .await
        .expect("it is stored");
    assert_eq!(
        (appended.position, appended.version),
        (Position(20_051), 101)
    );
}

#[tokio::test]
async fn a_store_that_was_used_is_refused() {
    let database = Server::shared().database().await;
    let store = connect(&database).await;
    let documents = vec![document("checkpoint", "seen", b"0")];
    store
        .change_documents(documents, Vec::new())
        .await
        .expect("it is stored");
    let error = store
        .import(&source(3).await)
        .await
        .expect_err("it is not empty");
    assert!(error.to_string().contains("is not empty"), "{error}");
    store
        .append(append("note/own", 1))
        .await
        .expect("it is stored");
    let error = store
        .import(&source(3).await)
        .await
        .expect_err("it is not empty");
    assert!(
        error.to_string().contains("newest event is at position 1"),
        "{error}"
    );
    assert_eq!(store.head().await.expect("it can be read"), Position(1));
    assert_eq!(
        store
            .documents("checkpoint")
            .await
            .expect("they can be read")
            .len(),
        1
    );
}

#[tokio::test]
async fn a_source_that_changes_meanwhile_is_refused() {
    for writes in [Meanwhile::Event, Meanwhile::Document] {
        let database = Server::shared().database().await;
        let (store, source) = (connect(&database).await, source(3).await);
        let busy = Busy::new(source, writes);
        let error = store.import(&busy).await.expect_err("it has changed");
        assert!(
            error.to_string().contains("the source has changed"),
            "{error}"
        );
        check_empty(&store).await;
        let imported = store.import(&busy.store).await;
        imported.expect("it does not change any more");
    }
}

#[tokio::test]
async fn a_text_that_postgresql_does_not_store_is_named() {
    let database = Server::shared().database().await;
    let (store, source) = (connect(&database).await, source(3).await);
    source
        .append(append("note/a\0b", 1))
        .await
        .expect("it is stored");
    let error = store
        .import(&source)
        .await
        .expect_err("it cannot be stored");
    assert!(matches!(error, StoreError::Codec { .. }), "{error}");
    assert!(error.to_string().contains("position `4`"), "{error}");
    assert!(error.to_string().contains("note/a\\0b"), "{error}");
    check_empty(&store).await;
}

#[tokio::test]
async fn an_import_that_is_dropped_leaves_nothing() {
    let database = Server::shared().database().await;
    let store = connect(&database).await;
    let told = Arc::new(Notify::new());
    let hanging = Meanwhile::Hangs(Arc::clone(&told));
    let busy = Busy::new(source(10_000).await, hanging);
    tokio::select! {
        () = told.notified() => {}
        imported = store.import(&busy) => panic!("the source hangs: {imported:?}"),
    }
    check_empty(&store).await;
    let imported = store.import(&busy.store).await.expect("it is imported");
    assert_eq!(imported.events, 10_000);
}

#[tokio::test]
async fn a_role_that_may_only_append_is_refused() {
    let database = Server::shared().database().await;
    let owner = connect(&database).await;
    let client = database.client().await;
    client
        .batch_execute(
            "CREATE ROLE importer LOGIN; GRANT USAGE ON SCHEMA nether TO importer; \
             GRANT SELECT ON ALL TABLES IN SCHEMA nether TO importer; \
             GRANT UPDATE ON nether.head TO importer; \
             GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA nether TO importer",
        )
        .await
        .expect("it may");
    let store = PostgresStore::connect(&database.address_as("importer")).await;
    let store = store.expect("it may read");
    let error = store
        .import(&source(3).await)
        .await
        .expect_err("it may not");
    assert!(
        error.to_string().contains("only their owner may"),
        "{error}"
    );
    check_empty(&owner).await;
}
