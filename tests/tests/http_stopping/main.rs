//! How a server stops: no client that has connected is reset, no client that sends nothing delays it, and
//! what has no more time is cut off with an answer and a line in the log.

mod upgrades;

use std::io::{Read, Write};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::get as on_get;
use futures_util::stream;
use nether::ShutdownReport;
use nether::http::{Server, ServerStarted};
use nether::prelude::*;
use nether_tests::Lines;
use nether_tests::frames::Frames;
use nether_tests::http::{PATIENCE, connect, head_and_body, open};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

#[query(reply = u8, http = "GET /hello")]
pub struct Hello;

/// Is never answered.
#[query(reply = u8, http = "GET /shared/{number}")]
pub struct AskShared {
    pub number: u8,
}

/// Is never done.
#[command(http = "POST /shared/{number}")]
pub struct HangShared {
    pub number: u8,
}

/// Is never done.
#[command(http = "POST /exclusive/{number}")]
pub struct HangExclusive {
    pub number: u8,
}

static BEGUN: Notify = Notify::const_new();

async fn never() {
    BEGUN.notify_one();
    std::future::pending::<()>().await;
}

#[derive(Debug, Default)]
pub struct Shared;

#[module(handles = [Hello, AskShared, HangShared])]
impl Shared {
    async fn hello(&self, _: Hello) -> u8 {
        1
    }

    async fn ask(&self, _: AskShared) -> u8 {
        never().await;
        1
    }

    async fn hang(&self, _: HangShared) {
        never().await;
    }
}

#[derive(Debug, Default)]
pub struct Exclusive;

#[module(handles = HangExclusive)]
impl Exclusive {
    async fn hang(&mut self, _: HangExclusive) {
        never().await;
    }
}

#[nether::routes]
fn own() -> Router<System> {
    let endless = || {
        Body::from_stream(stream::once(async { Ok::<_, std::io::Error>("begun") }).chain_pending())
    };
    Router::new()
        .route("/own/hang", on_get(never))
        .route("/own/stream", on_get(async move || endless()))
        .route("/own/{protocol}/{kind}/{test}", on_get(upgrades::upgrade))
}

trait ChainPending: Sized {
    fn chain_pending(self) -> stream::Chain<Self, stream::Pending<Self::Item>>
    where
        Self: futures_util::Stream,
    {
        futures_util::StreamExt::chain(self, stream::pending())
    }
}

impl<S> ChainPending for S {}

async fn started(patience: Duration) -> System {
    let builder = System::builder().shutdown_timeout(patience);
    builder.start().await.expect("the program is sound")
}

fn stopping(system: &System) -> tokio::task::JoinHandle<ShutdownReport> {
    let system = system.clone();
    tokio::spawn(async move { system.shutdown().await })
}

#[tokio::test(start_paused = true)]
async fn who_has_sent_half_of_a_head_or_nothing_does_not_hold_a_stop_up() {
    for begun in [
        "",
        "G",
        "P",
        "GET /hello HTTP/1.1\r\nhost: localhost\r\n",
        "PRI * HTTP/2.0\r\n\r\n",
        // The preface, settings, and a head that does not end.
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0\0\0\x01\x01\0\0\0\0\x01\u{2}",
        // One that was answered, and half of another one.
        "GET /hello HTTP/1.1\r\nhost: localhost\r\n\r\n",
        "GET /hello HTTP/1.1\r\nhost: localhost\r\n\r\nGET /hel",
    ] {
        let system = started(PATIENCE * 3).await;
        let at = open(&system, Server::new(&system)).await;
        let mut held = connect(&at).await;
        held.write(begun).await;
        if begun.contains("host: localhost\r\n\r\n") {
            held.until("\r\n\r\n1").await;
        }
        let asked = Instant::now();
        let report = timeout(PATIENCE, system.shutdown()).await;
        let report = report.unwrap_or_else(|_| panic!("{begun:?} holds it up"));
        assert!(!report.has_cut_off(), "{begun:?}: {report}");
        assert!(
            asked.elapsed() < PATIENCE / 4,
            "{begun:?}: {:?}",
            asked.elapsed()
        );
        held.rest().await;
    }
}

/// The head of what comes on a connection that is not accepted yet.
async fn answered(stream: std::net::TcpStream) -> String {
    stream.set_nonblocking(true).expect("it can be");
    let mut stream = TcpStream::from_std(stream).expect("it is in a runtime");
    let mut answer = Vec::new();
    let read = timeout(PATIENCE, stream.read_to_end(&mut answer)).await;
    read.expect("it ends").expect("it is not reset");
    String::from_utf8_lossy(&answer)
        .lines()
        .next()
        .unwrap_or_default()
        .to_owned()
}

#[tokio::test(start_paused = true)]
async fn who_waits_to_be_accepted_when_a_server_stops_gets_an_answer() {
    for asks_at_once in [true, false] {
        let system = started(PATIENCE * 2).await;
        let at = open(&system, Server::new(&system).max_connections(10)).await;
        let request = head_and_body("GET /hello", &[], "");
        // The machine connects them; the server has not been asked yet.
        let mut waiting = Vec::new();
        for _ in 0..100 {
            let mut stream = std::net::TcpStream::connect(&at).expect("it is open");
            if asks_at_once {
                stream.write_all(request.as_bytes()).expect("it is taken");
            }
            waiting.push(stream);
        }
        let stopping = stopping(&system);
        while std::net::TcpStream::connect(&at).is_ok() {
            tokio::task::yield_now().await;
        }
        for stream in &mut waiting {
            if !asks_at_once {
                stream.write_all(request.as_bytes()).expect("it is taken");
            }
        }
        let mut counts = [0, 0];
        for stream in waiting {
            match answered(stream).await.as_str() {
                "HTTP/1.1 200 OK" => counts[0] += 1,
                "HTTP/1.1 503 Service Unavailable" => counts[1] += 1,
                other => panic!("{other:?} after {counts:?}"),
            }
        }
        assert_eq!(counts[0] + counts[1], 100);
        let report = stopping.await.expect("it does not panic");
        assert!(!report.has_cut_off(), "{report}");
    }
}

/// How many requests [`asking`] has had answers to.
static ANSWERED: AtomicU32 = AtomicU32::new(0);

/// Sends requests on connections of their own until the address is closed. How many connections ended without
/// an answer.
fn asking(address: &str) -> u32 {
    let request = head_and_body("GET /hello", &[], "");
    let mut unanswered = 0;
    while let Ok(mut stream) = std::net::TcpStream::connect(address) {
        let mut answer = String::new();
        let asked = stream.write_all(request.as_bytes());
        let read = asked.and_then(|()| stream.read_to_string(&mut answer));
        if read.is_ok() && answer.starts_with("HTTP/1.1 ") {
            ANSWERED.fetch_add(1, Ordering::SeqCst);
        } else {
            unanswered += 1;
        }
    }
    unanswered
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_connects_while_a_server_stops_is_answered_or_refused() {
    let mut unanswered = 0;
    for _ in 0..10 {
        let system = started(PATIENCE * 2).await;
        let at = open(&system, Server::new(&system)).await;
        let asking = || {
            tokio::task::spawn_blocking({
                let at = at.clone();
                move || asking(&at)
            })
        };
        let clients: Vec<_> = (0..8).map(|_| asking()).collect();
        let before = ANSWERED.load(Ordering::SeqCst);
        while ANSWERED.load(Ordering::SeqCst) < before + 100 {
            tokio::task::yield_now().await;
        }
        let report = system.shutdown().await;
        assert!(!report.has_cut_off(), "{report}");
        for client in clients {
            unanswered += client.await.expect("it does not panic");
        }
    }
    // Between the last one that is accepted and the end of the address are some microseconds.
    assert!(unanswered <= 2, "{unanswered} clients had no answer");
}

#[tokio::test]
async fn what_has_no_more_time_is_cut_off_with_an_answer_and_a_line_in_the_log() {
    let (lines, _guard) = Lines::of_this_thread();
    for (line, path) in [
        ("GET /shared/7", "/shared/{number}"),
        ("POST /shared/7", "/shared/{number}"),
        ("POST /exclusive/7", "/exclusive/{number}"),
        ("GET /own/hang", "/own/hang"),
    ] {
        let system = started(Duration::from_secs(1)).await;
        let server = Server::new(&system).request_timeout(Duration::MAX);
        let at = open(&system, server).await;
        let mut cut = connect(&at).await;
        let headers = [
            ("x-request-id", "the-one"),
            ("content-type", "application/json"),
        ];
        cut.write(head_and_body(line, &headers, "")).await;
        BEGUN.notified().await;
        let stopping = stopping(&system);
        let answer = cut.rest().await;
        assert!(answer.starts_with("HTTP/1.1 503"), "{line}: {answer:?}");
        assert!(
            answer.contains("the-one") && answer.contains("retry-after"),
            "{answer}"
        );
        let report = stopping.await.expect("it does not panic");
        assert!(report.has_cut_off(), "{line}: {report}");
        let log = lines.take();
        let (method, _) = line.split_once(' ').expect("there is a path");
        let cut_off = |it: &&str| it.contains("WARN") && it.contains("was cut off");
        let told: Vec<_> = log.lines().filter(cut_off).collect();
        let [told] = told[..] else {
            panic!("{line}: {log}")
        };
        for says in [method, path, "the-one"] {
            assert!(told.contains(says), "{says} is not in {told}");
        }
        assert_eq!(report.requests_cut_off, 1, "{line}: {report}");
        assert!(log.contains("1 requests cut off"), "{log}");
    }
}

#[tokio::test]
async fn an_answer_that_does_not_end_is_cut_off_and_counted() {
    let (lines, _guard) = Lines::of_this_thread();
    let system = started(Duration::from_secs(1)).await;
    let server = Server::new(&system).request_timeout(Duration::MAX);
    let at = open(&system, server).await;
    let mut cut = connect(&at).await;
    cut.write(head_and_body("GET /own/stream", &[], "")).await;
    cut.until("begun").await;
    let report = system.shutdown().await;
    assert_eq!(report.requests_cut_off, 1, "{report}");
    cut.rest().await;
    let log = lines.take();
    assert!(
        log.contains("cut off while it was sent") && log.contains("/own/stream"),
        "{log}"
    );
}

#[tokio::test]
async fn requests_of_http_2_are_cut_off_with_an_answer_too() {
    let system = started(Duration::from_secs(1)).await;
    let server = Server::new(&system).request_timeout(Duration::MAX);
    let at = open(&system, server).await;
    let mut cut = Frames::connect(&at).await;
    cut.ask(1, "POST", "/shared/7").await;
    BEGUN.notified().await;
    let stopping = stopping(&system);
    cut.until(nether_tests::frames::HEADERS, 1).await;
    let report = stopping.await.expect("it does not panic");
    assert_eq!(report.requests_cut_off, 1, "{report}");
}

#[tokio::test]
async fn the_caller_of_serve_learns_what_the_stop_cut_off() {
    let system = started(Duration::from_secs(1)).await;
    let mut started = system.subscribe::<ServerStarted>();
    let server = Server::new(&system).request_timeout(Duration::MAX);
    let serving = tokio::spawn(server.serve("127.0.0.1:0"));
    let at = started.next().await.expect("it runs").address.clone();
    let mut cut = connect(&at).await;
    cut.write(head_and_body("GET /own/hang", &[], "")).await;
    BEGUN.notified().await;
    let report = system.shutdown().await;
    assert_eq!(report.requests_cut_off, 1, "{report}");
    let error = serving
        .await
        .expect("it does not panic")
        .expect_err("something was cut off");
    assert!(error.to_string().contains("1 requests cut off"), "{error}");
}
