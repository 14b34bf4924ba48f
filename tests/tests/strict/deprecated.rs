//! What is deprecated warns where users use it, and nowhere in generated code.

use nether::http::Server;
use nether::prelude::*;
use nether_tests::http::{get, open, post};

/// An order of old.
#[deprecated = "send `Order`"]
#[command(reply = u8, error = Refusal, key = id, http = "POST /old-orders")]
pub struct OldOrder {
    /// Which one.
    #[deprecated]
    pub id: u8,
}

/// An order of a field of old.
#[command(reply = u8, key = id, http = "POST /orders")]
pub struct Order {
    /// Which one.
    #[deprecated]
    pub id: u8,
    /// How many.
    pub pieces: u8,
}

/// What was ordered.
#[deprecated]
#[event(name = "strict.old_ordered", http = "SSE /old-orders/events")]
pub enum OldOrdered {
    /// In whole.
    #[deprecated]
    Whole,
}

/// How many there are.
#[deprecated]
#[query(reply = u8, http = "GET /old-orders")]
pub struct OldOrders;

/// Why not.
#[derive(Debug, Clone, Copy, nether::Problem)]
#[problem(status = 422)]
pub enum Refusal {
    /// For old reasons.
    #[deprecated]
    #[problem(status = 410)]
    Gone,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("gone")
    }
}

impl std::error::Error for Refusal {}

/// Takes what is old, and says so above its block.
#[derive(Debug, Default)]
pub struct OldDesk;

#[expect(deprecated)]
#[module(handles = [OldOrder, OldOrders], emits = OldOrdered)]
impl OldDesk {
    async fn order(&mut self, order: OldOrder, ctx: &Context<Self>) -> Result<u8, Refusal> {
        let ordered = ctx.publish(OldOrdered::Whole).await;
        ordered.map_err(|_| Refusal::Gone)?;
        Ok(order.id)
    }

    async fn orders(&self, _: OldOrders) -> u8 {
        7
    }
}

/// Takes what is partly old, and says so at its handler.
#[derive(Debug, Default)]
pub struct Desk;

#[module(handles = [Order, OldOrdered])]
#[allow(deprecated)]
impl Desk {
    async fn order(&self, order: Order) -> u8 {
        order.id + order.pieces
    }

    async fn ordered(&self, _: &OldOrdered) {}
}

#[deprecated]
#[nether::routes]
fn old_pages() -> axum::Router<System> {
    axum::Router::new().route("/old-page", axum::routing::get(async || "old"))
}

#[tokio::test]
async fn what_is_deprecated_works_and_is_described_so() -> nether::Result<()> {
    let builder = System::builder().provide(1_u64);
    let system = builder
        .provide(nether::eventstore::Store::memory())
        .start()
        .await?;
    let at = open(&system, Server::new(&system).public_docs()).await;
    assert_eq!(post(&at, "/old-orders", r#"{"id":3}"#).await.body, "3");
    assert_eq!(
        post(&at, "/orders", r#"{"id":3,"pieces":4}"#).await.body,
        "7"
    );
    assert_eq!(get(&at, "/old-orders").await.body, "7");
    assert_eq!(get(&at, "/old-page").await.body, "old");
    let api = get(&at, "/openapi.json").await.json();
    for (path, verb) in [
        ("/old-orders", "post"),
        ("/old-orders", "get"),
        ("/old-orders/events", "get"),
    ] {
        assert_eq!(
            api["paths"][path][verb]["deprecated"], true,
            "{verb} {path}"
        );
    }
    let order = &api["paths"]["/orders"]["post"];
    assert_eq!(order.get("deprecated"), None);
    let schema = &order["requestBody"]["content"]["application/json"]["schema"];
    assert_eq!(schema["properties"]["id"]["deprecated"], true);
    assert_eq!(schema["properties"]["pieces"].get("deprecated"), None);
    Ok(())
}
