//! What comes from a network that is not our friend: each mistake has an answer that names it, and none ends
//! the server.

use std::time::Duration;

use nether::http::Server;
use nether::prelude::*;
use nether_tests::http::{Answer, JSON, connect, get, head_and_body, open, post, request, send};
use tokio::sync::Notify;

#[command(reply = usize, http = "POST /texts/{id}")]
pub struct Write {
    pub id: u8,
    pub text: String,
    #[serde(default)]
    pub tags: Vec<u8>,
}

#[query(reply = String, http = "GET /texts/{name}/raw")]
pub struct Read {
    pub name: String,
}

/// As much as a client wants.
#[query(reply = String, http = "GET /bytes")]
pub struct Bytes {
    pub count: usize,
}

#[command(http = "POST /naps")]
pub struct Nap;

static BEGUN: Notify = Notify::const_new();
static GO_ON: Notify = Notify::const_new();

#[derive(Debug, Default)]
pub struct Texts;

#[module(handles = [Write, Read, Bytes, Nap])]
impl Texts {
    async fn write(&self, write: Write) -> usize {
        write.text.len() + write.tags.len() + usize::from(write.id)
    }

    async fn read(&self, read: Read) -> String {
        read.name
    }

    async fn nap(&self, _: Nap) {
        BEGUN.notify_one();
        GO_ON.notified().await;
    }

    async fn bytes(&self, bytes: Bytes) -> String {
        "x".repeat(bytes.count)
    }
}

async fn desk(set: impl FnOnce(Server) -> Server) -> (System, String) {
    let system = System::start().await.expect("the program is sound");
    let address = open(&system, set(Server::new(&system))).await;
    (system, address)
}

#[track_caller]
fn check(answer: &Answer, status: u16, said: &str) {
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(answer.header("content-type"), "application/problem+json");
    let problem = answer.json();
    assert_eq!(problem["status"], status);
    let detail = problem["detail"].as_str().unwrap_or_default();
    assert!(detail.contains(said), "{said:?} is not in {detail:?}");
}

#[tokio::test]
async fn what_is_wrong_with_a_body_is_named() {
    let (_system, at) = desk(|server| server).await;
    for (body, status, said) in [
        ("{", 400, "not JSON"),
        ("{\"text\":\"\u{1}\"}", 400, "not JSON"),
        ("{\"text\":\"a\"}{", 400, "not JSON"),
        (
            "{\"text\":7}",
            422,
            "`text`: invalid type: integer `7`, expected a string",
        ),
        (
            "{\"text\":\"a\",\"tags\":[300]}",
            422,
            "`tags[0]`: invalid value",
        ),
        ("{}", 422, "missing field `text`"),
        (
            "{\"text\":\"a\",\"size\":1}",
            422,
            "unknown field `size`, expected one of",
        ),
        (
            "{\"text\":\"a\",\"text\":\"b\"}",
            422,
            "duplicate field `text`",
        ),
        ("{\"text\":\"a\",\"id\":1}", 422, "duplicate field `id`"),
        ("[]", 422, "the body must be a JSON object"),
    ] {
        check(&post(&at, "/texts/1", body).await, status, said);
    }
    let deep = format!("{{\"text\":{}", "[".repeat(100_000));
    check(
        &post(&at, "/texts/1", &deep).await,
        422,
        "`text`: invalid type",
    );
    let invalid = [
        head_and_body("POST /texts/1", &[JSON, ("content-length", "12")], "").into_bytes(),
        b"{\"text\":\"\xff\"}"[..12].to_vec(),
    ]
    .concat();
    check(&send(&at, invalid).await, 400, "not JSON");
}

#[tokio::test]
async fn a_problem_repeats_little_of_the_request_and_nothing_that_is_obeyed() {
    let (_system, at) = desk(|server| server).await;
    let long = "a".repeat(1 << 20);
    let controls = r"\u001b".repeat(100_000);
    let path = "a".repeat(60_000);
    let mut answers = vec![
        get(&at, &format!("/{path}")).await,
        get(&at, &format!("/bytes?{path}=1")).await,
        get(&at, &format!("/bytes?count={path}")).await,
        get(&at, "/bytes?%1b[31m%0a=1").await,
    ];
    for body in [
        format!("{{\"text\":\"{long}\",\"tags\":\"{long}\"}}"),
        format!("{{\"text\":\"a\",\"tags\":\"{controls}\"}}"),
        format!("{{\"text\":\"a\",\"{long}\":1}}"),
        format!("{{\"text\":\"a\",\"{controls}\":1}}"),
        format!("{{\"text\":\"a\",\", expected {long}\":1}}"),
    ] {
        answers.push(post(&at, "/texts/1", &body).await);
    }
    for answer in answers {
        assert!((400..500).contains(&answer.status), "{answer:?}");
        assert!(answer.body.len() < 1000, "{} bytes", answer.body.len());
        let problem = answer.json();
        for text in ["detail", "field"].map(|name| problem[name].as_str().unwrap_or_default()) {
            assert!(!text.contains(char::is_control), "{text:?}");
        }
    }
    // What the endpoint takes is still said.
    let body = format!("{{\"text\":\"a\",\"{long}\":1}}");
    let answer = post(&at, "/texts/1", &body).await;
    check(&answer, 422, "expected one of `id`, `text`, `tags`");
}

#[tokio::test]
async fn a_body_is_json_and_says_so() {
    let (_system, at) = desk(|server| server).await;
    for kind in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "",
        "json",
    ] {
        let answer = request(
            &at,
            "POST /texts/1",
            &[("content-type", kind)],
            r#"{"text":"a"}"#,
        )
        .await;
        check(&answer, 415, "application/json");
    }
    for kind in [
        "application/json; charset=utf-8",
        "application/vnd.text+json",
        "Application/JSON",
    ] {
        let answer = request(
            &at,
            "POST /texts/1",
            &[("content-type", kind)],
            r#"{"text":"a"}"#,
        )
        .await;
        assert_eq!(answer.status, 201, "{kind}");
    }
}

#[tokio::test]
async fn a_body_is_neither_too_long_nor_too_slow() {
    let (_system, at) = desk(|server| {
        server
            .body_limit(1000)
            .body_timeout(Duration::from_millis(50))
    })
    .await;
    let long = format!("{{\"text\":\"{}\"}}", "a".repeat(1000));
    check(
        &post(&at, "/texts/1", &long).await,
        413,
        "longer than 1000 bytes",
    );
    // Of unknown length.
    let chunks = format!("{:x}\r\n{long}\r\n0\r\n\r\n", long.len());
    let head = head_and_body(
        "POST /texts/1",
        &[JSON, ("transfer-encoding", "chunked")],
        "",
    );
    check(
        &send(&at, head + &chunks).await,
        413,
        "longer than 1000 bytes",
    );
    // One that does not come.
    let slow = head_and_body("POST /texts/1", &[JSON, ("content-length", "5")], "");
    check(&send(&at, slow).await, 408, "longer than 50ms");
}

#[tokio::test]
async fn paths_and_queries_are_read_as_what_they_are_meant_for() {
    let (_system, at) = desk(|server| server).await;
    check(
        &post(&at, "/texts/300", r#"{"text":"a"}"#).await,
        422,
        "`id`: invalid value: \"300\"",
    );
    check(
        &post(&at, "/texts/x", r#"{"text":"a"}"#).await,
        422,
        "`id`: invalid value: \"x\"",
    );
    check(&get(&at, "/texts/%ff/raw").await, 400, "not UTF-8");
    check(&get(&at, "/bytes?count=%ff").await, 400, "not UTF-8");
    check(
        &get(&at, "/bytes?count=-1").await,
        422,
        "`count`: invalid value: \"-1\"",
    );
    check(
        &get(&at, "/bytes?count=1&count=2").await,
        422,
        "`count`: given 2 times",
    );
    check(
        &get(&at, "/bytes?count=1&of=x").await,
        422,
        "unknown field `of`",
    );
    check(&get(&at, "/bytes").await, 422, "missing field `count`");
    let encoded = get(&at, "/texts/a%2Fb%20%E2%82%AC/raw").await;
    assert_eq!((encoded.status, encoded.body.as_str()), (200, "\"a/b €\""));
    check(
        &get(&at, "/nothing/here").await,
        404,
        "nothing is at `/nothing/here`",
    );
    let other = request(&at, "PATCH /bytes", &[], "").await;
    check(&other, 405, "`allow`");
    assert_eq!(other.header("allow"), "GET,HEAD");
}

#[tokio::test]
async fn what_is_no_http_is_turned_away() {
    let (_system, at) = desk(|server| server).await;
    let flood: String = (0..200).map(|it| format!("x-{it}: y\r\n")).collect();
    let long = format!("x: {}\r\n", "y".repeat(100_000));
    for (text, status) in [
        ("\r\n\r\nhello\r\n\r\n".to_owned(), 400),
        (head_and_body("CONNECT localhost:80", &[], ""), 404),
        (head_and_body("OPTIONS *", &[], ""), 404),
        (head_and_body("TRACE /bytes", &[], ""), 405),
        ("GET /bytes?count=1 HTTP/9.9\r\n\r\n".to_owned(), 400),
        (
            format!("GET /bytes?count=1 HTTP/1.1\r\nhost: localhost\r\n{flood}\r\n"),
            431,
        ),
        (
            format!("GET /bytes?count=1 HTTP/1.1\r\nhost: localhost\r\n{long}\r\n"),
            431,
        ),
        (
            format!("GET /{} HTTP/1.1\r\nhost: localhost\r\n\r\n", "a".repeat(70_000)),
            431,
        ),
        (
            "POST /texts/1 HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n{}"
                .to_owned(),
            400,
        ),
    ] {
        assert_eq!(
            send(&at, &text).await.status,
            status,
            "{}",
            &text[..40.min(text.len())]
        );
    }
    assert_eq!(get(&at, "/bytes?count=0").await.status, 200, "it lives");
}

#[tokio::test]
async fn who_sends_nothing_or_half_of_it_is_let_go() {
    let (_system, at) = desk(|server| server.header_timeout(Duration::from_millis(50))).await;
    for begun in ["", "P", "GET /bytes?count=1 HTTP/1.1\r\nhost:"] {
        let mut stream = connect(&at).await;
        stream.write(begun.as_bytes()).await;
        let end = stream.rest().await;
        assert!(end.is_empty() || end.starts_with("HTTP/1.1 408"), "{end}");
    }
    // And who says nothing after the first answer.
    let mut stream = connect(&at).await;
    let asked = b"GET /bytes?count=1 HTTP/1.1\r\nhost: localhost\r\n\r\n";
    stream.write(asked).await;
    assert!(stream.rest().await.contains("\"x\""));
}

#[tokio::test]
async fn thousands_of_silent_connections_do_not_keep_others_out() {
    let (_system, at) = desk(|server| {
        server
            .max_connections(2000)
            .header_timeout(Duration::from_secs(2))
    })
    .await;
    let mut silent = Vec::new();
    for _ in 0..2000 {
        silent.push(connect(&at).await);
    }
    // It waits for room, which there is once one of them is let go.
    assert_eq!(get(&at, "/bytes?count=3").await.body, "\"xxx\"");
}

#[tokio::test]
async fn who_does_not_read_is_let_go() {
    let (_system, at) = desk(|server| {
        server
            .max_connections(1)
            .write_timeout(Duration::from_millis(50))
    })
    .await;
    let mut lazy = connect(&at).await;
    lazy.write(head_and_body("GET /bytes?count=50000000", &[], ""))
        .await;
    lazy.until("200 OK").await;
    // There is room for one connection only.
    assert_eq!(get(&at, "/bytes?count=1").await.status, 200);
}

#[tokio::test]
async fn who_reads_slowly_gets_all_of_its_answer() {
    let (_system, at) = desk(|server| server.header_timeout(Duration::from_millis(20))).await;
    let mut slow = connect(&at).await;
    slow.write(head_and_body("GET /bytes?count=50000000", &[], ""))
        .await;
    slow.until("200 OK").await;
    // Longer than it may go without a request.
    tokio::time::sleep(Duration::from_millis(200)).await;
    let rest = slow.rest().await;
    assert!(rest.len() > 50_000_000, "{} bytes came", rest.len());
}

#[tokio::test]
async fn who_does_not_read_a_stream_of_http_2_is_let_go() {
    let short = Duration::from_millis(50);
    let (_system, at) = desk(|server| server.header_timeout(short).write_timeout(short)).await;
    let mut lazy = connect(&at).await;
    // The preface, settings with windows of nothing for each stream, and one request, `GET /bytes?count=9`.
    lazy.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x04\x00\x00\x00\x00")
        .await;
    lazy.write(
        b"\x00\x00\x1d\x01\x05\x00\x00\x00\x01\x82\x86\x41\x09localhost\x04\x0e/bytes?count=9",
    )
    .await;
    // Headers come, and then the end, since no client may send a byte of the body.
    lazy.rest().await;
}

#[tokio::test]
async fn clients_beyond_the_requests_allowed_get_retry_after() {
    let (_system, at) = desk(|server| server.max_requests(1)).await;
    // One that has its head in, and not its body.
    let mut first = connect(&at).await;
    let head = head_and_body(
        "POST /texts/1",
        &[JSON, ("content-length", "12"), ("expect", "100-continue")],
        "",
    );
    first.write(head.as_bytes()).await;
    first.until("100 Continue").await;
    let second = get(&at, "/bytes?count=1").await;
    check(&second, 503, "too busy");
    assert_eq!(second.header("retry-after"), "1");
    first.write(br#"{"text":"a"}"#).await;
    assert!(first.rest().await.contains("201 Created"));
    assert_eq!(get(&at, "/bytes?count=1").await.status, 200);
}

#[tokio::test]
async fn a_command_is_at_work_until_it_is_done_also_without_its_client() {
    let (_system, at) = desk(|server| server.max_requests(1)).await;
    for headers in [&[][..], &[("idempotency-key", "a")]] {
        let mut gone = connect(&at).await;
        gone.write(head_and_body("POST /naps", headers, "")).await;
        BEGUN.notified().await;
        drop(gone);
        // Long enough for the server to see that.
        tokio::time::sleep(Duration::from_millis(50)).await;
        check(&get(&at, "/bytes?count=1").await, 503, "too busy");
        GO_ON.notify_one();
        while get(&at, "/bytes?count=1").await.status == 503 {}
    }
}
