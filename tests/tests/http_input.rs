//! What requests become: text by the type of its field, and what is refused by the head alone.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use nether::http::Server;
use nether::prelude::*;
use nether_tests::http::{
    JSON, check_refused, get, head_and_body, open, post, request, send, text,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Handle {
    Number(u64),
    Ratio(f64),
    Flag(bool),
    Name(String),
}

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Words {
    Word(String),
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "kind")]
pub enum Tagged {
    A { size: u8 },
}

#[query(reply = String, http = "GET /who/{handle}")]
pub struct Who {
    pub handle: Handle,
}

#[query(reply = String, http = "GET /many")]
pub struct Many {
    #[serde(default)]
    pub handles: Vec<Handle>,
    pub words: Option<Words>,
    pub any: Option<Value>,
    pub number: Option<u32>,
    pub tagged: Option<Tagged>,
}

/// Takes the rest of the query as text.
#[query(reply = String, http = "GET /rest")]
pub struct Rest {
    #[serde(alias = "handel")]
    pub handle: Option<Handle>,
    /// Whatever else is asked.
    #[serde(flatten)]
    pub rest: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Paging {
    pub limit: u32,
    #[serde(default)]
    pub cursor: Option<String>,
}

#[command(reply = String, http = "POST /paged/{id}")]
pub struct Paged {
    pub id: u32,
    #[serde(flatten)]
    pub paging: Paging,
}

#[command(reply = String, http = "POST /scored")]
pub struct Scored {
    pub id: u32,
    #[serde(flatten)]
    pub scores: HashMap<String, u32>,
}

/// A message that is all of its body.
#[command(reply = String, http = "POST /kinds")]
#[serde(untagged)]
pub enum Kind {
    Number { number: u32 },
    Text { text: String },
}

#[command(http = "POST /restart")]
pub struct Restart;

/// Nothing, under another name.
type Nothing = ();

#[command(reply = Nothing, http = "POST /nothing", status = 204)]
pub struct DoNothing {
    pub times: u8,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum Size {
    Small,
    Large,
}

#[query(reply = String, http = "GET /texts/{text}/end")]
pub struct Ends {
    pub text: String,
    pub size: Option<Size>,
}

#[derive(Debug, Default)]
pub struct Reader;

#[module(handles = [Who, Many, Rest, Paged, Scored, Kind, Restart, DoNothing, Ends])]
impl Reader {
    async fn who(&self, who: Who) -> String {
        format!("{:?}", who.handle)
    }

    async fn many(&self, many: Many) -> String {
        let Many {
            handles,
            words,
            any,
            number,
            ..
        } = many;
        format!("{handles:?} {words:?} {any:?} {number:?}")
    }

    async fn rest(&self, rest: Rest) -> String {
        format!("{:?} {:?}", rest.handle, rest.rest)
    }

    async fn paged(&self, paged: Paged) -> String {
        format!("{} {:?}", paged.id, paged.paging)
    }

    async fn scored(&self, scored: Scored) -> String {
        format!("{} {:?}", scored.id, scored.scores)
    }

    async fn kind(&self, kind: Kind) -> String {
        format!("{kind:?}")
    }

    async fn restart(&self, _: Restart) {}

    async fn nothing(&self, _: DoNothing) {}

    async fn ends(&self, it: Ends) -> String {
        format!("{} {:?}", it.text, it.size)
    }
}

async fn desk(set: impl FnOnce(Server) -> Server) -> (System, String) {
    let system = System::start().await.expect("the program is sound");
    let at = open(&system, set(Server::new(&system))).await;
    (system, at)
}

#[tokio::test]
async fn text_for_a_type_that_takes_any_value_is_what_json_would_have() {
    let (_system, at) = desk(|server| server).await;
    for (handle, read) in [
        ("7", "Number(7)"),
        ("-7.5", "Ratio(-7.5)"),
        ("1e3", "Ratio(1000.0)"),
        ("true", "Flag(true)"),
        ("ann", "Name(\"ann\")"),
        ("007", "Name(\"007\")"),
        ("null", "Name(\"null\")"),
        ("%227%22", "Name(\"\\\"7\\\"\")"),
        (
            "0.1234567890123456789012",
            "Name(\"0.1234567890123456789012\")",
        ),
    ] {
        assert_eq!(text(&get(&at, &format!("/who/{handle}")).await), read);
    }
    for (query, read) in [
        (
            "handles=7&handles=x",
            "[Number(7), Name(\"x\")] None None None",
        ),
        // Only text is taken: so text it is, for all values of that name.
        ("words=7&number=8", "[] Some(Word(\"7\")) None Some(8)"),
        ("any=7", "[] None Some(Number(7)) None"),
        (
            "any=a&words=true&handles=1",
            "[Number(1)] Some(Word(\"true\")) Some(String(\"a\")) None",
        ),
    ] {
        assert_eq!(
            text(&get(&at, &format!("/many?{query}")).await),
            read,
            "{query}"
        );
    }
    check_refused(
        &get(&at, "/many?number=x&words=7").await,
        "`number`: invalid value",
        "number",
    );
    check_refused(
        &get(&at, "/many?tagged=A").await,
        "`tagged`: invalid type",
        "tagged",
    );
}

#[tokio::test]
async fn what_is_flattened_is_read_from_the_body_by_its_own_types() {
    let (_system, at) = desk(|server| server).await;
    let read = text(&post(&at, "/paged/7", r#"{"limit":10}"#).await);
    assert_eq!(read, "7 Paging { limit: 10, cursor: None }");
    let read = text(&post(&at, "/scored", r#"{"id":1,"a":2}"#).await);
    assert_eq!(read, "1 {\"a\": 2}");
    // From text it would be text, so it is not read from there.
    let answer = post(&at, "/paged/7?limit=10", "{}").await;
    check_refused(&answer, "unknown field `limit` in path or query", "limit");
    // What is wrong in it has its name.
    let answer = post(&at, "/paged/7", r#"{"limit":"ten"}"#).await;
    check_refused(
        &answer,
        "`limit`: invalid type: string \"ten\", expected u32",
        "limit",
    );
    let answer = post(&at, "/scored", r#"{"id":1,"a":2,"b":"x"}"#).await;
    check_refused(&answer, "invalid type: string \"x\", expected u32", "b");
    check_refused(
        &post(&at, "/paged/7", "{}").await,
        "missing field `limit`",
        "limit",
    );
}

#[tokio::test]
async fn a_flattened_map_of_texts_takes_the_rest_of_a_query() {
    let (_system, at) = desk(|server| server).await;
    for (query, read) in [
        (
            "a=7&b=true&handle=7",
            "Some(Number(7)) {\"a\": \"7\", \"b\": \"true\"}",
        ),
        ("handel=x", "Some(Name(\"x\")) {}"),
        ("", "None {}"),
    ] {
        assert_eq!(text(&get(&at, &format!("/rest?{query}")).await), read);
    }
}

#[tokio::test]
async fn a_message_that_is_its_body_takes_no_text() {
    let (_system, at) = desk(|server| server).await;
    assert_eq!(
        text(&post(&at, "/kinds", r#"{"number":7}"#).await),
        "Number { number: 7 }"
    );
    let answer = post(&at, "/kinds?number=7", "").await;
    check_refused(&answer, "unknown field `number`", "number");
}

#[tokio::test]
async fn an_empty_segment_is_no_parameter() {
    let (_system, at) = desk(|server| server).await;
    assert_eq!(text(&get(&at, "/texts/a/end").await), "a None");
    for path in ["/texts//end", "/who/"] {
        let answer = get(&at, path).await;
        assert_eq!(answer.status, 404, "{path}: {answer:?}");
    }
}

#[tokio::test]
async fn an_encoded_body_is_refused() {
    let (_system, at) = desk(|server| server).await;
    let body = r#"{"limit":1}"#;
    for encoding in ["gzip", "zebra", "identity, br"] {
        let headers = [JSON, ("content-encoding", encoding)];
        let answer = request(&at, "POST /paged/1", &headers, body).await;
        assert_eq!(answer.status, 415, "{answer:?}");
        assert_eq!(answer.header("accept-encoding"), "identity");
    }
    let headers = [JSON, ("content-encoding", "identity")];
    assert_eq!(
        request(&at, "POST /paged/1", &headers, body).await.status,
        201
    );
    for coding in ["gzip, chunked", "identity, chunked"] {
        let headers = [JSON, ("transfer-encoding", coding)];
        let head = head_and_body("POST /paged/1", &headers, "");
        let chunks = format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
        let answer = send(&at, head + &chunks).await;
        assert_eq!(answer.status, 501, "{answer:?}");
        assert_eq!(answer.header("connection"), "close");
    }
}

#[tokio::test]
async fn the_wait_that_is_applied_is_named() {
    let (_system, at) = desk(|server| server.request_timeout(Duration::from_secs(20))).await;
    for (wish, applied) in [
        ("5", "wait=5"),
        ("20", "wait=20"),
        ("18446744073709551615", "wait=20"),
    ] {
        let headers = [("prefer", format!("wait={wish}"))];
        let headers = headers
            .each_ref()
            .map(|(name, value)| (*name, value.as_str()));
        let answer = request(&at, "GET /many", &headers, "").await;
        assert_eq!(answer.header("preference-applied"), applied, "{answer:?}");
    }
}

#[tokio::test]
async fn head_is_get_without_its_content() {
    let (_system, at) = desk(|server| server).await;
    let (got, head) = (
        get(&at, "/who/7").await,
        request(&at, "HEAD /who/7", &[], "").await,
    );
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    for name in ["content-type", "content-length"] {
        assert_eq!(head.header(name), got.header(name), "{name}");
    }
    let wrong = request(&at, "HEAD /many?number=x", &[], "").await;
    assert_eq!((wrong.status, wrong.body.as_str()), (422, ""));
    assert_eq!(request(&at, "HEAD /restart", &[], "").await.status, 405);
}

#[tokio::test]
async fn the_description_says_what_is_taken() {
    let (_system, at) = desk(Server::public_docs).await;
    let api = get(&at, "/openapi.json").await.json();
    let operation = |path: &str, verb: &str| api["paths"][path][verb].clone();
    let body = |path: &str| {
        let body = &operation(path, "post")["requestBody"];
        body["content"]["application/json"]["schema"].clone()
    };
    assert_eq!(operation("/restart", "post").get("requestBody"), None);
    assert_eq!(post(&at, "/restart", "{}").await.status, 204);
    assert_eq!(post(&at, "/nothing", r#"{"times":1}"#).await.status, 204);
    let paged = body("/paged/{id}");
    let properties = paged["properties"].as_object().expect("fields");
    assert_eq!(properties.keys().collect::<Vec<_>>(), ["cursor", "limit"]);
    assert_eq!(paged["required"], json!(["limit"]));
    let scores = &body("/scored")["additionalProperties"];
    assert_eq!(
        (&scores["type"], &scores["format"]),
        (&json!("integer"), &json!("uint32"))
    );
    let ends = operation("/texts/{text}/end", "get");
    let size = &ends["parameters"][1];
    assert_eq!(
        (&size["name"], &size["required"]),
        (&json!("size"), &json!(false))
    );
    assert!(!size["schema"].to_string().contains("null"), "{size}");
    let rest = &operation("/rest", "get")["parameters"][1];
    assert_eq!(
        (&rest["name"], &rest["explode"]),
        (&json!("rest"), &json!(true))
    );
    assert_eq!(rest["schema"]["additionalProperties"]["type"], "string");
}
