//! The log (`-wal`) of a store: after a kill it is used with its file, also if several stores have written
//! it; and nothing is acknowledged that is not in it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use nether::eventstore::{EventStore, Position, StoreError};
use nether_sqlite::{SqliteOptions, SqliteStore};
use nether_tests::Folder;
use rusqlite::Connection;

use crate::disk::append;

fn shared() -> SqliteOptions {
    SqliteStore::options().shared(true)
}

fn beside(file: &Path, suffix: &str) -> PathBuf {
    PathBuf::from(format!("{}{suffix}", file.display()))
}

/// The files of a store as a kill at this moment leaves them. Another process copies them: SQLite would lose
/// its locks if this one closed the file.
fn copied(folder: &Folder, name: &str) -> Folder {
    let copy = Folder::new(name);
    for suffix in ["", "-wal"] {
        let from = beside(&folder.file(), suffix);
        let copied = Command::new("cp")
            .arg(from)
            .arg(beside(&copy.file(), suffix))
            .status();
        assert!(copied.unwrap().success());
    }
    copy
}

/// Positions without gaps, and how many there are.
async fn events(store: &SqliteStore) -> u64 {
    let all = store.read_all(Position::START, usize::MAX).await.unwrap();
    let positions = all.iter().map(|event| event.position.0);
    assert!(positions.eq(1..=all.len() as u64));
    all.len() as u64
}

/// However stores that share a file, readers, and checkpoints of other programs follow each other: at any
/// moment a kill leaves files that are opened, with all that was acknowledged.
#[tokio::test]
async fn a_log_that_several_have_written_is_used_after_a_kill_at_any_moment() {
    for seed in 0..4 {
        let folder = Folder::new("shared-log");
        let mut random = fastrand::Rng::with_seed(seed);
        let open = || shared().open(folder.file()).unwrap();
        let mut stores: Vec<SqliteStore> = vec![open()];
        let reader = Connection::open(folder.file()).unwrap();
        let mut acknowledged = 0;
        for step in 0..40 {
            match random.u32(0..9) {
                0 if stores.len() < 3 => stores.push(open()),
                1 if stores.len() > 1 => drop(stores.remove(0)),
                2 if reader.is_autocommit() => {
                    let sql = "BEGIN; SELECT count(*) FROM nether_events";
                    reader.execute_batch(sql).unwrap();
                }
                2 => reader.execute_batch("COMMIT").unwrap(),
                3 if reader.is_autocommit() => {
                    let mode = random.choice(["PASSIVE", "RESTART", "TRUNCATE"]);
                    let sql = format!("PRAGMA wal_checkpoint({})", mode.unwrap());
                    reader.query_row(&sql, [], |_| Ok(())).unwrap();
                }
                // Long enough for its own checkpoint.
                4 => {
                    let store = random.choice(&stores).unwrap();
                    for _ in 0..9 {
                        store.append(append("a/1", 500_000)).await.unwrap();
                        acknowledged += 1;
                    }
                }
                _ => {
                    let store = random.choice(&stores).unwrap();
                    store.append(append("a/1", 1)).await.unwrap();
                    acknowledged += 1;
                }
            }
            let case = format!("seed {seed}, step {step}");
            let running = SqliteStore::options().read_only(true).open(folder.file());
            running.unwrap_or_else(|error| panic!("{case}, read-only: {error}"));
            let copy = copied(&folder, "shared-log-killed");
            for options in [SqliteStore::options().read_only(true), shared()] {
                let store = options.open(copy.file());
                let store = store.unwrap_or_else(|error| panic!("{case}: {error}"));
                assert_eq!(events(&store).await, acknowledged, "{case}");
            }
        }
    }
}

#[tokio::test]
async fn a_store_that_was_idle_while_another_opened_leaves_a_log_that_is_used() {
    let folder = Folder::new("idle");
    let idle = shared().open(folder.file()).unwrap();
    let reader = Connection::open(folder.file()).unwrap();
    let sql = "BEGIN; SELECT count(*) FROM nether_events";
    reader.execute_batch(sql).unwrap();
    let other = shared().open(folder.file()).unwrap();
    reader.execute_batch("COMMIT").unwrap();
    idle.append(append("a/1", 1)).await.unwrap();
    other.append(append("a/1", 1)).await.unwrap();
    let copy = copied(&folder, "idle-killed");
    let store = SqliteStore::open(copy.file()).unwrap();
    assert_eq!(events(&store).await, 2);
}

/// Cuts off the log of a store, and gives how long it was.
fn cut_off(folder: &Folder, length: u64) -> u64 {
    let log = File::options()
        .write(true)
        .open(beside(&folder.file(), "-wal"))
        .unwrap();
    let before = log.metadata().unwrap().len();
    assert!(before > length);
    log.set_len(length).unwrap();
    before
}

fn assert_is_cut_off(error: &StoreError) {
    assert!(matches!(error, StoreError::BadFile { .. }), "{error}");
    for text in ["-wal", "was truncated from", "copy all files"] {
        assert!(error.to_string().contains(text), "{text}: {error}");
    }
}

#[tokio::test]
async fn a_log_that_was_truncated_is_noticed_before_anything_is_acknowledged() {
    for length in [0, 1, 32, 5000, 30_000] {
        let folder = Folder::new("cut-log");
        let store = SqliteStore::open(folder.file()).unwrap();
        for _ in 0..20 {
            store.append(append("a/1", 4000)).await.unwrap();
        }
        cut_off(&folder, length);
        for _ in 0..3 {
            assert_is_cut_off(&store.append(append("a/1", 1)).await.unwrap_err());
            let error = store.transaction(|_| Ok(())).await.unwrap_err();
            assert_is_cut_off(error.downcast_ref().unwrap());
        }
        drop(store);
        // What is left is whole, and goes on.
        let store = SqliteStore::open(folder.file()).unwrap();
        let left = events(&store).await;
        assert!(left <= 20);
        let appended = store.append(append("a/1", 1)).await.unwrap();
        assert_eq!(appended.position, Position(left + 1));
    }
}

#[tokio::test]
async fn a_log_that_is_emptied_while_it_is_written_is_noticed_before_the_acknowledgement() {
    let folder = Folder::new("emptied-log");
    let store = SqliteStore::open(folder.file()).unwrap();
    for _ in 0..20 {
        store.append(append("a/1", 4000)).await.unwrap();
    }
    let log = beside(&folder.file(), "-wal");
    let emptying = store.transaction(move |tx| {
        tx.execute_batch("CREATE TABLE own (a); INSERT INTO own VALUES (zeroblob(100000))")?;
        let log = File::options().write(true).open(&log);
        Ok(log.and_then(|log| log.set_len(0))?)
    });
    let error = emptying.await.unwrap_err();
    assert_is_cut_off(error.downcast_ref().unwrap());
    assert!(fs::metadata(beside(&folder.file(), "-wal")).unwrap().len() > 100_000);
    assert_is_cut_off(&store.append(append("a/1", 1)).await.unwrap_err());
    drop(store);
    // The hole was not brought into the file.
    let store = SqliteStore::open(folder.file()).unwrap();
    events(&store).await;
    let connection = Connection::open(folder.file()).unwrap();
    let found: String = connection
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(found, "ok");
}

#[tokio::test]
async fn a_log_that_another_program_brings_into_the_file_is_not_missed() {
    let folder = Folder::new("checkpoints");
    let store = SqliteStore::open(folder.file()).unwrap();
    let other = Connection::open(folder.file()).unwrap();
    for round in 0..10 {
        for _ in 0..round {
            store.append(append("a/1", 4000)).await.unwrap();
        }
        let checkpoint = "PRAGMA wal_checkpoint(TRUNCATE)";
        other.query_row(checkpoint, [], |_| Ok(())).unwrap();
        store.append(append("a/1", 1)).await.unwrap();
    }
    assert_eq!(events(&store).await, 55);
}

#[tokio::test]
async fn a_store_that_is_dropped_frees_its_file_although_a_read_goes_on() {
    let folder = Folder::new("cancelled");
    let mut store = SqliteStore::open(folder.file()).unwrap();
    for _ in 0..100 {
        let mut many = append("a/1", 1);
        many.events = (0..1000).flat_map(|_| append("a/1", 10).events).collect();
        store.append(many).await.unwrap();
    }
    for round in 0..20 {
        let mut read = [(); 3].map(|()| store.read_all(Position::START, usize::MAX));
        for read in &mut read {
            assert!(nether_tests::ready(read).await.is_none());
        }
        // As far as they get in so much time: not yet begun, or at work.
        (0..round * 100).for_each(|_| std::thread::yield_now());
        drop(read);
        drop(store);
        store = SqliteStore::open(folder.file()).unwrap();
    }
    assert_eq!(events(&store).await, 100_000);
}
