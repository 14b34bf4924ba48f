//! Backups that are put in the place of a store that was killed: the log that was left beside it is not mixed
//! with another file than its own.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use nether::eventstore::{EventStore, Position, StoreError};
use nether_sqlite::SqliteStore;
use nether_tests::Folder;
use rusqlite::Connection;

use crate::disk::append;

/// A process that appends without end.
struct Appending {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Appending {
    fn start(folder: &Folder) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_appending"))
            .arg("exclusive")
            .arg(folder.file())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Appending { child, lines }
    }

    /// Waits until so many more events are acknowledged.
    fn wait_for(&mut self, events: usize) {
        let mut line = String::new();
        for _ in 0..events {
            assert!(self.lines.read_line(&mut line).unwrap() > 0);
        }
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn beside(folder: &Folder, suffix: &str) -> PathBuf {
    PathBuf::from(format!("{}{suffix}", folder.file().display()))
}

/// As the tool of SQLite makes one, also while the store is open.
fn back_up(folder: &Folder, name: &str) -> PathBuf {
    let backup = folder.0.join(name);
    let source = Connection::open(folder.file()).unwrap();
    source
        .execute("VACUUM INTO ?1", [backup.to_str().unwrap()])
        .unwrap();
    backup
}

async fn events(file: &Path) -> usize {
    let store = SqliteStore::open(file).unwrap();
    store
        .read_all(Position::START, usize::MAX)
        .await
        .unwrap()
        .len()
}

/// It is refused with the log that is there, and opens without it. Nothing was changed until then.
async fn refused_with_its_log(folder: &Folder) {
    let (file, log) = (
        fs::read(folder.file()).unwrap(),
        fs::read(beside(folder, "-wal")).unwrap(),
    );
    assert!(!log.is_empty());
    for options in [
        SqliteStore::options(),
        SqliteStore::options().read_only(true),
    ] {
        let error = options.open(folder.file()).unwrap_err();
        assert!(matches!(error, StoreError::BadFile { .. }), "{error}");
        assert!(error.to_string().contains("does not belong"), "{error}");
    }
    assert!(fs::read(folder.file()).unwrap() == file);
    assert!(fs::read(beside(folder, "-wal")).unwrap() == log);
    for suffix in ["-wal", "-shm"] {
        fs::remove_file(beside(folder, suffix)).unwrap();
    }
}

#[tokio::test]
async fn a_backup_in_the_place_of_a_killed_store_is_refused_with_that_ones_log() {
    let folder = Folder::new("backup");
    let store = SqliteStore::open(folder.file()).unwrap();
    for _ in 0..10 {
        store.append(append("a/1", 100)).await.unwrap();
    }
    let early = back_up(&folder, "early.db");
    store.append(append("a/1", 100)).await.unwrap();
    drop(store);
    let closed = folder.0.join("closed.db");
    fs::copy(folder.file(), &closed).unwrap();
    for (backup, expected) in [(early, 10), (closed, 11)] {
        let mut appending = Appending::start(&folder);
        appending.wait_for(100);
        appending.kill();
        fs::copy(&backup, folder.file()).unwrap();
        refused_with_its_log(&folder).await;
        assert_eq!(
            events(&folder.file()).await,
            expected,
            "the backup itself is sound"
        );
    }
}

#[tokio::test]
async fn a_backup_of_the_same_run_is_refused_unless_the_log_goes_on_from_it() {
    let folder = Folder::new("same-run");
    let mut appending = Appending::start(&folder);
    appending.wait_for(100);
    let early = back_up(&folder, "early.db");
    // More than a log holds.
    appending.wait_for(20_000);
    let late = back_up(&folder, "late.db");
    appending.wait_for(10);
    appending.kill();
    let aside = Folder::new("same-run-aside");
    for suffix in ["", "-wal"] {
        fs::copy(beside(&folder, suffix), beside(&aside, suffix)).unwrap();
    }
    fs::copy(&early, folder.file()).unwrap();
    refused_with_its_log(&folder).await;
    assert!(events(&late).await >= 20_100);
    // What was killed opens with its own log, also in another place.
    assert!(events(&aside.file()).await >= 20_110);
}

#[tokio::test]
async fn the_log_of_another_store_or_of_another_time_is_refused() {
    let folder = Folder::new("another");
    drop(SqliteStore::open(folder.file()).unwrap());
    let mut appending = Appending::start(&folder);
    appending.wait_for(100);
    let old_log = folder.0.join("old-log");
    fs::copy(beside(&folder, "-wal"), &old_log).unwrap();
    appending.kill();
    let other = Folder::new("other");
    let store = SqliteStore::open(other.file()).unwrap();
    store.append(append("a/1", 100)).await.unwrap();
    drop(store);
    let own = fs::read(folder.file()).unwrap();
    fs::copy(other.file(), folder.file()).unwrap();
    let log = fs::read(beside(&folder, "-wal")).unwrap();
    refused_with_its_log(&folder).await;
    // Its own file comes back, and is closed in order; then an older log turns up.
    fs::write(folder.file(), own).unwrap();
    fs::write(beside(&folder, "-wal"), log).unwrap();
    let before = events(&folder.file()).await;
    fs::copy(&old_log, beside(&folder, "-wal")).unwrap();
    fs::write(beside(&folder, "-shm"), "").unwrap();
    refused_with_its_log(&folder).await;
    assert_eq!(events(&folder.file()).await, before);
}

#[tokio::test]
async fn a_file_that_was_renamed_after_a_crash_is_refused_without_its_log() {
    let folder = Folder::new("renamed-after");
    let mut appending = Appending::start(&folder);
    appending.wait_for(100);
    appending.kill();
    let (renamed, copy) = (folder.0.join("renamed.db"), folder.0.join("copy.db"));
    fs::copy(folder.file(), &copy).unwrap();
    drop(SqliteStore::open(&copy).unwrap());
    fs::rename(folder.file(), &renamed).unwrap();
    for options in [
        SqliteStore::options(),
        SqliteStore::options().read_only(true),
    ] {
        let error = options.open(&renamed).unwrap_err();
        assert!(error.to_string().contains("rename that one too"), "{error}");
    }
    let log = folder.0.join("renamed.db-wal");
    fs::rename(beside(&folder, "-wal"), log).unwrap();
    assert!(events(&renamed).await >= 100);
}

/// A store of version 1, as a backup of long ago: open, with what is in its log.
fn of_version_1(file: &Path) -> Connection {
    let old = Connection::open(file).unwrap();
    let tables = include_str!("../../../nether/adapters/sqlite/src/version_1.sql");
    old.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))
        .unwrap();
    old.execute_batch(tables).unwrap();
    old.execute_batch(
        "PRAGMA application_id = 1316251717; PRAGMA user_version = 1;
        INSERT INTO streams VALUES (1, 'a/1'); INSERT INTO names VALUES (1, 'happened');
        INSERT INTO events VALUES (1, 1, 1, zeroblob(16), 1, 1, 0, x'00', 0, NULL, NULL, NULL)",
    )
    .unwrap();
    old
}

#[tokio::test]
async fn a_backup_of_an_older_version_is_refused_with_a_log_of_this_one() {
    let folder = Folder::new("version-1");
    let old = folder.0.join("old.db");
    drop(of_version_1(&old));
    fs::copy(&old, folder.file()).unwrap();
    assert_eq!(events(&folder.file()).await, 1, "it is migrated");
    let mut appending = Appending::start(&folder);
    appending.wait_for(100);
    appending.kill();
    fs::copy(&old, folder.file()).unwrap();
    refused_with_its_log(&folder).await;
    assert_eq!(
        events(&folder.file()).await,
        1,
        "the backup itself is sound"
    );
}

#[tokio::test]
async fn a_store_of_an_older_version_is_opened_with_its_own_log() {
    let (folder, running) = (
        Folder::new("version-1-log"),
        Folder::new("version-1-running"),
    );
    let old = of_version_1(&running.file());
    for suffix in ["", "-wal"] {
        fs::copy(beside(&running, suffix), beside(&folder, suffix)).unwrap();
    }
    assert!(fs::metadata(beside(&folder, "-wal")).unwrap().len() > 0);
    assert_eq!(events(&folder.file()).await, 1);
    drop(old);
}

#[tokio::test]
async fn a_backup_that_shares_its_file_with_another_is_read() {
    let folder = Folder::new("hard-links");
    let store = SqliteStore::open(folder.file()).unwrap();
    store.append(append("a/1", 1)).await.unwrap();
    drop(store);
    let linked = folder.0.join("linked.db");
    fs::hard_link(folder.file(), &linked).unwrap();
    let store = SqliteStore::options()
        .read_only(true)
        .open(&linked)
        .unwrap();
    assert_eq!(store.read_all(Position::START, 10).await.unwrap().len(), 1);
    drop(store);
    let left = fs::read_dir(&folder.0).unwrap().count();
    assert_eq!(left, 2, "nothing is created beside it");
    for options in [
        SqliteStore::options(),
        SqliteStore::options().read_only(true),
    ] {
        fs::write(folder.0.join("linked.db-wal"), "events").unwrap();
        let error = options.open(&linked).unwrap_err();
        assert!(matches!(error, StoreError::BadFile { .. }), "{error}");
    }
}
