//! `eventcore` with `eventcore-sqlite`, as it opens a file by default: one connection, WAL, and SQLite's own
//! default of `synchronous = FULL`; for `NORMAL`, the same but for that.

use eventcore::{
    CommandError, CommandLogic, CommandStreams, Event, NewEvents, RetryPolicy, StreamDeclarations,
    StreamId, execute,
};
use eventcore_sqlite::rusqlite::Connection;
use eventcore_sqlite::{SqliteConfig, SqliteEventStore};
use eventcore_types::{BatchSize, EventFilter, EventPage, EventReader};
use serde::{Deserialize, Serialize};

use crate::{Peer, Synchronous};

/// The number of events that its own projections read at a time.
const PAGE: usize = 1000;

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Added {
    counter: StreamId,
    by: u64,
}

impl Event for Added {
    fn stream_id(&self) -> &StreamId {
        &self.counter
    }

    fn event_type_name() -> &'static str {
        "added"
    }
}

/// Adds one to a counter, so many times.
struct Add {
    counter: StreamId,
    times: u64,
}

impl CommandStreams for Add {
    fn stream_declarations(&self) -> StreamDeclarations {
        StreamDeclarations::single(self.counter.clone())
    }
}

impl CommandLogic for Add {
    type Event = Added;
    type State = u64;

    fn apply(&self, count: u64, event: &Added) -> u64 {
        count + event.by
    }

    fn handle(&self, _: u64) -> Result<NewEvents<Added>, CommandError> {
        let event = |_| Added {
            counter: self.counter.clone(),
            by: 1,
        };
        Ok((0..self.times).map(event).collect::<Vec<_>>().into())
    }
}

pub(crate) struct Eventcore {
    store: SqliteEventStore,
}

pub(crate) async fn open(file: &str, synchronous: Synchronous) -> Eventcore {
    let store = match synchronous {
        Synchronous::Full => SqliteEventStore::new(SqliteConfig {
            path: file.into(),
            encryption_key: None,
        })
        .expect("it opens"),
        Synchronous::Normal => {
            let connection = Connection::open(file).expect("it opens");
            for (pragma, value) in [("journal_mode", "WAL"), ("synchronous", "NORMAL")] {
                connection
                    .pragma_update(None, pragma, value)
                    .expect("it can be set");
            }
            SqliteEventStore::from_connection(connection)
        }
    };
    store.migrate().await.expect("tables");
    Eventcore { store }
}

impl Eventcore {
    async fn execute(&self, aggregate: u64, times: u64) {
        let counter = StreamId::try_new(format!("counter-{aggregate}")).expect("a name");
        let executed = execute(&self.store, Add { counter, times }, RetryPolicy::new()).await;
        executed.expect("it is stored");
    }
}

impl Peer for Eventcore {
    async fn command(&self, aggregate: u64) {
        self.execute(aggregate, 1).await;
    }

    async fn fill(&self, aggregate: u64, events: u64) {
        self.execute(aggregate, events).await;
    }

    /// Reads the pages that `run_projection` would read, without what that does beside it: it stores a
    /// checkpoint after each event.
    async fn replay(&self) -> u64 {
        let mut page = EventPage::first(BatchSize::new(PAGE));
        let mut total = 0;
        loop {
            let read = self
                .store
                .read_events::<Added>(EventFilter::all(), page)
                .await;
            let events = read.expect("it is read");
            let Some((_, last)) = events.last() else {
                return total;
            };
            page = EventPage::after(*last, BatchSize::new(PAGE));
            total += events.iter().map(|(event, _)| event.by).sum::<u64>();
        }
    }
}
