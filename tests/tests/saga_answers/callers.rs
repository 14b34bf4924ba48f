//! What a caller does, and what becomes of it.

use std::time::Duration;

use nether::CallError;
use nether::eventstore::{CommandId, Direction, NotRunning, Store, StoreError};
use nether_sqlite::SqliteStore;
use nether_tests::{Folder, ready};

use crate::school::{Campus, EnrolError, Enrolled, Enrolment, School, enrol, started};

/// How many commands are stored for a saga.
async fn commands(store: &Store, key: &str) -> usize {
    let stream = format!("enrolment/{key}").as_str().into();
    let events = store.read_stream(&stream, 1, Direction::Forwards, 100);
    let events = events.await.unwrap();
    let commands = events.iter().filter(|it| &*it.name == "school.enrol");
    commands.count()
}

#[tokio::test]
async fn a_caller_that_gives_up_loses_the_answer_alone() {
    let (campus, store) = (Campus::new(), Store::memory());
    let system = started(&campus, &store).await;
    let ctx = system.context();
    {
        let mut call = Box::pin(ctx.send(enrol("a", 1, School::GATED)));
        assert!(ready(&mut call).await.is_none());
        campus.until("waits").await;
    }
    // The unit of work has nothing in flight any more, and no failure.
    ctx.close().await.unwrap();
    campus.gate.notify_one();
    campus.until(&format!("add {}", School::GATED)).await;
    store.saga::<Enrolment>().unwrap().settled().await.unwrap();
    assert!(store.saga::<Enrolment>().unwrap().active().is_empty());
    assert!(!system.shutdown().await.has_cut_off());
}

#[tokio::test]
async fn a_caller_that_leaves_before_the_command_is_stored_leaves_it_to_be_stored() {
    let (campus, store) = (Campus::new(), Store::memory());
    let system = started(&campus, &store).await;
    let ctx = system.context();
    for key in ["a", "b", "c", "d"] {
        // Polled once, and dropped wherever it is.
        let mut call = Box::pin(ctx.send(enrol(key, 1, 2)));
        ready(&mut call).await;
    }
    ctx.close().await.unwrap();
    for key in ["a", "b", "c", "d"] {
        assert_eq!(commands(&store, key).await, 1);
    }
    system.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn the_deadline_ends_the_wait_and_not_the_saga() {
    let (campus, store) = (Campus::new(), Store::memory());
    let system = started(&campus, &store).await;
    let ctx = system.context().with_timeout(Duration::from_secs(1));
    let late = ctx.send(enrol("a", School::WAITS, 2)).await;
    assert!(matches!(late, Err(CallError::DeadlineExceeded { .. })));
    assert_eq!(store.saga::<Enrolment>().unwrap().active().len(), 1);
    let ctx = system.context();
    let call = ctx.send(enrol("b", School::WAITS, 2));
    let cancel = async {
        campus.until("take 4").await;
        campus.done();
        campus.until("take 4").await;
        ctx.cancel();
    };
    let (cancelled, ()) = tokio::join!(call, cancel);
    assert!(matches!(cancelled, Err(CallError::Cancelled { .. })));
    assert_eq!(store.saga::<Enrolment>().unwrap().active().len(), 2);
    system.shutdown().await;
}

#[tokio::test]
async fn a_command_sent_again_with_its_id_is_the_same_command() {
    let (campus, store) = (Campus::new(), Store::memory());
    let system = started(&campus, &store).await;
    let ctx = system.context().with(CommandId::new(1));
    let first = ctx.send(enrol("a", 1, School::GATED));
    let second = ctx.send(enrol("a", 1, School::GATED));
    let open = async {
        campus.until("waits").await;
        campus.gate.notify_one();
    };
    let (first, second, ()) = tokio::join!(first, second, open);
    assert_eq!(first.unwrap(), Enrolled { place: 17 });
    assert_eq!(second.unwrap(), Enrolled { place: 17 });
    // It is over.
    let third = ctx.send(enrol("a", 1, School::GATED)).await;
    assert_eq!(third.unwrap(), Enrolled { place: 17 });
    assert_eq!(commands(&store, "a").await, 1);
    assert_eq!(campus.done(), ["take 1", "waits", "add 7"]);
    let other = ctx.send(enrol("a", 1, 2)).await;
    let Err(CallError::Unavailable(unavailable)) = other else {
        panic!("{other:?}");
    };
    let error = unavailable.error.downcast_ref();
    assert!(matches!(error, Some(StoreError::CommandIdReused { .. })));
    system.shutdown().await;
}

#[tokio::test]
async fn of_two_commands_with_one_id_at_once_the_one_with_other_contents_is_refused() {
    let folder = Folder::new("saga_answers");
    let campus = Campus::new();
    // Its work is done in other threads, so that both commands look for the id before one of them is stored.
    let store = Store::new(SqliteStore::open(folder.file()).unwrap());
    let system = started(&campus, &store).await;
    for id in 0..20 {
        let ctx = system.context().with(CommandId::new(id));
        let key = id.to_string();
        let (one, other) = tokio::join!(ctx.send(enrol(&key, 1, 2)), ctx.send(enrol(&key, 1, 3)));
        let refused = match (one, other) {
            (Ok(Enrolled { place: 12 }), Err(refused)) => refused,
            (Err(refused), Ok(Enrolled { place: 13 })) => refused,
            both => panic!("{both:?}"),
        };
        let CallError::Unavailable(unavailable) = refused else {
            panic!("{refused:?}");
        };
        let error = unavailable.error.downcast_ref();
        assert!(matches!(error, Some(StoreError::CommandIdReused { .. })));
        assert_eq!(commands(&store, &key).await, 1);
    }
    system.shutdown().await;
}

#[tokio::test]
async fn process_returns_when_the_command_is_accepted() {
    let (campus, store) = (Campus::new(), Store::memory());
    let system = started(&campus, &store).await;
    let ctx = system.context();
    ctx.process(enrol("a", 1, School::GATED)).await.unwrap();
    ctx.process(enrol("b", School::FULL, 2)).await.unwrap();
    // Not when the saga is over; and no failure is one of the unit of work.
    ctx.close().await.unwrap();
    assert_eq!(commands(&store, "a").await, 1);
    campus.gate.notify_one();
    store.saga::<Enrolment>().unwrap().settled().await.unwrap();
    assert_eq!(campus.done(), ["take 1", "waits", "add 7"]);
    system.shutdown().await;
}

#[tokio::test]
async fn a_second_command_for_a_saga_that_is_under_way_is_refused() {
    let (campus, store) = (Campus::new(), Store::memory());
    let system = started(&campus, &store).await;
    let ctx = system.context();
    let first = ctx.send(enrol("a", 1, School::GATED));
    let second = async {
        campus.until("waits").await;
        let second = ctx.send(enrol("a", 1, 2)).await;
        campus.gate.notify_one();
        second
    };
    let (first, second) = tokio::join!(first, second);
    let refused = second.unwrap_err().into_handler_error().unwrap();
    assert_eq!(refused, EnrolError::UnderWay);
    assert_eq!(first.unwrap(), Enrolled { place: 17 });
    // It is over, and the next one begins.
    let third = ctx.send(enrol("a", 1, 2)).await;
    assert_eq!(third.unwrap(), Enrolled { place: 12 });
    assert_eq!(
        campus.done(),
        ["take 1", "waits", "add 7", "take 1", "add 2"]
    );
    system.shutdown().await;
}

#[tokio::test]
async fn many_callers_each_get_their_own_answer() {
    let (campus, store) = (Campus::new(), Store::memory());
    let system = started(&campus, &store).await;
    let ctx = &system.context();
    let calls = (0..200).map(|student| async move {
        let enrolled = ctx.send(enrol(&student.to_string(), 100, student + 1000));
        assert_eq!(enrolled.await.unwrap().place, 2000 + student);
    });
    futures_util::future::join_all(calls).await;
    system.shutdown().await;
}

#[tokio::test]
async fn a_stop_ends_the_wait_and_the_next_run_has_the_answer() {
    let (campus, store) = (Campus::new(), Store::memory());
    let system = started(&campus, &store).await;
    let ctx = system.context().with(CommandId::new(1));
    let call = ctx.send(enrol("a", 1, School::GATED));
    let mut stop = None;
    let stopping = async {
        campus.until("waits").await;
        let system = system.clone();
        stop = Some(tokio::spawn(async move { system.shutdown().await }));
    };
    let (stopped, ()) = tokio::join!(call, stopping);
    let Err(CallError::Unavailable(unavailable)) = stopped else {
        panic!("{stopped:?}");
    };
    let error: &NotRunning = unavailable.error.downcast_ref().unwrap();
    assert_eq!(error.name, "enrolment");
    assert!(error.reason.starts_with("the system stops"), "{error}");
    campus.gate.notify_one();
    let report = stop.expect("it was begun").await.unwrap();
    assert!(!report.has_cut_off());
    let system = started(&campus, &store).await;
    let ctx = system.context().with(CommandId::new(1));
    let answer = ctx.send(enrol("a", 1, School::GATED)).await;
    assert_eq!(answer.unwrap(), Enrolled { place: 17 });
    assert_eq!(campus.done(), ["take 1", "waits", "add 7"]);
    system.shutdown().await;
}
