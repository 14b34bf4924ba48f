//! Programs that are suspended in the middle of what they do.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use nether::Transaction;
use nether::eventstore::{EventStore, Store};
use nether::prelude::*;
use nether_postgres::PostgresStore;
use nether_postgres_tests::{Database, Server};

use crate::ledger;
use crate::support::{all, any, connected, persistently, until, within};

/// What a suspended program is to others: the time limits of its sessions, and some for a machine with much
/// to do.
const BOUND: Duration = Duration::from_secs(12);

/// Another process, the program `suspended`.
struct Program(Child);

impl Program {
    fn start(role: &str, database: &Database<'_>) -> Program {
        let child = Command::new(env!("CARGO_BIN_EXE_suspended"))
            .args([role, &database.address()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        Program(child.unwrap())
    }

    /// Waits until it says that.
    fn says(&mut self, what: &str) {
        let out = self.0.stdout.as_mut().unwrap();
        let mut line = String::new();
        let mut out = BufReader::with_capacity(1, out);
        while !line.contains(what) {
            line.clear();
            assert!(out.read_line(&mut line).unwrap() > 0, "it says {what}");
        }
    }

    fn tell(&mut self) {
        self.0.stdin.as_mut().unwrap().write_all(b"\n").unwrap();
    }

    fn signal(&self, signal: &str) {
        let mut kill = Command::new("kill");
        let sent = kill.args(["-s", signal]).arg(self.0.id().to_string());
        assert!(sent.status().unwrap().success());
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn started(store: PostgresStore) -> (System, Store) {
    let store = Store::new(store).lease_time(Duration::from_secs(1));
    ledger::started_on(store, Arc::new(|_| None)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_is_suspended_while_it_appends_delays_others_for_a_limited_time() {
    let database = Server::shared().database().await;
    let store = connected(&database).await;
    let mut program = Program::start("appends", &database);
    program.says("appending");
    for n in 0..40 {
        program.signal("STOP");
        let since = Instant::now();
        let one = any("a/1", &n.to_string());
        persistently(async || store.append(one.clone()).await).await;
        assert!(since.elapsed() < BOUND, "{:?}", since.elapsed());
        program.signal("CONT");
    }
    drop(program);
    let log = all(&store).await;
    let own = log.iter().filter(|it| it.stream.as_str() == "a/1");
    assert_eq!(own.count(), 40);
    let of = |stream: &str| log.iter().filter(|it| it.stream.as_str() == stream).count();
    assert_eq!(of("p/1"), of("p/2"), "what is appended together is whole");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_is_suspended_in_a_transaction_loses_it() {
    let database = Server::shared().database().await;
    let store = connected(&database).await;
    let client = database.client().await;
    ledger::make(&client).await;
    let mut program = Program::start("transaction", &database);
    program.says("begun");
    program.signal("STOP");
    within(BOUND, "an append", store.append(any("a/1", "one")))
        .await
        .unwrap();
    within(BOUND, "its locks", async {
        persistently(async || {
            let transaction = store.begin().await?;
            let inserted = transaction
                .batch_execute("INSERT INTO ledger VALUES (2)")
                .await;
            if inserted.is_err() {
                let _ = transaction.rollback().await;
                let reason = "the table is locked".to_owned();
                return Err(nether::eventstore::StoreError::Locked { reason });
            }
            transaction.commit().await.unwrap();
            Ok(())
        })
        .await;
    })
    .await;
    program.signal("CONT");
    program.tell();
    program.says("refused");
    assert_eq!(ledger::rows(&client).await, [2]);
    assert_eq!(all(&store).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_is_suspended_writes_nothing_after_it_has_lost_its_lease() {
    let database = Server::shared().database().await;
    let client = database.client().await;
    ledger::make(&client).await;
    let apart = Store::new(connected(&database).await);
    ledger::note(&apart, 0).await.unwrap();
    let mut program = Program::start("projects", &database);
    program.says("leads");
    let (system, store) = started(connected(&database).await).await;
    program.signal("STOP");
    for n in 1..21 {
        ledger::note(&apart, n).await.unwrap();
    }
    until("another takes over", async || {
        ledger::rows(&client).await.len() == 21
    })
    .await;
    program.signal("CONT");
    for n in 21..41 {
        ledger::note(&apart, n).await.unwrap();
    }
    until("all are handled", async || {
        ledger::rows(&client).await.len() >= 41
    })
    .await;
    let all: Vec<u32> = (0..41).collect();
    assert_eq!(ledger::rows(&client).await, all, "each effect once");
    drop((system, store));
}
