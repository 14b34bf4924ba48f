//! Sagas that are started by commands, and answer them.

mod blocked;
mod callers;
mod circles;
mod nested;
mod processes;
mod school;
mod steps;
mod versions;
mod web;

use nether::CallError;
use nether::eventstore::{SagaFailed, Store};

use crate::school::{Campus, EnrolError, Enrolled, Enrolment, School, enrol, started};

#[tokio::test]
async fn a_command_is_answered_with_the_state_at_the_end_of_its_saga() {
    let (campus, store) = (Campus::new(), Store::memory());
    let system = started(&campus, &store).await;
    let enrolled = system.context().send(enrol("a", 1, 2)).await.unwrap();
    assert_eq!(enrolled, Enrolled { place: 12 });
    assert_eq!(campus.done(), ["take 1", "add 2"]);
    assert!(store.saga::<Enrolment>().unwrap().active().is_empty());
    system.shutdown().await;
}

#[tokio::test]
async fn a_failed_step_is_the_typed_error_and_all_is_compensated_by_then() {
    let (campus, store) = (Campus::new(), Store::memory());
    let system = started(&campus, &store).await;
    let mut failures = system.subscribe::<SagaFailed>();
    let ctx = system.context();
    let full = ctx.send(enrol("a", School::FULL, 2)).await;
    assert_eq!(error(full), EnrolError::Full);
    assert_eq!(campus.done(), [""; 0]);
    let too_many = ctx.send(enrol("b", 1, School::BUSY)).await;
    assert_eq!(error(too_many), EnrolError::TooMany { most: 5 });
    assert_eq!(campus.done(), ["take 1", "free 1"]);
    let failed = failures.next().await.unwrap();
    assert_eq!(failed.key, "a");
    assert_eq!(
        failed.reason,
        "`school.take_seat` failed: no seats available"
    );
    ctx.close().await.unwrap();
    system.shutdown().await;
}

#[tokio::test]
async fn each_kind_of_failure_says_what_it_is() {
    let (campus, store) = (Campus::new(), Store::memory());
    let system = started(&campus, &store).await;
    let ctx = system.context();
    for (course, expected) in [
        (School::CLOSED, "Error: closed on sundays (closed)"),
        (School::PANICS, "Panicked: "),
        (School::STARTS_BADLY, "Panicked: panicked: not today"),
        (School::FAILS_ITSELF, "BySaga: not a course"),
        (School::LATE, "TimedOut: "),
    ] {
        let EnrolError::Other(text) = error(ctx.send(enrol("a", course, 2)).await) else {
            panic!("another error");
        };
        assert!(text.starts_with(expected), "{text}");
    }
    assert!(store.saga::<Enrolment>().unwrap().parked().is_empty());
    system.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_time_out_that_fails_the_saga_answers() {
    let (campus, store) = (Campus::new(), Store::memory());
    let system = started(&campus, &store).await;
    let waits = system.context().send(enrol("a", School::WAITS, 2)).await;
    let expected = EnrolError::Other("BySaga: it was not confirmed".to_owned());
    assert_eq!(error(waits), expected);
    system.shutdown().await;
}

#[tokio::test]
async fn an_event_may_end_it() {
    let (campus, store) = (Campus::new(), Store::memory());
    let system = started(&campus, &store).await;
    let ctx = system.context();
    let call = ctx.send(enrol("a", School::WAITS, 2));
    let confirm = async {
        campus.until("take 4").await;
        let confirmed = school::Confirmed {
            enrolment_id: "a".to_owned(),
        };
        store.append_events("confirmed/a", [confirmed]).await
    };
    let (answer, confirmed) = tokio::join!(call, confirm);
    confirmed.unwrap();
    assert_eq!(answer.unwrap(), Enrolled { place: 42 });
    system.shutdown().await;
}

#[tokio::test]
async fn what_an_operator_ends_is_answered() {
    let (campus, store) = (Campus::new(), Store::memory());
    let system = started(&campus, &store).await;
    let ctx = system.context();
    let call = ctx.send(enrol("a", 1, School::GATED));
    let give_up = async {
        campus.until("waits").await;
        store.saga::<Enrolment>().unwrap().end("a").await.unwrap()
    };
    let (answer, was_there) = tokio::join!(call, give_up);
    assert!(was_there);
    let expected = EnrolError::Other("Ended: an operator has ended the saga".to_owned());
    assert_eq!(error(answer), expected);
    campus.gate.notify_one();
    system.shutdown().await;
}

#[tokio::test]
async fn a_panic_where_the_answer_is_made_is_reported_to_each_caller() {
    let (campus, store) = (Campus::new(), Store::memory());
    let system = started(&campus, &store).await;
    let ctx = system.context().with(nether::eventstore::CommandId::new(1));
    for (key, course) in [("a", School::REPLY_PANICS), ("b", School::ERROR_PANICS)] {
        for _ in 0..8 {
            let Err(CallError::Unavailable(unavailable)) = ctx.send(enrol(key, course, 2)).await
            else {
                panic!("it was answered");
            };
            let text = unavailable.error.to_string();
            assert!(
                text.contains("`school.enrol`") && text.ends_with("panicked: no answer"),
                "{text}"
            );
        }
    }
    // The module has not crashed.
    let fine = ctx.send(enrol("c", 1, 2)).await;
    assert_eq!(fine.unwrap(), Enrolled { place: 12 });
    system.shutdown().await;
}

/// The error of the handler.
fn error<T: std::fmt::Debug>(answer: Result<T, CallError<EnrolError>>) -> EnrolError {
    answer.unwrap_err().into_handler_error().unwrap()
}
