//! Media that cannot be written, and neighbours that read: what was closed in order is read anywhere, and
//! no call waits for a reader.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use nether::eventstore::{EventStore, Position, StoreError};
use nether_sqlite::SqliteStore;
use nether_tests::Folder;
use rusqlite::Connection;

use crate::disk::{Disk, append};

/// A store on a small disk, under a name that has to be quoted in a URI; closed in order.
async fn closed(disk: &Disk) -> PathBuf {
    let file = disk.0.0.join("a b?c#d%41.db");
    let store = SqliteStore::open(&file).unwrap();
    for _ in 0..5 {
        store.append(append("a/1", 1)).await.unwrap();
    }
    store.read_all(Position::START, 10).await.unwrap();
    drop(store);
    let left: Vec<_> = fs::read_dir(&disk.0.0).unwrap().flatten().collect();
    assert_eq!(left.len(), 1, "a file is all that is left: {left:?}");
    file
}

#[tokio::test]
async fn a_store_that_was_closed_in_order_is_read_on_a_medium_that_cannot_be_written() {
    let Some(disk) = Disk::new("medium") else {
        return;
    };
    let file = closed(&disk).await;
    disk.remount("remount,ro");
    let error = SqliteStore::open(&file).unwrap_err();
    assert!(matches!(error, StoreError::ReadOnly { .. }), "{error}");
    let store = SqliteStore::options().read_only(true).open(&file).unwrap();
    assert_eq!(store.read_all(Position::START, 10).await.unwrap().len(), 5);
    assert_eq!(store.head().await.unwrap(), Position(5));
    let error = store.append(append("a/1", 1)).await.unwrap_err();
    assert!(matches!(error, StoreError::ReadOnly { .. }), "{error}");
    // It can be written again, is written, and has nothing left beside it.
    disk.remount("remount,rw");
    let writer = SqliteStore::open(&file).unwrap();
    writer.append(append("a/1", 1)).await.unwrap();
    let read = loop {
        match store.read_all(Position::START, 10).await {
            Err(StoreError::Locked { .. }) => {} // Not a mixture; opened anew the next time.
            read => break read.unwrap(),
        }
    };
    assert_eq!(
        read.len(),
        6,
        "what is frozen no more is not read as if it were"
    );
}

#[tokio::test]
async fn a_store_that_was_not_closed_in_order_is_not_read_without_its_log() {
    let Some(disk) = Disk::new("unclosed") else {
        return;
    };
    let file = closed(&disk).await;
    let log = PathBuf::from(format!("{}-wal", file.display()));
    let store = SqliteStore::open(&file).unwrap();
    store.append(append("a/1", 1)).await.unwrap();
    let copied = fs::read(&log).unwrap();
    drop(store);
    fs::write(&log, copied).unwrap();
    disk.remount("remount,ro");
    let opened = SqliteStore::options().read_only(true).open(&file);
    let error = opened.unwrap_err();
    assert!(matches!(error, StoreError::ReadOnly { .. }), "{error}");
    assert!(error.to_string().contains("Copy both"), "{error}");
}

#[tokio::test]
async fn neither_opening_nor_closing_waits_for_who_reads() {
    let folder = nether_tests::Folder::new("reader");
    let long = || SqliteStore::options().busy_timeout(Duration::from_secs(600));
    let store = long().open(folder.file()).unwrap();
    store.append(append("a/1", 1)).await.unwrap();
    let reader = Connection::open(folder.file()).unwrap();
    reader.execute_batch("BEGIN").unwrap();
    let count = || {
        let sql = "SELECT count(*) FROM nether_events";
        reader.query_row(sql, [], |row| row.get::<_, i64>(0))
    };
    assert_eq!(count().unwrap(), 1);
    let start = Instant::now();
    store.append(append("a/1", 1)).await.unwrap();
    drop(store);
    let store = long().open(folder.file()).unwrap();
    let appended = store.append(append("a/1", 1)).await.unwrap();
    assert_eq!(appended.position, Position(3));
    drop(store);
    assert!(start.elapsed() < Duration::from_secs(300));
    assert_eq!(count().unwrap(), 1, "it reads on what it has read");
}

#[tokio::test]
async fn a_store_that_is_read_only_does_not_read_the_file_that_has_taken_the_name() {
    let folder = Folder::new("replaced");
    let (file, other) = (folder.file(), folder.0.join("other.db"));
    for (file, events) in [(&file, 1), (&other, 2)] {
        let store = SqliteStore::open(file).unwrap();
        for _ in 0..events {
            store.append(append("a/1", 1)).await.unwrap();
        }
    }
    let options = SqliteStore::options().read_only(true);
    let [before, never] = [(); 2].map(|()| options.clone().open(&file).unwrap());
    assert_eq!(before.read_all(Position::START, 9).await.unwrap().len(), 1);
    fs::rename(&other, &file).unwrap();
    let error = never.read_all(Position::START, 9).await.unwrap_err();
    assert!(error.to_string().contains("was replaced"), "{error}");
    match before.read_all(Position::START, 9).await {
        Ok(read) => assert_eq!(read.len(), 1, "those of the file that was opened"),
        Err(error) => assert!(matches!(error, StoreError::BadFile { .. }), "{error}"),
    }
}
