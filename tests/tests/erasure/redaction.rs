//! Content that is replaced in the place where it is stored.

use std::time::Duration;

use nether::eventstore::{
    Aggregates, EventRedacted, Position, Projections, Store, StoreError, StreamId,
};
use nether::prelude::*;
use nether_sqlite::SqliteStore;
use nether_tests::Folder;
use serde::{Deserialize, Serialize};

use crate::program::has;

#[command(key = ticket, name = "redaction.comment")]
pub struct Comment {
    pub ticket: u32,
    pub text: String,
}

#[query(key = ticket, reply = Vec<String>)]
pub struct CommentsOf {
    pub ticket: u32,
}

#[event(name = "redaction.commented")]
pub struct Commented {
    pub text: String,
}

#[event(name = "redaction.other")]
pub struct Other {
    pub text: String,
}

#[derive(Default, Serialize, Deserialize)]
pub struct Ticket {
    comments: Vec<String>,
}

#[aggregate(handles = [Comment, CommentsOf], events = [Commented], snapshot_every = 1)]
impl Ticket {
    fn comment(&self, comment: Comment) -> Commented {
        Commented { text: comment.text }
    }

    fn comments(&self, _: CommentsOf) -> Vec<String> {
        self.comments.clone()
    }

    fn commented(&mut self, event: &Commented) {
        self.comments.push(event.text.clone());
    }
}

#[query(reply = Vec<String>)]
pub struct Redactions;

#[derive(Default)]
pub struct Audit {
    redactions: Vec<String>,
}

#[projection(handles = [EventRedacted, Redactions])]
impl Audit {
    fn redacted(&mut self, event: &EventRedacted) {
        let EventRedacted {
            position,
            stream,
            event,
            by,
            reason,
        } = event;
        self.redactions
            .push(format!("{by} {event} of {stream} at {position}: {reason}"));
    }

    fn redactions(&self, _: Redactions) -> Vec<String> {
        self.redactions.clone()
    }
}

const SECRET: &str = "my password is Erasmus1234";

fn removed() -> Commented {
    Commented {
        text: "(removed)".to_owned(),
    }
}

/// Long enough for pages of its own, also in the log.
fn comment() -> Comment {
    Comment {
        ticket: 7,
        text: SECRET.repeat(1000),
    }
}

async fn start(store: &Store) -> System {
    let builder = System::builder().isolated();
    let builder = builder
        .with::<Aggregates<Ticket>>()
        .with::<Projections<Audit>>();
    builder.provide(store.clone()).start().await.unwrap()
}

/// The first event is redacted, and known to nothing any more.
async fn redact(store: &Store, system: &System) {
    let ctx = system.context();
    ctx.send(comment()).await.unwrap();
    let key = StreamId::new("ticket", "7");
    while store
        .document("snapshot/ticket", key.key())
        .await
        .unwrap()
        .is_none()
    {
        tokio::task::yield_now().await;
    }
    let redacting = store.redact(Position(1), removed(), "olga", "a password");
    let position = redacting.await.unwrap();
    assert_eq!(position, Position(2));
    let comments = ctx.ask(CommentsOf { ticket: 7 }).await.unwrap();
    assert_eq!(comments, ["(removed)"], "in memory, and in the snapshot");
    let audit = store.projection::<Audit>().unwrap();
    audit.wait_for(position).await.unwrap();
    let known = ctx.ask(Redactions).await.unwrap();
    assert_eq!(
        known,
        ["olga redaction.commented of ticket/7 at 1: a password"]
    );
    let again = store.redact(Position(1), removed(), "olga", "a password");
    assert_eq!(again.await.unwrap(), position, "recorded once");
    let all = store.read_all(Position::START, 10).await.unwrap();
    assert_eq!(all.len(), 2);
    assert_eq!(all[0].read::<Commented>().unwrap().text, "(removed)");
    assert_eq!(
        (all[0].stream_version, &*all[0].name),
        (1, "redaction.commented")
    );
}

#[tokio::test]
async fn what_is_redacted_is_known_to_nothing_any_more() {
    let store = Store::memory();
    let system = start(&store).await;
    redact(&store, &system).await;
    system.shutdown().await;
}

#[tokio::test]
async fn no_byte_of_what_is_redacted_is_left_in_a_file() {
    let folder = Folder::new("redacted");
    let store = Store::new(SqliteStore::open(folder.file()).unwrap());
    let system = start(&store).await;
    let ctx = system.context();
    ctx.send(comment()).await.unwrap();
    assert!(
        has(&folder.0, SECRET.as_bytes()),
        "the search finds what is there"
    );
    let redacting = store.redact(Position(1), removed(), "olga", "a password");
    // Its caller stops waiting, and it is done all the same.
    tokio::select! {
        biased;
        _ = redacting => {}
        () = tokio::task::yield_now() => {}
    }
    let redacting = store.redact(Position(1), removed(), "olga", "a password");
    assert_eq!(redacting.await.unwrap(), Position(2));
    assert!(!has(&folder.0, SECRET.as_bytes()));
    let comments = ctx.ask(CommentsOf { ticket: 7 }).await.unwrap();
    assert_eq!(comments, ["(removed)"]);
    // It goes on, also after a restart.
    let text = "thanks".to_owned();
    ctx.send(Comment { ticket: 7, text }).await.unwrap();
    system.shutdown().await;
    drop((ctx, system, store));
    // The task that writes a snapshot has the store until it has ended.
    let store = loop {
        match SqliteStore::open(folder.file()) {
            Err(StoreError::AlreadyOpen { .. }) => tokio::task::yield_now().await,
            opened => break Store::new(opened.unwrap()),
        }
    };
    assert!(!has(&folder.0, SECRET.as_bytes()));
    let system = start(&store).await;
    let comments = system
        .context()
        .ask(CommentsOf { ticket: 7 })
        .await
        .unwrap();
    assert_eq!(comments, ["(removed)", "thanks"]);
    system.shutdown().await;
}

#[tokio::test]
async fn what_a_reader_keeps_in_the_log_is_an_error_until_it_is_redacted_again() {
    let folder = Folder::new("reader");
    let options = SqliteStore::options().busy_timeout(Duration::from_millis(20));
    let store = Store::new(options.open(folder.file()).unwrap());
    let text = SECRET.to_owned();
    let commented = Commented { text };
    store.append_events("ticket/7", [commented]).await.unwrap();
    let reader = rusqlite::Connection::open(folder.file()).unwrap();
    let reading = reader.unchecked_transaction().unwrap();
    let count = "SELECT count(*) FROM nether_events";
    reading.query_row(count, [], |_| Ok(())).unwrap();
    let redact = || store.redact(Position(1), removed(), "olga", "a password");
    let error = redact().await.unwrap_err();
    assert!(matches!(error, StoreError::Locked { .. }), "{error}");
    assert!(
        error.to_string().contains("redact the event again"),
        "{error}"
    );
    let read = store.read_all(Position::START, 1).await.unwrap();
    assert_eq!(read[0].read::<Commented>().unwrap().text, "(removed)");
    drop(reading);
    drop(reader);
    redact().await.unwrap();
    assert!(!has(&folder.0, SECRET.as_bytes()));
    assert_eq!(store.head().await.unwrap(), Position(2));
}

#[tokio::test]
async fn what_cannot_be_redacted_stays_and_is_not_recorded() {
    let store = Store::memory();
    let text = || SECRET.to_owned();
    let commented = Commented { text: text() };
    store.append_events("ticket/7", [commented]).await.unwrap();
    let other = Other { text: text() };
    let error = store
        .redact(Position(1), other, "olga", "")
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("it is a `redaction.commented`"),
        "{error}"
    );
    for position in [0, 2, u64::MAX] {
        let position = Position(position);
        let error = store
            .redact(position, removed(), "olga", "")
            .await
            .unwrap_err();
        assert!(matches!(error, StoreError::NoEvent { .. }), "{error}");
    }
    let read = store.read_all(Position::START, 10).await.unwrap();
    assert_eq!(read.len(), 1);
    assert_eq!(read[0].read::<Commented>().unwrap().text, SECRET);
}
