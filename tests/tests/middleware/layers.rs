//! Layers around the whole web server.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::extract::{Extension, Request};
use axum::middleware::{Next, from_fn};
use axum::routing::{get as on_get, put as on_put};
use nether::http::{AddRoutes, Server};
use nether::prelude::*;
use nether_tests::Folder;
use nether_tests::http::{connect, get, open, request, send};
use tower::Layer;

use crate::notes::Notes;

#[query(reply = u32, http = "GET /lamps")]
struct Lamps;

/// At the path of a route that is written by hand, by another method.
#[command(http = "POST /by-hand")]
struct Light;

#[event(http = "SSE /lamps/lit")]
struct Lit;

#[derive(Default)]
struct Lamp;

#[module(handles = [Lamps, Light], manual)]
impl Lamp {
    async fn lamps(&self, _: Lamps) -> u32 {
        4
    }

    async fn light(&self, _: Light) {}
}

/// What a layer leaves in a request.
#[derive(Clone)]
struct Left(&'static str);

async fn show(Extension(Left(text)): Extension<Left>) -> &'static str {
    text
}

#[nether::routes]
fn by_hand() -> axum::Router<System> {
    axum::Router::new().route("/by-hand", on_get(show))
}

/// Adds a layer that notes each request and each answer.
fn noted(server: Server, name: &'static str, notes: &Notes) -> Server {
    let notes = notes.clone();
    server.layer(from_fn(move |mut request: Request, next: Next| {
        let notes = notes.clone();
        async move {
            notes.add(format!("{name} {}", request.uri().path()));
            request.extensions_mut().insert(Left(name));
            let response = next.run(request).await;
            notes.add(format!("{name} {}", response.status().as_u16()));
            response
        }
    }))
}

async fn started() -> System {
    let system = System::builder().isolated().start().await.unwrap();
    system.attach(Lamp).await.unwrap();
    system
}

#[tokio::test]
async fn layers_stand_around_all_that_is_served_and_the_first_is_outermost() {
    let (system, notes, folder) = (started().await, Notes::default(), Folder::new("layers"));
    fs::write(folder.0.join("page.txt"), "a page").unwrap();
    let server = Server::new(&system)
        .files("/files", &folder.0)
        .public_docs();
    let server = noted(server, "outer", &notes);
    let address = open(&system, noted(server, "inner", &notes)).await;
    for (path, status) in [
        ("/lamps", 200),
        ("/by-hand", 200),
        ("/files/page.txt", 200),
        ("/livez", 200),
        ("/openapi.json", 200),
        ("/nowhere", 404),
    ] {
        assert_eq!(get(&address, path).await.status, status, "{path}");
        let expected = [
            format!("outer {path}"),
            format!("inner {path}"),
            format!("inner {status}"),
            format!("outer {status}"),
        ];
        assert_eq!(notes.take(), expected);
    }
    let mut stream = connect(&address).await;
    stream
        .write("GET /lamps/lit HTTP/1.1\r\nhost: localhost\r\n\r\n")
        .await;
    stream.until("text/event-stream").await;
    assert_eq!(notes.take().len(), 4);
    system.shutdown().await;
}

#[tokio::test]
async fn what_the_server_does_not_take_reaches_no_layer() {
    let (system, notes) = (started().await, Notes::default());
    let address = open(&system, noted(Server::new(&system), "a", &notes)).await;
    let foreign = send_to_host(&address, "elsewhere.example").await;
    assert_eq!(foreign, 421);
    let other_site = [("origin", "https://elsewhere.example")];
    let answer = request(&address, "POST /by-hand", &other_site, "").await;
    assert_eq!(answer.status, 403);
    assert!(notes.take().is_empty());
    system.shutdown().await;
}

async fn send_to_host(address: &str, host: &str) -> u16 {
    let text = format!("GET /lamps HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
    send(address, text).await.status
}

#[tokio::test]
async fn what_a_layer_adds_to_a_request_reaches_the_routes() {
    let (system, notes) = (started().await, Notes::default());
    let server = noted(Server::new(&system), "outer", &notes);
    let address = open(&system, noted(server, "inner", &notes)).await;
    assert_eq!(get(&address, "/by-hand").await.body, "inner");
    // Another module has the path for another method: the request goes through both.
    let answer = request(&address, "POST /by-hand", &[], "").await;
    assert_eq!(answer.status, 204, "{}", answer.body);
    let added = axum::Router::new().route("/by-hand", on_put(show));
    let ctx = system.context();
    ctx.send(AddRoutes { router: added }).await.unwrap();
    let answer = request(&address, "PUT /by-hand", &[], "").await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "inner"));
    assert_eq!(get(&address, "/by-hand").await.body, "inner");
    system.shutdown().await;
}

/// Counts how often it was made into a service.
#[derive(Clone, Default)]
struct Made(Arc<AtomicUsize>);

impl<S> Layer<S> for Made {
    type Service = S;

    fn layer(&self, served: S) -> S {
        self.0.fetch_add(1, Ordering::SeqCst);
        served
    }
}

#[tokio::test]
async fn a_layer_is_made_once_for_each_address_whatever_routes_come() {
    let (system, made) = (started().await, Made::default());
    let address = open(&system, Server::new(&system).layer(made.clone())).await;
    assert_eq!(made.0.load(Ordering::SeqCst), 1);
    let ctx = system.context();
    let router = axum::Router::new().route("/later", on_get(async || "here"));
    ctx.send(AddRoutes { router }).await.unwrap();
    assert_eq!(get(&address, "/later").await.body, "here");
    assert_eq!(get(&address, "/lamps").await.body, "4");
    assert_eq!(made.0.load(Ordering::SeqCst), 1);
    system.shutdown().await;
}

#[tokio::test]
async fn a_panic_in_a_layer_is_answered_and_the_server_goes_on() {
    let system = started().await;
    let server = Server::new(&system).layer(from_fn(async |request: Request, next: Next| {
        assert_ne!(request.uri().path(), "/by-hand", "it fell");
        next.run(request).await
    }));
    let address = open(&system, server).await;
    assert_eq!(get(&address, "/by-hand").await.status, 500);
    assert_eq!(get(&address, "/lamps").await.status, 200);
    system.shutdown().await;
}
