//! What goes wrong around a store: the process is killed, the disk is full, the file is locked, cut off,
//! scribbled upon, opened twice.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nether::eventstore::{
    Append, Direction, Encoding, EventId, EventStore, Expected, Metadata, NewEvent, Payload,
    Position, StoreError, StreamId,
};
use nether_sqlite::{Durability, SqliteStore};
use nether_tests::Folder;
use rusqlite::Connection;

fn append(stream: &str, bytes: usize) -> Append {
    Append {
        stream: StreamId::from(stream),
        expected: Expected::Any,
        events: vec![NewEvent {
            id: EventId::new(),
            name: "faults.happened".into(),
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

/// A program that counts in that file.
fn counting(mode: &str, file: &Path) -> Child {
    Command::new(env!("CARGO_BIN_EXE_counting"))
        .arg(mode)
        .arg(file)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Lets it count until it has said so many lines, and kills it; what it said, by counter: the largest count,
/// and how many.
fn killed_after(mut child: Child, lines: usize) -> BTreeMap<u64, Vec<u64>> {
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut text = String::new();
    for _ in 0..lines {
        let length = out.read_line(&mut text).unwrap();
        assert!(
            length > 0,
            "it counts until it is killed: {}",
            said(&mut child)
        );
    }
    child.kill().unwrap();
    child.wait().unwrap();
    out.read_to_string(&mut text).unwrap();
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let mut acknowledged: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
    for line in whole.lines() {
        let (counter, count) = line.split_once(' ').unwrap();
        let counts = acknowledged.entry(counter.parse().unwrap()).or_default();
        counts.push(count.parse().unwrap());
    }
    acknowledged
}

fn said(child: &mut Child) -> String {
    let mut text = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut text)
        .unwrap();
    text
}

/// Every event is there once: positions and versions have no gaps. Gives how many there are of each counter.
async fn check_whole(store: &SqliteStore) -> BTreeMap<u64, u64> {
    let all = store.read_all(Position::START, usize::MAX).await.unwrap();
    let mut versions: BTreeMap<u64, u64> = BTreeMap::new();
    for (index, event) in all.iter().enumerate() {
        assert_eq!(event.position, Position(index as u64 + 1));
        let counter = event.stream.key().parse().unwrap();
        let version = versions.entry(counter).or_default();
        *version += 1;
        assert_eq!(event.stream_version, *version, "{}", event.stream);
        let content: serde_json::Value = serde_json::from_slice(&event.payload.bytes).unwrap();
        assert_eq!(
            content["count"], *version,
            "decided upon with all that was before"
        );
    }
    versions
}

/// The table of the projection is what the events up to its checkpoint make.
async fn check_projection(store: &SqliteStore, file: &Path) {
    let checkpoint = store.document("checkpoint", "totals").await.unwrap();
    let Some(checkpoint) = checkpoint else { return };
    let checkpoint: u64 = String::from_utf8(checkpoint).unwrap().parse().unwrap();
    let events = store
        .read_all(Position::START, checkpoint as usize)
        .await
        .unwrap();
    let mut totals: BTreeMap<i64, i64> = BTreeMap::new();
    for event in events {
        *totals
            .entry(event.stream.key().parse().unwrap())
            .or_default() += 1;
    }
    let connection = Connection::open(file).unwrap();
    let mut statement = connection
        .prepare("SELECT counter, total FROM totals")
        .unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
    let table: BTreeMap<i64, i64> = rows.unwrap().map(Result::unwrap).collect();
    assert_eq!(table, totals, "as if it were rebuilt from scratch");
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_hundred_kills() {
    let folder = Folder::new("kills");
    let mut random = fastrand::Rng::with_seed(1);
    let mut known: BTreeMap<u64, u64> = BTreeMap::new();
    for round in 0..100 {
        let lines = random.usize(1..60);
        let acknowledged = killed_after(counting("exclusive", &folder.file()), lines);
        let store = SqliteStore::open(folder.file()).unwrap();
        let now = check_whole(&store).await;
        for (counter, counts) in acknowledged {
            let before = known.get(&counter).copied().unwrap_or(0);
            for count in counts {
                assert!(
                    count > before,
                    "round {round}: {counter} was counted to {count} before"
                );
                assert!(
                    count <= now[&counter],
                    "round {round}: {counter} was counted to {count}"
                );
            }
        }
        check_projection(&store, &folder.file()).await;
        known = now;
    }
}

#[tokio::test]
async fn two_processes_may_share_a_file_and_lose_nothing() {
    let folder = Folder::new("two");
    SqliteStore::options()
        .shared(true)
        .open(folder.file())
        .unwrap();
    let both = [(); 2].map(|()| counting("shared", &folder.file()));
    let counted = both.map(|child| std::thread::spawn(|| killed_after(child, 200)));
    let mut acknowledged: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
    for counted in counted {
        for (counter, counts) in counted.join().unwrap() {
            acknowledged.entry(counter).or_default().extend(counts);
        }
    }
    let store = SqliteStore::open(folder.file()).unwrap();
    let now = check_whole(&store).await;
    for (counter, mut counts) in acknowledged {
        counts.sort_unstable();
        let answers = counts.len();
        counts.dedup();
        assert_eq!(counts.len(), answers, "no count was given to two");
        assert!(counts.last() <= now.get(&counter));
    }
}

#[tokio::test]
async fn a_file_is_not_opened_twice() {
    let folder = Folder::new("twice");
    let store = SqliteStore::open(folder.file()).unwrap();
    let error = SqliteStore::open(folder.file()).unwrap_err();
    assert!(matches!(error, StoreError::AlreadyOpen { .. }), "{error}");
    assert!(error.to_string().contains("in this process"), "{error}");
    let shared = SqliteStore::options().shared(true).open(folder.file());
    assert!(matches!(shared, Err(StoreError::AlreadyOpen { .. })));
    let mut other = counting("exclusive", &folder.file());
    assert!(!other.wait().unwrap().success());
    let told = said(&mut other);
    let holder = format!("in process {}", std::process::id());
    assert!(
        told.contains("is open already") && told.contains(&holder),
        "{told}"
    );
    store.append(append("a/1", 1)).await.unwrap();
    drop(store);
    let again = SqliteStore::open(folder.file()).unwrap();
    assert_eq!(again.head().await.unwrap(), Position(1));
}

#[tokio::test]
async fn a_full_disk_is_reported_and_loses_nothing() {
    let folder = Folder::new("full");
    let options = || SqliteStore::options().durability(Durability::Normal);
    let store = options().max_bytes(512 * 1024).open(folder.file()).unwrap();
    let mut acknowledged = 0;
    let error = loop {
        match store.append(append("a/1", 4096)).await {
            Ok(appended) => acknowledged = appended.version,
            Err(error) => break error,
        }
        assert!(acknowledged < 1000, "the file may not become so large");
    };
    assert!(matches!(error, StoreError::Full { .. }), "{error}");
    assert!(acknowledged > 10);
    let stream = StreamId::from("a/1");
    let read = store
        .read_stream(&stream, 1, Direction::Forwards, 1000)
        .await;
    assert_eq!(
        read.unwrap().len() as u64,
        acknowledged,
        "it can still be read"
    );
    let refused = store.append(append("a/2", 4096)).await;
    assert!(matches!(refused, Err(StoreError::Full { .. })));
    drop(store);
    let store = options().open(folder.file()).unwrap();
    let appended = store.append(append("a/1", 4096)).await.unwrap();
    assert_eq!(appended.version, acknowledged + 1, "there is room again");
    assert_eq!(appended.position, Position(acknowledged + 1));
}

#[tokio::test]
async fn what_is_too_large_spoils_nothing_that_is_written_with_it() {
    let folder = Folder::new("spoilt");
    let options = SqliteStore::options().max_bytes(512 * 1024);
    let store = options.open(folder.file()).unwrap();
    let small = (0..20).map(|_| append("small/1", 10));
    let mut all: Vec<Append> = small.collect();
    all.insert(10, append("large/1", 1 << 20));
    let appended = all.into_iter().map(|it| {
        let store = store.clone();
        tokio::spawn(async move { store.append(it).await })
    });
    let appended: Vec<_> = appended.collect();
    let mut failed = 0;
    for appended in appended {
        failed += u32::from(appended.await.unwrap().is_err());
    }
    assert_eq!(failed, 1);
    assert_eq!(store.head().await.unwrap(), Position(20));
}

#[tokio::test]
async fn a_file_that_is_open_to_be_read_is_not_written() {
    let folder = Folder::new("read");
    let store = SqliteStore::open(folder.file()).unwrap();
    store.append(append("a/1", 1)).await.unwrap();
    let reader = SqliteStore::options()
        .read_only(true)
        .open(folder.file())
        .unwrap();
    let error = reader.append(append("a/1", 1)).await.unwrap_err();
    assert!(matches!(error, StoreError::ReadOnly { .. }), "{error}");
    let waiting = tokio::spawn({
        let reader = reader.clone();
        async move { reader.wait_for_new(Position(1)).await }
    });
    store.append(append("a/2", 1)).await.unwrap();
    assert_eq!(
        waiting.await.unwrap().unwrap(),
        Position(2),
        "it sees what others write"
    );
    assert_eq!(reader.read_all(Position(1), 10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_file_that_is_locked_is_reported_and_used_again_when_it_is_not() {
    let folder = Folder::new("locked");
    let options = SqliteStore::options().busy_timeout(Duration::from_millis(20));
    let store = options.open(folder.file()).unwrap();
    store.append(append("a/1", 1)).await.unwrap();
    let other = Connection::open(folder.file()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = store.append(append("a/1", 1)).await.unwrap_err();
    assert!(matches!(error, StoreError::Locked { .. }), "{error}");
    assert_eq!(store.read_all(Position::START, 10).await.unwrap().len(), 1);
    other.execute_batch("COMMIT").unwrap();
    let appended = store.append(append("a/1", 1)).await.unwrap();
    assert_eq!((appended.version, appended.position), (2, Position(2)));
}

/// A store with a hundred events, closed.
async fn filled(folder: &Folder) {
    let options = SqliteStore::options().durability(Durability::Normal);
    let store = options.open(folder.file()).unwrap();
    for _ in 0..100 {
        store.append(append("a/1", 1000)).await.unwrap();
    }
}

#[tokio::test]
async fn a_file_that_was_cut_off_is_refused_saying_how_far_it_can_be_read() {
    let folder = Folder::new("cut");
    filled(&folder).await;
    let length = fs::metadata(folder.file()).unwrap().len();
    let file = File::options().write(true).open(folder.file()).unwrap();
    file.set_len(length / 2).unwrap();
    let error = SqliteStore::open(folder.file()).unwrap_err();
    let StoreError::Corrupt { readable_up_to, .. } = &error else {
        panic!("{error}");
    };
    assert!(readable_up_to.is_some(), "{error}");
    assert!(
        error.to_string().contains("cut off") || error.to_string().contains("malformed"),
        "{error}"
    );
}

#[tokio::test]
async fn a_file_that_was_scribbled_upon_is_reported_and_read_as_far_as_it_goes() {
    let folder = Folder::new("scribbled");
    filled(&folder).await;
    let length = fs::metadata(folder.file()).unwrap().len();
    let mut file = File::options().write(true).open(folder.file()).unwrap();
    file.seek(SeekFrom::Start(length / 2 / 4096 * 4096))
        .unwrap();
    file.write_all(&[0xff; 4096]).unwrap();
    drop(file);
    let store = SqliteStore::open(folder.file()).unwrap();
    let error = store.read_all(Position::START, 1000).await.unwrap_err();
    let StoreError::Corrupt { readable_up_to, .. } = error else {
        panic!("{error}");
    };
    let up_to = readable_up_to.expect("it says how far");
    assert!((1..100).contains(&up_to.0), "up to {up_to}");
    let read = store.read_all(Position::START, up_to.0 as usize).await;
    assert_eq!(read.unwrap().len() as u64, up_to.0);
}

#[tokio::test]
async fn what_is_no_store_is_refused() {
    let folder = Folder::new("foreign");
    fs::write(
        folder.file(),
        "Once upon a time, there was a file of text.\n".repeat(100),
    )
    .unwrap();
    let error = SqliteStore::open(folder.file()).unwrap_err();
    assert!(matches!(error, StoreError::Foreign { .. }), "{error}");
    fs::remove_file(folder.file()).unwrap();
    let other = Connection::open(folder.file()).unwrap();
    other.execute_batch("CREATE TABLE notes (text)").unwrap();
    let error = SqliteStore::open(folder.file()).unwrap_err();
    assert!(matches!(error, StoreError::Foreign { .. }), "{error}");
    fs::remove_file(folder.file()).unwrap();
    drop(SqliteStore::open(folder.file()).unwrap());
    let newer = Connection::open(folder.file()).unwrap();
    newer.pragma_update(None, "user_version", 99).unwrap();
    drop(newer);
    let error = SqliteStore::open(folder.file()).unwrap_err();
    assert!(
        matches!(error, StoreError::Newer { found: 99, .. }),
        "{error}"
    );
    for no_file in [":memory:", ""] {
        let error = SqliteStore::open(no_file).unwrap_err();
        assert!(error.to_string().contains("MemoryStore"), "{error}");
    }
}

#[tokio::test]
async fn a_transaction_that_fails_or_panics_is_rolled_back() {
    let folder = Folder::new("transaction");
    let store = SqliteStore::open(folder.file()).unwrap();
    let made = store.transaction(|tx| Ok(tx.execute_batch("CREATE TABLE own (a)")?));
    made.await.unwrap();
    let failed = store.transaction(|tx| {
        tx.execute("INSERT INTO own VALUES (1)", [])?;
        Err::<(), _>(StoreError::Closed.into())
    });
    let error = failed.await.unwrap_err();
    assert!(matches!(error.downcast_ref(), Some(StoreError::Closed)));
    let panicked = store.transaction(|tx| -> nether::Result<()> {
        tx.execute("INSERT INTO own VALUES (2)", [])?;
        panic!("no luck")
    });
    let error = panicked.await.unwrap_err();
    assert!(error.to_string().contains("no luck"), "{error}");
    let count = store.transaction(|tx| {
        let sql = "SELECT count(*) FROM own";
        Ok(tx.query_row(sql, [], |row| row.get::<_, i64>(0))?)
    });
    assert_eq!(count.await.unwrap(), 0);
    store.append(append("a/1", 1)).await.unwrap();
}
