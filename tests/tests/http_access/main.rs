//! Who may ask a server, and what holds for all that it answers: endpoints, routes, files and operations.

mod cross_site;
mod hosts;
mod proxies;
mod settings;

use std::net::SocketAddr;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, DefaultBodyLimit};
use axum::response::Html;
use axum::routing::{get as on_get, post as on_post};
use futures_util::{StreamExt, stream};
use nether::Principal;
use nether::http::{RequestContext, Server};
use nether::prelude::*;
use nether_tests::http::open;
use tokio::sync::Notify;

#[command(reply = String, http = "POST /orders")]
pub struct PlaceOrder {
    pub article: String,
    pub pieces: u32,
}

/// Has nothing that a body would be for.
#[command(http = "POST /ticks")]
pub struct Tick;

#[command(reply = u32, http = "DELETE /orders/{order_id}")]
pub struct CancelOrder {
    pub order_id: u32,
    pub reason: Option<String>,
}

#[query(reply = String, http = "POST /searches")]
pub struct Search {
    pub article: String,
}

#[query(reply = String, http = "GET /who")]
pub struct Who;

#[derive(Debug, Default)]
pub struct Desk;

#[module(handles = [PlaceOrder, Tick, CancelOrder, Search, Who])]
impl Desk {
    async fn place(&self, order: PlaceOrder) -> String {
        format!("{} {}", order.pieces, order.article)
    }

    async fn tick(&self, _: Tick) {}

    async fn cancel(&self, cancel: CancelOrder) -> u32 {
        cancel.order_id
    }

    async fn search(&self, search: Search) -> String {
        search.article
    }

    async fn who(&self, _: Who, ctx: &QueryContext<Self>) -> String {
        ctx.principal().map_or("nobody", Principal::id).to_owned()
    }
}

#[nether::routes]
fn routes() -> Router<System> {
    let large = DefaultBodyLimit::max(4 << 20);
    Router::new()
        .route("/page", on_get(async || Html("<p>page")))
        .route("/framed", on_get(framed))
        .route("/text", on_get(async || "<script>"))
        .route("/falls", on_get(async || -> () { panic!("as asked") }))
        .route("/peer", on_get(peer))
        .route("/form", on_post(async || "taken"))
        .route("/identity/acs", on_post(async || "back"))
        .route("/hooks/{name}", on_post(async || "hooked"))
        .route("/socket", on_get(async || "open"))
        .route(
            "/bytes",
            on_post(async |body: Bytes| body.len().to_string()),
        )
        .route("/scoped", on_post(scoped))
        .route(
            "/large",
            on_post(async |body: Bytes| body.len().to_string()).layer(large),
        )
        .route("/stream", on_get(begin))
        .route("/never", on_get(std::future::pending::<()>))
}

async fn framed() -> ([(&'static str, &'static str); 1], Html<&'static str>) {
    let policy = (
        "content-security-policy",
        "frame-ancestors https://a.example",
    );
    ([policy], Html("<p>framed"))
}

async fn peer(ConnectInfo(peer): ConnectInfo<SocketAddr>) -> String {
    peer.to_string()
}

async fn scoped(_: RequestContext, body: Bytes) -> String {
    body.len().to_string()
}

static GO_ON: Notify = Notify::const_new();

/// Begins at once, and goes on when the test says so.
async fn begin() -> Body {
    let begun = stream::once(async { Ok::<_, std::io::Error>("begun") });
    let more = stream::once(async {
        GO_ON.notified().await;
        Ok("more")
    });
    Body::from_stream(begun.chain(more))
}

/// A server with these settings that shows all that it has, and its address.
async fn desk(set: impl FnOnce(Server) -> Server) -> (System, String) {
    let system = System::start().await.expect("the program is sound");
    let server = Server::new(&system).public_docs().public_metrics();
    let address = open(&system, set(server)).await;
    (system, address)
}
