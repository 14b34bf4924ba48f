//! Spans of requests, and the trace that their clients are part of, over both versions of HTTP.

use axum::Router;
use axum::routing::get as on_get;
use nether::eventstore::Store;
use nether::http::{RequestContext, Server};
use nether::prelude::*;
use nether_tests::frames::{DATA, Frames, HEADERS};
use nether_tests::http::{JSON, by_header, connect, get, head_and_body, open, post, request};
use tracing::Level;

use crate::recorder::Recorder;
use crate::shop::{Done, opened, settled};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const SPAN: &str = "b7ad6b7169203331";
const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

#[event(name = "requests.told", http = "SSE /told")]
pub struct Told {
    pub text: String,
}

#[nether::routes]
fn routes() -> Router<System> {
    Router::new()
        .route("/by-hand/{name}", on_get(by_hand))
        .route("/without-context", on_get(async || "hello"))
}

async fn by_hand(ctx: RequestContext) -> String {
    let trace = ctx.trace_context();
    trace.map_or_else(String::new, |trace| trace.traceparent())
}

async fn server() -> (System, Store, String) {
    let (store, done) = (Store::memory(), Done::default());
    let system = opened(&store, &done).await;
    let at = open(&system, Server::new(&system).public_docs().public_metrics()).await;
    (system, store, at)
}

#[tokio::test]
async fn a_request_is_a_child_of_its_client_and_its_handler_one_of_it() {
    let (recorder, _guard) = Recorder::of_this_thread(Level::DEBUG);
    let (system, store, at) = server().await;
    let headers = [
        JSON,
        ("traceparent", PARENT),
        ("tracestate", "vendor=1"),
        ("x-request-id", "req-1"),
    ];
    let answer = request(&at, "POST /orders/7", &headers, "{}").await;
    assert_eq!(answer.status, 201, "{answer:?}");
    settled(&store).await;
    system.shutdown().await;
    let span = recorder.span("request");
    for (field, value) in [
        ("otel.name", "POST /orders/{order_id}"),
        ("otel.kind", "server"),
        ("http.request.method", "POST"),
        ("http.route", "/orders/{order_id}"),
        ("http.response.status_code", "201"),
        ("request_id", "req-1"),
        ("trace_id", TRACE),
        ("parent_span_id", SPAN),
        ("outcome", "ok"),
        ("otel.status_code", ""),
    ] {
        assert_eq!(span.get(field), value, "{field}");
    }
    assert_eq!((span.target, span.level), ("nether::http", Level::INFO));
    assert!(span.closed);
    let place = recorder.span("shop.place");
    assert_eq!(recorder.parent_of(&place), "request");
    assert_eq!(place.get("parent_span_id"), span.get("span_id"));
    // The handler tells its client which span it is.
    let own = format!("\"00-{TRACE}-{}-01\"", place.get("span_id"));
    assert_eq!(answer.body, own);
    let ship = recorder.span("shop.ship");
    assert_eq!(ship.get("trace_id"), TRACE);
}

#[tokio::test]
async fn over_http_2_too() {
    let (recorder, _guard) = Recorder::of_this_thread(Level::DEBUG);
    let (system, _, at) = server().await;
    let mut client = Frames::connect(&at).await;
    let mut head = vec![0x86];
    for (name, value) in [(0x02, "GET"), (0x01, "localhost"), (0x04, "/sales")] {
        head.extend([name, value.len() as u8]);
        head.extend(value.as_bytes());
    }
    head.extend([0x00, 11]);
    head.extend(b"traceparent");
    head.push(PARENT.len() as u8);
    head.extend(PARENT.as_bytes());
    client.send(HEADERS, 0x5, 1, &head).await;
    client.until(HEADERS, 1).await;
    client.open_window(1, 1000).await;
    client.until(DATA, 1).await;
    drop(client);
    system.shutdown().await;
    let span = recorder.span("request");
    assert_eq!(
        (span.get("trace_id"), span.get("parent_span_id")),
        (TRACE, SPAN)
    );
    let sales = recorder.span("shop.sales");
    assert_eq!(recorder.parent_of(&sales), "request");
    assert_eq!(span.get("outcome"), "ok");
}

#[tokio::test]
async fn without_a_subscriber_the_trace_is_passed_on_and_what_is_invalid_is_none() {
    let (system, _, at) = server().await;
    let twice = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\ntraceparent: 00";
    for (parent, passed_on) in [(PARENT, PARENT), ("00-invalid", ""), (twice, "")] {
        let headers = [("traceparent", parent)];
        let answer = request(&at, "GET /by-hand/x", &headers, "").await;
        assert_eq!(answer.body, passed_on, "{parent}");
        let headers = [JSON, ("traceparent", parent)];
        let answer = request(&at, "POST /orders/1", &headers, "{}").await;
        assert_eq!(answer.json(), passed_on, "{parent}");
    }
    assert_eq!(get(&at, "/by-hand/x").await.body, "");
    system.shutdown().await;
}

#[tokio::test]
async fn a_command_with_a_key_is_part_of_the_trace_too() {
    let (recorder, _guard) = Recorder::of_this_thread(Level::DEBUG);
    let (system, _, at) = server().await;
    let headers = [JSON, ("traceparent", PARENT), ("idempotency-key", "k")];
    for _ in 0..2 {
        let answer = request(&at, "POST /orders/7", &headers, "{}").await;
        assert_eq!(answer.status, 201, "{answer:?}");
    }
    system.shutdown().await;
    let place = recorder.span("shop.place");
    assert_eq!(recorder.parent_of(&place), "request");
    assert_eq!(recorder.all("shop.place").len(), 1);
    assert_eq!(recorder.all("request").len(), 2);
}

#[tokio::test]
async fn a_span_names_its_route_and_never_the_path() {
    let (recorder, _guard) = Recorder::of_this_thread(Level::DEBUG);
    let (system, _, at) = server().await;
    for (path, status, route, outcome) in [
        ("/by-hand/ann", 200, "/by-hand/{name}", "ok"),
        ("/openapi.json", 200, "/openapi.json", "ok"),
        ("/nowhere/ann", 404, "", "refused"),
        ("/orders/ann", 405, "", "refused"),
    ] {
        let answer = get(&at, path).await;
        assert_eq!(answer.status, status, "{answer:?}");
        let span = recorder.all("request").pop().expect("it has one");
        assert_eq!(span.get("http.route"), route);
        assert_eq!(span.get("outcome"), outcome);
        assert!(!format!("{span:?}").contains("ann"), "{span:?}");
        if status >= 400 {
            assert_eq!(
                span.get("request_id"),
                answer.json()["request_id"],
                "{span:?}"
            );
        }
    }
    let answer = post(&at, "/orders/409", "{}").await;
    assert_eq!(answer.status, 409);
    let span = recorder.all("request").pop().expect("it has one");
    assert_eq!(
        (span.get("outcome"), span.get("otel.status_code")),
        ("refused", "")
    );
    assert_eq!(span.get("request_id"), answer.json()["request_id"]);
    // An unknown method is not a name.
    request(&at, "STEAL /orders/1", &[], "").await;
    let span = recorder.all("request").pop().expect("it has one");
    assert_eq!(span.get("http.request.method"), "_OTHER");
    assert_eq!(span.get("otel.name"), "_OTHER");
    system.shutdown().await;
}

#[tokio::test]
async fn a_span_names_who_asks_also_if_the_request_comes_to_no_context() {
    let (recorder, _guard) = Recorder::of_this_thread(Level::DEBUG);
    let (store, done) = (Store::memory(), Done::default());
    let system = opened(&store, &done).await;
    let server = Server::new(&system).authenticate(by_header());
    let at = open(&system, server).await;
    for (target, user, status, principal) in [
        ("GET /by-hand/x", "ann", 200, "ann"),
        ("GET /without-context", "ann", 200, "ann"),
        ("GET /without-context", "nobody", 401, ""),
    ] {
        let answer = request(&at, target, &[("x-user", user)], "").await;
        assert_eq!(answer.status, status, "{answer:?}");
        let span = recorder.all("request").pop().expect("it has one");
        assert_eq!(span.get("principal"), principal, "{span:?}");
        assert!(!span.get("http.route").is_empty(), "{span:?}");
    }
    let mut client = connect(&at).await;
    let head = head_and_body("GET /told", &[("x-user", "bob")], "");
    client.write(head).await;
    client.until(": open").await;
    let span = recorder.all("request").pop().expect("it has one");
    assert_eq!(span.get("principal"), "bob");
    system.shutdown().await;
}

#[tokio::test]
async fn a_file_that_was_sent_as_a_whole_is_no_cancelled_request() {
    let (recorder, _guard) = Recorder::of_this_thread(Level::DEBUG);
    let (store, done) = (Store::memory(), Done::default());
    let system = opened(&store, &done).await;
    let server = Server::new(&system).files("/static", env!("CARGO_MANIFEST_DIR"));
    let at = open(&system, server).await;
    let answer = get(&at, "/static/Cargo.toml").await;
    assert_eq!(answer.status, 200);
    system.shutdown().await;
    let span = recorder.span("request");
    assert_eq!(span.get("http.route"), "/static/{*file}");
    assert_eq!(span.get("outcome"), "ok");
}

#[tokio::test]
async fn probes_have_no_span() {
    let (recorder, _guard) = Recorder::of_this_thread(Level::DEBUG);
    let (system, _, at) = server().await;
    for path in ["/livez", "/readyz", "/metrics"] {
        assert_eq!(get(&at, path).await.status, 200);
    }
    system.shutdown().await;
    assert!(recorder.all("request").is_empty());
}

#[tokio::test]
async fn a_stream_of_events_is_one_span_until_its_client_leaves() {
    let (recorder, _guard) = Recorder::of_this_thread(Level::DEBUG);
    let (system, _, at) = server().await;
    let mut client = connect(&at).await;
    client
        .write(head_and_body("GET /told", &[("traceparent", PARENT)], ""))
        .await;
    client.until(": open").await;
    let span = recorder.span("request");
    assert_eq!((span.get("http.route"), span.closed), ("/told", false));
    assert_eq!(span.get("http.response.status_code"), "200");
    system.shutdown().await;
    client.rest().await;
    let span = recorder.span("request");
    assert_eq!((span.get("outcome"), span.closed), ("ok", true));
    assert_eq!(span.get("parent_span_id"), SPAN);
}
