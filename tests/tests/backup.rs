//! Backups of a store in a file that is in use, and what is restored of them.

use std::fs;
use std::future::Future;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::task::{Context as TaskContext, Waker};

use nether::eventstore::{
    Append, Encoding, EventId, EventStore, Expected, Metadata, NewEvent, Payload, Position,
    Projections, Store, StoreError, StreamId,
};
use nether::prelude::*;
use nether_sqlite::{SqliteStore, SqliteTransaction};
use nether_tests::Folder;

#[event(name = "backup.counted")]
pub struct Counted {
    pub text: String,
}

/// Counts every event in a table of the store's file.
#[derive(Default)]
pub struct Counter;

#[projection(handles = [Counted], transaction = SqliteTransaction)]
impl Counter {
    fn counted(&mut self, _: &Counted, tx: &SqliteTransaction<'_>) -> nether::Result<()> {
        tx.execute_batch(
            "CREATE TABLE IF NOT EXISTS counter (id INTEGER PRIMARY KEY CHECK (id = 1), events INTEGER);
            INSERT INTO counter VALUES (1, 1) ON CONFLICT DO UPDATE SET events = events + 1",
        )?;
        Ok(())
    }

    #[on_rebuild]
    fn clear(&mut self, tx: &SqliteTransaction<'_>) -> nether::Result<()> {
        Ok(tx.execute_batch("DROP TABLE IF EXISTS counter")?)
    }
}

fn append(stream: &str, bytes: usize) -> Append {
    Append {
        stream: StreamId::from(stream),
        expected: Expected::Any,
        events: vec![NewEvent {
            id: EventId::new(),
            name: "backup.plain".into(),
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

/// A process that appends without end.
struct Appending {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Appending {
    fn start(file: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_appending"))
            .arg("exclusive")
            .arg(file)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Appending { child, lines }
    }

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

fn beside(file: &Path, suffix: &str) -> PathBuf {
    PathBuf::from(format!("{}{suffix}", file.display()))
}

/// The names in a folder, without those of the store in it.
fn names(folder: &Folder) -> Vec<String> {
    let names = fs::read_dir(&folder.0).unwrap();
    let names = names.map(|it| it.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|it| !it.starts_with("store.db")).collect();
    names.sort();
    names
}

/// The positions of all events, which have no gap.
async fn events(file: &Path) -> u64 {
    let store = SqliteStore::open(file).unwrap();
    let events = store.read_all(Position::START, usize::MAX).await.unwrap();
    for (event, position) in events.iter().zip(1..) {
        assert_eq!(event.position, Position(position));
    }
    events.len() as u64
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_under_load_is_of_one_moment_and_has_all_that_was_acknowledged() {
    let folder = Folder::new("load");
    let file = SqliteStore::open(folder.file()).unwrap();
    let store = Store::new(file.clone());
    let system = System::builder()
        .isolated()
        .with::<Projections<Counter>>()
        .provide(store.clone())
        .start()
        .await
        .unwrap();
    let writers: Vec<_> = (0..4)
        .map(|writer| {
            let store = store.clone();
            tokio::spawn(async move {
                loop {
                    let text = "x".repeat(300);
                    let counted = store
                        .append_events(format!("a/{writer}"), [Counted { text }])
                        .await;
                    counted.unwrap();
                }
            })
        })
        .collect();
    let counter = store.projection::<Counter>().unwrap();
    let mut grown = 0;
    for number in 0..5 {
        let before = store.wait_for_new(Position(number * 200)).await.unwrap();
        counter.wait_for(before).await.unwrap();
        let target = folder.0.join(format!("{number}.db"));
        let backup = file.backup_to(&target).await.unwrap();
        assert!(backup.head >= before, "{backup:?} {before}");
        grown += store.head().await.unwrap().0 - before.0;
        assert!(backup.streams > 0 && backup.streams <= 4, "{backup:?}");
        assert_eq!(backup.bytes, fs::metadata(&target).unwrap().len());
        assert_eq!(backup.path, fs::canonicalize(&target).unwrap());
        // The table, the checkpoint and the events are of the same moment.
        let read = rusqlite::Connection::open(&target).unwrap();
        let number = |sql: &str| read.query_row(sql, [], |row| row.get::<_, i64>(0));
        let counted = number("SELECT coalesce(max(events), 0) FROM counter").unwrap_or(0);
        let checkpoint = "SELECT content FROM nether_documents WHERE collection = 'checkpoint'";
        let checkpoint = read.query_row(checkpoint, [], |row| row.get::<_, Vec<u8>>(0));
        let checkpoint: i64 = checkpoint.map_or(0, |it| serde_json::from_slice(&it).unwrap());
        assert_eq!(counted, checkpoint);
        assert!(counted.cast_unsigned() >= before.0);
        drop(read);
        assert_eq!(events(&target).await, backup.head.0);
    }
    assert!(grown > 0, "appends go on while a backup is made");
    for writer in writers {
        writer.abort();
    }
    system.shutdown().await;
    assert_eq!(names(&folder), ["0.db", "1.db", "2.db", "3.db", "4.db"]);
}

#[tokio::test]
async fn a_restored_backup_goes_on_where_it_was_made() {
    let folder = Folder::new("restored");
    let target = folder.0.join("backup.db");
    let start = async || {
        let file = SqliteStore::open(folder.file()).unwrap();
        let store = Store::new(file.clone());
        let builder = System::builder().isolated().with::<Projections<Counter>>();
        let system = builder.provide(store.clone()).start().await.unwrap();
        (file, store, system)
    };
    let counted = |text: &str| Counted { text: text.into() };
    let (file, store, system) = start().await;
    let both = [counted("a"), counted("b")];
    store.append_events("a/1", both).await.unwrap();
    file.backup_to(&target).await.unwrap();
    store.append_events("a/1", [counted("lost")]).await.unwrap();
    system.shutdown().await;
    drop((store, file, system));
    // As the manual says.
    fs::rename(folder.file(), folder.0.join("aside.db")).unwrap();
    fs::copy(&target, folder.file()).unwrap();
    let (file, store, system) = start().await;
    assert_eq!(store.head().await.unwrap(), Position(2));
    store.append_events("a/1", [counted("c")]).await.unwrap();
    let counter = store.projection::<Counter>().unwrap();
    counter.caught_up().await.unwrap();
    let events = file.transaction(|tx| {
        Ok(tx.query_row("SELECT events FROM counter", [], |row| row.get::<_, i64>(0))?)
    });
    assert_eq!(events.await.unwrap(), 3);
    system.shutdown().await;
}

#[tokio::test]
async fn a_restored_backup_is_refused_with_the_log_of_a_killed_process() {
    let folder = Folder::new("killed");
    let (early, late) = (folder.0.join("early.db"), folder.0.join("late.db"));
    let mut appending = Appending::start(&folder.file());
    appending.wait_for(50);
    // Another process makes the backups.
    let reading = || {
        SqliteStore::options()
            .read_only(true)
            .open(folder.file())
            .unwrap()
    };
    let early_backup = reading().backup_to(&early).await.unwrap();
    appending.wait_for(20_000); // More than a log holds.
    let late_backup = reading().backup_to(&late).await.unwrap();
    assert!(early_backup.head.0 >= 50 && late_backup.head.0 >= 20_050);
    appending.kill();
    let aside = Folder::new("killed-aside");
    for suffix in ["", "-wal"] {
        fs::copy(
            beside(&folder.file(), suffix),
            beside(&aside.file(), suffix),
        )
        .unwrap();
    }
    for (backup, head) in [(&early, early_backup.head), (&late, late_backup.head)] {
        for suffix in ["", "-wal"] {
            fs::copy(
                beside(&aside.file(), suffix),
                beside(&folder.file(), suffix),
            )
            .unwrap();
        }
        fs::copy(backup, folder.file()).unwrap();
        for options in [
            SqliteStore::options(),
            SqliteStore::options().read_only(true),
        ] {
            let error = options.open(folder.file()).unwrap_err();
            assert!(matches!(error, StoreError::BadFile { .. }), "{error}");
            assert!(error.to_string().contains("does not belong"), "{error}");
        }
        for suffix in ["-wal", "-shm"] {
            let _ = fs::remove_file(beside(&folder.file(), suffix));
        }
        assert_eq!(events(&folder.file()).await, head.0);
    }
    assert!(
        events(&aside.file()).await > late_backup.head.0,
        "what was killed is whole"
    );
}

#[tokio::test]
async fn a_backup_that_is_restored_again_is_refused_with_the_log_of_the_run_between() {
    let folder = Folder::new("restored-twice");
    let file = SqliteStore::open(folder.file()).unwrap();
    for _ in 0..200 {
        file.append(append("a/1", 4000)).await.unwrap();
    }
    let backup = folder.0.join("backup.db");
    file.backup_to(&backup).await.unwrap();
    drop(file);
    let restored = folder.0.join("restored.db");
    fs::copy(&backup, &restored).unwrap();
    let mut appending = Appending::start(&restored);
    appending.wait_for(20_000); // More than a log holds.
    appending.kill();
    assert!(fs::metadata(beside(&restored, "-wal")).unwrap().len() > 0);
    fs::copy(&backup, &restored).unwrap();
    let error = SqliteStore::open(&restored).unwrap_err();
    assert!(matches!(error, StoreError::BadFile { .. }), "{error}");
    for suffix in ["-wal", "-shm"] {
        let _ = fs::remove_file(beside(&restored, suffix));
    }
    assert_eq!(events(&restored).await, 200);
}

#[tokio::test]
async fn a_restored_backup_that_is_killed_is_opened_with_its_own_log() {
    let folder = Folder::new("killed-again");
    let file = SqliteStore::open(folder.file()).unwrap();
    file.append(append("a/1", 10)).await.unwrap();
    let restored = folder.0.join("restored.db");
    file.backup_to(&restored).await.unwrap();
    drop(file);
    let mut appending = Appending::start(&restored);
    appending.wait_for(30);
    appending.kill();
    assert!(fs::metadata(beside(&restored, "-wal")).unwrap().len() > 0);
    assert!(events(&restored).await >= 31);
}

#[tokio::test]
async fn a_backup_replaces_nothing_and_is_for_its_owner_alone() {
    let folder = Folder::new("names");
    let file = SqliteStore::open(folder.file()).unwrap();
    file.append(append("a/1", 10)).await.unwrap();
    let in_folder = |name: &str| folder.0.join(name);
    let target = in_folder("backup.db");
    file.backup_to(&target).await.unwrap();
    let first = fs::read(&target).unwrap();
    file.append(append("a/1", 10)).await.unwrap();
    fs::create_dir(in_folder("folder")).unwrap();
    for suffix in ["-wal", "-journal"] {
        fs::write(beside(&in_folder("left.db"), suffix), "left").unwrap();
    }
    let mut refused = vec![
        target.clone(),
        folder.file(),
        in_folder("folder"),
        in_folder("left.db"),
        "/".into(),
    ];
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(&target).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        std::os::unix::fs::symlink(in_folder("nowhere"), in_folder("link.db")).unwrap();
        refused.push(in_folder("link.db"));
    }
    let before = names(&folder);
    for target in refused {
        let error = file.backup_to(&target).await.unwrap_err();
        assert!(matches!(error, StoreError::BadFile { .. }), "{error}");
        let name = target.display().to_string();
        assert!(error.to_string().contains(&name), "{error}");
    }
    file.backup_to(in_folder("no/backup.db")).await.unwrap_err();
    assert_eq!(names(&folder), before);
    assert_eq!(fs::read(&target).unwrap(), first, "byte by byte");
    assert_eq!(events(&folder.0.join("backup.db")).await, 1);
}

#[tokio::test]
async fn a_backup_whose_caller_is_gone_leaves_no_file() {
    let folder = Folder::new("dropped");
    let file = SqliteStore::open(folder.file()).unwrap();
    for _ in 0..50 {
        file.append(append("a/1", 10_000)).await.unwrap();
    }
    for number in 0..20 {
        let mut backup = Box::pin(file.backup_to(folder.0.join(format!("{number}.db"))));
        let polled = backup
            .as_mut()
            .poll(&mut TaskContext::from_waker(Waker::noop()));
        assert!(polled.is_pending());
    }
    // One is made after the other: those before have ended.
    file.backup_to(folder.0.join("last.db")).await.unwrap();
    assert_eq!(names(&folder), ["last.db"]);
    let mut backup = Box::pin(file.backup_to(folder.0.join("never.db")));
    let polled = backup
        .as_mut()
        .poll(&mut TaskContext::from_waker(Waker::noop()));
    assert!(polled.is_pending());
    drop(backup);
    // Closing the store waits until it is not at work either.
    drop(file);
    assert_eq!(names(&folder), ["last.db"]);
    assert_eq!(events(&folder.file()).await, 50);
}

#[tokio::test]
async fn backups_at_the_same_time_are_all_made_and_one_of_each_name() {
    let folder = Folder::new("many");
    let file = SqliteStore::options()
        .shared(true)
        .open(folder.file())
        .unwrap();
    file.append(append("a/1", 10)).await.unwrap();
    let target = folder.0.join("a.db");
    let (first, second, other) = tokio::join!(
        file.backup_to(&target),
        file.backup_to(&target),
        file.backup_to(folder.0.join("b.db")),
    );
    assert!(first.is_ok() != second.is_ok(), "{first:?} {second:?}");
    other.unwrap();
    assert_eq!(names(&folder), ["a.db", "b.db"]);
    // A backup is a store, of which there are backups.
    let backup = SqliteStore::open(&target).unwrap();
    backup.append(append("a/2", 10)).await.unwrap();
    backup.backup_to(folder.0.join("c.db")).await.unwrap();
    assert_eq!(events(&folder.0.join("c.db")).await, 2);
}

#[tokio::test]
async fn a_damaged_store_has_no_backup() {
    let folder = Folder::new("damaged");
    let file = SqliteStore::open(folder.file()).unwrap();
    for _ in 0..100 {
        file.append(append("a/1", 3000)).await.unwrap();
    }
    drop(file);
    let mut content = fs::read(folder.file()).unwrap();
    let middle = content.len() / 2 / 4096 * 4096;
    content[middle..middle + 8192].fill(0xff);
    fs::write(folder.file(), content).unwrap();
    let file = SqliteStore::open(folder.file()).unwrap();
    let error = file
        .backup_to(folder.0.join("backup.db"))
        .await
        .unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
    assert_eq!(names(&folder), [""; 0]);
}

#[tokio::test]
async fn what_was_deleted_is_not_in_a_backup() {
    const SECRET: &[u8] = b"a secret of Ann";
    let has = |file: &Path| fs::read(file).unwrap().windows(15).any(|it| it == SECRET);
    let folder = Folder::new("deleted");
    drop(SqliteStore::open(folder.file()).unwrap());
    // By another program, which leaves in the file what it deletes.
    let other = rusqlite::Connection::open(folder.file()).unwrap();
    let deleted = "PRAGMA secure_delete = OFF; CREATE TABLE notes (text);
        INSERT INTO notes VALUES ('a secret of Ann'); DELETE FROM notes";
    other.execute_batch(deleted).unwrap();
    drop(other);
    let file = SqliteStore::open(folder.file()).unwrap();
    assert!(has(&folder.file()));
    let target = folder.0.join("backup.db");
    file.backup_to(&target).await.unwrap();
    assert!(!has(&target));
}
