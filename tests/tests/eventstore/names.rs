//! A database has one owner, whatever name leads to it, in this process and among processes. Neither the lock
//! nor what it takes costs SQLite its own locks.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Barrier};

use nether::eventstore::{EventStore, Position, StoreError};
use nether_sqlite::SqliteStore;
use nether_tests::Folder;
use rusqlite::Connection;

use crate::disk::{append, mount, unmount};

/// Mounts, taken away at the end, before the folder is.
struct Mounts(Vec<PathBuf>);

impl Drop for Mounts {
    fn drop(&mut self) {
        for at in &self.0 {
            unmount(at);
        }
    }
}

/// Names of the file besides its own.
fn other_names(folder: &Folder) -> (Vec<PathBuf>, Mounts) {
    let other = folder.0.join("other");
    fs::create_dir(&other).unwrap();
    let in_it = |name: &str| other.join(name);
    symlink(folder.file(), in_it("current.db")).unwrap();
    symlink(in_it("current.db"), in_it("latest.db")).unwrap();
    symlink(&folder.0, in_it("folder")).unwrap();
    fs::hard_link(folder.file(), in_it("hard.db")).unwrap();
    let up = std::env::current_dir().unwrap().components().count() - 1;
    let from_here = "../".repeat(up) + folder.file().to_str().unwrap().trim_start_matches('/');
    let mut names = vec![
        folder.file(),
        in_it("../store.db"),
        in_it("current.db"),
        in_it("latest.db"),
        in_it("folder/store.db"),
        in_it("hard.db"),
        from_here.into(),
    ];
    fs::create_dir(in_it("mounted")).unwrap();
    fs::write(in_it("mounted.db"), "").unwrap();
    let mut mounts = Mounts(Vec::new());
    let bind = |from: &Path, at: &Path| mount(&["--bind", from.to_str().unwrap()], at);
    if bind(&folder.0, &in_it("mounted")) {
        mounts.0.push(in_it("mounted"));
        names.push(in_it("mounted/store.db"));
    }
    if bind(&folder.file(), &in_it("mounted.db")) {
        mounts.0.push(in_it("mounted.db"));
        names.push(in_it("mounted.db"));
    }
    (names, mounts)
}

/// The POSIX locks of this process on a file, and its descriptors of it.
fn held(file: &Path) -> (usize, usize) {
    let number = fs::metadata(file).unwrap().ino();
    let (own, suffix) = (std::process::id().to_string(), format!(":{number}"));
    let locks = fs::read_to_string("/proc/locks").unwrap();
    let locks = locks.lines().filter(|line| {
        let words: Vec<_> = line.split_whitespace().collect();
        words[1] == "POSIX" && words[4] == own && words[5].ends_with(&suffix)
    });
    let descriptors = fs::read_dir("/proc/self/fd").unwrap().flatten();
    let descriptors = descriptors.filter_map(|it| fs::metadata(it.path()).ok());
    let descriptors = descriptors.filter(|it| it.ino() == number);
    (locks.count(), descriptors.count())
}

/// Tries to open a store in another process: what that says of it.
fn opened_elsewhere(mode: &str, name: &Path) -> String {
    let mut other = Command::new(env!("CARGO_BIN_EXE_counting"))
        .arg(mode)
        .arg(name)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = String::new();
    let mut out = other.stderr.take().unwrap();
    out.read_to_string(&mut said).unwrap();
    assert!(!other.wait().unwrap().success());
    said
}

/// Opens and closes the file as another program does.
fn look_with_sqlite(file: &Path) {
    let other = Connection::open(file).unwrap();
    let sql = "SELECT count(*) FROM nether_events";
    other
        .query_row(sql, [], |row| row.get::<_, i64>(0))
        .unwrap();
}

#[tokio::test]
async fn a_database_has_one_owner_whatever_name_leads_to_it() {
    let folder = Folder::new("names");
    let store = SqliteStore::open(folder.file()).unwrap();
    store.append(append("a/1", 1)).await.unwrap();
    let (names, _mounts) = other_names(&folder);
    let before = held(&folder.file());
    for name in &names {
        for shared in [false, true] {
            let error = SqliteStore::options().shared(shared).open(name);
            let error = error.unwrap_err();
            assert!(matches!(error, StoreError::AlreadyOpen { .. }), "{error}");
            assert!(error.to_string().contains("in this process"), "{error}");
        }
        look_with_sqlite(&folder.file());
        let holder = format!("in process {}", std::process::id());
        let said = opened_elsewhere("exclusive", name);
        assert!(said.contains("is open already"), "{name:?}: {said}");
        assert!(
            said.contains(&holder) || name.ends_with("mounted.db"),
            "{said}"
        );
    }
    assert!(opened_elsewhere("shared", &names[2]).contains("is open already"));
    let locks = held(&folder.file()).0;
    assert_eq!(locks, before.0, "no lock of SQLite's is lost");
    assert!(locks > 0);
    store.append(append("a/1", 1)).await.unwrap();
    assert!(!folder.0.join("store.db.lock").exists());
}

#[tokio::test]
async fn a_file_of_several_names_or_a_mount_of_its_own_is_refused() {
    let folder = Folder::new("hard");
    drop(SqliteStore::open(folder.file()).unwrap());
    let (names, mounts) = other_names(&folder);
    for name in [&names[0], &names[5]] {
        let error = SqliteStore::open(name).unwrap_err();
        assert!(matches!(error, StoreError::BadFile { .. }), "{error}");
        assert!(error.to_string().contains("2 names"), "{error}");
    }
    fs::remove_file(&names[5]).unwrap();
    for mounted in &mounts.0 {
        if mounted.is_file() {
            let error = SqliteStore::open(mounted).unwrap_err();
            assert!(error.to_string().contains("mount its folder"), "{error}");
        }
    }
    let names = names
        .iter()
        .filter(|it| !it.ends_with("hard.db") && !it.ends_with("mounted.db"));
    for (name, version) in names.zip(1..) {
        let store = SqliteStore::open(name).unwrap();
        let appended = store.append(append("a/1", 1)).await.unwrap();
        assert_eq!(appended.version, version, "{name:?} is the same store");
    }
}

#[tokio::test]
async fn a_connection_of_the_program_keeps_its_locks_when_the_store_is_closed() {
    let folder = Folder::new("own-connection");
    let store = SqliteStore::open(folder.file()).unwrap();
    store.append(append("a/1", 1)).await.unwrap();
    let own = Connection::open(folder.file()).unwrap();
    let count = || {
        let sql = "SELECT count(*) FROM nether_events";
        own.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap()
    };
    assert_eq!(count(), 1);
    drop(store);
    assert!(held(&folder.file()).0 > 0, "its lock is there");
    // Another process, as the only owner, would take the log away under the connection otherwise.
    let mut other = Command::new(env!("CARGO_BIN_EXE_appending"))
        .arg("exclusive")
        .arg(folder.file())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut out = BufReader::new(other.stdout.take().unwrap());
    out.read_line(&mut line).unwrap();
    assert!(line.starts_with("appended"), "the store is free: {line}");
    other.kill().unwrap();
    other.wait().unwrap();
    assert!(count() > 1, "it sees what others write");
    drop(own);
    // The next store that is opened, or closed, takes away what is left.
    drop(SqliteStore::open(folder.0.join("next.db")).unwrap());
    assert_eq!(held(&folder.file()), (0, 0), "nothing is kept open");
}

#[test]
fn threads_that_create_a_shared_file_together_keep_its_locks() {
    for round in 0..20 {
        let folder = Folder::new("together");
        let barrier = Arc::new(Barrier::new(4));
        let opening = [(); 4].map(|()| {
            let (file, barrier) = (folder.file(), Arc::clone(&barrier));
            std::thread::spawn(move || {
                barrier.wait();
                SqliteStore::options().shared(true).open(file).unwrap()
            })
        });
        let stores = opening.map(|it| it.join().unwrap());
        assert!(held(&folder.file()).0 > 0, "round {round}");
        drop(stores);
        assert_eq!(held(&folder.file()), (0, 0), "round {round}");
    }
}

#[tokio::test]
async fn what_was_acknowledged_survives_second_opens_other_programs_and_a_kill() {
    let folder = Folder::new("second");
    let link = folder.0.join("current.db");
    symlink(folder.file(), &link).unwrap();
    let mut acknowledged = 0;
    for round in 0..10 {
        // The link is another name of the same store from round to round.
        let name = [folder.file(), link.clone()][round % 2].clone();
        let mut child = Command::new(env!("CARGO_BIN_EXE_appending"))
            .arg("exclusive")
            .arg(name)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut text = String::new();
        for line in 0..60 {
            assert!(out.read_line(&mut text).unwrap() > 0);
            if line % 20 == 10 {
                let error = SqliteStore::open(&link).unwrap_err();
                assert!(matches!(error, StoreError::AlreadyOpen { .. }), "{error}");
                look_with_sqlite(&link);
            }
        }
        child.kill().unwrap();
        child.wait().unwrap();
        out.read_to_string(&mut text).unwrap();
        acknowledged += text.matches("appended ").count();
        let store = SqliteStore::open(&link).unwrap();
        let all = store.read_all(Position::START, usize::MAX).await.unwrap();
        assert!(all.len() >= acknowledged, "round {round}");
        acknowledged = all.len();
    }
}
