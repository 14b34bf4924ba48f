//! `cqrs-es` with `sqlite-es`, with the pool that it makes by default: 10 connections, WAL and
//! `synchronous = NORMAL`; for `FULL`, with the same pool but for that.

use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use cqrs_es::event_sink::EventSink;
use cqrs_es::persist::QueryReplay;
use cqrs_es::{Aggregate, DomainEvent, EventEnvelope, Query};
use serde::{Deserialize, Serialize};
use sqlite_es::{SqliteCqrs, SqliteEventRepository, default_sqlite_pool, sqlite_cqrs};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Pool, Sqlite};

use crate::{Peer, Synchronous};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Added {
    by: u64,
}

impl DomainEvent for Added {
    fn event_type(&self) -> String {
        "added".to_owned()
    }

    fn event_version(&self) -> String {
        "1".to_owned()
    }
}

#[derive(Debug)]
struct Never;

impl std::fmt::Display for Never {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("never")
    }
}

impl std::error::Error for Never {}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Counter {
    count: u64,
}

/// Adds one, so many times.
struct Add {
    times: u64,
}

impl Aggregate for Counter {
    const TYPE: &'static str = "counter";
    type Command = Add;
    type Event = Added;
    type Error = Never;
    type Services = ();

    async fn handle(&mut self, add: Add, _: &(), sink: &EventSink<Self>) -> Result<(), Never> {
        for _ in 0..add.times {
            sink.write(Added { by: 1 }, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: Added) {
        self.count += event.by;
    }
}

/// What all counters have, as a query of `cqrs-es` sees their events.
#[derive(Default)]
struct Totals {
    total: Arc<AtomicU64>,
}

#[async_trait]
impl Query<Counter> for Totals {
    async fn dispatch(&self, _: &str, events: &[EventEnvelope<Counter>]) {
        for event in events {
            self.total.fetch_add(event.payload.by, Ordering::Relaxed);
        }
    }
}

/// The tables that it wants.
const TABLES: &str = "CREATE TABLE IF NOT EXISTS events (
    aggregate_type text NOT NULL,
    aggregate_id text NOT NULL,
    sequence integer CHECK (sequence >= 0) NOT NULL,
    event_type text NOT NULL,
    event_version text NOT NULL,
    payload text NOT NULL,
    metadata text NOT NULL,
    PRIMARY KEY (aggregate_type, aggregate_id, sequence)
) STRICT";

pub(crate) struct CqrsEs {
    pool: Pool<Sqlite>,
    framework: SqliteCqrs<Counter>,
}

pub(crate) async fn open(file: &str, synchronous: Synchronous) -> CqrsEs {
    let url = format!("sqlite://{file}");
    let pool = match synchronous {
        Synchronous::Normal => default_sqlite_pool(&url).await,
        Synchronous::Full => {
            let options = SqliteConnectOptions::from_str(&url)
                .expect("a path")
                .create_if_missing(true)
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(SqliteSynchronous::Full)
                .foreign_keys(true);
            let pool = SqlitePoolOptions::new().max_connections(10);
            pool.connect_with(options).await.expect("it opens")
        }
    };
    sqlx::query(TABLES).execute(&pool).await.expect("tables");
    let framework = sqlite_cqrs(pool.clone(), Vec::new(), ());
    CqrsEs { pool, framework }
}

impl Peer for CqrsEs {
    async fn command(&self, aggregate: u64) {
        let id = aggregate.to_string();
        // Others write at the same time: it is tried until it succeeds, as a program would.
        while self.framework.execute(&id, Add { times: 1 }).await.is_err() {}
    }

    async fn fill(&self, aggregate: u64, events: u64) {
        let add = Add { times: events };
        let filled = self.framework.execute(&aggregate.to_string(), add).await;
        filled.expect("it is stored");
    }

    async fn replay(&self) -> u64 {
        let totals = Totals::default();
        let total = Arc::clone(&totals.total);
        let repository = SqliteEventRepository::new(self.pool.clone());
        let replay: QueryReplay<_, _, Counter> = QueryReplay::new(repository, totals);
        replay.replay_all().await.expect("it is read");
        total.load(Ordering::Relaxed)
    }
}
