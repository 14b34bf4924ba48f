//! The address of a client.

use nether::Principal;
use nether::http::{AddRoutes, ForwardedHeader, RequestHead, Server, from_fn};
use nether_tests::http::{get, request};

use crate::desk;

/// The principal is the address.
fn by_address(server: Server) -> Server {
    server.authenticate(from_fn([], async |head: RequestHead| {
        Ok(Principal::new(head.client().ip().to_string()))
    }))
}

#[tokio::test]
async fn routes_and_principals_see_who_has_opened_the_connection() {
    let (_system, at) = desk(by_address).await;
    let peer = get(&at, "/peer").await.body;
    assert!(
        peer.starts_with("127.0.0.1:") && !peer.ends_with(":0"),
        "{peer}"
    );
    assert_eq!(get(&at, "/who").await.body, "\"127.0.0.1\"");
}

#[tokio::test]
async fn a_router_behind_one_that_knows_the_path_sees_it_too() {
    let (system, at) = desk(|server| server).await;
    let ctx = system.context();
    let router = axum::Router::new().route("/peer", axum::routing::put(async || "put"));
    ctx.send(AddRoutes { router }).await.expect("it serves");
    ctx.close().await.expect("nothing else is done");
    assert!(get(&at, "/peer").await.body.starts_with("127.0.0.1:"));
}

#[tokio::test]
async fn what_is_said_of_a_client_is_believed_of_trusted_proxies_alone() {
    let said = [
        ("x-forwarded-for", "203.0.113.7"),
        ("forwarded", "for=203.0.113.8"),
    ];
    for (proxies, client) in [
        (&[][..], "127.0.0.1"),
        (&["10.0.0.0/8"], "127.0.0.1"),
        (&["10.0.0.0/8", "127.0.0.0/8"], "203.0.113.7"),
        (&["127.0.0.1"], "203.0.113.7"),
    ] {
        let (_system, at) =
            desk(|server| by_address(server).trusted_proxies(proxies.iter().copied())).await;
        let who = request(&at, "GET /who", &said, "").await.body;
        assert_eq!(who, format!("\"{client}\""), "{proxies:?}");
        let peer = request(&at, "GET /peer", &said, "").await.body;
        assert!(peer.starts_with(client), "{peer}");
    }
    let (_system, at) = desk(|server| {
        let server = by_address(server).trusted_proxies(["127.0.0.1"]);
        server.forwarded_header(ForwardedHeader::Forwarded)
    })
    .await;
    let who = request(&at, "GET /who", &said, "").await.body;
    assert_eq!(who, "\"203.0.113.8\"");
}
