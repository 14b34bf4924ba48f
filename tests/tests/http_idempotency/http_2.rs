//! Keys over HTTP/2, where a connection has many requests, and a client may reset one without going away.

use nether::eventstore::Store;
use nether_tests::frames::{DATA, Frames, HEADERS};
use nether_tests::http::{JSON, request};

use crate::till::{End, Shop, TILLS, body};

async fn send(frames: &mut Frames, stream: u32, till: &str, key: &str, body: &str) {
    let place = till.split_once(' ').expect("a method and a path");
    let headers = [JSON, ("idempotency-key", key)];
    frames.request(stream, place, &headers, body).await;
}

/// Pays, and reads what is replied.
async fn pay(frames: &mut Frames, stream: u32, till: &str, key: &str) -> String {
    send(frames, stream, till, key, &body(End::Paid, false)).await;
    frames.until(HEADERS, stream).await;
    frames.open_window(stream, 1000).await;
    let reply = frames.until(DATA, stream).await.payload;
    String::from_utf8(reply).expect("it is JSON")
}

#[tokio::test]
async fn a_key_is_one_key_over_all_versions_of_http() {
    for store in [None, Some(Store::memory())] {
        let shop = Shop::open(store, |server| server).await;
        for till in TILLS {
            let before = shop.control.paid();
            let mut frames = Frames::connect(&shop.at).await;
            let first = pay(&mut frames, 1, till, "once").await;
            assert_eq!(first, (before + 1).to_string());
            assert_eq!(pay(&mut frames, 3, till, "once").await, first);
            let mut other = Frames::connect(&shop.at).await;
            assert_eq!(pay(&mut other, 1, till, "once").await, first);
            let again = shop.pay(till, "once", End::Paid).await;
            assert_eq!((again.status, again.body), (201, first));
            assert_eq!(shop.control.paid(), before + 1);
            let first = shop.pay(till, "other", End::Paid).await.body;
            assert_eq!(pay(&mut frames, 5, till, "other").await, first);
            assert_eq!(shop.control.paid(), before + 2);
        }
    }
}

#[tokio::test]
async fn a_key_is_in_progress_also_once_its_stream_was_reset() {
    for store in [None, Some(Store::memory())] {
        let shop = Shop::open(store, |server| server).await;
        for till in TILLS {
            let before = shop.control.paid();
            let mut frames = Frames::connect(&shop.at).await;
            let waits = body(End::Paid, true);
            send(&mut frames, 1, till, "reset", &waits).await;
            shop.control.begun().await;
            frames.reset(1).await;
            // The next stream of the same connection, and another connection.
            send(&mut frames, 3, till, "reset", &waits).await;
            frames.until(HEADERS, 3).await;
            frames.open_window(3, 1000).await;
            let problem = frames.until(DATA, 3).await.payload;
            let problem = String::from_utf8_lossy(&problem).into_owned();
            assert!(problem.contains("in progress"), "{problem}");
            let headers = [JSON, ("idempotency-key", "reset")];
            let again = request(&shop.at, till, &headers, &waits).await;
            assert_eq!(again.status, 409, "{again:?}");
            shop.control.go_on();
            let done = shop.pay_waiting_until_done(till, "reset", End::Paid).await;
            assert_eq!((done.status, shop.control.paid()), (201, before + 1));
        }
    }
}
