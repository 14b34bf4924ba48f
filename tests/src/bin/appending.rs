//! A program that appends to a store: `appending exclusive <file>` without end, to be killed;
//! `appending shared <file> <own> <all>` so many events to one stream, beside another that does the same,
//! until it has seen all; `appending sleeping <file>` says `sleeps` inside of a transaction, and never ends
//! it.
//!
//! It prints `appended <stream> <version> <id>` for each event after it was acknowledged, and
//! `seen <position> <id>` for each that it reads.

use std::io::Write;
use std::process::ExitCode;

use nether::eventstore::{
    Append, Encoding, EventId, EventStore, Expected, Metadata, NewEvent, Payload, Position,
    StoreError, StreamId,
};
use nether_sqlite::SqliteStore;

/// How many append at the same time, and to how many streams.
const TASKS: u64 = 64;
const STREAMS: u64 = 20;

fn append(stream: &StreamId, expected: Expected, ids: &[EventId]) -> Append {
    let event = |id: &EventId| NewEvent {
        id: *id,
        name: "appending.happened".into(),
        schema_version: 1,
        payload: Payload {
            encoding: Encoding::Json,
            bytes: b"{}".to_vec(),
        },
    };
    Append {
        stream: stream.clone(),
        expected,
        events: ids.iter().map(event).collect(),
        metadata: Metadata::default(),
        conditions: Vec::new(),
    }
}

/// Says that events were appended, the last of them in that version.
fn tell(stream: &StreamId, last: u64, ids: &[EventId]) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    let first = last + 1 - ids.len() as u64;
    for (version, id) in (first..).zip(ids) {
        writeln!(out, "appended {stream} {version} {id}")?;
    }
    out.flush()
}

/// Appends without end.
async fn append_to_many(store: SqliteStore, task: u64) -> nether::Result<()> {
    for turn in 0.. {
        let stream = StreamId::new("a", (task * 7 + turn * 3) % STREAMS);
        let ids: Vec<EventId> = (0..=(task + turn) % 3).map(|_| EventId::new()).collect();
        let appended = store.append(append(&stream, Expected::Any, &ids)).await?;
        tell(&stream, appended.version, &ids)?;
    }
    Ok(())
}

/// Appends so many to one stream, deciding again whenever the other was faster.
async fn append_to_one(store: SqliteStore, count: u64) -> nether::Result<()> {
    let stream = StreamId::from("a/1");
    let mut version = 0;
    for _ in 0..count {
        let id = [EventId::new()];
        version = loop {
            let new = append(&stream, Expected::Version(version), &id);
            match store.append(new).await {
                Ok(appended) => break appended.version,
                Err(StoreError::Conflict { actual, .. }) => version = actual,
                Err(error) => return Err(error.into()),
            }
        };
        tell(&stream, version, &id)?;
    }
    Ok(())
}

/// Follows the store until it has seen so many.
async fn follow(store: SqliteStore, all: u64) -> nether::Result<()> {
    let mut after = Position::START;
    while after.0 < all {
        store.wait_for_new(after).await?;
        for event in store.read_all(after, 7).await? {
            after = event.position;
            println!("seen {after} {}", event.id);
        }
    }
    Ok(())
}

async fn run() -> nether::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["exclusive", file] => {
            let store = SqliteStore::open(file)?;
            let tasks = (0..TASKS).map(|task| tokio::spawn(append_to_many(store.clone(), task)));
            for task in tasks.collect::<Vec<_>>() {
                task.await??;
            }
        }
        ["shared", file, own, all] => {
            let store = SqliteStore::options().shared(true).open(file)?;
            let following = tokio::spawn(follow(store.clone(), all.parse()?));
            append_to_one(store, own.parse()?).await?;
            following.await??;
        }
        ["sleeping", file] => {
            let store = SqliteStore::options().shared(true).open(file)?;
            let asleep = store.transaction(|transaction| -> nether::Result<()> {
                transaction.execute_batch("CREATE TABLE never_there (a)")?;
                println!("sleeps");
                loop {
                    std::thread::park();
                }
            });
            asleep.await?;
        }
        _ => {
            return Err(nether::Error::msg(
                "appending exclusive|shared|sleeping <file> ..",
            ));
        }
    }
    Ok(())
}

fn main() -> ExitCode {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime can be made");
    match runtime.block_on(run()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
