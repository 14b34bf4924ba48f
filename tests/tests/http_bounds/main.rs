//! What a server bounds, for all clients: requests, bodies, open files, and the time that each stream
//! has. What it refuses, it refuses early, and the refusal arrives.

mod held;
mod open_files;
mod uploads;

use std::fs;
use std::io::{Read, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get as on_get, post as on_post};
use nether::http::Server;
use nether::prelude::*;
use nether_tests::Folder;
use nether_tests::frames::{DATA, Frames, HEADERS, RESET};
use nether_tests::http::{
    Answer, JSON, PATIENCE, connect, get, head_and_body, open, post, request,
};
use tokio::sync::Notify;
use tokio::time::timeout;

#[command(reply = usize, http = "POST /texts")]
pub struct Put {
    pub text: String,
}

#[query(reply = String, http = "GET /bytes")]
pub struct Fill {
    pub count: usize,
}

#[command(http = "POST /naps")]
pub struct Nap;

#[command(http = "POST /ticks")]
pub struct Tick;

/// Is held until [`LET_GO`].
#[command(http = "POST /held")]
pub struct Hold {
    pub text: String,
}

static NAPS: AtomicUsize = AtomicUsize::new(0);
static BEGUN: Notify = Notify::const_new();
static HELD: Notify = Notify::const_new();
static LET_GO: Notify = Notify::const_new();
static OWN_BEGUN: Notify = Notify::const_new();

#[derive(Debug, Default)]
pub struct Desk;

#[module(handles = [Put, Fill, Nap, Tick, Hold])]
impl Desk {
    async fn write(&self, write: Put) -> usize {
        write.text.len()
    }

    async fn bytes(&self, bytes: Fill) -> String {
        "x".repeat(bytes.count)
    }

    async fn nap(&self, _: Nap) {
        NAPS.fetch_add(1, Ordering::SeqCst);
        BEGUN.notify_one();
        std::future::pending::<()>().await;
    }

    async fn tick(&self, _: Tick) {}

    async fn hold(&self, held: Hold) {
        HELD.notify_one();
        LET_GO.notified().await;
        drop(held);
    }
}

#[nether::routes]
fn own() -> Router<System> {
    let bytes = on_post(async |body: Bytes| body.len().to_string());
    let nap = on_get(async || {
        OWN_BEGUN.notify_one();
        std::future::pending::<()>().await;
    });
    let slow = on_post(async |body: Bytes| {
        std::future::pending::<()>().await;
        drop(body);
    });
    let unbounded = on_post(async |body: Bytes| body.len().to_string());
    Router::new()
        .route("/own/counted", on_post(uploads::counted))
        .route("/own/kept", on_post(uploads::kept))
        .route("/own/slow", slow)
        .route("/own/unbounded", unbounded)
        .layer(DefaultBodyLimit::disable())
        .route("/own/bytes", bytes)
        .route("/own/nap", nap)
        .route("/own/upgrade", on_get(held::upgrade))
}

async fn desk(set: impl FnOnce(Server) -> Server) -> (System, String) {
    let builder = System::builder().shutdown_timeout(Duration::from_secs(30));
    let system = builder.start().await.expect("the program is sound");
    let address = open(&system, set(Server::new(&system))).await;
    (system, address)
}

#[track_caller]
fn check(answer: &Answer, status: u16, said: &str) {
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(answer.header("content-type"), "application/problem+json");
    let problem = answer.json();
    let detail = problem["detail"].as_str().unwrap_or_default();
    assert!(detail.contains(said), "{said:?} is not in {detail:?}");
}

#[tokio::test]
async fn what_the_head_refuses_is_refused_before_the_body_is_asked_for() {
    let (_system, at) = desk(|server| server).await;
    let expects = ("expect", "100-continue");
    let long = ("content-length", "999999999");
    let text = ("content-type", "text/plain");
    for (path, headers, status) in [
        ("/texts", &[JSON, long, expects][..], 413),
        ("/texts", &[text, ("content-length", "9"), expects], 415),
        (
            "/texts",
            &[text, ("transfer-encoding", "chunked"), expects],
            415,
        ),
        ("/texts", &[("content-length", "9"), expects], 415),
        (
            "/texts",
            &[JSON, ("content-length", "9"), ("expect", "a reply")],
            417,
        ),
        (
            "/own/bytes",
            &[("content-length", "9"), ("expect", "a reply")],
            417,
        ),
        ("/nowhere", &[JSON, long, expects], 404),
        ("/bytes", &[JSON, long, expects], 405),
    ] {
        // The body never comes, and the answer does.
        let answer = request(&at, &format!("POST {path}"), headers, "").await;
        assert_eq!(answer.status, status, "{path} {headers:?}: {answer:?}");
    }
    // A client that learns in time that the connection ends sends no other request on it.
    let mut told = connect(&at).await;
    told.write(
        "POST /texts HTTP/1.1\r\nhost: localhost\r\ncontent-type: text/plain\r\ncontent-length: 9\r\n\r\n",
    )
    .await;
    let head = told.until("\r\n\r\n").await;
    assert!(
        head.starts_with("HTTP/1.1 415") && head.contains("connection: close"),
        "{head}"
    );
    // What the head does not refuse is asked for.
    let mut sound = connect(&at).await;
    let headers = [JSON, ("content-length", "12"), ("expect", "100-Continue")];
    sound
        .write(head_and_body("POST /texts", &headers, ""))
        .await;
    sound.until("100 Continue").await;
    sound.write(br#"{"text":"a"}"#).await;
    assert!(sound.rest().await.contains("201 Created"));
    // A client of HTTP/1.0 waits for nothing.
    let mut old = connect(&at).await;
    old.write(
        "POST /texts HTTP/1.0\r\nhost: localhost\r\nexpect: this\r\ncontent-type: application/json\r\n",
    )
    .await;
    old.write("content-length: 12\r\n\r\n{\"text\":\"a\"}")
        .await;
    assert!(old.rest().await.contains("201 Created"));
}

#[tokio::test]
async fn a_refused_body_that_has_come_does_not_end_its_connection() {
    let (_system, at) = desk(|server| server).await;
    let mut kept = connect(&at).await;
    for _ in 0..3 {
        let headers = "host: localhost\r\ncontent-type: text/plain\r\ncontent-length: 5";
        kept.write(format!("POST /texts HTTP/1.1\r\n{headers}\r\n\r\nhello"))
            .await;
        let head = kept.until("\r\n\r\n").await;
        assert!(head.starts_with("HTTP/1.1 415"), "{head}");
        kept.until("}").await;
    }
}

/// Sends all of a request before it reads, as simple clients do. The head of the answer.
fn stubborn(address: &str, head: &str, body: &[u8]) -> String {
    let mut stream = std::net::TcpStream::connect(address).expect("it is open");
    stream
        .write_all(head.as_bytes())
        .expect("the head is taken");
    for piece in body.chunks(1 << 20) {
        stream.write_all(piece).expect("all of the body is taken");
    }
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("it is not reset");
    String::from_utf8_lossy(&answer)
        .lines()
        .next()
        .unwrap_or_default()
        .to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_arrives_although_its_client_sends_all_before_it_reads() {
    let (_system, at) = desk(|server| server).await;
    let length = format!("content-length: {}\r\n", 30 << 20);
    for (path, framing, status) in [
        ("/texts", length.as_str(), "HTTP/1.1 413"),
        ("/own/bytes", &length, "HTTP/1.1 413"),
        ("/nowhere", &length, "HTTP/1.1 404"),
        ("/texts", "transfer-encoding: chunked\r\n", "HTTP/1.1 413"),
        // What is no request at all.
        (
            "/texts",
            "content-length: 1\r\ncontent-length: 2\r\n",
            "HTTP/1.1 400",
        ),
    ] {
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n{framing}\r\n"
        );
        let mut body = vec![b' '; 30 << 20];
        if framing.contains("chunked") {
            let chunk = [
                format!("{:x}\r\n", 1 << 20).into_bytes(),
                vec![b' '; 1 << 20],
                b"\r\n".to_vec(),
            ];
            body = chunk.concat().repeat(30);
            body.extend(b"0\r\n\r\n");
        }
        for _ in 0..20 {
            let (at, head, body) = (at.clone(), head.clone(), body.clone());
            let told = tokio::task::spawn_blocking(move || stubborn(&at, &head, &body)).await;
            let told = told.unwrap_or_else(|failed| panic!("{path} {framing}: {failed}"));
            assert!(told.starts_with(status), "{path} {framing}: {told}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_comes_at_a_rate_or_is_refused() {
    for path in ["/texts", "/own/bytes"] {
        let (_system, at) = desk(|server| server.body_rate(100)).await;
        let head = head_and_body(
            &format!("POST {path}"),
            &[JSON, ("content-length", "5000")],
            "",
        );
        let mut slow = connect(&at).await;
        slow.write(head).await;
        slow.write(vec![b' '; 300]).await;
        let begun = tokio::time::Instant::now();
        let told = slow.rest().await;
        assert!(
            told.starts_with("HTTP/1.1 408") && told.contains("100 bytes a second"),
            "{told}"
        );
        let waited = begun.elapsed().as_secs();
        assert!(
            (8..10).contains(&waited),
            "5 s, and 3 for what came: {waited} s"
        );
    }
}

#[tokio::test]
async fn bodies_take_no_more_memory_together_than_they_may() {
    let (_system, at) = desk(|server| server.body_memory(100_000)).await;
    let long = format!("{{\"text\":\"{}\"}}", "a".repeat(80_000));
    let paths = ["/texts", "/own/bytes"];
    for holding in paths {
        for path in paths {
            assert_eq!(
                post(&at, path, &long).await.status / 100,
                2,
                "there is room: {path}"
            );
        }
        let mut held = connect(&at).await;
        let head = head_and_body(
            &format!("POST {holding}"),
            &[JSON, ("content-length", "200000")],
            "",
        );
        held.write(head).await;
        held.write(&long[..79_000]).await;
        for path in paths {
            let refused = async {
                loop {
                    let answer = post(&at, path, &long).await;
                    if answer.status == 503 {
                        return answer;
                    }
                }
            };
            let refused = timeout(PATIENCE, refused)
                .await
                .expect("there is no room left");
            check(&refused, 503, "too busy");
            assert_eq!(refused.header("retry-after"), "1");
            assert_eq!(
                post(&at, path, r#"{"text":"a"}"#).await.status / 100,
                2,
                "short ones go on"
            );
        }
        drop(held);
        let room = async { while post(&at, "/texts", &long).await.status == 503 {} };
        timeout(PATIENCE, room).await.expect("there is room again");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_whose_streams_are_reset_are_bounded_on_each_connection() {
    let (_system, at) = desk(|server| server).await;
    let mut flood = Frames::connect(&at).await;
    for turn in 0..200 {
        flood.ask(2 * turn + 1, "POST", "/naps").await;
        let begun = timeout(PATIENCE, BEGUN.notified()).await;
        begun.unwrap_or_else(|_| panic!("{turn} are at work, and the next is not begun"));
        flood.reset(2 * turn + 1).await;
    }
    for turn in 200..210 {
        flood.ask(2 * turn + 1, "POST", "/naps").await;
        flood.until(HEADERS, 2 * turn + 1).await;
    }
    assert_eq!(NAPS.load(Ordering::SeqCst), 200);
    // Others are not kept out.
    assert_eq!(get(&at, "/bytes?count=1").await.status, 200);
}

#[tokio::test]
async fn a_stream_whose_client_does_not_read_it_ends_also_if_others_go_on() {
    let (_system, at) = desk(|server| server.write_timeout(Duration::from_millis(50))).await;
    let mut lazy = Frames::connect(&at).await;
    lazy.ask(1, "GET", "/bytes?count=9").await;
    lazy.until(HEADERS, 1).await;
    let moving = async {
        for stream in (3..).step_by(2) {
            lazy.ask(stream, "POST", "/ticks").await;
            let frame = lazy.next().await.expect("the connection goes on");
            if (frame.kind, frame.stream) == (RESET, 1) {
                return stream;
            }
        }
        unreachable!("there are streams enough");
    };
    let moved = timeout(PATIENCE, moving)
        .await
        .expect("the stream is ended");
    // One that is read is not.
    let next = moved + 2;
    lazy.ask(next, "GET", "/bytes?count=9").await;
    lazy.open_window(next, 100).await;
    let data = lazy.until(DATA, next).await;
    assert_eq!(data.payload, br#""xxxxxxxxx""#);
}

/// How often the process has a file open.
#[cfg(target_os = "linux")]
fn times_open(path: &std::path::Path) -> usize {
    let open = fs::read_dir("/proc/self/fd").expect("there is /proc");
    let open = open.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
    open.filter(|target| target == path).count()
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_that_no_client_reads_are_not_open() {
    let folder = Folder::new("unread-files");
    let path = folder.0.join("page.html");
    fs::write(&path, "x".repeat(1000)).expect("it can be written");
    let (_system, at) = desk(|server| server.files("/", &folder.0)).await;
    let mut lazy = Vec::new();
    for _ in 0..3 {
        let mut frames = Frames::connect(&at).await;
        for stream in 0..90 {
            frames.ask(2 * stream + 1, "GET", "/page.html").await;
        }
        for _ in 0..90 {
            let frame = frames.next().await.expect("the connection goes on");
            assert_eq!(frame.kind, HEADERS, "{frame:?}");
        }
        lazy.push(frames);
    }
    let path = path.canonicalize().expect("it is there");
    let closed = async {
        while times_open(&path) > 0 {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, closed).await.expect("none is open");
    // Who reads gets it: whole, and a part.
    lazy[0].open_window(1, 2000).await;
    assert_eq!(lazy[0].until(DATA, 1).await.payload.len(), 1000);
    let part = request(&at, "GET /page.html", &[("range", "bytes=990-")], "").await;
    assert_eq!((part.status, part.body.as_str()), (206, "xxxxxxxxxx"));
}

#[cfg(unix)]
#[tokio::test]
async fn nothing_but_files_is_served_of_a_folder() {
    let folder = Folder::new("odd-files");
    let fifo = folder.0.join("fifo");
    let made = std::process::Command::new("mkfifo").arg(&fifo).status();
    assert!(made.expect("`mkfifo` is there").success());
    let _socket =
        std::os::unix::net::UnixListener::bind(folder.0.join("socket")).expect("it is free");
    std::os::unix::fs::symlink("/dev/zero", folder.0.join("zero")).expect("it can be made");
    fs::write(folder.0.join("file"), "a file").expect("it can be written");
    let (_system, at) = desk(|server| server.files("/", &folder.0)).await;
    for _ in 0..600 {
        // More than there are threads for what blocks.
        assert_eq!(get(&at, "/fifo").await.status, 404);
    }
    for path in ["/socket", "/zero", "/fifo/", "/fifo/a"] {
        assert_eq!(get(&at, path).await.status, 404, "{path}");
        assert_eq!(
            request(&at, &format!("HEAD {path}"), &[], "").await.status,
            404,
            "{path}"
        );
    }
    assert_eq!(get(&at, "/file").await.body, "a file");
}
