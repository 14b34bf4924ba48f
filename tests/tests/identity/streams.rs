//! Streams of events, which are for those alone who may see them.

use nether::http::Server;
use nether::prelude::*;
use nether_tests::http::{by_header, connect, get, head_and_body, open, request};

use crate::desk::{LetterCame, started};

async fn serving() -> (System, String) {
    let system = started().await;
    let server = Server::new(&system).authenticate(by_header());
    let at = open(&system, server).await;
    (system, at)
}

#[tokio::test]
async fn a_stream_is_for_those_who_have_what_its_event_requires() {
    let (_system, at) = serving().await;
    assert_eq!(get(&at, "/orders").await.status, 401);
    let ann = request(&at, "GET /orders", &[("x-user", "ann")], "").await;
    assert_eq!(ann.status, 403, "{ann:?}");
    let roles = [("x-user", "ann"), ("x-roles", "orders.read")];
    let mut client = connect(&at).await;
    client.write(head_and_body("GET /orders", &roles, "")).await;
    client.until(": open").await;
}

#[tokio::test]
async fn a_client_sees_the_events_that_a_function_allows_it() {
    let (system, at) = serving().await;
    let mut clients = Vec::new();
    for user in ["ann", "bob"] {
        let headers = [("x-user", user), ("x-roles", "letters")];
        let mut client = connect(&at).await;
        client
            .write(head_and_body("GET /letters", &headers, ""))
            .await;
        client.until(": open").await;
        clients.push(client);
    }
    // Publishing requires nothing: the event says who may see it.
    let ctx = system.context();
    for to in ["ann", "bob", "ann"] {
        let to = to.to_owned();
        ctx.publish(LetterCame { to }).await.expect("it is open");
    }
    ctx.close().await.expect("all was published");
    let anns =
        clients[0].until("{\"to\":\"ann\"}").await + &clients[0].until("{\"to\":\"ann\"}").await;
    assert!(!anns.contains("bob"), "{anns}");
    let bobs = clients[1].until("{\"to\":\"bob\"}").await;
    assert!(!bobs.contains("ann"), "{bobs}");
}
