//! A key is in progress until the handler has ended, and free only if nothing was begun.

use std::sync::atomic::Ordering;
use std::time::Duration;

use nether::eventstore::Store;
use nether_tests::http::{JSON, connect, request};

use crate::till::{End, Shop, TILLS, body, pass, waiting};

async fn both_stores() -> [Shop; 2] {
    [
        Shop::forgetful().await,
        Shop::open(Some(Store::memory()), |server| server).await,
    ]
}

#[tokio::test]
async fn a_key_is_in_progress_until_its_handler_has_ended_whatever_its_client_was_answered() {
    for shop in both_stores().await {
        for till in TILLS {
            let before = shop.control.paid();
            let mut client = connect(&shop.at).await;
            client
                .write(waiting(till, till_key(till), End::Paid, 5))
                .await;
            shop.control.begun().await;
            pass(Duration::from_secs(5)).await;
            let late = client.rest().await;
            assert!(late.contains(" 504 "), "{till}: {late}");
            assert!(late.contains("preference-applied: wait=5"), "{late}");
            for prefer in ["wait=1", "wait=0", "wait=30"] {
                let key = ("idempotency-key", till_key(till));
                let headers = [JSON, key, ("prefer", prefer)];
                let again = request(&shop.at, till, &headers, &body(End::Paid, true)).await;
                assert_eq!(again.status, 409, "{till}: {again:?}");
                assert_eq!(again.header("retry-after"), "1");
            }
            shop.control.go_on();
            let done = shop
                .pay_waiting_until_done(till, till_key(till), End::Paid)
                .await;
            assert_eq!(done.status, 201, "{till}: {done:?}");
            assert_eq!(done.body, (before + 1).to_string());
            assert_eq!(done.header("preference-applied"), "");
            assert_eq!(shop.control.paid(), before + 1);
        }
    }
}

fn till_key(till: &str) -> &str {
    till.rsplit('/').next().unwrap_or_default()
}

#[tokio::test]
async fn the_request_timeout_of_the_server_frees_no_key_either() {
    let second = Duration::from_secs(1);
    let shop = Shop::open(None, |server| server.request_timeout(second)).await;
    for till in TILLS {
        let before = shop.control.paid();
        let mut client = connect(&shop.at).await;
        client.write(waiting(till, "k", End::Paid, 60)).await;
        shop.control.begun().await;
        pass(second).await;
        let late = client.rest().await;
        assert!(late.contains(" 504 "), "{till}: {late}");
        shop.control.go_on();
        let done = shop.pay_waiting_until_done(till, "k", End::Paid).await;
        assert_eq!((done.status, shop.control.paid()), (201, before + 1));
    }
}

#[tokio::test]
async fn what_a_handler_sends_after_its_client_was_answered_is_handled_and_counts() {
    for shop in both_stores().await {
        for (number, till) in (1..).zip(TILLS) {
            let mut client = connect(&shop.at).await;
            client
                .write(waiting(till, "records", End::Records, 5))
                .await;
            shop.control.begun().await;
            pass(Duration::from_secs(5)).await;
            assert!(client.rest().await.contains(" 504 "));
            shop.control.go_on();
            let done = shop
                .pay_waiting_until_done(till, "records", End::Records)
                .await;
            assert_eq!(done.status, 201, "{till}: {done:?}");
            assert_eq!(shop.control.recorded.load(Ordering::SeqCst), number);

            let mut client = connect(&shop.at).await;
            client
                .write(waiting(till, "fails", End::FailsLater, 5))
                .await;
            shop.control.begun().await;
            pass(Duration::from_secs(5)).await;
            assert!(client.rest().await.contains(" 504 "));
            shop.control.go_on();
            let failed = shop
                .pay_waiting_until_done(till, "fails", End::FailsLater)
                .await;
            assert_eq!(failed.status, 500, "{till}: {failed:?}");
        }
    }
}

#[tokio::test]
async fn a_command_that_was_not_begun_in_time_frees_its_key() {
    for shop in both_stores().await {
        for till in TILLS {
            let before = shop.control.paid();
            let headers = [JSON, ("idempotency-key", "late"), ("prefer", "wait=0")];
            for _ in 0..3 {
                let late = request(&shop.at, till, &headers, &body(End::Paid, false)).await;
                assert_eq!(late.status, 504, "{till}: {late:?}");
            }
            assert_eq!(shop.control.paid(), before);
            let done = shop.pay(till, "late", End::Paid).await;
            assert_eq!(done.status, 201, "{till}: {done:?}");
            assert_eq!(shop.control.paid(), before + 1);
        }
    }
}

#[tokio::test]
async fn a_command_whose_module_is_gone_frees_its_key() {
    let store = Store::memory();
    let shop = Shop::open(Some(store.clone()), |server| server).await;
    // It was attached, so it is not made again.
    let panicked = shop.pay(TILLS[0], "panics", End::Panics).await;
    assert_eq!(panicked.status, 500, "{panicked:?}");
    for number in 0..8 {
        let gone = shop.pay(TILLS[0], &format!("k{number}"), End::Paid).await;
        assert_eq!(gone.status, 503, "{gone:?}");
    }
    let keys = store.documents("idempotency").await.unwrap();
    assert_eq!(keys.len(), 1, "the others are free");
}

#[tokio::test]
async fn a_command_that_waited_in_a_mailbox_to_the_end_of_its_time_is_never_handled() {
    let shop = Shop::forgetful().await;
    let mut first = connect(&shop.at).await;
    first
        .write(waiting("POST /exclusive", "first", End::Paid, 30))
        .await;
    shop.control.begun().await;
    let mut second = connect(&shop.at).await;
    second
        .write(waiting("POST /exclusive", "second", End::Paid, 5))
        .await;
    let is_waiting = || {
        shop.system
            .modules()
            .iter()
            .any(|module| module.waiting == 1)
    };
    while !is_waiting() {
        tokio::task::yield_now().await;
    }
    pass(Duration::from_secs(5)).await;
    assert!(second.rest().await.contains(" 504 "));
    shop.control.go_on();
    assert!(first.rest().await.contains(" 201 "));
    let done = shop.pay("POST /exclusive", "second", End::Paid).await;
    assert_eq!(done.status, 201, "its key was free for another request");
    assert_eq!(shop.control.paid(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_requests_with_one_key_one_is_handled() {
    for shop in both_stores().await {
        for till in TILLS {
            let before = shop.control.paid();
            let headers = [JSON, ("idempotency-key", "many")];
            let body = body(End::Paid, false);
            let all = (0..64).map(|_| request(&shop.at, till, &headers, &body));
            for answer in futures_util::future::join_all(all).await {
                match answer.status {
                    201 => assert_eq!(answer.body, (before + 1).to_string()),
                    409 => assert_eq!(answer.header("retry-after"), "1", "{answer:?}"),
                    _ => panic!("{answer:?}"),
                }
            }
            assert_eq!(shop.control.paid(), before + 1, "{till}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deadlines_that_pass_while_commands_begin_are_decided_once() {
    let shop = Shop::forgetful().await;
    for till in TILLS {
        for round in 0..200 {
            let key = format!("{till}{round}").replace(' ', "");
            let before = shop.control.paid();
            let prefer = ["wait=0", "wait=1"][round % 2];
            let headers = [JSON, ("idempotency-key", &key), ("prefer", prefer)];
            let first = request(&shop.at, till, &headers, &body(End::Paid, false)).await;
            let again = shop.pay_until_known(till, &key).await;
            assert_eq!(again.status, 201, "{first:?}, {again:?}");
            assert_eq!(shop.control.paid(), before + 1, "{first:?}");
        }
    }
}
