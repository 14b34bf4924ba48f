//! Modules that are attached while a server runs: what then becomes of its routes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::routing::get as route;
use nether::http::Server;
use nether::prelude::*;
use nether_tests::http::{get, open};
use tokio::sync::Barrier;

#[query(reply = u32, http = "GET /first")]
pub struct First;

#[query(reply = u32, http = "GET /second")]
pub struct Second;

pub struct Firsts;

#[module(handles = First, manual)]
impl Firsts {
    async fn first(&self, _: First) -> u32 {
        1
    }
}

pub struct Seconds;

#[module(handles = Second, manual)]
impl Seconds {
    async fn second(&self, _: Second) -> u32 {
        2
    }
}

/// Counts the requests to it, as a layer with a rate limit does.
#[nether::routes]
fn counting() -> Router<System> {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = async move || (count.fetch_add(1, Ordering::SeqCst) + 1).to_string();
    Router::new().route("/count", route(counted))
}

#[tokio::test]
async fn a_module_that_is_attached_leaves_the_routers_of_the_program_as_they_are() {
    let system = System::builder().isolated().start().await.unwrap();
    let at = open(&system, Server::new(&system)).await;
    assert_eq!(get(&at, "/count").await.body, "1");
    let firsts = system.attach(Firsts).await.unwrap();
    assert_eq!(get(&at, "/first").await.status, 200);
    assert_eq!(get(&at, "/count").await.body, "2");
    system.detach(firsts).await;
    assert_eq!(get(&at, "/first").await.status, 404);
    assert_eq!(get(&at, "/count").await.body, "3");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn modules_that_are_attached_at_once_serve_from_the_next_request_on() {
    let system = System::builder().isolated().start().await.unwrap();
    let at = open(&system, Server::new(&system)).await;
    let barrier = Arc::new(Barrier::new(2));
    for _ in 0..100 {
        let first = {
            let (system, at, barrier) = (system.clone(), at.clone(), Arc::clone(&barrier));
            tokio::spawn(async move {
                barrier.wait().await;
                let firsts = system.attach(Firsts).await.unwrap();
                (get(&at, "/first").await.status, firsts)
            })
        };
        let second = {
            let (system, at, barrier) = (system.clone(), at.clone(), Arc::clone(&barrier));
            tokio::spawn(async move {
                barrier.wait().await;
                let seconds = system.attach(Seconds).await.unwrap();
                (get(&at, "/second").await.status, seconds)
            })
        };
        let ((first, firsts), (second, seconds)) = (first.await.unwrap(), second.await.unwrap());
        assert_eq!((first, second), (200, 200));
        for path in ["/first", "/second"] {
            assert_eq!(get(&at, path).await.status, 200, "{path}");
        }
        system.detach(firsts).await;
        system.detach(seconds).await;
    }
}
