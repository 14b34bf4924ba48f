//! Files of SQLite, out of which the content is gone.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use nether::eventstore::{Store, StoreError};
use nether_sqlite::SqliteStore;
use nether_tests::Folder;
use tokio::sync::{Semaphore, mpsc};

use crate::program::{
    NotesOf, SECRET, archive, archived, has_snapshot, note, noted, snapshot, start,
};
use crate::slow::Slow;

/// Whether one of the files in a folder has these bytes.
fn has(folder: &Path, bytes: &[u8]) -> bool {
    let mut files = fs::read_dir(folder).unwrap().map(|it| it.unwrap().path());
    files.any(|file| {
        let content = fs::read(file).unwrap();
        content.windows(bytes.len()).any(|it| it == bytes)
    })
}

#[tokio::test]
async fn no_byte_of_what_is_archived_is_left_in_a_file() {
    for is_shared in [false, true] {
        let folder = Folder::new("archived");
        let open = || SqliteStore::options().shared(is_shared).open(folder.file());
        let store = Store::new(open().unwrap());
        let system = start(&store).await;
        let ctx = system.context();
        // Short ones, and one with pages of its own, also in the log.
        for text in [SECRET, SECRET, &SECRET.repeat(1000)] {
            ctx.send(note(7, text)).await.unwrap();
        }
        has_snapshot(&store, 7).await;
        assert!(
            has(&folder.0, SECRET.as_bytes()),
            "the search finds what is there"
        );
        let copy = store.copy_of("order/7").await.unwrap();
        // Its caller stops waiting, and it is done all the same.
        tokio::select! {
            biased;
            _ = store.archive(&copy, "olga", "it is old") => {}
            () = tokio::task::yield_now() => {}
        }
        let position = store.archive(&copy, "olga", "it is old").await.unwrap();
        assert!(!has(&folder.0, SECRET.as_bytes()));
        assert_eq!(archived(ctx.ask(NotesOf { order: 7 }).await), "order/7");
        system.shutdown().await;
        drop((ctx, system, store));
        // The task that writes a snapshot has the store until it has ended.
        let store = loop {
            match open() {
                Err(StoreError::AlreadyOpen { .. }) => tokio::task::yield_now().await,
                opened => break Store::new(opened.unwrap()),
            }
        };
        assert!(!has(&folder.0, SECRET.as_bytes()));
        let system = start(&store).await;
        let ctx = system.context();
        assert_eq!(archived(ctx.send(note(7, "more")).await), "order/7");
        assert_eq!(archived(ctx.ask(NotesOf { order: 7 }).await), "order/7");
        assert_eq!(store.head().await.unwrap(), position);
        system.shutdown().await;
    }
}

#[tokio::test]
async fn what_a_reader_keeps_in_the_log_is_an_error_until_it_is_archived_again() {
    let folder = Folder::new("reader");
    let options = SqliteStore::options().busy_timeout(Duration::from_millis(20));
    let store = Store::new(options.open(folder.file()).unwrap());
    store
        .append_events("order/7", [noted(7, SECRET)])
        .await
        .unwrap();
    let copy = store.copy_of("order/7").await.unwrap();
    let reader = rusqlite::Connection::open(folder.file()).unwrap();
    let reading = reader.unchecked_transaction().unwrap();
    let count = "SELECT count(*) FROM nether_events";
    reading.query_row(count, [], |_| Ok(())).unwrap();
    let archive = || store.archive(&copy, "olga", "it is old");
    let error = archive().await.unwrap_err();
    assert!(matches!(error, StoreError::Locked { .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains("archive the stream again"), "{text}");
    drop(reading);
    drop(reader);
    archive().await.unwrap();
    assert!(!has(&folder.0, SECRET.as_bytes()));
    assert_eq!(store.head().await.unwrap().0, 2);
}

#[tokio::test]
async fn no_process_writes_a_snapshot_of_what_is_archived() {
    let folder = Folder::new("snapshot");
    let file = SqliteStore::open(folder.file()).unwrap();
    let (passed, mut results) = mpsc::unbounded_channel();
    let may_pass = Arc::new(Semaphore::new(1));
    let slow = Store::new(Slow {
        store: file.clone(),
        may_pass: Arc::clone(&may_pass),
        passed,
    });
    let store = Store::new(file);
    let system = start(&slow).await;
    let ctx = system.context();
    ctx.send(note(7, SECRET)).await.unwrap();
    results.recv().await.unwrap().unwrap();
    assert!(snapshot(&*store, 7).await.is_some());
    ctx.send(note(7, SECRET)).await.unwrap();
    archive(&store, "order/7").await;
    may_pass.add_permits(1);
    let late = results.recv().await.unwrap();
    assert!(
        matches!(late, Err(StoreError::PreconditionFailed { .. })),
        "{late:?}"
    );
    assert!(snapshot(&*store, 7).await.is_none());
    assert!(!has(&folder.0, SECRET.as_bytes()));
    assert_eq!(archived(ctx.ask(NotesOf { order: 7 }).await), "order/7");
    system.shutdown().await;
}
