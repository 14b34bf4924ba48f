//! What clients of all kinds leave behind when they have gone: nothing, neither memory nor open files.

use std::alloc::System as Allocator;
use std::fs;

use nether::http::Server;
use nether::prelude::*;
use nether_tests::frames::{Frames, HEADERS};
use nether_tests::http::{JSON, PATIENCE, connect, get, head_and_body, open, post, request};
use nether_tests::{Folder, in_use};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

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

/// A little of everything, good and bad.
async fn round(at: &str) {
    let long = format!("{{\"text\":\"{}\"}}", "a".repeat(100_000));
    assert_eq!(post(at, "/texts", &long).await.status, 201);
    assert_eq!(get(at, "/bytes?count=100000").await.status, 200);
    assert_eq!(get(at, "/files/page").await.status, 200);
    assert_eq!(request(at, "POST /texts", &[], &long).await.status, 415);
    let declared = [JSON, ("content-length", "99999999")];
    assert_eq!(request(at, "POST /texts", &declared, "").await.status, 413);
    assert_eq!(post(at, "/texts", "{").await.status, 400);
    assert_eq!(get(at, "/nowhere").await.status, 404);
    // Those that go before they are done.
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
            tokio::task::yield_now().await;
        }
    };
    let settled = tokio::time::timeout(PATIENCE, settling).await;
    settled.unwrap_or_else(|_| panic!("{} of {what} are in use, and were {most}", used()));
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_have_gone_leave_neither_memory_nor_open_files() {
    let folder = Folder::new("load");
    fs::write(folder.0.join("page"), "x".repeat(1000)).expect("it can be written");
    let system = System::start().await.expect("the program is sound");
    let at = open(&system, Server::new(&system).files("/files", &folder.0)).await;
    for _ in 0..3 {
        round(&at).await;
    }
    let (files, bytes) = (open_files() as i64, in_use());
    for _ in 0..10 {
        round(&at).await;
    }
    settled("the files", files, || open_files() as i64).await;
    // The feed keeps events, and maps keep what they once needed.
    settled("the bytes", bytes + (256 << 10), in_use).await;
}
