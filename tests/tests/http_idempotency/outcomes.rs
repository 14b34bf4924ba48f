//! What a command comes to is stored, whatever it is.

use nether::eventstore::Store;
use nether_tests::http::{Answer, JSON, request};

use crate::till::{End, Shop, TILLS, body};

/// What of an answer comes again.
pub fn repeated(answer: &Answer) -> (u16, &str, &str, String) {
    let header = |name| answer.header(name);
    (
        answer.status,
        header("content-type"),
        header("retry-after"),
        split(answer).0,
    )
}

/// The body of an answer; of a problem without the id of the request that it answers, and that id.
fn split(answer: &Answer) -> (String, Option<String>) {
    if answer.status < 400 {
        return (answer.body.clone(), None);
    }
    let mut problem = answer.json();
    let id = problem
        .as_object_mut()
        .and_then(|it| it.remove("request_id"));
    let id = id.as_ref().and_then(serde_json::Value::as_str);
    (
        problem.to_string(),
        Some(id.expect("it has one").to_owned()),
    )
}

#[tokio::test]
async fn a_problem_that_comes_again_has_the_id_of_the_request_that_gets_it() {
    for store in [None, Some(Store::memory())] {
        let shop = Shop::open(store, |server| server).await;
        for till in TILLS {
            let pay = async |id: &str| {
                let headers = [JSON, ("idempotency-key", "k"), ("x-request-id", id)];
                let body = body(End::Refused, false);
                split(&request(&shop.at, till, &headers, &body).await)
            };
            let (first, id) = pay("first").await;
            assert_eq!(id.as_deref(), Some("first"));
            let again = pay("a \"second\" one").await;
            assert_eq!(again, (first.clone(), Some("a \"second\" one".to_owned())));
            let unnamed = shop.pay(till, "k", End::Refused).await;
            let (third, id) = split(&unnamed);
            assert_eq!(third, first);
            assert!(id.is_some_and(|id| id.len() == 36), "{unnamed:?}");
            assert_eq!(
                unnamed.body.len().to_string(),
                unnamed.header("content-length")
            );
        }
    }
}

#[tokio::test]
async fn whatever_a_command_came_to_comes_again() {
    for store in [None, Some(Store::memory())] {
        let shop = Shop::open(store, |server| server).await;
        for till in TILLS {
            for (end, status) in [
                (End::Paid, 201),
                (End::Refused, 422),
                (End::Broken, 507),
                (End::Cancels, 503),
                (End::FailsLater, 500),
                // The last: a module that was attached is not made again.
                (End::Panics, 500),
            ] {
                let key = format!("{end:?}");
                let before = shop.control.paid();
                let first = shop.pay(till, &key, end).await;
                assert_eq!(first.status, status, "{till}, {end:?}: {first:?}");
                for _ in 0..2 {
                    let again = shop.pay(till, &key, end).await;
                    assert_eq!(repeated(&again), repeated(&first), "{till}, {end:?}");
                }
                assert_eq!(shop.control.paid(), before + 1, "{till}, {end:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_key_is_for_one_request() {
    let shop = Shop::forgetful().await;
    for till in TILLS {
        assert_eq!(shop.pay(till, "k", End::Paid).await.status, 201);
        let other = shop.pay(till, "k", End::Refused).await;
        assert_eq!(other.status, 422, "{other:?}");
        assert!(other.body.contains("for another request"), "{other:?}");
        let path = format!("{till}?waits=false");
        let headers = [JSON, ("idempotency-key", "k")];
        let other = request(&shop.at, &path, &headers, r#"{"end":"Paid"}"#).await;
        assert_eq!(other.status, 422, "a query is part of the request");
    }
    let headers = [JSON, ("idempotency-key", "a"), ("idempotency-key", "b")];
    let twice = request(&shop.at, TILLS[0], &headers, &body(End::Paid, false)).await;
    assert_eq!(twice.status, 400, "{twice:?}");
    assert_eq!(shop.control.paid(), 2);
}
