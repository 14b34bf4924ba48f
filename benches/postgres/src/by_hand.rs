//! Statements by hand: one transaction per event, positions of a `bigserial`, which has gaps and is not in
//! the order of commits.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::TryStreamExt;
use nether_postgres::tokio_postgres::{Client, Statement};
use nether_postgres_tests::Database;

use crate::{CONNECTIONS, Figures, PAYLOAD, Scale, median};

const TABLE: &str = "CREATE TABLE events (
    position bigserial PRIMARY KEY, stream text COLLATE \"C\" NOT NULL, version bigint NOT NULL, id uuid NOT NULL UNIQUE,
    name text COLLATE \"C\" NOT NULL, schema integer NOT NULL, encoding smallint NOT NULL, payload bytea NOT NULL,
    time bigint NOT NULL, correlation text, causation text, principal text, metadata text, UNIQUE (stream, version))";

const INSERT: &str =
    "INSERT INTO events (stream, version, id, name, schema, encoding, payload, time)
    VALUES ($1, $2, gen_random_uuid(), 'account.deposited', 1, 0, $3, 0)";

pub(crate) async fn measure(database: &Database<'_>, scale: Scale) -> Figures {
    let client = database.client().await;
    client.batch_execute(TABLE).await.expect("it is not there");
    let left = Arc::new(AtomicUsize::new(0));
    let began = Instant::now();
    let mut writing = Vec::new();
    for connection in 0..CONNECTIONS {
        let client = database.client().await;
        let insert = client.prepare(INSERT).await.expect("the table is there");
        let left = Arc::clone(&left);
        writing.push(tokio::spawn(async move {
            while left.fetch_add(1, Ordering::Relaxed) < scale.appends {
                let version = left.load(Ordering::Relaxed);
                append(&client, &insert, &format!("account/{connection}"), version).await;
            }
        }));
    }
    for writing in writing {
        writing.await.expect("it does not panic");
    }
    let busy = scale.appends as f64 / began.elapsed().as_secs_f64();
    Figures {
        busy,
        alone: alone(&client, scale).await,
        read: read(&client, scale).await,
    }
}

async fn append(client: &Client, insert: &Statement, stream: &str, version: usize) {
    let appended = client
        .execute(insert, &[&stream, &(version as i64), &PAYLOAD])
        .await;
    appended.expect("it can be written");
}

async fn alone(client: &Client, scale: Scale) -> Duration {
    let insert = client.prepare(INSERT).await.expect("the table is there");
    let mut times = Vec::new();
    for version in 0..scale.alone {
        let began = Instant::now();
        append(client, &insert, "account/alone", version).await;
        times.push(began.elapsed());
    }
    median(times)
}

/// Reads all events, and decodes nothing.
async fn read(client: &Client, scale: Scale) -> f64 {
    let fill = "INSERT INTO events (stream, version, id, name, schema, encoding, payload, time)
        SELECT 'filled/' || n % 1000, n, gen_random_uuid(), 'account.deposited', 1, 0, $1, 0 FROM generate_series(1, $2::int) n";
    let count = client
        .execute(fill, &[&PAYLOAD, &(scale.read as i32)])
        .await;
    count.expect("it can be written");
    let sql = "SELECT position, stream, version, id, name, schema, encoding, payload, time, correlation, causation,
        principal, metadata FROM events ORDER BY position";
    let began = Instant::now();
    let parameters: [&str; 0] = [];
    let rows = client
        .query_raw(sql, parameters)
        .await
        .expect("it can be read");
    let mut rows = pin!(rows);
    let mut count = 0;
    while rows.try_next().await.expect("it can be read").is_some() {
        count += 1;
    }
    f64::from(count) / began.elapsed().as_secs_f64()
}
