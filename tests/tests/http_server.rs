//! The server's own life: addresses that are opened and closed while the system runs, and the end of both.

use std::sync::Arc;
use std::time::Duration;

use nether::http::{
    CorsLayer, HeaderValue, Server, ServerFailed, ServerStarted, ServerStopped, StartServer,
    StopServer,
};
use nether::prelude::*;
use nether::{StartError, StartProblem};
use nether_tests::http::{JSON, PATIENCE, connect, get, head_and_body, open, post, request, start};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::timeout;

#[query(reply = String, http = "GET /hello")]
pub struct Hello;

#[command(reply = String, http = "POST /work")]
pub struct Work;

#[command(http = "POST /texts")]
pub struct Put {
    pub text: String,
}

static BEGUN: Notify = Notify::const_new();
static GO_ON: Notify = Notify::const_new();

#[derive(Debug, Default)]
pub struct Greeter;

#[module(handles = [Hello, Work, Put])]
impl Greeter {
    async fn hello(&self, _: Hello) -> String {
        "hello ".repeat(1000)
    }

    async fn work(&self, _: Work) -> String {
        BEGUN.notify_one();
        GO_ON.notified().await;
        "done".to_owned()
    }

    async fn put(&self, _: Put) {}
}

async fn running() -> System {
    System::start().await.expect("the program is sound")
}

#[tokio::test]
async fn addresses_come_and_go_by_message() {
    let system = running().await;
    let mut started = system.subscribe::<ServerStarted>();
    let mut stopped = system.subscribe::<ServerStopped>();
    let first = open(&system, Server::new(&system)).await;
    let second = start(&system).await;
    for address in [&first, &second] {
        assert_eq!(get(address, "/hello").await.status, 200);
        let told = started.next().await.expect("it runs");
        assert_eq!(told.address, *address);
    }
    let ctx = system.context();
    let address = first.clone();
    ctx.send(StopServer { address }).await.expect("it is open");
    assert_eq!(stopped.next().await.expect("it runs").address, first);
    assert!(TcpStream::connect(&first).await.is_err(), "it is closed");
    assert_eq!(get(&second, "/hello").await.status, 200);
}

#[tokio::test]
async fn a_command_that_fails_says_so() {
    let system = running().await;
    let mut failed = system.subscribe::<ServerFailed>();
    let taken = open(&system, Server::new(&system)).await;
    let ctx = system.context();
    for address in [taken.as_str(), "nonsense", "127.0.0.1:99999"] {
        let address = address.to_owned();
        let error = ctx
            .send(StartServer {
                address: address.clone(),
            })
            .await
            .unwrap_err();
        let error = error.to_string();
        assert!(
            error.starts_with(&format!("cannot serve at `{address}`")),
            "{error}"
        );
        let told = failed.next().await.expect("it runs");
        assert_eq!(
            (told.command.as_str(), told.reason.as_str()),
            ("nether.start_server", error.as_str())
        );
    }
    let address = "127.0.0.1:1".to_owned();
    let error = ctx.send(StopServer { address }).await.unwrap_err();
    assert_eq!(error.to_string(), "nothing is served at `127.0.0.1:1`");
}

#[tokio::test]
async fn a_stop_finishes_what_is_at_work_and_refuses_what_is_new() {
    let system = running().await;
    let at = open(&system, Server::new(&system)).await;
    let mut working = connect(&at).await;
    working.write(head_and_body("POST /work", &[], "")).await;
    // One whose body is still to come.
    let mut reading = connect(&at).await;
    let headers = [JSON, ("content-length", "12"), ("expect", "100-continue")];
    reading
        .write(head_and_body("POST /texts", &headers, ""))
        .await;
    reading.until("100 Continue").await;
    BEGUN.notified().await;
    let stopping = tokio::spawn({
        let system = system.clone();
        async move { system.shutdown().await }
    });
    while TcpStream::connect(&at).await.is_ok() {
        tokio::task::yield_now().await;
    }
    reading.write(r#"{"text":"a"}"#).await;
    let refused = reading.rest().await;
    assert!(refused.contains("503 Service Unavailable"), "{refused}");
    assert!(refused.contains("the server is stopping"), "{refused}");
    GO_ON.notify_one();
    let done = working.rest().await;
    assert!(
        done.contains("201 Created") && done.ends_with("\"done\""),
        "{done}"
    );
    let report = stopping.await.expect("it does not panic");
    assert!(report.cut_off.is_empty(), "{report}");
}

#[tokio::test]
async fn serve_ends_when_the_system_is_stopped() {
    let system = running().await;
    let mut started = system.subscribe::<ServerStarted>();
    let serving = tokio::spawn({
        let system = system.clone();
        async move { system.serve("127.0.0.1:0").await }
    });
    let address = started.next().await.expect("it runs").address.clone();
    assert_eq!(get(&address, "/hello").await.status, 200);
    system.shutdown().await;
    serving
        .await
        .expect("it does not panic")
        .expect("it served");
    let error = running().await.serve("nonsense").await.unwrap_err();
    assert!(
        error.to_string().contains("cannot serve at `nonsense`"),
        "{error}"
    );
}

#[tokio::test]
async fn who_could_not_serve_at_one_address_may_serve_at_another() {
    let system = running().await;
    system.serve("nonsense").await.unwrap_err();
    let address = open(&system, Server::new(&system)).await;
    assert_eq!(get(&address, "/hello").await.status, 200);
}

#[tokio::test]
async fn an_address_is_not_open_if_the_one_for_operations_cannot_be() {
    let system = running().await;
    let mut started = system.subscribe::<ServerStarted>();
    let server = Server::new(&system).management("nonsense");
    system.attach(server).await.expect("it is the only server");
    let ctx = system.context();
    for _ in 0..2 {
        let address = "127.0.0.1:0".to_owned();
        let error = ctx.send(StartServer { address }).await.unwrap_err();
        let error = error.to_string();
        assert!(error.starts_with("cannot serve at `nonsense`"), "{error}");
    }
    system.shutdown().await;
    assert!(started.next().await.is_none(), "nothing was served");
}

#[tokio::test]
async fn a_system_has_one_server() {
    let system = running().await;
    open(&system, Server::new(&system)).await;
    let error = system.serve("127.0.0.1:0").await.unwrap_err();
    assert!(error.to_string().contains("nether.start_server"), "{error}");
}

/// Tells when the system is gone that has it as a module.
struct Told(Arc<Notify>);

impl Drop for Told {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

#[event]
struct Never;

struct Holds(#[expect(dead_code)] Told);

#[module(handles = Never, manual)]
impl Holds {
    async fn never(&self, _: &Never) {}
}

#[tokio::test]
async fn a_server_does_not_keep_a_system_that_it_does_not_serve() {
    for has_served in [false, true] {
        let dropped = Arc::new(Notify::new());
        let system = running().await;
        let told = Told(Arc::clone(&dropped));
        system.attach(Holds(told)).await.expect("it runs");
        system.attach(Server::new(&system)).await.expect("it runs");
        if has_served {
            let address = start(&system).await;
            assert_eq!(get(&address, "/hello").await.status, 200);
            let ctx = system.context();
            ctx.send(StopServer { address }).await.expect("it is open");
            ctx.close().await.expect("nothing else is done");
        }
        drop(system);
        let gone = timeout(PATIENCE, dropped.notified()).await;
        gone.unwrap_or_else(|_| panic!("it is kept; it has served: {has_served}"));
    }
}

#[tokio::test]
async fn other_origins_and_compression_are_allowed_by_setting() {
    let system = running().await;
    let origin = HeaderValue::from_static("https://shop.example");
    let cors = CorsLayer::new().allow_origin(origin);
    let at = open(&system, Server::new(&system).cors(cors).compression()).await;
    let headers = [
        ("origin", "https://shop.example"),
        ("accept-encoding", "gzip"),
    ];
    let mut answer = connect(&at).await;
    answer
        .write(head_and_body("GET /hello", &headers, ""))
        .await;
    let text = answer.rest().await;
    assert!(
        text.contains("access-control-allow-origin: https://shop.example"),
        "{text}"
    );
    assert!(text.contains("content-encoding: gzip"), "{text}");

    let system = running().await;
    let at = open(&system, Server::new(&system)).await;
    let plain = request(&at, "GET /hello", &headers, "").await;
    assert_eq!(plain.header("access-control-allow-origin"), "");
    assert_eq!(plain.header("content-encoding"), "");
}

#[tokio::test]
async fn connections_are_accepted_at_the_rate_that_is_set() {
    let system = running().await;
    let at = open(&system, Server::new(&system).accept_rate(50)).await;
    let begun = std::time::Instant::now();
    for _ in 0..6 {
        assert_eq!(get(&at, "/hello").await.status, 200);
    }
    assert!(
        begun.elapsed() >= Duration::from_millis(100),
        "five of them waited 20 ms each"
    );
    assert_eq!(post(&at, "/texts", r#"{"text":""}"#).await.status, 204);
}

#[tokio::test]
async fn a_server_may_be_set_to_have_no_limits() {
    let system = running().await;
    let server = Server::new(&system)
        .body_timeout(Duration::MAX)
        .header_timeout(Duration::MAX)
        .write_timeout(Duration::MAX)
        .request_timeout(Duration::MAX)
        .keep_alive(Duration::MAX)
        .body_limit(usize::MAX)
        .event_history(usize::MAX)
        .max_connections(usize::MAX)
        .max_requests(usize::MAX)
        .accept_rate(u32::MAX);
    let at = open(&system, server).await;
    assert_eq!(get(&at, "/hello").await.status, 200);
    assert_eq!(post(&at, "/texts", r#"{"text":""}"#).await.status, 204);
}

#[tokio::test]
async fn a_stop_leaves_requests_the_time_that_they_may_take_or_the_server_does_not_start() {
    let builder = System::builder().shutdown_timeout(Duration::from_secs(5));
    let system = builder.start().await.expect("the program is sound");
    let server = || Server::new(&system).request_timeout(Duration::from_secs(6));
    let error = server()
        .serve("127.0.0.1:0")
        .await
        .expect_err("it is cut off");
    let problems = &error
        .downcast_ref::<StartError>()
        .expect("it says why")
        .problems;
    let [
        StartProblem::ShutdownTooShort {
            shutdown_timeout,
            request_timeout,
        },
    ] = problems[..]
    else {
        panic!("{problems:?}")
    };
    assert_eq!(shutdown_timeout, Duration::from_secs(5));
    assert_eq!(request_timeout, Duration::from_secs(6));
    let text = error.to_string();
    for says in [
        "6s",
        "5s",
        "SystemBuilder::shutdown_timeout",
        "Server::request_timeout",
    ] {
        assert!(text.contains(says), "{text}");
    }
    // So it is if it is attached by hand.
    let error = system.attach(server()).await.expect_err("it is cut off");
    assert!(error.to_string().contains("shutdown_timeout"), "{error}");
    // With as much time as a request has, it starts.
    let server = Server::new(&system).request_timeout(Duration::from_secs(5));
    let at = open(&system, server).await;
    assert_eq!(get(&at, "/hello").await.status, 200);
}

#[tokio::test]
async fn a_setting_with_which_nothing_could_be_served_is_a_problem_of_the_start() {
    let system = running().await;
    let none = Duration::ZERO;
    let server = Server::new(&system)
        .header_timeout(none)
        .write_timeout(none);
    let server = server
        .request_timeout(none)
        .body_timeout(none)
        .keep_alive(none);
    let server = server.idempotency_retention(none).idempotency_limit(8191);
    let error = server
        .serve("127.0.0.1:0")
        .await
        .expect_err("it is refused");
    let problems = &error
        .downcast_ref::<StartError>()
        .expect("it says why")
        .problems;
    assert_eq!(problems.len(), 7, "{problems:?}");
    let text = error.to_string();
    for says in [
        "`Server::header_timeout`: it must be longer than nothing",
        "Server::write_timeout",
        "Server::request_timeout",
        "Server::body_timeout",
        "Server::keep_alive",
        "Server::idempotency_retention",
        "`Server::idempotency_limit`: 8191 bytes have no room for a key: 8192 are the least",
    ] {
        assert!(text.contains(says), "{text}");
    }
    // With the least, a key is taken.
    let at = open(&system, Server::new(&system).idempotency_limit(8192)).await;
    assert_eq!(get(&at, "/hello").await.status, 200);
}

#[tokio::test]
async fn a_system_and_its_server_fit_together_as_they_are() {
    let system = running().await;
    let at = open(&system, Server::new(&system)).await;
    assert_eq!(get(&at, "/hello").await.status, 200);
}

#[tokio::test]
async fn http_2_is_spoken_with_prior_knowledge() {
    let system = running().await;
    let at = open(&system, Server::new(&system)).await;
    let mut connection = connect(&at).await;
    // The preface, and empty settings: the server answers with its own.
    connection
        .write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00")
        .await;
    connection.until("\x04\x00\x00\x00\x00\x00").await;
}
