//! Keys in an event store survive the process, however it ends.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use nether::eventstore::{Position, Store};
use nether::prelude::*;
use nether_sqlite::SqliteStore;
use nether_tests::Folder;
use nether_tests::http::{Answer, JSON, connect, head_and_body, request};

use crate::outcomes::repeated;
use crate::till::{self, End, Shop, TILLS, pass, waiting};

async fn shop(folder: &Folder) -> Shop {
    let store = SqliteStore::open(folder.file()).expect("nothing else has it open");
    Shop::open(Some(Store::new(store)), |server| server).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_survives_a_restart() {
    let folder = Folder::new("idempotency");
    let before = shop(&folder).await;
    let mut answers = Vec::new();
    for till in TILLS {
        answers.push(before.pay(till, "paid", End::Paid).await);
        answers.push(before.pay(till, "broken", End::Broken).await);
    }
    before.system.shutdown().await;
    drop(before);

    let after = shop(&folder).await;
    let mut first = answers.iter();
    for till in TILLS {
        for (key, end) in [("paid", End::Paid), ("broken", End::Broken)] {
            let first = first.next().expect("there is one for each");
            let again = after.pay(till, key, end).await;
            assert_eq!(repeated(&again), repeated(first));
        }
        let other = after.pay(till, "paid", End::Refused).await;
        assert_eq!(other.status, 422, "{other:?}");
    }
    assert_eq!(after.control.paid(), 0);
}

#[tokio::test]
async fn a_stop_waits_for_commands_whose_clients_were_answered_before() {
    for till in TILLS {
        let folder = Folder::new("idempotency");
        let before = shop(&folder).await;
        let mut client = connect(&before.at).await;
        client.write(waiting(till, "k", End::Paid, 5)).await;
        before.control.begun().await;
        pass(Duration::from_secs(5)).await;
        assert!(client.rest().await.contains(" 504 "));
        let system = before.system.clone();
        let stopping = tokio::spawn(async move { system.shutdown().await });
        tokio::task::yield_now().await;
        before.control.go_on();
        let report = stopping.await.expect("it does not panic");
        assert!(report.cut_off.is_empty(), "{report}");
        drop(before);

        let after = shop(&folder).await;
        let done = after.pay_waiting_until_done(till, "k", End::Paid).await;
        assert_eq!((done.status, done.body.as_str()), (201, "1"), "{till}");
        assert_eq!(after.control.paid(), 0);
    }
}

#[tokio::test]
async fn the_key_of_a_command_that_a_stop_cuts_off_is_unknown_or_its_outcome_comes_later() {
    let second = Duration::from_secs(1);
    for till in TILLS {
        let store = Store::memory();
        let builder = System::builder().isolated().shutdown_timeout(second);
        let system = builder.provide(store.clone()).start().await;
        let set = |server: nether::http::Server| server.request_timeout(second);
        let before = Shop::opened(system.expect("the program is sound"), set).await;
        let mut client = connect(&before.at).await;
        client.write(waiting(till, "k", End::Paid, 1)).await;
        before.control.begun().await;
        let system = before.system.clone();
        let stopping = tokio::spawn(async move { system.shutdown().await });
        while !stopping.is_finished() {
            pass(second / 4).await;
        }
        let after = Shop::open(Some(store), |server| server).await;
        let headers = [JSON, ("idempotency-key", "k")];
        let again = request(&after.at, till, &headers, &till::body(End::Paid, true)).await;
        assert_eq!(again.status, 409, "{till}: {again:?}");
        if till == TILLS[0] {
            // Its handler was dropped where it was.
            assert!(again.body.contains("not known whether"), "{again:?}");
        } else {
            // Its handler runs on as long as the process does.
            assert_eq!(again.header("retry-after"), "1", "{again:?}");
            before.control.go_on();
            let done = after.pay_waiting_until_done(till, "k", End::Paid).await;
            assert_eq!((done.status, done.body.as_str()), (201, "1"), "{done:?}");
        }
        assert_eq!(after.control.paid(), 0);
    }
}

/// A process that takes payments, until this is dropped: then it is killed.
struct Paying {
    process: Child,
    out: BufReader<ChildStdout>,
    at: String,
}

impl Paying {
    fn start(file: &Path, arguments: &[&str]) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_paying"))
            .arg(file)
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .expect("it can be started");
        let out = BufReader::new(process.stdout.take().expect("it is piped"));
        let at = String::new();
        let mut paying = Paying { process, out, at };
        paying.at = paying.line();
        paying
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.out.read_line(&mut line).expect("it can be read");
        line.trim().to_owned()
    }

    async fn pay(&self, till: &str, key: &str) -> Answer {
        let headers = [JSON, ("idempotency-key", key)];
        request(&self.at, till, &headers, body(till)).await
    }

    /// Sends a payment, and lets it begin.
    async fn begin(&mut self, till: &str, key: &str) {
        let headers = [JSON, ("idempotency-key", key)];
        let mut client = connect(&self.at).await;
        client
            .write(head_and_body(till, &headers, body(till)))
            .await;
        assert_eq!(self.line(), "begun");
    }
}

impl Drop for Paying {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

const DEPOSIT: &str = "POST /deposits/ann";

fn body(till: &str) -> &str {
    match till {
        DEPOSIT => r#"{"amount":5}"#,
        _ => "",
    }
}

#[tokio::test]
async fn the_key_of_a_command_that_was_killed_is_unknown_in_the_next_process() {
    let folder = Folder::new("idempotency");
    let mut killed = Paying::start(&folder.file(), &["--hold"]);
    for till in TILLS {
        killed.begin(till, "k").await;
    }
    drop(killed);
    for _ in 0..2 {
        let next = Paying::start(&folder.file(), &[]);
        for till in TILLS {
            let unknown = next.pay(till, "k").await;
            assert_eq!(unknown.status, 409, "{till}: {unknown:?}");
            assert!(unknown.body.contains("not known whether"), "{unknown:?}");
            assert_eq!(unknown.header("retry-after"), "", "it does not change");
            assert_eq!(next.pay(till, "other").await.status, 201);
        }
    }
}

#[tokio::test]
async fn a_command_of_an_aggregate_that_was_killed_is_stored_once_and_answered() {
    let folder = Folder::new("idempotency");
    let mut killed = Paying::start(&folder.file(), &["--hold"]);
    // Its event is stored, its answer is not.
    killed.begin(DEPOSIT, "k").await;
    assert_eq!(killed.pay(DEPOSIT, "k").await.status, 409);
    drop(killed);
    for _ in 0..2 {
        let next = Paying::start(&folder.file(), &[]);
        let done = next.pay(DEPOSIT, "k").await;
        assert_eq!((done.status, done.body.as_str()), (201, "5"), "{done:?}");
    }
    let store = SqliteStore::open(folder.file()).expect("nothing else has it open");
    let store = Store::new(store);
    let events = store.read_all(Position::START, 10).await.unwrap();
    assert_eq!(events.len(), 1);
}
