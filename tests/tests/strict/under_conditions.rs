//! `#[cfg(..)]` and `#[cfg_attr(..)]` inside of messages mean the same as what becomes of them.

use nether::Message;
use nether::http::Server;
use nether::prelude::*;
use nether_tests::http::{get, open, post};

/// Finds an order.
#[query(reply = u32, http = "GET /conditional/{orderId}")]
pub struct Find {
    #[cfg_attr(all(), serde(rename = "orderId"))]
    #[cfg_attr(all(), doc = "Which one.")]
    pub order_id: u32,
    /// How many.
    #[cfg_attr(any(), serde(rename = "other"))]
    #[cfg_attr(all(), serde(default))]
    pub pieces: u32,
    #[cfg(any())]
    pub nothing: Never,
}

/// Of two fields of one name there is one.
#[command(reply = u32, key = id, http = "POST /conditional")]
pub struct Place {
    /// Which one.
    #[cfg(any())]
    pub id: String,
    /// Which one.
    #[cfg(not(any()))]
    pub id: u32,
}

/// It was placed.
#[event(name = "strict.conditional", http = "SSE /conditional/{number}/events")]
pub struct Placed {
    /// Which one.
    #[cfg_attr(all(), serde(rename = "number"))]
    pub id: u32,
}

/// One of several.
#[command(reply = u32, local)]
#[derive(Debug)]
pub enum Choice {
    /// The first.
    First(#[cfg_attr(all(), doc = "This one.")] u32),
    #[cfg(any())]
    Second(Never),
}

/// Handles them.
#[derive(Debug, Default)]
pub struct Conditional;

#[module(handles = [Find, Place, Choice], emits = Placed)]
impl Conditional {
    async fn find(&self, find: Find) -> u32 {
        find.order_id + find.pieces
    }

    async fn place(&self, place: Place) -> u32 {
        place.id
    }

    async fn choose(&self, choice: Choice) -> u32 {
        match choice {
            Choice::First(number) => number,
        }
    }
}

#[tokio::test]
async fn attributes_under_conditions_are_those_that_hold() -> nether::Result<()> {
    let builder = System::builder().provide(1_u64);
    let system = builder
        .provide(nether::eventstore::Store::memory())
        .start()
        .await?;
    assert_eq!(system.context().send(Choice::First(3)).await?, 3);
    assert_eq!(Place::descriptor().key, Some("id"));
    let at = open(&system, Server::new(&system).public_docs()).await;
    assert_eq!(get(&at, "/conditional/5").await.body, "5");
    assert_eq!(get(&at, "/conditional/5?pieces=2").await.body, "7");
    assert_eq!(get(&at, "/conditional/5?other=2").await.status, 422);
    assert_eq!(post(&at, "/conditional", r#"{"id":6}"#).await.body, "6");
    let api = get(&at, "/openapi.json").await.json();
    let find = &api["paths"]["/conditional/{orderId}"]["get"];
    assert_eq!(find["parameters"][0]["name"], "orderId");
    assert_eq!(find["parameters"][0]["schema"]["description"], "Which one.");
    assert_eq!(find["parameters"][1]["required"], false);
    assert_eq!(find["parameters"].as_array().map(Vec::len), Some(2));
    let placed = &api["paths"]["/conditional/{number}/events"]["get"];
    assert_eq!(placed["parameters"][0]["name"], "number");
    Ok(())
}
