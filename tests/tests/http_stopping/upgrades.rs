//! Connections that have left HTTP behind: a stop tells web sockets, waits for the handlers of all of them,
//! and cuts off those that do not end.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::{Path, Request, State};
use axum::http::header::{CONNECTION, UPGRADE};
use axum::http::{HeaderName, StatusCode};
use futures_util::future::{Either, select};
use hyper_util::rt::TokioIo;
use nether::ShutdownReport;
use nether::http::{Server, StopServer};
use nether::prelude::*;
use nether_tests::Lines;
use nether_tests::http::{PATIENCE, connect, head_and_body, open};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

use crate::{started, stopping};

/// The Close frame of a server that goes away (RFC 6455, sections 5.5.1 and 7.4.1).
const GOING_AWAY: &[u8] = b"\x88\x02\x03\xe9";

/// What a client answers it with.
const ANSWER: &[u8] = b"\x88\x82\0\0\0\0\x03\xe9";

type Answer = (StatusCode, [(HeaderName, String); 2]);

/// What a test and the handler that it asks for tell each other.
#[derive(Default)]
struct Signals {
    begun: Notify,
    go_on: Notify,
    ended: Notify,
}

/// Those of the test of that name.
fn signals(test: &str) -> Arc<Signals> {
    static SIGNALS: Mutex<BTreeMap<String, Arc<Signals>>> = Mutex::new(BTreeMap::new());
    let mut signals = SIGNALS.lock().unwrap();
    Arc::clone(signals.entry(test.to_owned()).or_default())
}

/// Takes a connection over and does with it what the path says.
pub async fn upgrade(
    State(system): State<System>,
    Path((protocol, kind, test)): Path<(String, String, String)>,
    request: Request,
) -> Answer {
    let signals = signals(&test);
    if kind == "hangs" {
        signals.begun.notify_one();
        std::future::pending::<()>().await;
    }
    tokio::spawn(async move {
        let upgraded = hyper::upgrade::on(request).await.expect("it is taken over");
        signals.begun.notify_one();
        handle(TokioIo::new(upgraded), &kind, &system, &signals.go_on).await;
        signals.ended.notify_one();
    });
    let headers = [(CONNECTION, "upgrade".to_owned()), (UPGRADE, protocol)];
    (StatusCode::SWITCHING_PROTOCOLS, headers)
}

type Socket = TokioIo<hyper::upgrade::Upgraded>;

async fn handle(mut socket: Socket, kind: &str, system: &System, go_on: &Notify) {
    match kind {
        "reads" => read_all(&mut socket).await,
        "halves" => {
            send(&mut socket, b"\x81\x06abc").await.expect("it is open");
            go_on.notified().await;
            send(&mut socket, b"def").await.expect("it is open");
            read_all(&mut socket).await;
        }
        "writes" => {
            while send(&mut socket, b"\x81\x01x").await.is_ok() {
                go_on.notified().await;
            }
        }
        "says-so" => {
            let reading = std::pin::pin!(socket.read_u8());
            let stopped = std::pin::pin!(system.stop_requested());
            let first = select(reading, stopped).await;
            assert!(matches!(first, Either::Right(_)), "nothing was sent");
            send(&mut socket, b"\x81\x03bye\x88\0")
                .await
                .expect("it is open");
            read_all(&mut socket).await;
        }
        _ => std::future::pending().await,
    }
}

/// Reads until there is nothing more.
async fn read_all(socket: &mut Socket) {
    let mut bytes = Vec::new();
    let _ = socket.read_to_end(&mut bytes).await;
}

async fn send(socket: &mut Socket, bytes: &[u8]) -> std::io::Result<()> {
    socket.write_all(bytes).await?;
    socket.flush().await
}

/// A client whose connection was upgraded.
struct Client {
    stream: TcpStream,
    signals: Arc<Signals>,
}

impl Client {
    async fn upgraded(at: &str, path: &str) -> Client {
        let stream = TcpStream::connect(at).await.expect("it is open");
        let test = path.rsplit('/').next().unwrap_or_default();
        let signals = signals(test);
        let mut client = Client { stream, signals };
        let request = format!(
            "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: any\r\n\r\n"
        );
        client.send(request.as_bytes()).await;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.extend(client.next(1).await);
        }
        assert!(head.starts_with(b"HTTP/1.1 101"), "{head:?}");
        client.signals.begun.notified().await;
        client
    }

    async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.expect("it is open");
    }

    /// The next so many bytes.
    async fn next(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        let read = timeout(PATIENCE, self.stream.read_exact(&mut bytes)).await;
        read.expect("they come").expect("it is open");
        bytes
    }

    /// All that comes until the server closes the connection.
    async fn rest(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let read = timeout(PATIENCE, self.stream.read_to_end(&mut bytes)).await;
        let _ = read.expect("it ends");
        bytes
    }
}

async fn served(patience: Duration) -> (System, String) {
    let system = started(patience).await;
    let server = Server::new(&system).request_timeout(Duration::MAX);
    let at = open(&system, server).await;
    (system, at)
}

#[track_caller]
fn check_in_order(report: &ShutdownReport, since: Instant) {
    assert!(!report.has_cut_off(), "{report}");
    assert!(since.elapsed() < PATIENCE / 4, "{:?}", since.elapsed());
}

async fn is_told(test: &str) {
    let (system, at) = served(PATIENCE * 3).await;
    let mut client = Client::upgraded(&at, &format!("/own/websocket/reads/{test}")).await;
    let (since, stopping) = (Instant::now(), stopping(&system));
    assert_eq!(client.next(GOING_AWAY.len()).await, GOING_AWAY);
    assert!(!stopping.is_finished(), "its handler is waited for");
    client.send(ANSWER).await;
    client.stream.shutdown().await.expect("it is open");
    client.signals.ended.notified().await;
    assert_eq!(client.rest().await, b"");
    check_in_order(&stopping.await.expect("it does not panic"), since);
}

#[tokio::test]
async fn a_web_socket_is_notified_that_the_server_stops_and_waited_for() {
    is_told("told").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_web_socket_is_notified_that_the_server_stops_on_several_threads() {
    is_told("told-on-threads").await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_answer_the_end_of_a_web_socket_does_not_hold_a_stop_up() {
    let (system, at) = served(PATIENCE * 3).await;
    let mut client = Client::upgraded(&at, "/own/websocket/reads/silent").await;
    let since = Instant::now();
    let report = timeout(PATIENCE, system.shutdown()).await;
    check_in_order(&report.expect("it does not hold it up"), since);
    assert_eq!(client.rest().await, GOING_AWAY);
}

#[tokio::test(start_paused = true)]
async fn a_web_socket_is_notified_behind_the_message_that_is_being_sent() {
    let (system, at) = served(PATIENCE * 3).await;
    let mut client = Client::upgraded(&at, "/own/websocket/halves/behind").await;
    assert_eq!(client.next(5).await, b"\x81\x06abc");
    let (since, stopping) = (Instant::now(), stopping(&system));
    tokio::time::sleep(Duration::from_secs(2)).await;
    client.signals.go_on.notify_one();
    let rest = client.rest().await;
    assert_eq!(rest, [b"def", GOING_AWAY].concat());
    check_in_order(&stopping.await.expect("it does not panic"), since);
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_only_writes_ends_once_the_web_socket_is_closed() {
    let (system, at) = served(PATIENCE * 3).await;
    let mut client = Client::upgraded(&at, "/own/websocket/writes/only").await;
    assert_eq!(client.next(3).await, b"\x81\x01x");
    let (since, stopping) = (Instant::now(), stopping(&system));
    tokio::time::sleep(Duration::from_secs(1)).await;
    client.signals.go_on.notify_one();
    let told = client.next(3 + GOING_AWAY.len()).await;
    assert_eq!(told, [b"\x81\x01x", GOING_AWAY].concat());
    client.signals.go_on.notify_one();
    assert_eq!(client.rest().await, b"");
    check_in_order(&stopping.await.expect("it does not panic"), since);
}

#[tokio::test(start_paused = true)]
async fn a_handler_may_say_itself_that_the_server_stops() {
    let (system, at) = served(PATIENCE * 3).await;
    let mut client = Client::upgraded(&at, "/own/websocket/says-so/itself").await;
    let (since, stopping) = (Instant::now(), stopping(&system));
    assert_eq!(client.rest().await, b"\x81\x03bye\x88\0");
    check_in_order(&stopping.await.expect("it does not panic"), since);
}

#[tokio::test]
async fn an_upgraded_connection_that_is_not_let_go_is_cut_off_and_counted() {
    for path in ["/own/websocket/holds/cut", "/own/other/reads/cut"] {
        let (lines, _guard) = Lines::of_this_thread();
        let (system, at) = served(Duration::from_secs(1)).await;
        let _client = Client::upgraded(&at, path).await;
        let report = timeout(PATIENCE, system.shutdown()).await;
        let report = report.expect("it is not waited for any longer");
        assert_eq!(report.requests_cut_off, 1, "{path}: {report}");
        let log = lines.take();
        let is_it =
            |line: &str| line.contains("upgraded connection was cut off") && line.contains(path);
        assert!(log.lines().any(is_it), "{log}");
    }
}

#[tokio::test]
async fn an_upgraded_connection_that_has_ended_before_holds_no_stop_up() {
    let (system, at) = served(PATIENCE * 3).await;
    let client = Client::upgraded(&at, "/own/other/reads/before").await;
    let signals = Arc::clone(&client.signals);
    drop(client);
    signals.ended.notified().await;
    let since = Instant::now();
    check_in_order(&system.shutdown().await, since);
}

#[tokio::test]
async fn an_address_is_closed_in_the_time_that_a_stop_may_take() {
    let (system, at) = served(Duration::from_secs(1)).await;
    let mut cut = connect(&at).await;
    let hangs = "GET /own/any/hangs/address-too";
    cut.write(head_and_body(hangs, &[], "")).await;
    signals("address-too").begun.notified().await;
    let _held = Client::upgraded(&at, "/own/other/holds/address").await;
    let ctx = system.context();
    let closed = timeout(PATIENCE, ctx.send(StopServer { address: at })).await;
    closed
        .expect("it does not wait any longer")
        .expect("it was open");
    let answer = cut.rest().await;
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer:?}");
    drop(ctx);
    assert_eq!(system.shutdown().await.requests_cut_off, 2);
}
