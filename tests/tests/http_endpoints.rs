//! Messages as endpoints: what requests become, what replies become, and the unit of work between them.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use nether::Principal;
use nether::http::{RequestId, Server};
use nether::prelude::*;
use nether_tests::http::{
    Answer, JSON, by_header, connect, get, head_and_body, open, post, request,
};
use serde::Serialize;
use serde_json::json;
use tokio::sync::Notify;

#[command(reply = Sum, error = Refusal, http = "POST /sums")]
pub struct Add {
    pub left: i32,
    pub right: i32,
}

#[derive(Debug, Serialize)]
pub struct Sum {
    sum: i32,
}

#[derive(Debug, thiserror::Error, nether::Problem)]
pub enum Refusal {
    #[error("{0} is too much")]
    #[problem(
        status = 422,
        title = "Too much",
        type = "https://example.org/too-much"
    )]
    TooMuch(i32),
    #[error("the secret is {0}")]
    #[problem(status = 507)]
    Secret(i32),
}

#[command(http = "PUT /names/{id}")]
pub struct Name {
    pub id: u32,
    pub name: String,
}

#[command(reply = u32, http = "DELETE /names/{id}")]
pub struct Forget {
    pub id: u32,
}

#[command(reply = Sum, http = "POST /jobs", status = 202)]
pub struct Enqueue;

#[query(reply = Option<Sum>, http = "GET /sums/{id}")]
pub struct Find {
    pub id: u32,
}

#[query(reply = Vec<String>, http = "GET /names")]
pub struct List {
    pub prefix: Option<String>,
    #[serde(default)]
    pub only: Vec<u32>,
}

#[query(reply = usize, http = "POST /searches")]
pub struct Search {
    pub words: Vec<String>,
}

/// Who asks, and under what name.
#[query(reply = serde_json::Value, http = "GET /about")]
pub struct About;

#[derive(Debug, Default)]
pub struct Sums;

#[module(handles = [Add, Name, Forget, Enqueue, Find, List, Search, About])]
impl Sums {
    async fn add(&self, add: Add) -> Result<Sum, Refusal> {
        match add.left.checked_add(add.right) {
            Some(13) => Err(Refusal::Secret(13)),
            Some(666) => panic!("the beast"),
            Some(sum) if sum < 1000 => Ok(Sum { sum }),
            _ => Err(Refusal::TooMuch(add.left)),
        }
    }

    async fn name(&self, name: Name) -> nether::Result<()> {
        match name.name.as_str() {
            "" => Err(nether::Error::msg("internal: no name")),
            _ => Ok(()),
        }
    }

    async fn forget(&self, forget: Forget) -> u32 {
        forget.id
    }

    async fn enqueue(&self, _: Enqueue) -> Sum {
        Sum { sum: 0 }
    }

    async fn find(&self, find: Find) -> Option<Sum> {
        (find.id == 7).then_some(Sum { sum: 7 })
    }

    async fn list(&self, list: List) -> Vec<String> {
        let only = list.only.iter().map(u32::to_string);
        list.prefix.into_iter().chain(only).collect()
    }

    async fn search(&self, search: Search) -> usize {
        search.words.len()
    }

    async fn about(&self, _: About, ctx: &QueryContext<Self>) -> serde_json::Value {
        let id = ctx.baggage::<RequestId>();
        json!({
            "principal": ctx.principal().map(Principal::id),
            "request": id.map(|id| id.as_str().to_owned()),
            "has_deadline": ctx.deadline().is_some(),
        })
    }
}

async fn desk() -> (System, String) {
    let system = System::start().await.expect("the program is sound");
    let server = Server::new(&system).authenticate(by_header());
    let address = open(&system, server).await;
    (system, address)
}

fn check(answer: &Answer, status: u16, body: &serde_json::Value) {
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(answer.json(), *body);
    assert_eq!(answer.header("content-type"), "application/json");
}

#[tokio::test]
async fn a_body_a_path_and_a_query_fill_the_fields() {
    let (_system, at) = desk().await;
    check(
        &post(&at, "/sums", r#"{"left":1,"right":2}"#).await,
        201,
        &json!({"sum": 3}),
    );
    check(&get(&at, "/sums/7").await, 200, &json!({"sum": 7}));
    check(
        &get(&at, "/names?prefix=a%20b&only=1&only=2").await,
        200,
        &json!(["a b", "1", "2"]),
    );
    check(&get(&at, "/names").await, 200, &json!([]));
    check(
        &post(&at, "/sums?left=1", r#"{"right":2}"#).await,
        201,
        &json!({"sum": 3}),
    );
    check(
        &post(&at, "/searches", r#"{"words":["a","b"]}"#).await,
        200,
        &json!(2),
    );
    let put = request(&at, "PUT /names/3", &[JSON], r#"{"name":"ann"}"#).await;
    assert_eq!((put.status, put.body.as_str()), (204, ""));
    check(
        &request(&at, "DELETE /names/3", &[], "").await,
        200,
        &json!(3),
    );
}

#[tokio::test]
async fn a_status_is_what_the_message_says_or_the_convention() {
    let (_system, at) = desk().await;
    check(&post(&at, "/jobs", "").await, 202, &json!({"sum": 0}));
    check(&post(&at, "/jobs", "{}").await, 202, &json!({"sum": 0}));
    let none = get(&at, "/sums/8").await;
    assert_eq!(none.status, 404);
    assert_eq!(none.json()["title"], "Not Found");
    let head = request(&at, "HEAD /sums/7", &[], "").await;
    assert_eq!((head.status, head.body.as_str()), (200, ""));
}

#[tokio::test]
async fn a_domain_error_is_the_problem_that_it_says() {
    let (_system, at) = desk().await;
    let answer = request(
        &at,
        "POST /sums",
        &[JSON, ("x-request-id", "r-1")],
        r#"{"left":2000,"right":1}"#,
    )
    .await;
    assert_eq!(answer.status, 422);
    assert_eq!(answer.header("content-type"), "application/problem+json");
    assert_eq!(answer.header("x-request-id"), "r-1");
    let expected = json!({
        "type": "https://example.org/too-much",
        "title": "Too much",
        "status": 422,
        "detail": "2000 is too much",
        "request_id": "r-1",
    });
    assert_eq!(answer.json(), expected);
}

#[tokio::test]
async fn what_goes_wrong_inside_is_not_shown() {
    let (_system, at) = desk().await;
    for (path, line, body, status) in [
        ("secret", "POST /sums", r#"{"left":13,"right":0}"#, 507),
        ("panic", "POST /sums", r#"{"left":666,"right":0}"#, 500),
        ("other error", "PUT /names/1", r#"{"name":""}"#, 500),
    ] {
        let answer = request(&at, line, &[JSON], body).await;
        assert_eq!(answer.status, status, "{path}");
        let problem = answer.json();
        assert_eq!(problem.get("detail"), None, "{path}");
        let id = problem["request_id"].as_str().expect("always");
        assert_eq!(id.len(), 36, "{path}: a UUID");
        assert_eq!(answer.header("x-request-id"), id);
        for word in ["secret", "beast", "internal:"] {
            assert!(!answer.body.contains(word), "{path}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn the_context_knows_who_asks_and_under_what_name() {
    let (_system, at) = desk().await;
    let headers = [("x-user", "ann"), ("x-request-id", "r-2")];
    let answer = request(&at, "GET /about", &headers, "").await;
    let expected = json!({"principal": "ann", "request": "r-2", "has_deadline": true});
    check(&answer, 200, &expected);
    assert_eq!(answer.header("x-request-id"), "r-2");
    let expected = json!({"principal": null, "request": null, "has_deadline": true});
    check(&get(&at, "/about").await, 200, &expected);
}

/// Waits until the test lets it go on, or its context is cancelled.
#[query(reply = bool, http = "GET /waits")]
pub struct WaitAndSee;

#[command(reply = bool, http = "POST /waits")]
pub struct WaitAndDo;

/// Fails while no caller waits for it.
#[command(http = "POST /late-failures")]
pub struct FailLater;

#[event]
pub struct Late;

static BEGUN: Notify = Notify::const_new();
static GO_ON: Notify = Notify::const_new();
static DONE: Notify = Notify::const_new();
static DROPPED: Notify = Notify::const_new();

struct TellsWhenDropped;

impl Drop for TellsWhenDropped {
    fn drop(&mut self) {
        DROPPED.notify_one();
    }
}

#[derive(Debug, Default)]
pub struct Waiter;

#[module(handles = [WaitAndSee, WaitAndDo, FailLater, Late])]
impl Waiter {
    async fn see(&self, _: WaitAndSee) -> bool {
        let _tells = TellsWhenDropped;
        BEGUN.notify_one();
        std::future::pending().await
    }

    async fn work(&self, _: WaitAndDo) -> bool {
        BEGUN.notify_one();
        GO_ON.notified().await;
        DONE.notify_one();
        true
    }

    async fn fail_later(&self, _: FailLater, ctx: &Context<Self>) -> nether::Result<()> {
        ctx.publish(Late).await?;
        Ok(())
    }

    async fn late(&self, _: &Late) -> nether::Result<()> {
        Err(nether::Error::msg("too late"))
    }
}

/// The tests that share the waiters go one after the other.
static ONE_AT_A_TIME: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

#[tokio::test]
async fn a_client_that_goes_away_ends_its_query_and_not_its_command() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let (_system, at) = desk().await;
    let mut asking = connect(&at).await;
    let text = head_and_body("GET /waits", &[], "");
    asking.write(text.as_bytes()).await;
    BEGUN.notified().await;
    drop(asking);
    DROPPED.notified().await;

    let mut sending = connect(&at).await;
    let text = head_and_body("POST /waits", &[], "");
    sending.write(text.as_bytes()).await;
    BEGUN.notified().await;
    drop(sending);
    GO_ON.notify_one();
    DONE.notified().await;
}

#[tokio::test]
async fn a_request_has_a_deadline_which_its_client_may_shorten() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let (_system, at) = desk().await;
    let answer = request(&at, "GET /waits", &[("prefer", "wait=0")], "").await;
    assert_eq!(answer.status, 504, "{answer:?}");
    assert_eq!(answer.header("preference-applied"), "wait=0");

    let system = System::start().await.expect("the program is sound");
    let server = Server::new(&system).request_timeout(Duration::from_millis(20));
    let at = open(&system, server).await;
    let answer = request(&at, "GET /waits", &[("prefer", "wait=100")], "").await;
    assert_eq!(answer.status, 504, "the server's own is shorter");
}

#[tokio::test]
async fn the_answer_waits_for_all_that_the_request_caused() {
    let (_system, at) = desk().await;
    let answer = post(&at, "/late-failures", "").await;
    assert_eq!(
        answer.status, 500,
        "the command succeeded, but not what it caused"
    );
    assert!(!answer.body.contains("too late"));
}

#[command(reply = u32, error = Refusal, http = "POST /counts")]
pub struct Count {
    pub limit: i32,
}

static COUNT: AtomicU32 = AtomicU32::new(0);

#[derive(Debug, Default)]
pub struct Counter;

#[module(handles = Count)]
impl Counter {
    async fn count(&self, count: Count) -> Result<u32, Refusal> {
        let counted = COUNT.fetch_add(1, Ordering::SeqCst) + 1;
        match count.limit {
            0 => Err(Refusal::Secret(counted as i32)),
            1 => Err(Refusal::TooMuch(1)),
            2 => {
                BEGUN.notify_one();
                GO_ON.notified().await;
                Ok(counted)
            }
            _ => Ok(counted),
        }
    }
}

async fn count(at: &str, key: &str, user: &str, limit: i32) -> Answer {
    let headers = [JSON, ("idempotency-key", key), ("x-user", user)];
    let body = json!({ "limit": limit }).to_string();
    request(at, "POST /counts", &headers, &body).await
}

#[tokio::test]
async fn a_command_with_an_idempotency_key_is_done_once() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let (_system, at) = desk().await;
    let first = count(&at, "a", "ann", 9).await;
    let again = count(&at, "a", "ann", 9).await;
    assert_eq!((first.status, again.status), (201, 201));
    assert_eq!(first.body, again.body);
    // Another key, another client: another command.
    assert_ne!(count(&at, "b", "ann", 9).await.body, first.body);
    assert_ne!(count(&at, "a", "bob", 9).await.body, first.body);
    // The same key for something else.
    let other = count(&at, "a", "ann", 8).await;
    assert_eq!(other.status, 422);
    // A refusal is an answer, and so is what went wrong inside.
    for (key, limit, status) in [("c", 1, 422), ("d", 0, 507)] {
        let before = COUNT.load(Ordering::SeqCst);
        for _ in 0..2 {
            assert_eq!(count(&at, key, "ann", limit).await.status, status);
        }
        assert_eq!(COUNT.load(Ordering::SeqCst) - before, 1);
    }
}

#[tokio::test]
async fn an_idempotency_key_is_visible_ascii() {
    let (_system, at) = desk().await;
    for key in ["", "a b", "a\tb", "schlüssel", &"k".repeat(257)] {
        let answer = count(&at, key, "ann", 9).await;
        assert_eq!(answer.status, 400, "{key:?}");
        assert!(answer.body.contains("visible characters"), "{answer:?}");
    }
    let longest = "k".repeat(256);
    assert_eq!(count(&at, &longest, "ann", 9).await.status, 201);
}

#[tokio::test]
async fn the_first_answer_comes_again_under_the_id_of_its_own_request() {
    let (_system, at) = desk().await;
    let mut bodies = Vec::new();
    for id in ["r-1", "r-2"] {
        let headers = [JSON, ("idempotency-key", "ids"), ("x-request-id", id)];
        let answer = request(&at, "POST /counts", &headers, r#"{"limit":9}"#).await;
        assert_eq!(answer.header("x-request-id"), id);
        bodies.push(answer.body);
    }
    assert_eq!(bodies[0], bodies[1]);
}

#[tokio::test]
async fn an_idempotency_key_at_work_is_a_conflict_also_once_its_client_has_gone() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let (_system, at) = desk().await;
    let mut first = connect(&at).await;
    let headers = [JSON, ("idempotency-key", "at-work"), ("x-user", "ann")];
    let text = head_and_body("POST /counts", &headers, r#"{"limit":2}"#);
    first.write(text.as_bytes()).await;
    BEGUN.notified().await;
    assert_eq!(count(&at, "at-work", "ann", 2).await.status, 409);
    drop(first);
    GO_ON.notify_one();
    loop {
        let again = count(&at, "at-work", "ann", 2).await;
        if again.status != 409 {
            assert_eq!(again.status, 201, "{again:?}");
            break;
        }
    }
}
