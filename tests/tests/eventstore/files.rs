//! What others do to the files of a store: removed, renamed, replaced, truncated, linked to other files.
//! Nothing is acknowledged that would be lost, and nothing of others is touched.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use nether::eventstore::{EventStore, Position, StoreError};
use nether_sqlite::SqliteStore;
use nether_tests::Folder;
use rusqlite::Connection;

use crate::disk::append;

fn beside(file: &Path, suffix: &str) -> PathBuf {
    PathBuf::from(format!("{}{suffix}", file.display()))
}

/// A store with an event, as it is while a program runs.
async fn running(folder: &Folder) -> SqliteStore {
    let store = SqliteStore::open(folder.file()).unwrap();
    store.append(append("a/1", 4000)).await.unwrap();
    // As if nothing had changed in the folder for an hour: then the store looks at less.
    let before = SystemTime::now() - Duration::from_secs(3600);
    let settled = File::open(&folder.0).unwrap();
    settled.set_modified(before).unwrap();
    store.transaction(|_| Ok(())).await.unwrap();
    store
}

/// Leaves a store behind as a process does that is killed. Gives how many events it has acknowledged.
fn killed(folder: &Folder) -> usize {
    let mut child = Command::new(env!("CARGO_BIN_EXE_appending"))
        .arg("exclusive")
        .arg(folder.file())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let count = lines.take(100).filter(Result::is_ok).count();
    child.kill().unwrap();
    child.wait().unwrap();
    count
}

/// The next append is refused, and what it says names what has happened.
async fn refused(store: &SqliteStore, expected: &[&str]) {
    for _ in 0..2 {
        let error = store.append(append("a/1", 1)).await.unwrap_err();
        assert!(matches!(error, StoreError::BadFile { .. }), "{error}");
        for text in expected {
            assert!(error.to_string().contains(text), "{text}: {error}");
        }
        let error = store.transaction(|_| Ok(())).await.unwrap_err();
        let is_bad = matches!(error.downcast_ref(), Some(StoreError::BadFile { .. }));
        assert!(is_bad, "{error}");
    }
}

#[tokio::test]
async fn a_file_that_is_removed_or_renamed_is_noticed_before_anything_is_acknowledged() {
    let folder = Folder::new("renamed");
    let store = running(&folder).await;
    let moved = folder.0.join("moved.db");
    fs::rename(folder.file(), &moved).unwrap();
    refused(&store, &["was taken away", "moved.db`", "rename it back"]).await;
    fs::rename(&moved, folder.file()).unwrap();
    // What was refused in the moment in which it happened may be there; what was refused after it is not.
    let appended = store.append(append("a/1", 1)).await.unwrap();
    assert!(appended.position <= Position(3), "{appended:?}");
    fs::remove_file(folder.file()).unwrap();
    refused(&store, &["It was removed"]).await;
    drop(store);
    let error = SqliteStore::open(folder.file()).unwrap_err();
    assert!(
        matches!(error, StoreError::BadFile { .. }),
        "its log is left: {error}"
    );
}

#[tokio::test]
async fn a_file_that_is_replaced_or_truncated_is_noticed_before_anything_is_acknowledged() {
    let folder = Folder::new("replaced");
    let store = running(&folder).await;
    let (copy, own) = (folder.0.join("copy.db"), folder.0.join("own.db"));
    fs::copy(folder.file(), &copy).unwrap();
    fs::rename(folder.file(), &own).unwrap();
    fs::rename(&copy, folder.file()).unwrap();
    refused(&store, &["was replaced", "own.db`"]).await;
    fs::rename(&own, folder.file()).unwrap();
    store.append(append("a/1", 1)).await.unwrap();
    drop(store);
    let store = running(&folder).await;
    let file = File::options().write(true).open(folder.file()).unwrap();
    // Closing this descriptor here costs the store its locks: it is kept, as another process would have it.
    file.set_len(4096).unwrap();
    refused(&store, &["was truncated", "restore a backup"]).await;
    file.set_len(0).unwrap();
    refused(&store, &["was truncated", "-wal"]).await;
    let error = store.read_all(Position(0), 10).await;
    assert!(error.is_err() || fs::metadata(beside(&folder.file(), "-wal")).unwrap().len() > 0);
}

#[tokio::test]
async fn a_log_that_is_taken_away_is_noticed_and_saved_by_an_orderly_stop() {
    for suffix in ["-wal", "-shm"] {
        let folder = Folder::new("log");
        let store = running(&folder).await;
        fs::remove_file(beside(&folder.file(), suffix)).unwrap();
        refused(&store, &[suffix, "stop in order"]).await;
        drop(store);
        let store = SqliteStore::open(folder.file()).unwrap();
        let head = store.head().await.unwrap();
        assert!((1..=2).contains(&head.0), "{suffix}: {head}");
    }
}

#[tokio::test]
async fn a_file_that_is_vacuumed_by_another_program_goes_on() {
    let folder = Folder::new("vacuumed");
    let store = SqliteStore::open(folder.file()).unwrap();
    let sql = "CREATE TABLE own (a); INSERT INTO own VALUES (zeroblob(1000000)); DROP TABLE own";
    let made = store.transaction(move |tx| Ok(tx.execute_batch(sql)?));
    made.await.unwrap();
    let other = Connection::open(folder.file()).unwrap();
    let checkpoint = "PRAGMA wal_checkpoint(TRUNCATE)";
    other.query_row(checkpoint, [], |_| Ok(())).unwrap();
    store.append(append("a/1", 1)).await.unwrap();
    let before = fs::metadata(folder.file()).unwrap().len();
    other.execute_batch("VACUUM").unwrap();
    other.query_row(checkpoint, [], |_| Ok(())).unwrap();
    assert!(fs::metadata(folder.file()).unwrap().len() < before);
    let appended = store.append(append("a/1", 1)).await.unwrap();
    assert_eq!(appended.version, 2);
}

#[tokio::test]
async fn a_log_without_its_database_is_kept() {
    let folder = Folder::new("orphan");
    let acknowledged = killed(&folder);
    let (log, aside) = (beside(&folder.file(), "-wal"), folder.0.join("aside.db"));
    let before = fs::read(&log).unwrap();
    assert!(!before.is_empty());
    fs::rename(folder.file(), &aside).unwrap();
    for _ in ["not there", "empty"] {
        for read_only in [false, true] {
            let error = SqliteStore::options()
                .read_only(read_only)
                .open(folder.file());
            let error = error.unwrap_err();
            assert!(!matches!(error, StoreError::Foreign { .. }), "{error}");
            assert!(read_only || error.to_string().contains("-wal"), "{error}");
            assert!(fs::read(&log).unwrap() == before, "byte by byte");
        }
        fs::write(folder.file(), "").unwrap();
    }
    fs::rename(&aside, folder.file()).unwrap();
    let store = SqliteStore::open(folder.file()).unwrap();
    assert!(store.head().await.unwrap().0 as usize >= acknowledged);
}

#[tokio::test]
async fn nothing_is_created_or_changed_through_a_link() {
    let folder = Folder::new("links");
    let target = folder.0.join("target");
    symlink(&target, folder.file()).unwrap();
    let error = SqliteStore::open(folder.file()).unwrap_err();
    assert!(matches!(error, StoreError::BadFile { .. }), "{error}");
    assert!(!target.exists());
    fs::remove_file(folder.file()).unwrap();
    drop(SqliteStore::open(folder.file()).unwrap());
    let important = "an important text\n".repeat(1000);
    fs::write(&target, &important).unwrap();
    symlink(&target, beside(&folder.file(), ".lock")).unwrap();
    drop(SqliteStore::open(folder.file()).unwrap());
    for suffix in ["-wal", "-shm"] {
        symlink(&target, beside(&folder.file(), suffix)).unwrap();
        let opened = SqliteStore::open(folder.file());
        assert!(opened.is_err(), "{suffix}");
        fs::remove_file(beside(&folder.file(), suffix)).unwrap();
    }
    assert!(fs::read_to_string(&target).unwrap() == important);
}

#[tokio::test]
async fn its_files_are_for_their_owner_alone() {
    let folder = Folder::new("modes");
    let _store = running(&folder).await;
    for suffix in ["", "-wal", "-shm"] {
        let found = fs::metadata(beside(&folder.file(), suffix)).unwrap();
        assert_eq!(found.permissions().mode() & 0o777, 0o600, "{suffix}");
    }
}

#[tokio::test]
async fn a_program_may_give_its_tables_any_name_without_nether() {
    let folder = Folder::new("tables");
    let store = running(&folder).await;
    let sql = "CREATE TABLE documents (a); CREATE TABLE events (a); CREATE TABLE streams (a);
        CREATE TABLE names (a); CREATE INDEX events_by_id ON events (a); DELETE FROM documents";
    let made = store.transaction(move |tx| Ok(tx.execute_batch(sql)?));
    made.await.unwrap();
    store.append(append("a/1", 1)).await.unwrap();
    assert_eq!(store.head().await.unwrap(), Position(2));
}
