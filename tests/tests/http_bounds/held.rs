//! What counts for longer than its answer is waited for: a command without its client, a route at work, a
//! connection that was taken over.

use std::sync::Mutex;
use std::time::Duration;

use axum::extract::Request;
use axum::http::header::{CONNECTION, UPGRADE};
use axum::http::{HeaderName, StatusCode};
use hyper::upgrade::Upgraded;
use nether_tests::http::{JSON, PATIENCE, connect, get, head_and_body, post};
use tokio::time::timeout;

use crate::{HELD, LET_GO, OWN_BEGUN, check, desk};

/// What a route has taken over.
static TAKEN_OVER: Mutex<Option<Upgraded>> = Mutex::new(None);

/// Takes the connection over, as a web socket does.
pub async fn upgrade(request: Request) -> (StatusCode, [(HeaderName, &'static str); 2]) {
    tokio::spawn(async move {
        let upgraded = hyper::upgrade::on(request).await.expect("it is taken over");
        *TAKEN_OVER.lock().unwrap() = Some(upgraded);
    });
    let headers = [(CONNECTION, "upgrade"), (UPGRADE, "this")];
    (StatusCode::SWITCHING_PROTOCOLS, headers)
}

#[tokio::test]
async fn what_a_command_was_sent_takes_memory_until_it_is_done_also_if_its_client_has_gone() {
    let (_system, at) = desk(|server| server.body_memory(100_000)).await;
    let long = format!("{{\"text\":\"{}\"}}", "a".repeat(80_000));
    let length = long.len().to_string();
    let mut gone = connect(&at).await;
    let headers = [JSON, ("content-length", length.as_str())];
    gone.write(head_and_body("POST /held", &headers, &long))
        .await;
    let held = timeout(PATIENCE, HELD.notified()).await;
    held.expect("the command is begun");
    drop(gone);
    for _ in 0..50 {
        assert_eq!(post(&at, "/texts", &long).await.status, 503);
    }
    LET_GO.notify_one();
    let room = async { while post(&at, "/texts", &long).await.status == 503 {} };
    timeout(PATIENCE, room).await.expect("there is room again");
}

#[tokio::test]
async fn requests_that_routes_answer_count_until_they_are_answered() {
    let (_system, at) = desk(|server| server.max_requests(1)).await;
    let mut first = connect(&at).await;
    first.write(head_and_body("GET /own/nap", &[], "")).await;
    let begun = timeout(PATIENCE, OWN_BEGUN.notified()).await;
    begun.expect("the handler is begun");
    for path in ["/bytes?count=1", "/own/nap", "/nowhere"] {
        check(&get(&at, path).await, 503, "too busy");
    }
    drop(first);
    let room = async { while get(&at, "/bytes?count=1").await.status == 503 {} };
    timeout(PATIENCE, room).await.expect("there is room again");
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_was_taken_over_counts_as_one_until_it_is_closed() {
    let (_system, at) = desk(|server| server.max_connections(1)).await;
    let mut first = connect(&at).await;
    first
        .write("GET /own/upgrade HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: this\r\n\r\n")
        .await;
    first.until("101 Switching Protocols").await;
    let mut second = connect(&at).await;
    second
        .write(head_and_body("GET /bytes?count=1", &[], ""))
        .await;
    let early = timeout(Duration::from_secs(1), second.until("200 OK")).await;
    assert!(early.is_err(), "there are two connections");
    assert!(TAKEN_OVER.lock().unwrap().take().is_some());
    second.until("200 OK").await;
}
