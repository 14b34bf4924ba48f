//! The command over HTTP.

use nether::eventstore::Store;
use nether::http::Server;
use nether_tests::http::{open, post};

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
