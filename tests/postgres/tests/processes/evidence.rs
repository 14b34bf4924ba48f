//! What is left of a run, in the database and in the journals of its processes.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use nether_postgres_tests::checker::{Effect, Operation, Outcome, Run, Said, StoredNumber};
use nether_postgres_tests::{Database, Server};
use tokio::time::interval;
use tokio_postgres::Client;

use crate::appender::{Journals, Rows};

/// How often it is looked whether all is done.
const LOOK: Duration = Duration::from_millis(50);

/// A database with the tables of the projection. Within transactions a second row for a number is refused.
pub async fn database(rows: Rows) -> (Database<'static>, Client) {
    let database = Server::shared().database().await;
    let client = database.client().await;
    let unique = match rows {
        Rows::Within => "UNIQUE",
        Rows::Beside => "",
    };
    let tables = format!(
        "CREATE TABLE effects (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, \
         position bigint NOT NULL, key text NOT NULL, number bigint NOT NULL {unique}, \
         process text NOT NULL, epoch bigint NOT NULL); \
         CREATE TABLE sums (key text PRIMARY KEY, sum bigint NOT NULL)"
    );
    client
        .batch_execute(&tables)
        .await
        .expect("they can be made");
    (database, client)
}

/// Waits until everything is handled that is stored.
pub async fn settle(client: &Client) {
    let sql = "SELECT (SELECT count(*) FROM nether.events WHERE name = 'appender.added') \
            = (SELECT count(DISTINCT number) FROM effects) \
        AND NOT EXISTS (SELECT FROM nether.documents WHERE collection = 'saga/notes') \
        AND (SELECT count(*) FROM nether.documents, nether.head WHERE collection = 'checkpoint' \
            AND convert_from(content, 'UTF8')::bigint = head.position) = 2";
    let settled = async {
        let mut looks = interval(LOOK);
        loop {
            looks.tick().await;
            let row = client.query_one(sql, &[]).await.expect("it can be read");
            if row.get(0) {
                return;
            }
        }
    };
    let in_time = tokio::time::timeout(Duration::from_secs(120), settled).await;
    if in_time.is_err() {
        let sql = "SELECT collection || ' ' || key || ' ' || convert_from(content, 'UTF8') FROM nether.documents";
        let rows = client.query(sql, &[]).await.expect("it can be read");
        let documents: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        panic!("all is handled in the end:\n{}", documents.join("\n"));
    }
}

/// Everything that is known of a run that has come to rest.
pub async fn run(client: &Client, journals: &Journals) -> Run {
    let mut run = Run {
        log: log(client).await,
        parked: parked(client).await,
        ..Run::default()
    };
    let sql = "SELECT position, key, number, process, epoch FROM effects ORDER BY id";
    for row in client.query(sql, &[]).await.expect("it can be read") {
        run.effects.push(Effect {
            position: number(row.get(0)),
            key: row.get(1),
            number: number(row.get(2)),
            process: row.get(3),
            epoch: number(row.get(4)),
        });
    }
    let sql = "SELECT key, sum FROM sums";
    for row in client.query(sql, &[]).await.expect("it can be read") {
        run.sums.insert(row.get(0), number(row.get(1)));
    }
    let files = std::fs::read_dir(journals.path()).expect("it is there");
    for file in files {
        let path = file.expect("it can be read").path();
        let text = std::fs::read_to_string(path).expect("it can be read");
        read_journal(&text, &mut run);
    }
    run
}

fn number(number: i64) -> u64 {
    number.cast_unsigned()
}

async fn log(client: &Client) -> Vec<StoredNumber> {
    let sql = "SELECT position, stream, version, name, content ->> 'key', (content ->> 'number')::bigint, \
        (content ->> 'note')::bigint FROM (SELECT *, CASE WHEN name LIKE 'appender.%' \
        THEN convert_from(payload, 'UTF8')::json END AS content FROM nether.events) AS events ORDER BY position";
    let rows = client.query(sql, &[]).await.expect("it can be read");
    let read = rows.iter().map(|row| StoredNumber {
        position: number(row.get(0)),
        stream: row.get(1),
        version: number(row.get(2)),
        said: match row.get(3) {
            "appender.added" => Said::Added(row.get(4), number(row.get(5))),
            "appender.noted" => Said::Noted(number(row.get(6))),
            _ => Said::Other,
        },
    });
    read.collect()
}

/// The numbers whose events the projection has parked.
async fn parked(client: &Client) -> BTreeSet<u64> {
    let sql = "SELECT (convert_from(e.payload, 'UTF8')::json ->> 'number')::bigint \
        FROM nether.documents d JOIN nether.events e \
        ON e.position = (convert_from(d.content, 'UTF8')::json ->> 'position')::bigint \
        WHERE d.collection = 'parked/rows'";
    let rows = client.query(sql, &[]).await.expect("it can be read");
    rows.iter().map(|row| number(row.get(0))).collect()
}

/// What the journal of a process says. Its last line may be cut off.
fn read_journal(text: &str, run: &mut Run) {
    let mut process = String::new();
    let (mut begun, mut seen) = (HashMap::new(), Vec::new());
    for line in text
        .split_inclusive('\n')
        .filter_map(|it| it.strip_suffix('\n'))
    {
        let words: Vec<&str> = line.splitn(4, ' ').collect();
        let parsed = |word: usize| words[word].parse::<u64>().expect("it is a number");
        match words[0] {
            "process" => process = words[1].to_owned(),
            "saw" => seen.push(parsed(1)),
            kind @ ("add" | "read") => {
                begun.insert(parsed(1), run.operations.len());
                run.operations.push(Operation {
                    process: process.clone(),
                    key: words[3].to_owned(),
                    number: parsed(1),
                    is_read: kind == "read",
                    began: parsed(2),
                    ended: u64::MAX,
                    outcome: Outcome::Unknown,
                });
            }
            "ok" => {
                let operation = &mut run.operations[begun[&parsed(1)]];
                operation.ended = parsed(2);
                let list = words[3].split(',').filter(|it| !it.is_empty());
                let list = list.map(|it| it.parse().expect("it is a number"));
                operation.outcome = Outcome::Ok(list.collect());
            }
            // It may be done later, so it has no end.
            "unknown" => {}
            other => panic!("a journal has no `{other}`"),
        }
    }
    run.followers.push(seen);
}
