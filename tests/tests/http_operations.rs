//! What operators ask, and what clients ask about the API.

use nether::http::{Server, ServerStarted};
use nether::prelude::*;
use nether::{ModuleCrashLooping, ModuleRestarted};
use nether_tests::http::{get, open, post};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::Notify;

/// Adds up.
///
/// Slowly.
#[command(reply = Sum, error = Refusal, http = "POST /sums/{left}")]
pub struct Add {
    /// One of them.
    pub left: i32,
    /// The other one.
    pub right: i32,
    pub note: Option<String>,
    #[serde(default)]
    pub tags: Vec<Tag>,
}

#[derive(Debug, Clone, Copy, Serialize, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Tag {
    Odd,
    Even,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct Sum {
    pub sum: i32,
}

/// Has no schema, and so any.
#[derive(Debug, Serialize)]
pub struct Opaque(u8);

#[derive(Debug, thiserror::Error, nether::Problem)]
pub enum Refusal {
    #[error("too much")]
    #[problem(status = 409, title = "Too much")]
    TooMuch,
    #[error("too little")]
    #[problem(status = 409)]
    TooLittle,
}

#[query(reply = Option<Sum>, http = "GET /sums")]
#[derive(JsonSchema)]
pub struct Find {
    /// None is smaller.
    #[schemars(range(min = 1, max = 9))]
    pub least: Option<i32>,
}

/// Has the name of a schema of the framework's own.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Problem {
    pub own: u8,
}

#[query(reply = Option<Problem>, http = "GET /problems")]
pub struct SeeProblem;

#[query(reply = Opaque, http = "GET /opaque")]
pub struct See;

#[command(http = "DELETE /sums/{left}")]
pub struct Clear {
    pub left: i32,
}

/// Shares a path with others, which call its parameter by another name.
#[query(reply = i32, http = "GET /sums/{sum}")]
pub struct Double {
    pub sum: i32,
}

#[event(http = "SSE /sums/events")]
pub struct Added {
    pub sum: i32,
}

#[command(http = "POST /waits")]
pub struct Wait;

#[derive(Debug, Default)]
pub struct Sums {
    count: u32,
}

static BEGUN: Notify = Notify::const_new();
static GO_ON: Notify = Notify::const_new();

#[module(handles = [Add, Find, See, SeeProblem, Clear, Double, Wait], mailbox = 2)]
impl Sums {
    async fn add(&mut self, add: Add) -> Result<Sum, Refusal> {
        self.count += 1;
        match add.left {
            0 => Err(Refusal::TooLittle),
            _ => Ok(Sum {
                sum: add.left + add.right,
            }),
        }
    }

    async fn find(&self, _: Find) -> Option<Sum> {
        None
    }

    async fn see(&self, _: See) -> Opaque {
        Opaque(0)
    }

    async fn see_problem(&self, _: SeeProblem) -> Option<Problem> {
        None
    }

    async fn double(&self, double: Double) -> i32 {
        2 * double.sum
    }

    async fn clear(&mut self, _: Clear) {}

    async fn wait(&mut self, _: Wait) {
        BEGUN.notify_one();
        GO_ON.notified().await;
    }
}

#[command(http = "POST /shakes")]
pub struct Shake;

#[derive(Debug, Default)]
pub struct Shaky;

#[module(handles = Shake, max_restarts = "0 in 1h")]
impl Shaky {
    async fn shake(&mut self, _: Shake) {
        panic!("as asked");
    }
}

async fn desk(set: impl FnOnce(Server) -> Server) -> (System, String) {
    let system = System::start().await.expect("the program is sound");
    let address = open(&system, set(Server::new(&system))).await;
    (system, address)
}

#[tokio::test]
async fn a_server_is_alive_and_ready() {
    let (_system, at) = desk(|server| server).await;
    assert_eq!(get(&at, "/livez").await.status, 200);
    let ready = get(&at, "/readyz").await;
    assert_eq!((ready.status, ready.body.as_str()), (200, "ready\n"));
}

#[tokio::test]
async fn operations_may_be_for_a_private_address_alone() {
    let system = System::start().await.expect("the program is sound");
    let mut started = system.subscribe::<ServerStarted>();
    let public = open(&system, Server::new(&system).management("127.0.0.1:0")).await;
    let private = started.next().await.expect("it runs");
    assert!(private.management);
    assert_eq!(started.next().await.expect("it runs").address, public);
    for path in ["/livez", "/readyz", "/metrics", "/openapi.json", "/docs"] {
        assert_eq!(get(&public, path).await.status, 404, "{path} is private");
        assert_eq!(get(&private.address, path).await.status, 200, "{path}");
    }
    assert_eq!(get(&private.address, "/sums").await.status, 404);
}

/// The statuses of what is asked for, at the public address.
async fn statuses(set: impl FnOnce(Server) -> Server) -> [u16; 4] {
    let (_system, at) = desk(set).await;
    let mut statuses = [0; 4];
    for (path, status) in ["/livez", "/metrics", "/openapi.json", "/docs"]
        .iter()
        .zip(&mut statuses)
    {
        *status = get(&at, path).await.status;
    }
    statuses
}

#[tokio::test]
async fn clients_see_metrics_and_the_description_only_if_a_setting_says_so() {
    assert_eq!(statuses(|server| server).await, [200, 404, 404, 404]);
    let docs = statuses(Server::public_docs).await;
    assert_eq!(docs, [200, 404, 200, 200]);
    let metrics = statuses(Server::public_metrics).await;
    assert_eq!(metrics, [200, 200, 404, 404]);
    let both = |server: Server| server.management("127.0.0.1:0").public_docs();
    assert_eq!(statuses(both).await, [404, 404, 200, 200]);
}

#[tokio::test]
async fn the_page_is_found_however_it_is_asked_for() {
    let (_system, at) = desk(Server::public_docs).await;
    let plain = get(&at, "/docs").await;
    for target in [
        "/docs/",
        "/docs?a=1",
        "/docs/?a=1",
        "http://localhost/docs",
        "/docs?x=\"/><script>alert(1)</script>",
    ] {
        let page = get(&at, target).await;
        if page.status != 400 {
            assert_eq!((page.status, &page.body), (200, &plain.body), "{target}");
        }
    }
    for file in ["/docs/swagger-ui.css", "/docs/swagger-ui-bundle.js"] {
        assert!(plain.body.contains(file), "{plain:?}");
        assert_eq!(get(&at, file).await.status, 200, "{file}");
    }
}

#[tokio::test]
async fn a_full_mailbox_is_not_ready_and_why_is_said_in_private() {
    let system = System::start().await.expect("the program is sound");
    let mut started = system.subscribe::<ServerStarted>();
    open(&system, Server::new(&system).management("127.0.0.1:0")).await;
    let private = started.next().await.expect("it runs").address.clone();
    let ctx = system.context();
    for _ in 0..3 {
        ctx.process(Wait).await.expect("there is room");
    }
    BEGUN.notified().await;
    let full = get(&private, "/readyz").await;
    assert_eq!(full.status, 503);
    let reasons = json!(["the mailbox of `http_operations::Sums` is full"]);
    assert_eq!(
        full.json(),
        json!({"status": "not ready", "reasons": reasons})
    );
    for _ in 0..2 {
        GO_ON.notify_one();
        BEGUN.notified().await;
    }
    GO_ON.notify_one();
    ctx.close().await.expect("nobody can fail");
    assert_eq!(get(&private, "/readyz").await.status, 200);
}

#[tokio::test]
async fn a_module_that_crashes_too_often_is_not_ready_and_clients_learn_when_its_next_try_is() {
    let system = System::start().await.expect("the program is sound");
    let mut started = system.subscribe::<ServerStarted>();
    let at = open(&system, Server::new(&system).management("127.0.0.1:0")).await;
    let private = started.next().await.expect("it runs").address.clone();
    let mut looping = system.subscribe::<ModuleCrashLooping>();
    let mut restarted = system.subscribe::<ModuleRestarted>();
    for seconds in ["1", "2"] {
        assert_eq!(post(&at, "/shakes", "").await.status, 500);
        looping.next().await.expect("once is too often");
        let refused = post(&at, "/shakes", "").await;
        assert_eq!(refused.status, 503);
        assert_eq!(refused.header("retry-after"), seconds);
        let ready = get(&private, "/readyz").await;
        let reasons = json!(["`http_operations::Shaky` crashes again and again"]);
        assert_eq!(ready.status, 503);
        assert_eq!(ready.json()["reasons"], reasons);
        restarted.next().await.expect("it is tried again");
    }
}

#[tokio::test]
async fn a_module_that_is_paused_is_ready() {
    let (system, at) = desk(|server| server).await;
    system.pause::<Sums>().expect("it runs");
    assert_eq!(
        get(&at, "/readyz").await.status,
        200,
        "somebody wants it so"
    );
    system.resume::<Sums>().expect("it runs");
}

/// The value of a metric with these labels.
fn metric(text: &str, name: &str, labels: &str) -> f64 {
    let start = format!("{name}{{{labels}}} ");
    let line = text.lines().find_map(|line| line.strip_prefix(&start));
    let line = line.unwrap_or_else(|| panic!("no {start:?} in {text}"));
    line.parse().expect("a number")
}

#[tokio::test]
async fn metrics_tell_what_each_module_did_and_how_long_it_took() {
    let (_system, at) = desk(Server::public_metrics).await;
    for left in [1, 2, 0] {
        post(&at, &format!("/sums/{left}"), r#"{"right":1}"#).await;
    }
    let answer = get(&at, "/metrics").await;
    assert!(
        answer
            .header("content-type")
            .starts_with("application/openmetrics-text")
    );
    let text = &answer.body;
    assert!(text.ends_with("# EOF\n"), "{text}");
    let module = r#"module="http_operations::Sums",instance="0""#;
    assert_eq!(metric(text, "nether_messages_handled_total", module), 2.0);
    assert_eq!(metric(text, "nether_messages_failed_total", module), 0.0);
    assert_eq!(metric(text, "nether_messages_refused_total", module), 1.0);
    assert_eq!(metric(text, "nether_module_restarts_total", module), 0.0);
    assert_eq!(metric(text, "nether_mailbox_messages", module), 0.0);
    assert_eq!(metric(text, "nether_messages_in_flight", module), 0.0);
    let handler = r#"module="http_operations::Sums",message="http_operations::Add""#;
    assert_eq!(
        metric(text, "nether_handler_duration_seconds_count", handler),
        3.0
    );
    assert!(metric(text, "nether_handler_duration_seconds_sum", handler) > 0.0);
    let all = format!("le=\"+Inf\",{handler}");
    assert_eq!(
        metric(text, "nether_handler_duration_seconds_bucket", &all),
        3.0
    );
}

async fn description() -> Value {
    let (_system, at) = desk(|server| server.title("Sums", "2.1").public_docs()).await;
    get(&at, "/openapi.json").await.json()
}

#[tokio::test]
async fn the_description_says_what_each_endpoint_takes_and_gives() {
    let description = description().await;
    assert_eq!(description["openapi"], "3.1.0");
    assert_eq!(
        description["info"],
        json!({"title": "Sums", "version": "2.1"})
    );
    let add = &description["paths"]["/sums/{left}"]["post"];
    assert_eq!(add["operationId"], "http_operations.Add");
    assert_eq!(
        (&add["summary"], &add["tags"]),
        (&json!("Adds up"), &json!(["sums"]))
    );
    let left = json!({
        "name": "left",
        "in": "path",
        "required": true,
        "schema": {"type": "integer", "format": "int32", "minimum": i32::MIN, "maximum": i32::MAX, "description": "One of them."},
    });
    assert_eq!(add["parameters"][0], left);
    assert_eq!(add["parameters"][1]["name"], "Idempotency-Key");
    let body = &add["requestBody"]["content"]["application/json"]["schema"];
    assert_eq!(body["required"], json!(["right"]));
    assert_eq!(body["additionalProperties"], false);
    assert_eq!(body["properties"]["right"]["description"], "The other one.");
    assert_eq!(
        body["properties"]["note"]["type"],
        json!(["string", "null"])
    );
    assert_eq!(
        body["properties"]["tags"]["items"]["$ref"],
        "#/components/schemas/Tag"
    );
    let tag = &description["components"]["schemas"]["Tag"];
    assert_eq!(tag["enum"], json!(["odd", "even"]));
    let made = &add["responses"]["201"]["content"]["application/json"]["schema"];
    assert_eq!(made["$ref"], "#/components/schemas/Sum");
    assert_eq!(add["responses"]["409"]["description"], "Too much; Conflict");
    let problem = &add["responses"]["409"]["content"]["application/problem+json"]["schema"];
    assert_eq!(problem["$ref"], "#/components/schemas/Problem");
    assert_eq!(
        add["responses"]["default"]["$ref"],
        "#/components/responses/Problem"
    );
    for (status, said) in [("403", "another origin"), ("421", "the host")] {
        let description = add["responses"][status]["description"].as_str();
        assert!(description.is_some_and(|it| it.contains(said)), "{status}");
    }
}

#[tokio::test]
async fn the_description_knows_what_may_be_missing() {
    let description = description().await;
    let find = &description["paths"]["/sums"]["get"];
    let least = &find["parameters"][0];
    assert_eq!(
        (&least["in"], &least["required"]),
        (&json!("query"), &json!(false))
    );
    assert_eq!(
        least["schema"],
        json!({"type": "integer", "format": "int32", "minimum": 1, "maximum": 9, "description": "None is smaller."})
    );
    let found = &find["responses"]["200"]["content"]["application/json"]["schema"];
    assert_eq!(*found, json!({"$ref": "#/components/schemas/Sum"}));
    assert!(find["responses"]["404"].is_object(), "it may find none");
    let clear = &description["paths"]["/sums/{left}"]["delete"];
    assert!(clear["responses"]["204"]["content"].is_null());
    assert!(clear["requestBody"].is_null(), "all of it is in the path");
    let opaque = &description["paths"]["/opaque"]["get"]["responses"]["200"];
    assert_eq!(opaque["content"]["application/json"]["schema"], json!({}));
    let events = &description["paths"]["/sums/events"]["get"];
    assert!(events["responses"]["200"]["content"]["text/event-stream"].is_object());
    let parameters = events["parameters"].as_array().expect("a list");
    let names: Vec<_> = parameters
        .iter()
        .map(|it| it["name"].as_str().expect("a name"))
        .collect();
    assert_eq!(names, ["sum", "Last-Event-ID"]);
}

#[tokio::test]
async fn a_type_may_have_the_name_of_a_schema_of_the_description() {
    let description = description().await;
    let answers = &description["paths"]["/problems"]["get"]["responses"];
    let found = &answers["200"]["content"]["application/json"]["schema"]["$ref"];
    let refused = &answers["404"]["content"]["application/problem+json"]["schema"]["$ref"];
    let property = |schema: &Value, name: &str| {
        let path = schema.as_str().expect("text").trim_start_matches('#');
        let schema = description.pointer(path).expect("it is there");
        schema["properties"][name].is_object()
    };
    assert!(property(found, "own") && property(refused, "detail"));
}

#[tokio::test]
async fn a_parameter_may_have_another_name_at_each_method() {
    let (_system, at) = desk(|server| server).await;
    assert_eq!(get(&at, "/sums/4").await.body, "8");
    let answer = post(&at, "/sums/4", r#"{"right":1}"#).await;
    assert_eq!(answer.json(), json!({"sum": 5}));
    // In the description a path is there once, so all of them have the name of one.
    let paths = description().await["paths"].clone();
    let paths = paths.as_object().expect("an object");
    let at_place = paths.keys().filter(|path| path.starts_with("/sums/{"));
    assert_eq!(at_place.collect::<Vec<_>>(), ["/sums/{left}"]);
    let double = &paths["/sums/{left}"]["get"];
    assert_eq!(double["parameters"][0]["name"], "left");
    assert_eq!(double["operationId"], "http_operations.Double");
}
