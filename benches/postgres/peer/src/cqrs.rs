//! `cqrs-es` with `postgres-es`.

use cqrs_es::event_sink::EventSink;
use cqrs_es::{Aggregate, DomainEvent};
use postgres_es::{PostgresCqrs, default_postgress_pool, postgres_cqrs};
use serde::{Deserialize, Serialize};

use crate::Peer;

/// As its documentation has it.
const TABLE: &str = "CREATE TABLE events (
    aggregate_type text NOT NULL, aggregate_id text NOT NULL, sequence bigint CHECK (sequence >= 0) NOT NULL,
    event_type text NOT NULL, event_version text NOT NULL, payload json NOT NULL, metadata json NOT NULL,
    PRIMARY KEY (aggregate_type, aggregate_id, sequence))";

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

struct Add;

impl Aggregate for Counter {
    const TYPE: &'static str = "counter";
    type Command = Add;
    type Event = Added;
    type Error = Never;
    type Services = ();

    async fn handle(&mut self, _: Add, _: &(), sink: &EventSink<Self>) -> Result<(), Never> {
        sink.write(Added { by: 1 }, self).await;
        Ok(())
    }

    fn apply(&mut self, event: Added) {
        self.count += event.by;
    }
}

pub(crate) struct CqrsEs(PostgresCqrs<Counter>);

pub(crate) async fn open(address: &str) -> CqrsEs {
    let pool = default_postgress_pool(address).await;
    sqlx::query(TABLE)
        .execute(&pool)
        .await
        .expect("it is not there");
    CqrsEs(postgres_cqrs(pool, Vec::new(), ()))
}

impl Peer for CqrsEs {
    async fn add(&self, counter: usize) {
        let done = self.0.execute(&format!("counter-{counter}"), Add).await;
        done.expect("it is stored");
    }
}
