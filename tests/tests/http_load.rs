//! What clients of all kinds leave behind when they have gone: nothing, neither memory nor open files.
//!
//! `NETHER_LOAD=60 cargo test --release -p nether-tests --test http_load -- --nocapture` goes on for so many
//! seconds, with several clients at once, and prints a line for each slice of that time.

use std::alloc::System as Allocator;
use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use nether::http::Server;
use nether::prelude::*;
use nether_tests::frames::{Frames, HEADERS};
use nether_tests::http::{JSON, PATIENCE, connect, get, head_and_body, open, post, request, send};
use nether_tests::{Folder, in_use};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use tokio::task::{JoinSet, yield_now};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<Allocator> = &INSTRUMENTED_SYSTEM;

#[command(reply = usize, http = "POST /texts")]
pub struct Put {
    pub text: String,
}

#[query(reply = String, http = "GET /bytes")]
pub struct Fill {
    pub count: usize,
}

#[event(http = "SSE /filled")]
pub struct Filled {
    pub count: usize,
}

#[derive(Debug, Default)]
pub struct Desk;

#[module(handles = [Put, Fill], emits = Filled)]
impl Desk {
    async fn put(&self, put: Put, ctx: &Context<Self>) -> usize {
        let _ = ctx.publish(Filled { count: 1 }).await;
        put.text.len()
    }

    async fn fill(&self, fill: Fill) -> String {
        "x".repeat(fill.count)
    }
}

/// How many clients there are at once for as long as `NETHER_LOAD` says.
const CLIENTS: u64 = 16;

/// How many samples are taken meanwhile.
const SLICES: u32 = 12;

/// How many bytes may be in use that were not before: the feed keeps events, and maps keep what they once
/// needed.
const SLACK: i64 = 256 << 10;

/// A little of everything, good and bad, from a client of that number.
async fn round(at: &str, number: u64) {
    answered(at).await;
    refused(at).await;
    keyed(at, number).await;
    leaving(at).await;
    slow(at).await;
}

/// What is answered.
async fn answered(at: &str) {
    let long = format!("{{\"text\":\"{}\"}}", "a".repeat(100_000));
    assert_eq!(post(at, "/texts", &long).await.status, 201);
    assert_eq!(get(at, "/bytes?count=100000").await.status, 200);
    assert_eq!(get(at, "/files/page").await.status, 200);
}

/// What is refused, for one reason each.
async fn refused(at: &str) {
    let long = "a".repeat(100_000);
    assert_eq!(request(at, "POST /texts", &[], &long).await.status, 415);
    let declared = [JSON, ("content-length", "99999999")];
    assert_eq!(request(at, "POST /texts", &declared, "").await.status, 413);
    assert_eq!(post(at, "/texts", "{").await.status, 400);
    assert_eq!(get(at, "/nowhere").await.status, 404);
    let foreign = [JSON, ("sec-fetch-site", "cross-site")];
    let text = r#"{"text":"a"}"#;
    assert_eq!(request(at, "POST /texts", &foreign, text).await.status, 403);
    let rebound =
        "GET /bytes?count=1 HTTP/1.1\r\nhost: attacker.example\r\nconnection: close\r\n\r\n";
    assert_eq!(send(at, rebound).await.status, 421);
}

/// Commands under keys: the client's own one again and again, and others until there is no room for them.
async fn keyed(at: &str, number: u64) {
    static FRESH: AtomicU64 = AtomicU64::new(0);
    let own = format!("own-{number}");
    let fresh = FRESH.fetch_add(1, Ordering::Relaxed);
    let put = async |key: &str| {
        let headers = [JSON, ("idempotency-key", key)];
        request(at, "POST /texts", &headers, r#"{"text":"a"}"#).await
    };
    for key in [own, format!("fresh-{fresh}")] {
        let answer = put(&key).await;
        assert!([201, 409, 503].contains(&answer.status), "{answer:?}");
    }
}

/// Those that go before they are done.
async fn leaving(at: &str) {
    for head in [
        "",
        "G",
        "POST /texts HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n\r\n{",
    ] {
        connect(at).await.write(head).await;
    }
    let mut lazy = connect(at).await;
    lazy.write(head_and_body("GET /bytes?count=9000000", &[], ""))
        .await;
    lazy.until("200 OK").await;
    let mut events = connect(at).await;
    events.write(head_and_body("GET /filled", &[], "")).await;
    events.until(": open").await;
    let mut frames = Frames::connect(at).await;
    for stream in 0..20 {
        frames.ask(2 * stream + 1, "GET", "/files/page").await;
    }
    frames.until(HEADERS, 1).await;
    for stream in 0..10 {
        frames.reset(2 * stream + 1).await;
    }
}

/// A client that sends one byte at a time.
async fn slow(at: &str) {
    let text = head_and_body("POST /texts", &[JSON], r#"{"text":"a"}"#);
    let mut connection = connect(at).await;
    for byte in text.bytes() {
        connection.write([byte]).await;
        yield_now().await;
    }
    connection.until("201 Created").await;
}

/// How many files the process has open.
fn open_files() -> usize {
    fs::read_dir("/proc/self/fd")
        .expect("there is /proc")
        .count()
}

/// Waits until as little is in use as there may be.
async fn settled(what: &str, most: i64, used: impl Fn() -> i64) {
    let settling = async {
        while used() > most {
            yield_now().await;
        }
    };
    let settled = tokio::time::timeout(PATIENCE, settling).await;
    settled.unwrap_or_else(|_| panic!("{} of {what} are in use, and were {most}", used()));
}

/// What is in use once all that was done is over.
#[derive(Debug, Clone, Copy)]
struct Used {
    files: i64,
    bytes: i64,
}

impl Used {
    fn now() -> Used {
        Used {
            files: open_files() as i64,
            bytes: in_use(),
        }
    }

    /// Waits until no more than this is in use, but for what may be kept.
    async fn is_all(self) {
        settled("the files", self.files, || open_files() as i64).await;
        settled("the bytes", self.bytes + SLACK, in_use).await;
    }
}

/// Several clients at once for so long; how many rounds they made.
async fn slice(at: &str, time: Duration) -> u64 {
    let end = Instant::now() + time;
    let mut clients = JoinSet::new();
    for number in 0..CLIENTS {
        let at = at.to_owned();
        clients.spawn(async move {
            let mut rounds = 0;
            while Instant::now() < end {
                round(&at, number).await;
                rounds += 1;
            }
            rounds
        });
    }
    clients.join_all().await.into_iter().sum()
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_have_gone_leave_neither_memory_nor_open_files() {
    let folder = Folder::new("load");
    fs::write(folder.0.join("page"), "x".repeat(1000)).expect("it can be written");
    let system = System::start().await.expect("the program is sound");
    let server = Server::new(&system).files("/files", &folder.0);
    // Few enough that what they keep is kept before anything is measured.
    let server = server.event_history(16).idempotency_limit(64 << 10);
    let at = open(&system, server).await;
    let idle = open_files() as i64;
    for number in 0..16 {
        round(&at, number % 2).await;
    }
    settled("the files", idle, || open_files() as i64).await;
    let before = Used::now();
    for number in 0..10 {
        round(&at, number % 2).await;
    }
    before.is_all().await;
    let Ok(seconds) = std::env::var("NETHER_LOAD") else {
        return;
    };
    let seconds = seconds
        .parse()
        .expect("`NETHER_LOAD` is a number of seconds");
    let time = Duration::from_secs(seconds) / SLICES;
    let _ = slice(&at, time).await;
    before.is_all().await;
    let before = Used::now();
    println!("rounds     KiB  files");
    for _ in 1..SLICES {
        let rounds = slice(&at, time).await;
        before.is_all().await;
        let Used { files, bytes } = Used::now();
        println!("{rounds:>6}  {:>6}  {files:>5}", bytes / 1024);
    }
}
