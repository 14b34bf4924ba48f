//! Settings hold for all that is served, whatever answers.

use std::time::Duration;

use nether::System;
use nether::http::{CorsLayer, HeaderValue, Server};
use nether_tests::Folder;
use nether_tests::http::{Answer, JSON, connect, get, head_and_body, post, request, send};

use crate::{GO_ON, desk};

const SHOP: (&str, &str) = ("origin", "https://shop.example");

fn shop(server: Server) -> Server {
    let origin = HeaderValue::from_static(SHOP.1);
    server.cors(CorsLayer::new().allow_origin([origin]))
}

/// One request for each of all that answers, with the status that it answers with.
const ALL: [(&str, u16); 16] = [
    ("GET /who", 200),
    ("POST /ticks", 204),
    ("POST /orders", 422),
    ("POST /orders?article=tea", 415),
    ("GET /text", 200),
    ("GET /page", 200),
    ("GET /falls", 500),
    ("GET /files/page.html", 200),
    ("GET /files/", 404),
    ("GET /livez", 200),
    ("GET /readyz", 200),
    ("GET /metrics", 200),
    ("GET /openapi.json", 200),
    ("GET /docs", 200),
    ("GET /nowhere", 404),
    ("PUT /ticks", 405),
];

/// A folder with a page in it.
fn folder(name: &str) -> Folder {
    let folder = Folder::new(name);
    std::fs::write(folder.0.join("page.html"), "<p>file").expect("it can be written");
    folder
}

async fn check_all(at: &str, headers: &[(&str, &str)], check: impl Fn(&str, &Answer)) {
    for (line, status) in ALL {
        let answer = request(at, line, headers, "").await;
        assert_eq!(answer.status, status, "{line}: {answer:?}");
        check(line, &answer);
    }
    // What is refused before anything is asked.
    let origin = format!("{}: {}", SHOP.0, SHOP.1);
    let no_host =
        format!("GET /who HTTP/1.1\r\n{origin}\r\nx-request-id: mine\r\nconnection: close\r\n\r\n");
    let answer = send(at, no_host).await;
    assert_eq!(answer.status, 400);
    check("no host", &answer);
}

#[tokio::test]
async fn all_answers_have_the_headers_of_cors() {
    let folder = folder("cors");
    let (_system, at) = desk(|server| shop(server).files("/files", &folder.0)).await;
    check_all(&at, &[SHOP], |line, answer| {
        assert_eq!(
            answer.header("access-control-allow-origin"),
            SHOP.1,
            "{line}"
        );
        assert!(
            answer.header("vary").contains("origin"),
            "{line}: {answer:?}"
        );
    })
    .await;
    let (_system, at) = desk(|server| shop(server).max_requests(1)).await;
    let mut first = connect(&at).await;
    let head = [JSON, ("content-length", "9"), ("expect", "100-continue")];
    first.write(head_and_body("POST /orders", &head, "")).await;
    first.until("100 Continue").await;
    let busy = request(&at, "GET /who", &[SHOP], "").await;
    assert_eq!(busy.status, 503);
    assert_eq!(busy.header("access-control-allow-origin"), SHOP.1);
    // A preflight takes no place among the requests.
    let asked = ("access-control-request-method", "DELETE");
    let preflight = request(&at, "OPTIONS /orders/7", &[SHOP, asked], "").await;
    assert_eq!(preflight.status, 200);
    assert_eq!(preflight.header("access-control-allow-origin"), SHOP.1);
}

#[tokio::test]
async fn preflights_are_answered_for_the_server_s_hosts_alone() {
    let (_system, at) = desk(|server| {
        let cors = CorsLayer::new().allow_origin(HeaderValue::from_static(SHOP.1));
        server.cors(cors.allow_methods([axum::http::Method::PUT]))
    })
    .await;
    let asked = ("access-control-request-method", "PUT");
    let preflight = request(&at, "OPTIONS /text", &[SHOP, asked], "").await;
    assert_eq!(preflight.header("access-control-allow-methods"), "PUT");
    let evil = ("origin", "https://evil.example");
    let preflight = request(&at, "OPTIONS /text", &[evil, asked], "").await;
    assert_ne!(preflight.header("access-control-allow-origin"), evil.1);
    // One that asks for nothing goes to the handler that knows the path.
    let options = request(&at, "OPTIONS /text", &[SHOP], "").await;
    assert_eq!(options.status, 405);
    assert_eq!(options.header("access-control-allow-origin"), SHOP.1);
    let text = "OPTIONS /text HTTP/1.1\r\nhost: evil.example\r\norigin: https://shop.example\r\n\
                access-control-request-method: PUT\r\nconnection: close\r\n\r\n";
    assert_eq!(send(&at, text).await.status, 421);
}

#[tokio::test]
async fn all_answers_have_the_id_of_their_request() {
    let folder = folder("ids");
    let (_system, at) = desk(|server| server.files("/files", &folder.0)).await;
    check_all(&at, &[("x-request-id", "mine")], |line, answer| {
        assert_eq!(answer.header("x-request-id"), "mine", "{line}");
        if answer.header("content-type") == "application/problem+json" {
            assert_eq!(answer.json()["request_id"], "mine", "{line}");
        }
    })
    .await;
}

#[tokio::test]
async fn all_answers_keep_browsers_from_guessing_and_pages_from_foreign_frames() {
    let folder = folder("frames");
    let (_system, at) = desk(|server| server.files("/files", &folder.0)).await;
    check_all(&at, &[], |line, answer| {
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{line}");
        let is_page = answer.header("content-type").starts_with("text/html");
        let policy = if is_page {
            "frame-ancestors 'self'"
        } else {
            ""
        };
        assert_eq!(answer.header("content-security-policy"), policy, "{line}");
    })
    .await;
    for page in ["/page", "/files/page.html", "/docs"] {
        let answer = get(&at, page).await;
        assert!(
            answer.header("content-type").starts_with("text/html"),
            "{page}"
        );
    }
    // A route may say otherwise.
    let framed = get(&at, "/framed").await;
    let policy = framed.header("content-security-policy");
    assert_eq!(policy, "frame-ancestors https://a.example");
}

#[tokio::test]
async fn a_body_is_as_long_as_the_server_says_also_for_routes() {
    let (_system, at) = desk(|server| server.body_limit(1000)).await;
    let (short, long) = ("x".repeat(1000), "x".repeat(1001));
    for path in ["/bytes", "/scoped"] {
        assert_eq!(post(&at, path, &short).await.body, "1000", "{path}");
        assert_eq!(post(&at, path, &long).await.status, 413, "{path}");
        let chunks = format!("{:x}\r\n{long}\r\n0\r\n\r\n", long.len());
        let head = [("transfer-encoding", "chunked")];
        let head = head_and_body(&format!("POST {path}"), &head, "");
        assert_eq!(
            send(&at, head + &chunks).await.status,
            413,
            "{path}, of unknown length"
        );
    }
    // Above what axum takes by itself.
    let (_system, at) = desk(|server| server.body_limit(3 << 20)).await;
    let long = "x".repeat(3 << 20);
    assert_eq!(post(&at, "/bytes", &long).await.body, (3 << 20).to_string());
}

#[tokio::test]
async fn a_route_may_take_longer_bodies_than_the_server() {
    let (_system, at) = desk(|server| server.body_limit(1000)).await;
    let long = "x".repeat(4 << 20);
    assert_eq!(post(&at, "/large", &long).await.body, (4 << 20).to_string());
    assert_eq!(post(&at, "/bytes", &long).await.status, 413);
}

#[tokio::test]
async fn a_body_comes_in_time_also_for_routes() {
    let (_system, at) = desk(|server| server.body_timeout(Duration::from_millis(50))).await;
    for path in ["/bytes", "/scoped", "/orders"] {
        let slow = [JSON, ("content-length", "5")];
        let slow = head_and_body(&format!("POST {path}"), &slow, "");
        let answer = send(&at, slow + "12").await;
        assert_eq!(answer.status, 408, "{path}: {answer:?}");
        assert!(
            answer.body.contains("longer than 50ms"),
            "{path}: {answer:?}"
        );
    }
    assert_eq!(post(&at, "/bytes", "12345").await.body, "5");
}

#[tokio::test]
async fn an_answer_that_goes_on_is_not_cut_off_by_the_time_of_a_request() {
    let (_system, at) = desk(|server| server.request_timeout(Duration::from_millis(20))).await;
    let mut stream = connect(&at).await;
    stream.write(head_and_body("GET /stream", &[], "")).await;
    stream.until("begun").await;
    // Later than a request that was begun later, and that took too long.
    let slow = get(&at, "/never").await;
    assert_eq!(slow.status, 504);
    GO_ON.notify_one();
    stream.until("more").await;
}

#[tokio::test]
async fn cors_that_contradicts_itself_keeps_a_server_from_starting() {
    let system = System::start().await.expect("the program is sound");
    let cors = CorsLayer::permissive().allow_credentials(true);
    let serving = Server::new(&system).cors(cors).serve("127.0.0.1:0").await;
    let error = serving.expect_err("no browser takes both").to_string();
    assert!(
        error.contains("Access-Control-Allow-Credentials"),
        "{error}"
    );
}
