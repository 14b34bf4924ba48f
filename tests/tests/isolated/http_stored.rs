//! Stored events as streams: from the store, with positions as ids, whichever process has appended them.

use nether::eventstore::{
    Aggregates, Append, Encoding, EventId, Expected, Metadata, NewEvent, Payload, Store,
};
use nether::http::Server;
use nether::prelude::*;
use nether_sqlite::SqliteStore;
use nether_tests::Folder;
use nether_tests::http::{Connection, connect, open};

#[event(name = "http_stored.lit", key = lamp, version = 2, upcast = from_v1, http = "SSE /lit")]
pub struct Lit {
    pub lamp: u32,
    pub level: u128,
}

/// What version 1 of it was.
#[derive(serde::Deserialize)]
pub struct LitV1 {
    lamp: u32,
}

fn from_v1(old: LitV1) -> Lit {
    Lit {
        lamp: old.lamp,
        level: 1,
    }
}

/// It is not stored any more.
#[event(name = "http_stored.blinked", becomes = blinked)]
pub struct Blinked {
    pub lamp: u32,
    pub levels: Vec<u128>,
}

fn blinked(old: Blinked) -> Vec<Lit> {
    let lamp = old.lamp;
    let levels = old.levels.into_iter();
    levels.map(|level| Lit { lamp, level }).collect()
}

#[command(name = "http_stored.light", key = lamp)]
pub struct Light {
    pub lamp: u32,
    pub level: u128,
}

#[derive(Default)]
pub struct Lamp;

#[aggregate(handles = Light, events = Lit)]
impl Lamp {
    fn light(&self, light: Light) -> Lit {
        let Light { lamp, level } = light;
        Lit { lamp, level }
    }

    fn lit(&mut self, _: &Lit) {}
}

/// Is published, and not stored.
#[event(http = "SSE /heard")]
pub struct Heard {
    pub what: String,
}

/// A process that serves the store.
async fn process(store: &Store, set: impl FnOnce(Server) -> Server) -> (System, String) {
    let builder = System::builder().isolated().with::<Aggregates<Lamp>>();
    let system = builder.provide(store.clone()).start().await;
    let system = system.expect("the program is sound");
    let address = open(&system, set(Server::new(&system))).await;
    (system, address)
}

/// One that runs no aggregates.
async fn reader(store: &Store) -> (System, String) {
    let builder = System::builder().isolated().provide(store.clone());
    let system = builder.start().await.expect("the program is sound");
    let address = open(&system, Server::new(&system)).await;
    (system, address)
}

async fn light(system: &System, levels: impl IntoIterator<Item = u128>) {
    let ctx = system.context();
    for level in levels {
        let command = Light { lamp: 7, level };
        ctx.send(command).await.expect("it is lit");
    }
    ctx.close().await.expect("nobody can fail");
}

async fn listen(address: &str, path: &str, last_id: &str) -> (Connection, String) {
    let mut stream = connect(address).await;
    let header = match last_id {
        "" => String::new(),
        id => format!("last-event-id: {id}\r\n"),
    };
    stream
        .write(format!("GET {path} HTTP/1.0\r\n{header}\r\n"))
        .await;
    let begun = stream.until("\n\n").await;
    let (head, first) = begun.split_once("\r\n\r\n").expect("a head");
    assert!(head.contains("200 OK"), "{head}");
    (stream, first.to_owned())
}

/// Takes blocks until so many events have come: their ids and levels, and the last id.
async fn levels(stream: &mut Connection, count: usize) -> (Vec<u128>, String) {
    let (mut levels, mut last_id) = (Vec::new(), String::new());
    while levels.len() < count {
        let block = stream.until("\n\n").await;
        for line in block.lines() {
            match line.split_once(": ") {
                Some(("id", id)) => last_id = id.to_owned(),
                Some(("data", data)) => {
                    let lit: Lit = serde_json::from_str(data).expect("it is an event");
                    levels.push(lit.level);
                }
                Some(("event", kind)) => panic!("{kind}: {block}"),
                _ => {}
            }
        }
    }
    (levels, last_id)
}

async fn append(store: &Store, name: &'static str, version: u32, json: &str) {
    let event = NewEvent {
        id: EventId::new(),
        name: name.into(),
        schema_version: version,
        payload: Payload {
            encoding: Encoding::Json,
            bytes: json.as_bytes().to_vec(),
        },
    };
    let append = Append {
        stream: "elsewhere/1".into(),
        expected: Expected::Any,
        events: vec![event],
        metadata: Metadata::default(),
        conditions: Vec::new(),
    };
    store.append(append).await.expect("it is stored");
}

#[tokio::test]
async fn a_client_may_come_back_to_any_process() {
    let store = Store::memory();
    let (one, at_one) = process(&store, |server| server).await;
    let (two, at_two) = process(&store, |server| server).await;
    light(&one, [1, 2]).await;
    let (mut client, first) = listen(&at_one, "/lit", "").await;
    assert_eq!(first, ": open\nid: 2\n\n");
    drop(client);
    light(&two, [3]).await;
    (client, _) = listen(&at_two, "/lit", "2").await;
    let (came, last) = levels(&mut client, 1).await;
    assert_eq!((came, last.as_str()), (vec![3], "3"));
    // What another process appends comes too, here and after it has gone.
    light(&one, [4]).await;
    assert_eq!(levels(&mut client, 1).await.0, [4]);
    drop(client);
    two.shutdown().await;
    light(&one, [5, 6]).await;
    (client, _) = listen(&at_one, "/lit", "4").await;
    assert_eq!(levels(&mut client, 2).await.0, [5, 6]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_without_the_aggregate_shows_its_events() {
    let folder = Folder::new("http-stored");
    let shared = || {
        let store = SqliteStore::options().shared(true).open(folder.file());
        Store::new(store.expect("it can be shared"))
    };
    let (writing, reading) = (shared(), shared());
    let (writer, _) = process(&writing, |server| server).await;
    let (other, at) = reader(&reading).await;
    let (mut client, first) = listen(&at, "/lit?lamp=7", "").await;
    assert_eq!(first, ": open\nid: 0\n\n");
    light(&writer, [1, 2, 3]).await;
    assert_eq!(levels(&mut client, 3).await.0, [1, 2, 3]);
    drop(client);
    let report = other.shutdown().await;
    assert!(report.cut_off.is_empty(), "{report}");
    light(&writer, [4]).await;
    // The program is started anew.
    let (_again, at) = reader(&reading).await;
    let (mut client, _) = listen(&at, "/lit", "2").await;
    assert_eq!(levels(&mut client, 2).await.0, [3, 4]);
}

#[tokio::test]
async fn the_history_of_stored_events_is_the_store() {
    let store = Store::memory();
    let (system, at) = process(&store, |server| server.event_history(2)).await;
    let (mut early, _) = listen(&at, "/lit", "").await;
    // More than one page, and none of them read.
    light(&system, 1..=700).await;
    let (mut late, _) = listen(&at, "/lit", "0").await;
    for client in [&mut early, &mut late] {
        let (came, last) = levels(client, 700).await;
        assert_eq!(came, (1..=700).collect::<Vec<_>>());
        assert_eq!(last, "700");
    }
    let (mut filtering, _) = listen(&at, "/lit?level=650&level=699", "0").await;
    assert_eq!(levels(&mut filtering, 2).await.0, [650, 699]);
}

#[tokio::test]
async fn stored_events_are_shown_as_the_program_knows_them() {
    let store = Store::memory();
    let (system, at) = process(&store, |server| server).await;
    append(&store, "http_stored.lit", 1, r#"{"lamp":1}"#).await;
    append(
        &store,
        "http_stored.blinked",
        1,
        r#"{"lamp":1,"levels":[2,3,4]}"#,
    )
    .await;
    append(
        &store,
        "http_stored.blinked",
        1,
        r#"{"lamp":1,"levels":[]}"#,
    )
    .await;
    append(&store, "somebody.else", 1, "{}").await;
    light(&system, [u128::MAX]).await;
    let (mut client, _) = listen(&at, "/lit", "0").await;
    let (came, last) = levels(&mut client, 5).await;
    assert_eq!((came, last.as_str()), (vec![1, 2, 3, 4, u128::MAX], "5"));
    // A client that has seen one of the events that a stored event became goes on with the next.
    for (id, left) in [
        ("1", 4),
        ("2.1", 3),
        ("2.2", 2),
        ("2", 1),
        ("3", 1),
        ("4", 1),
    ] {
        let (mut client, first) = listen(&at, "/lit", id).await;
        assert_eq!(first, format!(": open\nid: {id}\n\n"));
        let (came, _) = levels(&mut client, left).await;
        assert_eq!(came, [2, 3, 4, u128::MAX][4 - left..], "{id}");
    }
}

#[tokio::test]
async fn a_stored_event_that_cannot_be_shown_is_missed_alone() {
    let store = Store::memory();
    let (system, at) = process(&store, |server| server).await;
    light(&system, [1]).await;
    append(&store, "http_stored.lit", 2, r#"{"lamp":"none"}"#).await;
    append(&store, "http_stored.lit", 9, "{}").await;
    light(&system, [4]).await;
    let (mut client, _) = listen(&at, "/lit", "0").await;
    let came = client.until("\"level\":4}\n\n").await;
    let expected = "id: 1\ndata: {\"lamp\":7,\"level\":1}\n\n\
                    id: 2\nevent: missed\ndata: 1\n\nid: 3\nevent: missed\ndata: 1\n\n\
                    id: 4\ndata: {\"lamp\":7,\"level\":4}\n\n";
    assert_eq!(came, expected);
}

#[tokio::test]
async fn an_id_that_the_store_does_not_have_is_reported_as_a_loss() {
    let store = Store::memory();
    let (system, at) = process(&store, |server| server).await;
    light(&system, [1]).await;
    for id in ["2", "99", "0a1b2c3d-0", "nonsense", "1.0"] {
        let (_client, first) = listen(&at, "/lit", id).await;
        assert_eq!(first, "id: 1\nevent: missed\ndata: null\n\n", "{id}");
    }
}

#[tokio::test]
async fn events_that_are_not_stored_are_those_of_the_process() {
    let store = Store::memory();
    let (system, at) = process(&store, |server| server).await;
    let (mut client, first) = listen(&at, "/heard", "").await;
    assert!(first.contains('-'), "{first}");
    let ctx = system.context();
    let what = "rain".to_owned();
    ctx.publish(Heard { what }).await.expect("it runs");
    ctx.close().await.expect("nobody can fail");
    client.until("{\"what\":\"rain\"}").await;
}

#[tokio::test]
async fn a_client_is_shown_nothing_that_is_archived() {
    let store = Store::memory();
    let (system, at) = process(&store, |server| server).await;
    light(&system, [1, 2]).await;
    let old = r#"{"lamp":9,"levels":[3,4]}"#;
    append(&store, "http_stored.blinked", 1, old).await;
    for stream in ["lamp/7", "elsewhere/1"] {
        let copy = store.copy_of(stream).await.expect("it can be read");
        let archived = store.archive(&copy, "olga", "it is old").await;
        archived.expect("it is what was copied");
    }
    let lit = Lit { lamp: 8, level: 5 };
    let appended = store.append_events("lamp/8", [lit]).await;
    appended.expect("it is another stream");
    let (mut client, _) = listen(&at, "/lit", "0").await;
    let (came, last) = levels(&mut client, 1).await;
    assert_eq!((came, last.as_str()), (vec![5], "6"));
    system.shutdown().await;
}
