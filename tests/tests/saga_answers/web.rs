//! The command over HTTP.

use nether::eventstore::Store;
use nether::http::Server;
use nether_tests::http::{JSON, open, post, request};

use crate::school::{Campus, School, started};

#[tokio::test]
async fn the_answer_of_a_saga_is_that_of_the_request() {
    let (campus, store) = (Campus::new(), Store::memory());
    let system = started(&campus, &store).await;
    let address = open(&system, Server::new(&system)).await;
    let body = |course: u32, student: u32| {
        format!(r#"{{"enrolment_id":"w{course}","course":{course},"student":{student}}}"#)
    };
    let done = post(&address, "/enrolments", &body(1, 2)).await;
    assert_eq!(done.status, 201, "{}", done.body);
    assert_eq!(done.json()["place"], 12);
    let full = post(&address, "/enrolments", &body(School::FULL, 2)).await;
    assert_eq!(full.status, 409, "{}", full.body);
    assert_eq!(full.json()["detail"], "the course is full");
    let many = post(&address, "/enrolments", &body(3, School::BUSY)).await;
    assert_eq!(many.status, 422, "{}", many.body);
    system.shutdown().await;
}

#[tokio::test]
async fn an_answer_that_cannot_be_made_is_kept_for_the_key_of_its_request() {
    let (campus, store) = (Campus::new(), Store::memory());
    let system = started(&campus, &store).await;
    let address = open(&system, Server::new(&system)).await;
    for (key, course) in [
        ("reply", School::REPLY_PANICS),
        ("error", School::ERROR_PANICS),
    ] {
        let before = handled(&system);
        for attempt in 0..2 {
            let headers = [JSON, ("idempotency-key", key)];
            let body = format!(r#"{{"enrolment_id":"{key}","course":{course},"student":2}}"#);
            let answer = request(&address, "POST /enrolments", &headers, &body).await;
            assert_eq!(answer.status, 500, "{attempt}: {}", answer.body);
        }
        assert_eq!(
            handled(&system) - before,
            1,
            "the second answer is the first one"
        );
    }
    system.shutdown().await;
}

/// How many commands to sagas were handled, well or not.
fn handled(system: &nether::System) -> u64 {
    let modules = system.modules();
    let sagas = modules.iter().find(|it| it.name.ends_with("Enrolment"));
    sagas.map_or(0, |it| it.handled + it.failed)
}
