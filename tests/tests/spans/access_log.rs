//! The access log: one line for each request.

use nether::eventstore::Store;
use nether::http::Server;
use nether::prelude::*;
use nether_tests::Lines;
use nether_tests::http::{JSON, connect, get, head_and_body, open, request};

use crate::recorder::steady;
use crate::shop::{Done, opened};

async fn server(set: impl FnOnce(Server) -> Server) -> (System, String) {
    steady();
    let (store, done) = (Store::memory(), Done::default());
    let system = opened(&store, &done).await;
    let at = open(&system, set(Server::new(&system))).await;
    (system, at)
}

/// The lines of requests.
fn access(log: &str) -> Vec<String> {
    let lines = log.lines().filter(|line| line.contains("nether::access"));
    lines.map(str::to_owned).collect()
}

#[tokio::test]
async fn each_request_is_one_line() {
    let (lines, _guard) = Lines::of_this_thread();
    let (system, at) = server(|server| server).await;
    let headers = [JSON, ("x-request-id", "req-1"), ("user-agent", "curl")];
    request(&at, "POST /orders/7", &headers, "{}").await;
    get(&at, "/nowhere?secret=hush").await;
    request(&at, "GET /sales", &[("host", "evil.example")], "").await;
    system.shutdown().await;
    let log = lines.take();
    let lines = access(&log);
    assert_eq!(lines.len(), 3, "{log}");
    for part in [
        " INFO ",
        "method=\"POST\"",
        "route=\"/orders/{order_id}\"",
        "path=\"/orders/7\"",
        "status=201",
        "bytes=",
        "duration_ms=",
        "client=127.0.0.1",
        "protocol=HTTP/1.1",
        "request_id=\"req-1\"",
        "trace_id=",
        "outcome=\"ok\"",
    ] {
        assert!(lines[0].contains(part), "{part} is not in {}", lines[0]);
    }
    assert!(!log.contains("hush"), "a query may hold secrets: {log}");
    assert!(
        lines[1].contains("status=404") && !lines[1].contains("route="),
        "{}",
        lines[1]
    );
    assert!(lines[2].contains("status=400"), "{}", lines[2]);
}

#[tokio::test]
async fn probes_are_not_in_it_at_info_and_it_can_be_switched_off() {
    let (lines, _guard) = Lines::of_this_thread();
    let (system, at) = server(Server::public_metrics).await;
    for path in ["/livez", "/readyz", "/metrics"] {
        assert_eq!(get(&at, path).await.status, 200);
    }
    assert_eq!(access(&lines.take()), [""; 0]);
    system.shutdown().await;
    let (system, at) = server(|server| server.access_log(false)).await;
    assert_eq!(get(&at, "/sales").await.status, 200);
    system.shutdown().await;
    assert_eq!(access(&lines.take()), [""; 0]);
}

#[tokio::test]
async fn no_text_of_a_client_begins_a_line_of_its_own() {
    let (lines, _guard) = Lines::of_this_thread();
    let (system, at) = server(|server| server).await;
    for path in ["/a%0aERROR%20admin", "/%1b[31m", "/\u{e9}\"x"] {
        get(&at, path).await;
    }
    system.shutdown().await;
    let log = lines.take();
    assert!(!log.contains('\u{1b}'), "{log}");
    let begins = |line: &str| line.starts_with(|first: char| first.is_ascii_digit());
    assert!(log.lines().all(begins), "{log}");
}

#[tokio::test]
async fn a_client_that_leaves_is_a_line_without_a_status() {
    let (lines, _guard) = Lines::of_this_thread();
    let (system, at) = server(|server| server).await;
    let mut client = connect(&at).await;
    // It says that more comes, and leaves.
    let headers = [JSON, ("content-length", "100")];
    client
        .write(head_and_body("POST /orders/7", &headers, ""))
        .await;
    client.write("{").await;
    drop(client);
    system.shutdown().await;
    let log = lines.take();
    let lines = access(&log);
    assert_eq!(lines.len(), 1, "{log}");
}
