//! The store.

use std::sync::Arc;
use std::time::{Duration, Instant};

use nether::eventstore::{
    Append, Encoding, EventId, EventStore, Expected, Metadata, NewEvent, PageLimit, Payload,
    Position, StreamId,
};
use nether_postgres::PostgresStore;
use nether_postgres_tests::Database;

use crate::{BUSY, Figures, PAYLOAD, Scale, median};

pub(crate) async fn measure(database: &Database<'_>, scale: Scale) -> Figures {
    let store = PostgresStore::connect(&database.address()).await;
    let store = Arc::new(store.expect("the server is there"));
    let began = Instant::now();
    let mut writing = Vec::new();
    for account in 0..BUSY {
        let store = Arc::clone(&store);
        writing.push(tokio::spawn(async move {
            for version in 0..scale.appends / BUSY {
                append(&store, &format!("account/{account}"), version).await;
            }
        }));
    }
    for writing in writing {
        writing.await.expect("it does not panic");
    }
    let busy = (scale.appends / BUSY * BUSY) as f64 / began.elapsed().as_secs_f64();
    Figures {
        busy,
        alone: alone(&store, scale).await,
        read: read(&store, scale).await,
    }
}

async fn append(store: &PostgresStore, stream: &str, version: usize) {
    let appended = store.append(Append {
        stream: StreamId::from(stream),
        expected: Expected::Version(version as u64),
        events: vec![NewEvent {
            id: EventId::new(),
            name: "account.deposited".into(),
            schema_version: 1,
            payload: Payload {
                encoding: Encoding::Json,
                bytes: PAYLOAD.to_vec(),
            },
        }],
        metadata: Metadata::default(),
        conditions: Vec::new(),
    });
    appended.await.expect("it can be written");
}

async fn alone(store: &PostgresStore, scale: Scale) -> Duration {
    let mut times = Vec::new();
    for version in 0..scale.alone {
        let began = Instant::now();
        append(store, "account/alone", version).await;
        times.push(began.elapsed());
    }
    median(times)
}

/// Reads all events in pages, as a projection does.
async fn read(store: &PostgresStore, scale: Scale) -> f64 {
    let events = |count| {
        (0..count).map(|_| NewEvent {
            id: EventId::new(),
            name: "account.deposited".into(),
            schema_version: 1,
            payload: Payload {
                encoding: Encoding::Json,
                bytes: PAYLOAD.to_vec(),
            },
        })
    };
    for page in 0..scale.read / 1000 {
        let appended = store.append(Append {
            stream: StreamId::from(format!("filled/{page}")),
            expected: Expected::Any,
            events: events(1000).collect(),
            metadata: Metadata::default(),
            conditions: Vec::new(),
        });
        appended.await.expect("it can be written");
    }
    let limit = PageLimit {
        events: 1024,
        bytes: 4 << 20,
    };
    let (mut after, mut count) = (Position::START, 0);
    let began = Instant::now();
    loop {
        let page = store
            .read_all_page(after, limit)
            .await
            .expect("it can be read");
        count += page.events.len();
        match page.events.last() {
            Some(last) => after = last.position,
            None => break,
        }
    }
    count as f64 / began.elapsed().as_secs_f64()
}
