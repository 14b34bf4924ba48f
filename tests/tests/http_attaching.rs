//! Modules that are attached while the server makes its routes anew for another one.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex};

use axum::Router;
use nether::http::Server;
use nether::prelude::*;
use nether_tests::http::{get, open};
use tokio::sync::Semaphore;
use tokio::task::yield_now;

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

/// Holds up whoever makes the routes, while it is closed.
static IS_CLOSED: Mutex<bool> = Mutex::new(false);
static OPENED: Condvar = Condvar::new();

/// Told by each that is held up.
static HELD_UP: Semaphore = Semaphore::const_new(0);

/// How many make the routes, and how many did at once.
static MAKING: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

#[nether::routes]
fn slow_to_make() -> Router<System> {
    let making = MAKING.fetch_add(1, Ordering::SeqCst) + 1;
    MOST.fetch_max(making, Ordering::SeqCst);
    let mut is_closed = IS_CLOSED.lock().expect("no panic");
    if *is_closed {
        HELD_UP.add_permits(1);
    }
    while *is_closed {
        is_closed = OPENED.wait(is_closed).expect("no panic");
    }
    MAKING.fetch_sub(1, Ordering::SeqCst);
    Router::new()
}

fn close_gate(is_closed: bool) {
    *IS_CLOSED.lock().expect("no panic") = is_closed;
    OPENED.notify_all();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn routes_that_are_made_twice_at_once_are_those_of_the_newest_modules() {
    let system = System::builder().isolated().start().await.unwrap();
    let at = open(&system, Server::new(&system)).await;
    let ask = |path: &'static str| {
        let at = at.clone();
        tokio::spawn(async move { get(&at, path).await.status })
    };
    close_gate(true);
    let _firsts = system.attach(Firsts).await.unwrap();
    let first = ask("/first");
    HELD_UP.acquire().await.unwrap().forget();
    let _seconds = system.attach(Seconds).await.unwrap();
    let second = ask("/second");
    // The other request has its turn in a free thread meanwhile.
    for _ in 0..10_000 {
        yield_now().await;
    }
    close_gate(false);
    assert_eq!((first.await.unwrap(), second.await.unwrap()), (200, 200));
    for path in ["/first", "/second"] {
        assert_eq!(get(&at, path).await.status, 200, "{path}");
    }
    assert_eq!(MOST.load(Ordering::SeqCst), 1);
}
