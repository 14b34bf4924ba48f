//! What replies and errors say in headers of the answer.

use nether::http::{Created, HeaderName, HeaderValue, Server, WithHeaders};
use nether::prelude::*;
use nether_tests::http::{JSON, get, open, post, request};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Order {
    pub number: u32,
}

#[command(reply = Created<Order>, error = OrderError, http = "POST /orders")]
pub struct Place {
    pub article: String,
}

/// A PUT may make something too.
#[command(reply = Option<Created<Order>>, http = "PUT /orders/{number}")]
pub struct Replace {
    pub number: u32,
}

/// Is asked with a body.
#[query(reply = WithHeaders<Order>, http = "POST /searches")]
pub struct Search;

#[query(reply = Option<WithHeaders<Order>>, http = "GET /orders/{number}")]
pub struct Find {
    pub number: u32,
}

/// The other way round.
#[query(reply = WithHeaders<Option<Order>>, http = "GET /maybe/{number}")]
pub struct FindMaybe {
    pub number: u32,
}

/// Replies headers alone.
#[command(reply = WithHeaders<()>, http = "DELETE /orders/{number}")]
pub struct Cancel {
    pub number: u32,
}

/// Says its status itself.
#[command(reply = WithHeaders<Order>, status = 202, http = "POST /plans")]
pub struct Plan;

#[derive(Debug, thiserror::Error, nether::Problem)]
pub enum OrderError {
    #[error("who are you?")]
    #[problem(status = 401, www_authenticate = "Bearer realm=\"orders\"")]
    Unknown,
    #[error("too many orders")]
    #[problem(status = 429, retry_after = "2m")]
    TooMany,
}

#[derive(Debug, Default)]
pub struct Desk;

#[module(handles = [Place, Replace, Search, Find, FindMaybe, Cancel, Plan])]
impl Desk {
    async fn place(&mut self, place: Place) -> Result<Created<Order>, OrderError> {
        match place.article.as_str() {
            "secret" => Err(OrderError::Unknown),
            "all" => Err(OrderError::TooMany),
            article => {
                let place = format!("/orders/7?of={article}");
                Ok(Created::at(place, Order { number: 7 }))
            }
        }
    }

    async fn replace(&mut self, replace: Replace) -> Option<Created<Order>> {
        let number = replace.number;
        (number != 0).then(|| Created::at(format!("/orders/{number}"), Order { number }))
    }

    async fn search(&self, _: Search) -> WithHeaders<Order> {
        WithHeaders::new(Order { number: 5 }).etag("v5")
    }

    async fn find(&self, find: Find) -> Option<WithHeaders<Order>> {
        let number = find.number;
        (number != 0).then(|| {
            WithHeaders::new(Order { number })
                .etag(format!("v{number}"))
                .cache_control("max-age=60")
                .header(
                    HeaderName::from_static("x-shelf"),
                    HeaderValue::from_static("a"),
                )
                .header(
                    HeaderName::from_static("x-shelf"),
                    HeaderValue::from_static("b"),
                )
                .header(
                    HeaderName::from_static("content-type"),
                    HeaderValue::from_static("text/plain"),
                )
                .header(
                    HeaderName::from_static("content-length"),
                    HeaderValue::from_static("1"),
                )
                .header(
                    HeaderName::from_static("transfer-encoding"),
                    HeaderValue::from_static("gzip"),
                )
        })
    }

    async fn find_maybe(&self, find: FindMaybe) -> WithHeaders<Option<Order>> {
        let number = find.number;
        WithHeaders::new((number != 0).then_some(Order { number })).etag("maybe")
    }

    async fn cancel(&mut self, _: Cancel) -> WithHeaders<()> {
        WithHeaders::new(()).header(
            HeaderName::from_static("x-refund"),
            HeaderValue::from_static("none"),
        )
    }

    async fn plan(&mut self, _: Plan) -> WithHeaders<Order> {
        WithHeaders::new(Order { number: 1 }).location("/plans/1")
    }
}

async fn desk() -> (System, String) {
    let system = System::start().await.expect("the program is sound");
    let address = open(&system, Server::new(&system).public_docs()).await;
    (system, address)
}

#[tokio::test]
async fn what_was_made_has_a_place() {
    let (_system, at) = desk().await;
    let made = post(&at, "/orders", r#"{"article":"green tea"}"#).await;
    assert_eq!((made.status, made.json()), (201, json!({"number": 7})));
    assert_eq!(made.header("location"), "/orders/7?of=green%20tea");
    assert_eq!(made.header("content-type"), "application/json");
    let put = request(&at, "PUT /orders/3", &[JSON], "{}").await;
    assert_eq!((put.status, put.header("location")), (201, "/orders/3"));
    let none = request(&at, "PUT /orders/0", &[JSON], "{}").await;
    assert_eq!((none.status, none.header("location")), (404, ""));
    let planned = post(&at, "/plans", "{}").await;
    assert_eq!(
        (planned.status, planned.header("location")),
        (202, "/plans/1")
    );
}

#[tokio::test]
async fn no_reply_adds_a_line_to_the_head() {
    let (_system, at) = desk().await;
    let article = json!({"article": "a\r\nset-cookie: b"}).to_string();
    let made = post(&at, "/orders", &article).await;
    assert_eq!(made.status, 201);
    assert_eq!(made.header("set-cookie"), "");
    assert!(made.header("location").ends_with("a%0D%0Aset-cookie:%20b"));
}

#[tokio::test]
async fn a_reply_has_headers_beside_its_content() {
    let (_system, at) = desk().await;
    let found = get(&at, "/orders/4").await;
    assert_eq!((found.status, found.json()), (200, json!({"number": 4})));
    assert_eq!(found.header("etag"), "\"v4\"");
    assert_eq!(found.header("cache-control"), "max-age=60");
    let shelves = found.headers.iter().filter(|(name, _)| name == "x-shelf");
    assert_eq!(shelves.count(), 2);
    // What is sent, and how long it is, is the server's to say.
    assert_eq!(found.header("content-type"), "application/json");
    assert_eq!(found.header("content-length"), "12");
    assert_eq!(found.header("transfer-encoding"), "");
    let none = get(&at, "/orders/0").await;
    assert_eq!((none.status, none.header("etag")), (404, ""));
    assert_eq!(get(&at, "/maybe/4").await.header("etag"), "\"maybe\"");
    assert_eq!(get(&at, "/maybe/0").await.status, 404);
    let cancelled = request(&at, "DELETE /orders/4", &[], "").await;
    assert_eq!((cancelled.status, cancelled.body.as_str()), (204, ""));
    assert_eq!(cancelled.header("x-refund"), "none");
    assert_eq!(cancelled.header("content-type"), "");
}

#[tokio::test]
async fn a_client_that_has_the_content_is_not_sent_it_again() {
    let (_system, at) = desk().await;
    for (known, status) in [
        ("\"v4\"", 304),
        ("W/\"v4\"", 304),
        ("\"v3\", \"v4\"", 304),
        ("*", 304),
        ("\"v3\"", 200),
        ("v4", 200),
    ] {
        let headers = [("if-none-match", known)];
        let answer = request(&at, "GET /orders/4", &headers, "").await;
        assert_eq!(answer.status, status, "{known}");
        assert_eq!(answer.body.is_empty(), status == 304, "{known}");
        assert_eq!(answer.header("etag"), "\"v4\"", "{known}");
        assert_eq!(answer.header("cache-control"), "max-age=60", "{known}");
    }
    let headers = [("if-none-match", "*")];
    // Only what a GET asks for is kept by clients (RFC 9110, section 13.1.2).
    let headers_of_post = [JSON, ("if-none-match", "\"v5\"")];
    let searched = request(&at, "POST /searches", &headers_of_post, "{}").await;
    assert_eq!(
        (searched.status, searched.json()),
        (200, json!({"number": 5}))
    );
    assert_eq!(
        request(&at, "GET /orders/0", &headers, "").await.status,
        404
    );
}

#[tokio::test]
async fn an_error_says_how_to_do_better() {
    let (_system, at) = desk().await;
    let unknown = post(&at, "/orders", r#"{"article":"secret"}"#).await;
    assert_eq!(unknown.status, 401);
    assert_eq!(
        unknown.header("www-authenticate"),
        "Bearer realm=\"orders\""
    );
    let many = post(&at, "/orders", r#"{"article":"all"}"#).await;
    assert_eq!((many.status, many.header("retry-after")), (429, "120"));
}

#[tokio::test]
async fn a_caller_inside_of_the_program_takes_the_value() {
    let (system, _at) = desk().await;
    let ctx = system.context();
    let article = "tea".to_owned();
    let made = ctx.send(Place { article }).await.expect("it is known");
    assert_eq!(
        (made.number, made.location.as_str()),
        (7, "/orders/7?of=tea")
    );
    assert_eq!(made.into_inner(), Order { number: 7 });
    let found = ctx.ask(Find { number: 4 }).await.expect("it runs");
    let found = found.expect("there is one");
    assert_eq!(found.headers()["etag"], "\"v4\"");
    assert_eq!(found.into_inner(), Order { number: 4 });
    ctx.close().await.expect("nobody fails");
}

#[tokio::test]
async fn the_description_has_the_headers_that_are_in_the_type() {
    let (_system, at) = desk().await;
    let paths = get(&at, "/openapi.json").await.json()["paths"].clone();
    let order = json!({"$ref": "#/components/schemas/Order"});
    for (path, method) in [("/orders", "post"), ("/orders/{number}", "put")] {
        let made = &paths[path][method]["responses"]["201"];
        assert_eq!(made["headers"]["Location"]["required"], true, "{path}");
        assert_eq!(made["content"]["application/json"]["schema"], order);
    }
    for path in ["/orders/{number}", "/maybe/{number}"] {
        let found = &paths[path]["get"]["responses"];
        assert_eq!(found["200"]["content"]["application/json"]["schema"], order);
        assert!(found["404"].is_object(), "{path}");
    }
    let cancelled = &paths["/orders/{number}"]["delete"]["responses"]["204"];
    assert!(cancelled.is_object() && cancelled["content"].is_null());
    assert!(paths["/plans"]["post"]["responses"]["202"].is_object());
    let refused = &paths["/orders"]["post"]["responses"];
    assert!(refused["401"]["headers"]["WWW-Authenticate"].is_object());
    assert!(refused["429"]["headers"]["Retry-After"].is_object());
}
