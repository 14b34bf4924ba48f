//! `cqrs-es` on its SQLite backend, with the pool that it makes by default (WAL, `synchronous = NORMAL`):
//! `peer <file> <aggregates> <commands>` prints how many microseconds a command takes when so many aggregates
//! are sent so many each, at the same time.

use std::sync::Arc;
use std::time::Instant;

use cqrs_es::event_sink::EventSink;
use cqrs_es::{Aggregate, DomainEvent};
use serde::{Deserialize, Serialize};
use sqlite_es::{default_sqlite_pool, sqlite_cqrs};

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

impl Aggregate for Counter {
    const TYPE: &'static str = "counter";
    type Command = ();
    type Event = Added;
    type Error = Never;
    type Services = ();

    async fn handle(&mut self, _: (), _: &(), sink: &EventSink<Self>) -> Result<(), Never> {
        sink.write(Added { by: 1 }, self).await;
        Ok(())
    }

    fn apply(&mut self, event: Added) {
        self.count += event.by;
    }
}

/// The tables that it wants.
const TABLES: &str = "CREATE TABLE events (
    aggregate_type text NOT NULL,
    aggregate_id text NOT NULL,
    sequence integer CHECK (sequence >= 0) NOT NULL,
    event_type text NOT NULL,
    event_version text NOT NULL,
    payload text NOT NULL,
    metadata text NOT NULL,
    PRIMARY KEY (aggregate_type, aggregate_id, sequence)
) STRICT";

#[tokio::main(worker_threads = 2)]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [file, aggregates, commands] = &arguments[..] else {
        panic!("peer <file> <aggregates> <commands>");
    };
    let aggregates: u64 = aggregates.parse().expect("a number");
    let commands: u64 = commands.parse().expect("a number");
    let pool = default_sqlite_pool(&format!("sqlite://{file}")).await;
    sqlx::query(TABLES).execute(&pool).await.expect("tables");
    let framework = Arc::new(sqlite_cqrs::<Counter>(pool, Vec::new(), ()));
    let began = Instant::now();
    let sending = (0..aggregates).map(|aggregate| {
        let framework = Arc::clone(&framework);
        tokio::spawn(async move {
            let id = aggregate.to_string();
            for _ in 0..commands {
                // Others write at the same time: it is tried until it succeeds, as a program would.
                while framework.execute(&id, ()).await.is_err() {}
            }
        })
    });
    for sending in sending.collect::<Vec<_>>() {
        sending.await.expect("no panic");
    }
    let each = began.elapsed().as_secs_f64() * 1e6 / (aggregates * commands) as f64;
    println!("{each}");
}
