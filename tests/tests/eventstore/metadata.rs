//! What is known of some events alone: which event was the cause, the hash of a command's content, and what a
//! newer version of the library has written.

use std::path::Path;
use std::time::Duration;

use nether::eventstore::{
    Aggregates, Append, CommandId, Direction, Encoding, EventId, Expected, Metadata,
    MetadataEntries, NewEvent, Payload, Position, RecordedEvent, Sagas, Step, Store, StreamId,
};
use nether::prelude::*;
use nether_sqlite::{Durability, SqliteStore};
use nether_tests::Folder;
use rusqlite::Connection;
use serde::{Deserialize, Serialize};

use crate::of_many::OfMany;

#[event(name = "metadata.called")]
pub struct Called {
    pub taxi: u32,
    pub fails: bool,
}

#[event(name = "metadata.gave_up")]
pub struct GaveUp {
    pub taxi: u32,
}

#[event(name = "metadata.sent")]
pub struct WasSent {
    pub to: String,
}

#[derive(Debug, thiserror::Error)]
#[error("nobody lives there")]
pub struct NoSuchPlace;

#[command(name = "metadata.drive", key = taxi, error = NoSuchPlace)]
pub struct Drive {
    pub taxi: u32,
    pub to: String,
}

#[derive(Default)]
pub struct Taxi;

#[aggregate(name = "taxi", handles = Drive, events = WasSent)]
impl Taxi {
    fn drive(&self, drive: Drive) -> Result<WasSent, NoSuchPlace> {
        match &*drive.to {
            "nowhere" => Err(NoSuchPlace),
            _ => Ok(WasSent { to: drive.to }),
        }
    }

    fn was_sent(&mut self, _: &WasSent) {}
}

#[derive(Default, Serialize, Deserialize)]
pub struct Ride {}

#[saga(
    name = "ride",
    from = "beginning",
    key = taxi,
    handles = [Called, GaveUp],
    starts = [Called],
    sends = [Drive]
)]
impl Ride {
    fn called(&mut self, called: &Called, step: &mut Step<Self>) {
        let drive = |to: &str| Drive {
            taxi: called.taxi,
            to: to.to_owned(),
        };
        step.send(drive("home")).compensate_with(drive("back"));
        if called.fails {
            step.send(drive("nowhere"));
        }
    }

    fn gave_up(&mut self, _: &GaveUp, step: &mut Step<Self>) {
        step.fail("nobody is there");
    }

    #[timeout("1h")]
    fn late(&mut self, step: &mut Step<Self>) {
        step.fail("it is late");
    }
}

async fn started(store: &Store) -> System {
    let builder = System::builder().isolated().with::<Sagas<Ride>>();
    let builder = builder.with::<Aggregates<Taxi>>().provide(store.clone());
    builder.start().await.unwrap()
}

async fn call(store: &Store, taxi: u32, fails: bool) {
    let called = [Called { taxi, fails }];
    store.append_events("calls", called).await.unwrap();
}

/// Where each drive of a taxi went, and which event was the cause.
async fn drives(store: &Store, taxi: u32) -> Vec<(String, Option<u64>)> {
    let stream = StreamId::new("taxi", taxi);
    let events = store.read_stream(&stream, 1, Direction::Forwards, 99).await;
    let events = events.unwrap().into_iter();
    let drive = |event: RecordedEvent| {
        let cause = event.metadata.entries.cause();
        (event.read::<WasSent>().unwrap().to, cause.map(|it| it.0))
    };
    events.map(drive).collect()
}

fn drive(to: &str, cause: u64) -> (String, Option<u64>) {
    (to.to_owned(), Some(cause))
}

#[tokio::test(start_paused = true)]
async fn events_of_a_sagas_commands_name_the_event_that_was_their_cause() {
    let store = Store::memory();
    let system = started(&store).await;
    let saga = store.saga::<Ride>().unwrap();
    // The first is compensated because a command fails, the second because of an event, the third because it
    // is late, as its time-out counts from the first event.
    call(&store, 1, true).await;
    saga.settled().await.unwrap();
    assert_eq!(
        drives(&store, 1).await,
        [drive("home", 1), drive("back", 1)]
    );
    call(&store, 2, false).await;
    saga.settled().await.unwrap();
    let called = store.head().await.unwrap().0 - 1;
    let gave_up = store.append_events("calls", [GaveUp { taxi: 2 }]);
    let gave_up = gave_up.await.unwrap().position.0;
    saga.settled().await.unwrap();
    let expected = [drive("home", called), drive("back", gave_up)];
    assert_eq!(drives(&store, 2).await, expected);
    call(&store, 3, false).await;
    saga.settled().await.unwrap();
    let called = store.head().await.unwrap().0 - 1;
    // The time is paused.
    tokio::time::sleep(Duration::from_secs(2 * 3600)).await;
    saga.settled().await.unwrap();
    let expected = [drive("home", called), drive("back", called)];
    assert_eq!(drives(&store, 3).await, expected);
    system.shutdown().await;
}

#[tokio::test]
async fn a_saga_resends_what_it_has_written_down_whatever_a_newer_program_reads_in_it() {
    let many = OfMany::new(false);
    let store = many.open();
    let dying = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let dying = dying.unwrap();
    let (died, dies) = (many.clone(), store.clone());
    let thread = std::thread::spawn(move || {
        dying.block_on(async move {
            let _system = started(&dies).await;
            call(&dies, 1, false).await;
            died.appends.close();
            // The command is on its way, and written down. What comes of it is not.
            while died.appends.waiting() < 1 {
                tokio::task::yield_now().await;
            }
            died.changes.close();
            died.appends.open();
            while drives(&dies, 1).await.is_empty() {
                tokio::task::yield_now().await;
            }
        });
    });
    thread.join().unwrap();
    many.changes.open();
    // As a newer program reads it: a field with a default was added, with another value than none.
    let written = many.text("saga/ride", "1").await.unwrap();
    let newer = written.replace("\"home\"", "\"the hotel\"");
    assert_ne!(newer, written);
    many.put("saga/ride", "1", Some(newer.into_bytes())).await;
    let system = started(&store).await;
    let saga = store.saga::<Ride>().unwrap();
    saga.settled().await.unwrap();
    assert_eq!(drives(&store, 1).await, [drive("home", 1)]);
    assert!(saga.active()[0].repeated.is_none());
    system.shutdown().await;
}

const NEWER: &str = r#"{"cause":3,"signed_by":{"key":"a","number":12345678901234567890123}}"#;

#[tokio::test]
async fn entries_of_a_newer_version_are_handed_on_as_they_are() {
    let folder = Folder::new("newer-entries");
    let store = Store::memory();
    let metadata = Metadata {
        entries: MetadataEntries::from_text(NEWER),
        ..Metadata::default()
    };
    let event = NewEvent {
        id: EventId::new(),
        name: "metadata.sent".into(),
        schema_version: 1,
        payload: Payload {
            encoding: Encoding::Json,
            bytes: br#"{"to":"home"}"#.to_vec(),
        },
    };
    copy(&store, "taxi/1".into(), event, metadata).await;
    // Through a file, and back into memory.
    let mut from = store;
    for to in [sqlite(&folder.file()), Store::memory()] {
        for event in from.read_all(Position::START, 9).await.unwrap() {
            let new = NewEvent {
                id: event.id,
                name: event.name.to_string().into(),
                schema_version: event.schema_version,
                payload: event.payload,
            };
            copy(&to, event.stream, new, event.metadata).await;
        }
        from = to;
    }
    let read = from.read_all(Position::START, 9).await.unwrap();
    let entries = &read[0].metadata.entries;
    assert_eq!(entries.as_text(), Some(NEWER));
    assert_eq!(entries.cause(), Some(Position(3)));
}

async fn copy(store: &Store, stream: StreamId, event: NewEvent, metadata: Metadata) {
    let append = Append {
        stream,
        expected: Expected::Any,
        events: vec![event],
        metadata,
        conditions: Vec::new(),
    };
    store.append(append).await.unwrap();
}

fn sqlite(file: &Path) -> Store {
    let options = SqliteStore::options().durability(Durability::Normal);
    Store::new(options.open(file).unwrap())
}

#[tokio::test]
async fn a_file_of_version_2_is_read_and_only_events_of_which_more_is_known_get_entries() {
    let folder = Folder::new("version-2");
    let old = Connection::open(folder.file()).unwrap();
    old.execute_batch(include_str!(
        "../../../nether/adapters/sqlite/src/version_1.sql"
    ))
    .unwrap();
    old.execute_batch(include_str!(
        "../../../nether/adapters/sqlite/src/version_2.sql"
    ))
    .unwrap();
    old.execute_batch(
        r#"PRAGMA application_id = 1316251717; PRAGMA user_version = 2;
        INSERT INTO nether_streams VALUES (1, 'taxi/1'); INSERT INTO nether_names VALUES (1, 'metadata.sent');
        INSERT INTO nether_events VALUES
            (1, 1, 1, x'00000000000000000000000000000007', 1, 1, 0, CAST('{"to":"a"}' AS BLOB), 5, 'c', NULL, 'p')"#,
    )
    .unwrap();
    drop(old);
    let store = sqlite(&folder.file());
    let old = store.find(EventId::from_u128(7)).await.unwrap().unwrap();
    let metadata = Metadata {
        time: 5,
        correlation: Some("c".into()),
        principal: Some("p".into()),
        ..Metadata::default()
    };
    assert_eq!(old.metadata, metadata);
    assert_eq!(store.read_all(Position::START, 9).await.unwrap(), [old]);
    let system = started(&store).await;
    let to = |to: &str| Drive {
        taxi: 1,
        to: to.to_owned(),
    };
    system.context().send(to("b")).await.unwrap();
    let ctx = system.context().with(CommandId::new(1));
    ctx.send(to("c")).await.unwrap();
    ctx.close().await.unwrap();
    system.shutdown().await;
    drop(store);
    let file = Connection::open(folder.file()).unwrap();
    let sql = "SELECT metadata FROM nether_events ORDER BY position";
    let mut statement = file.prepare(sql).unwrap();
    let rows = statement.query_map([], |row| row.get::<_, Option<String>>(0));
    let rows: Vec<_> = rows.unwrap().map(Result::unwrap).collect();
    assert_eq!(rows[..2], [None, None]);
    let written = rows[2].as_deref().unwrap();
    let hash = written
        .strip_prefix("{\"content_sha256\":\"")
        .and_then(|it| it.strip_suffix("\"}"));
    assert_eq!(hash.map(str::len), Some(64), "{written}");
}
