//! What the tests of faults have in common.

use std::time::{Duration, Instant};

use nether::eventstore::{
    Append, Encoding, EventId, EventStore, Expected, Metadata, NewEvent, Payload, Position,
    RecordedEvent, StoreError, StreamId,
};
use nether_postgres::PostgresStore;
use nether_postgres_tests::Database;

/// How long a condition may take to hold.
const PATIENCE: Duration = Duration::from_secs(40);

pub fn event(text: &str) -> NewEvent {
    NewEvent {
        id: EventId::new(),
        name: "said".into(),
        schema_version: 1,
        payload: Payload {
            encoding: Encoding::Json,
            bytes: text.as_bytes().to_vec(),
        },
    }
}

pub fn append(stream: &str, expected: Expected, events: Vec<NewEvent>) -> Append {
    Append {
        stream: StreamId::from(stream),
        expected,
        events,
        metadata: Metadata {
            causation: Some(EventId::new().to_string().into()),
            ..Metadata::default()
        },
        conditions: Vec::new(),
    }
}

pub fn any(stream: &str, text: &str) -> Append {
    append(stream, Expected::Any, vec![event(text)])
}

/// A store whose times are short.
pub async fn hasty(address: &str) -> PostgresStore {
    let options = PostgresStore::options().answer_within(Duration::from_secs(3));
    options.connect(address).await.expect("the server is there")
}

pub async fn connected(database: &Database<'_>) -> PostgresStore {
    hasty(&database.address()).await
}

/// All events, of which the positions must be dense.
pub async fn all(store: &PostgresStore) -> Vec<RecordedEvent> {
    let mut all: Vec<RecordedEvent> = Vec::new();
    loop {
        let after = Position(all.len() as u64);
        let page = store.read_all(after, 1024).await.unwrap();
        if page.is_empty() {
            break;
        }
        all.extend(page);
    }
    for (event, position) in all.iter().zip(1..) {
        assert_eq!(event.position, Position(position), "no gap, and no double");
    }
    assert_eq!(store.head().await.unwrap().0, all.len() as u64);
    all
}

pub fn text(event: &RecordedEvent) -> String {
    String::from_utf8(event.payload.bytes.clone()).unwrap()
}

pub async fn texts(store: &PostgresStore) -> Vec<String> {
    all(store).await.iter().map(text).collect()
}

/// Waits until a condition holds.
pub async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let since = Instant::now();
    while !holds().await {
        assert!(since.elapsed() < PATIENCE, "until {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Does something again and again while the server cannot be reached or refuses it for a time.
pub async fn persistently<T>(mut attempt: impl AsyncFnMut() -> Result<T, StoreError>) -> T {
    let since = Instant::now();
    loop {
        match attempt().await {
            Ok(done) => return done,
            Err(error) => assert!(!error.is_permanent(), "{error}"),
        }
        assert!(since.elapsed() < PATIENCE, "it succeeds at last");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// The result, and that it came within that time.
pub async fn within<T>(limit: Duration, what: &str, work: impl Future<Output = T>) -> T {
    let done = tokio::time::timeout(limit, work).await;
    done.unwrap_or_else(|_| panic!("{what} takes no longer than {limit:?}"))
}

pub fn assert_unavailable<T: std::fmt::Debug>(result: Result<T, StoreError>) {
    assert!(
        matches!(result, Err(StoreError::Unavailable { .. })),
        "{result:?}"
    );
}

/// The result, once connections that were ended before are known to be.
pub async fn settled<T>(
    mut attempt: impl AsyncFnMut() -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let since = Instant::now();
    loop {
        match attempt().await {
            Err(StoreError::Unavailable { .. }) if since.elapsed() < PATIENCE => {}
            done => return done,
        }
    }
}
