//! What is kept is bounded by bytes and time, and nothing that is kept makes room for what is new.

use std::time::Duration;

use nether::eventstore::Store;
use nether_tests::http::{Answer, JSON, request};

use crate::till::{End, Shop, TILLS, body, pass};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

async fn pay_as(shop: &Shop, user: (&str, &str), key: usize) -> Answer {
    let key = key.to_string();
    let headers = [JSON, ("idempotency-key", &key), user];
    request(&shop.at, TILLS[1], &headers, &body(End::Paid, false)).await
}

#[tokio::test]
async fn when_there_is_no_room_new_keys_are_refused_and_stored_ones_are_kept() {
    for store in [None, Some(Store::memory())] {
        let set = |server: nether::http::Server| server.idempotency_limit(64 * 1024);
        let shop = Shop::open(store, set).await;
        let cookie = ("cookie", "session=victim");
        let first = pay_as(&shop, cookie, 0).await;
        assert_eq!(first.status, 201, "{first:?}");
        // Anybody else from the same address: they have one share.
        let mut refused = None;
        for key in 1..1000 {
            let answer = pay_as(&shop, ("cookie", "session=attacker"), key).await;
            if answer.status != 201 {
                refused = Some(answer);
                break;
            }
        }
        let refused = refused.expect("there is no room for so many");
        assert_eq!(refused.status, 503, "{refused:?}");
        assert!(!refused.header("retry-after").is_empty(), "{refused:?}");
        let before = shop.control.paid();
        assert_eq!(pay_as(&shop, cookie, 1).await.status, 503, "it shares that");
        assert_eq!(pay_as(&shop, cookie, 0).await.body, first.body);
        assert_eq!(
            shop.control.paid(),
            before,
            "what is refused is not handled"
        );
        // A principal has a share of its own.
        for key in 0..3 {
            assert_eq!(pay_as(&shop, ("x-user", "ann"), key).await.status, 201);
        }
    }
}

#[tokio::test]
async fn a_key_is_kept_for_a_day_and_free_after_that() {
    for store in [None, Some(Store::memory())] {
        let shop = Shop::open(store.clone(), |server| server).await;
        let first = pay_as(&shop, ("x-user", "ann"), 0).await;
        pass(DAY - Duration::from_secs(60)).await;
        assert_eq!(pay_as(&shop, ("x-user", "ann"), 0).await.body, first.body);
        pass(Duration::from_secs(61)).await;
        assert_ne!(pay_as(&shop, ("x-user", "ann"), 0).await.body, first.body);
        assert_eq!(shop.control.paid(), 2);
        // What is over takes no room.
        let Some(store) = store else { continue };
        for key in 1..8 {
            assert_eq!(pay_as(&shop, ("x-user", "ann"), key).await.status, 201);
        }
        pass(DAY + Duration::from_secs(1)).await;
        assert_eq!(pay_as(&shop, ("x-user", "ann"), 9).await.status, 201);
        while store.documents("idempotency").await.unwrap().len() > 1 {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn a_shorter_time_may_be_set() {
    let hour = Duration::from_secs(60 * 60);
    let shop = Shop::open(None, |server| server.idempotency_retention(hour)).await;
    let first = pay_as(&shop, ("x-user", "ann"), 0).await;
    pass(hour).await;
    assert_ne!(pay_as(&shop, ("x-user", "ann"), 0).await.body, first.body);
}
