//! What a store makes of its disk and of its neighbours: files that are not its own, disks that are full or
//! read-only, locks, and its end.

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use nether::eventstore::{
    Append, Appended, Direction, Encoding, EventId, EventStore, Expected, Metadata, NewEvent,
    Payload, Position, StoreError, StreamId,
};
use nether_sqlite::SqliteStore;
use nether_tests::Folder;
use rusqlite::Connection;

/// A small disk in memory, taken away at the end.
pub(crate) struct Disk(pub(crate) Folder);

impl Disk {
    /// Returns `None` where the user may not mount: then the test says that it proves nothing there.
    pub(crate) fn new(name: &str) -> Option<Self> {
        let folder = Folder::new(name);
        let is_mounted = mount(&["-t", "tmpfs", "-o", "size=2m", "tmpfs"], &folder.0);
        is_mounted.then(|| Disk(folder))
    }

    /// Lets nothing be written on it, or lets it be again.
    pub(crate) fn remount(&self, how: &str) {
        assert!(mount(&["-o", how], &self.0.0), "it was mounted before");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        unmount(&self.0.0);
    }
}

/// Runs a program that only root may run, as root or by `sudo` without a password.
fn run_as_root(program: &str, arguments: &[&str], at: &Path) -> bool {
    [&[program][..], &["sudo", "-n", program]].iter().any(|it| {
        let mut command = Command::new(it[0]);
        let output = command.args(&it[1..]).args(arguments).arg(at).output();
        output.is_ok_and(|output| output.status.success())
    })
}

/// Mounts, and returns whether the user may.
pub(crate) fn mount(arguments: &[&str], at: &Path) -> bool {
    let is_mounted = run_as_root("mount", arguments, at);
    if !is_mounted {
        eprintln!("not tested: only root may mount, or who may use `sudo` without a password");
    }
    is_mounted
}

pub(crate) fn unmount(at: &Path) {
    run_as_root("umount", &["-l"], at);
}

pub(crate) fn append(stream: &str, bytes: usize) -> Append {
    Append {
        stream: StreamId::from(stream),
        expected: Expected::Any,
        events: vec![NewEvent {
            id: EventId::new(),
            name: "disk.happened".into(),
            schema_version: 1,
            payload: Payload {
                encoding: Encoding::Json,
                bytes: vec![b'x'; bytes],
            },
        }],
        metadata: Metadata::default(),
        conditions: Vec::new(),
    }
}

/// Appends until that fails: how many there are, and why there are no more.
async fn fill(store: &SqliteStore) -> (u64, StoreError) {
    for count in 0..1000 {
        if let Err(error) = store.append(append("a/1", 4096)).await {
            return (count, error);
        }
    }
    panic!("it never becomes full");
}

/// A disk gives room back a little after a file on it was removed.
async fn append_when_there_is_room(store: &SqliteStore) -> Appended {
    let start = Instant::now();
    loop {
        match store.append(append("a/1", 4096)).await {
            Ok(appended) => return appended,
            Err(StoreError::Full { .. }) if start.elapsed() < Duration::from_secs(30) => {}
            Err(error) => panic!("there is room again: {error}"),
        }
    }
}

#[tokio::test]
async fn a_database_of_another_program_is_left_as_it_is() {
    let folder = Folder::new("foreign");
    let other = Connection::open(folder.file()).unwrap();
    other.execute_batch("CREATE TABLE notes (text)").unwrap();
    drop(other);
    let before = fs::read(folder.file()).unwrap();
    let error = SqliteStore::open(folder.file()).unwrap_err();
    assert!(matches!(error, StoreError::Foreign { .. }), "{error}");
    assert!(fs::read(folder.file()).unwrap() == before, "byte by byte");
    fs::write(folder.file(), "a short text").unwrap();
    let error = SqliteStore::open(folder.file()).unwrap_err();
    assert!(matches!(error, StoreError::Foreign { .. }), "{error}");
    let text = fs::read_to_string(folder.file()).unwrap();
    assert_eq!(text, "a short text");
}

#[tokio::test]
async fn all_who_wait_for_a_locked_file_get_the_error_together() {
    let folder = Folder::new("locked");
    let timeout = Duration::from_millis(300);
    let options = SqliteStore::options().busy_timeout(timeout);
    let store = options.open(folder.file()).unwrap();
    let other = Connection::open(folder.file()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let start = Instant::now();
    let waiting = (0..64).map(|number| {
        let store = store.clone();
        tokio::spawn(async move { store.append(append(&format!("a/{number}"), 1)).await })
    });
    let waiting: Vec<_> = waiting.collect();
    for waiting in waiting {
        let error = waiting.await.unwrap().unwrap_err();
        assert!(matches!(error, StoreError::Locked { .. }), "{error}");
    }
    let took = start.elapsed();
    assert!(took < timeout * 16, "not one after the other: {took:?}");
    other.execute_batch("COMMIT").unwrap();
    let appended = store.append(append("a/1", 1)).await.unwrap();
    assert_eq!(appended.position, Position(1), "none was written");
}

#[tokio::test]
async fn a_store_may_wait_for_ever() {
    let folder = Folder::new("forever");
    let options = SqliteStore::options().busy_timeout(Duration::MAX);
    let options = options.poll_interval(Duration::MAX).shared(true);
    let store = options.open(folder.file()).unwrap();
    let appended = store.append(append("a/1", 1)).await.unwrap();
    assert_eq!(appended.position, Position(1));
}

#[tokio::test]
async fn there_is_room_again_when_something_is_removed() {
    let folder = Folder::new("room");
    let options = SqliteStore::options().max_bytes(512 * 1024);
    let store = options.open(folder.file()).unwrap();
    let sql = "CREATE TABLE own (a); INSERT INTO own VALUES (zeroblob(100000))";
    let made = store.transaction(move |tx| Ok(tx.execute_batch(sql)?));
    made.await.unwrap();
    let (count, error) = fill(&store).await;
    assert!(matches!(error, StoreError::Full { .. }), "{error}");
    let sql = "DROP TABLE own";
    let removed = store.transaction(move |tx| Ok(tx.execute_batch(sql)?));
    removed.await.unwrap();
    let appended = store.append(append("a/1", 4096)).await.unwrap();
    assert_eq!(appended.version, count + 1, "with the same handle");
    assert_eq!(appended.position, Position(count + 1));
}

#[tokio::test]
async fn a_disk_that_is_full_is_reported_and_used_again_when_it_is_not() {
    let Some(disk) = Disk::new("full") else {
        return;
    };
    let store = SqliteStore::open(disk.0.file()).unwrap();
    let ballast = disk.0.0.join("ballast");
    fs::write(&ballast, vec![0; 256 * 1024]).unwrap();
    let (count, error) = fill(&store).await;
    assert!(matches!(error, StoreError::Full { .. }), "{error}");
    let read = store.read_all(Position::START, 1000).await.unwrap();
    assert_eq!(read.len() as u64, count, "what was acknowledged is read");
    fs::remove_file(ballast).unwrap();
    let appended = append_when_there_is_room(&store).await;
    assert_eq!(appended.version, count + 1, "with the same handle");
    drop(store);
    let store = SqliteStore::open(disk.0.file()).unwrap();
    assert_eq!(store.head().await.unwrap(), Position(count + 1));
}

#[tokio::test]
async fn a_disk_that_is_read_only_is_reported_and_used_again_when_it_is_not() {
    let Some(disk) = Disk::new("read-only") else {
        return;
    };
    let store = SqliteStore::open(disk.0.file()).unwrap();
    store.append(append("a/1", 1)).await.unwrap();
    drop(store);
    disk.remount("remount,ro");
    let error = SqliteStore::open(disk.0.file()).unwrap_err();
    assert!(matches!(error, StoreError::ReadOnly { .. }), "{error}");
    disk.remount("remount,rw");
    let store = SqliteStore::open(disk.0.file()).unwrap();
    assert_eq!(store.append(append("a/1", 1)).await.unwrap().version, 2);
}

#[tokio::test]
async fn what_the_database_says_of_being_read_only_is_reported() {
    let folder = Folder::new("query-only");
    let store = SqliteStore::open(folder.file()).unwrap();
    store.append(append("a/1", 1)).await.unwrap();
    let set = store.transaction(|tx| {
        tx.pragma_update(None, "query_only", true)?;
        Ok(())
    });
    let _ = set.await;
    let error = store.append(append("a/1", 1)).await.unwrap_err();
    assert!(matches!(error, StoreError::ReadOnly { .. }), "{error}");
    assert_eq!(store.read_all(Position::START, 10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_file_that_is_cut_off_while_it_is_open_is_reported() {
    let folder = Folder::new("cut");
    let store = SqliteStore::open(folder.file()).unwrap();
    for _ in 0..100 {
        store.append(append("a/1", 4000)).await.unwrap();
    }
    drop(store);
    let store = SqliteStore::open(folder.file()).unwrap();
    assert_eq!(
        store.read_all(Position::START, 1000).await.unwrap().len(),
        100
    );
    let length = fs::metadata(folder.file()).unwrap().len();
    let file = File::options().write(true).open(folder.file()).unwrap();
    file.set_len(length / 2).unwrap();
    match store.read_all(Position::START, 1000).await {
        Ok(read) => assert_eq!(read.len(), 100, "what was read before is in memory"),
        Err(error) => assert!(matches!(error, StoreError::Corrupt { .. }), "{error}"),
    }
    let error = store.append(append("a/1", 1)).await.unwrap_err();
    assert!(matches!(error, StoreError::BadFile { .. }), "{error}");
}

#[tokio::test]
async fn many_may_make_a_shared_file_at_the_same_time() {
    for round in 0..10 {
        let folder = Folder::new(&format!("made-{round}"));
        let opening = [(); 8].map(|()| {
            let file = folder.file();
            std::thread::spawn(move || SqliteStore::options().shared(true).open(file))
        });
        let opened = opening.map(|it| it.join().unwrap());
        for store in opened {
            let store = store.unwrap_or_else(|error| panic!("round {round}: {error}"));
            store.append(append("a/1", 1)).await.unwrap();
        }
    }
}

#[tokio::test]
async fn what_was_queued_is_written_before_the_last_handle_is_gone() {
    let folder = Folder::new("queued");
    let store = SqliteStore::open(folder.file()).unwrap();
    let (free, wait) = std::sync::mpsc::channel::<()>();
    let (began, begins) = tokio::sync::oneshot::channel();
    let holding = store.clone();
    let holder = tokio::spawn(async move {
        let held = holding.transaction(move |_| {
            let _ = began.send(());
            Ok(wait.recv()?)
        });
        held.await
    });
    begins.await.unwrap();
    let appending = (0..10).map(|_| {
        let store = store.clone();
        // Given to the writer at the first poll, and the answer is not awaited.
        tokio::spawn(async move {
            let mut append = store.append(append("a/1", 1));
            std::future::poll_fn(|cx| {
                assert!(append.as_mut().poll(cx).is_pending());
                std::task::Poll::Ready(())
            })
            .await;
        })
    });
    let appending: Vec<_> = appending.collect();
    for appending in appending {
        appending.await.unwrap();
    }
    free.send(()).unwrap();
    holder.await.unwrap().unwrap();
    drop(store);
    let log = fs::metadata(folder.0.join("store.db-wal"));
    assert!(log.is_err(), "the file is whole by itself");
    let store = SqliteStore::open(folder.file()).unwrap();
    assert_eq!(store.head().await.unwrap(), Position(10));
}

/// Reads all there is, and says up to where, or why not.
async fn read_whole(file: &Path) -> Result<u64, StoreError> {
    let store = SqliteStore::options().open(file)?;
    let events = store.read_all(Position::START, 1000).await?;
    let stream = StreamId::from("a/1");
    store
        .read_stream(&stream, 1, Direction::Forwards, 1000)
        .await?;
    Ok(events.len() as u64)
}

#[tokio::test]
async fn garbage_within_a_page_is_reported_as_damage_or_is_in_a_payload() {
    const PAGE: u64 = 4096;
    let folder = Folder::new("garbage");
    let store = SqliteStore::open(folder.file()).unwrap();
    for _ in 0..100 {
        store.append(append("a/1", 200)).await.unwrap();
    }
    drop(store);
    let whole = fs::read(folder.file()).unwrap();
    let mut told = 0;
    for page in 1..whole.len() as u64 / PAGE {
        for offset in [0, 8, PAGE / 2, PAGE - 64] {
            let mut damaged = whole.clone();
            let start = (page * PAGE + offset) as usize;
            damaged[start..start + 48].fill(0xa7);
            fs::write(folder.file(), damaged).unwrap();
            match read_whole(&folder.file()).await {
                Ok(_) => {}
                Err(StoreError::Corrupt { reason, .. }) => {
                    assert!(!reason.is_empty());
                    told += 1;
                }
                Err(error) => panic!("page {page}, at {offset}: {error:?}"),
            }
        }
    }
    assert!(told > 5, "some of it is seen: {told}");
}
