//! What starts a saga, and sagas whose steps are sagas.

use std::time::Duration;

use nether::eventstore::{
    Append, EventId, Expected, Metadata, NewEvent, Position, SagaFailed, Sagas, Step, Store,
};
use nether::prelude::*;
use nether_sqlite::SqliteStore;
use nether_tests::Folder;
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use crate::school::{Campus, Confirmed, Enrol, Enrolment, FreeSeat, School, built, enrol, started};

#[event(name = "school.term_planned")]
pub struct TermPlanned {
    pub term: String,
    pub course: u32,
}

#[derive(Default, Serialize, Deserialize)]
pub struct Term {}

#[saga(
    key = term,
    handles = [TermPlanned],
    starts = [TermPlanned],
    sends = [Enrol, FreeSeat]
)]
impl Term {
    fn planned(&mut self, planned: &TermPlanned, step: &mut Step<Self>) {
        let course = planned.course;
        step.send(enrol(&planned.term, course, 2))
            .compensate_with(FreeSeat { course });
        step.end();
    }
}

#[tokio::test]
async fn a_saga_that_ended_well_is_a_step_that_is_done_also_if_its_reply_cannot_be_made() {
    let (campus, store) = (Campus::new(), Store::memory());
    let builder = built(&campus, &store).with::<Sagas<Term>>();
    let system = builder.start().await.unwrap();
    let mut failures = system.subscribe::<SagaFailed>();
    for (term, course) in [("a", School::REPLY_PANICS), ("b", School::ERROR_PANICS)] {
        let term = term.to_owned();
        let planned = [TermPlanned { term, course }];
        store.append_events("term/1", planned).await.unwrap();
    }
    store.saga::<Term>().unwrap().settled().await.unwrap();
    assert_eq!(campus.done(), ["take 66", "add 2"]);
    system.shutdown().await;
    let mut failed = Vec::new();
    while let Some(failure) = failures.next().await {
        failed.push((failure.name.clone(), failure.key.clone()));
    }
    failed.sort();
    let expected = [("enrolment", "b"), ("term", "b")];
    assert_eq!(
        failed,
        expected.map(|(name, key)| (name.to_owned(), key.to_owned()))
    );
}

#[tokio::test]
async fn an_answer_whose_event_cannot_be_read_neither_fails_nor_ends_the_step() {
    let folder = Folder::new("saga_steps");
    let open = || Store::new(SqliteStore::open(folder.file()).unwrap());
    let (campus, store) = (Campus::new(), open());
    let builder = built(&campus, &store).with::<Sagas<Term>>();
    let system = builder.start().await.unwrap();
    let planned = TermPlanned {
        term: "a".to_owned(),
        course: School::WAITS,
    };
    store.append_events("term/1", [planned]).await.unwrap();
    campus.until("take 4").await;
    system.shutdown().await;
    drop(store);
    // The saga ends while nothing waits for its answer.
    let store = open();
    let system = started(&campus, &store).await;
    let enrolment_id = "a".to_owned();
    let confirmed = [Confirmed { enrolment_id }];
    store.append_events("confirmed/a", confirmed).await.unwrap();
    let sagas = store.saga::<Enrolment>().unwrap();
    sagas.settled().await.unwrap();
    assert!(sagas.active().is_empty());
    system.shutdown().await;
    drop((store, sagas));
    let file = rusqlite::Connection::open(folder.file()).unwrap();
    let newer = r#"{"half_done":3}"#;
    let changed = file.execute(
        "UPDATE nether_events SET payload = ?1 WHERE name = (SELECT id FROM nether_names WHERE name = 'nether.saga_answered')",
        [newer.as_bytes()],
    );
    assert_eq!(changed.unwrap(), 1);
    drop(file);
    let store = open();
    let builder = built(&campus, &store).with::<Sagas<Term>>();
    let system = builder.start().await.unwrap();
    let terms = store.saga::<Term>().unwrap();
    let repeats = async {
        while terms
            .active()
            .first()
            .is_none_or(|it| it.repeated.is_none())
        {
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(60), repeats).await.unwrap();
    let term = terms.active().remove(0);
    assert_eq!(term.failed, None);
    let repeated = term.repeated.unwrap().error;
    assert!(
        repeated.contains("its answer could not be made or read"),
        "{repeated}"
    );
    assert!(terms.end("a").await.unwrap());
    assert_eq!(
        campus.done(),
        ["take 4"],
        "nothing was done twice, or compensated"
    );
    system.shutdown().await;
}

#[tokio::test]
async fn an_event_with_the_name_of_a_command_starts_a_saga_in_the_streams_of_sagas_alone() {
    let (campus, store) = (Campus::new(), Store::memory());
    let system = started(&campus, &store).await;
    system.context().send(enrol("a", 1, 2)).await.unwrap();
    let command = store.read_all(Position::START, 1).await.unwrap().remove(0);
    assert_eq!(&*command.name, "school.enrol");
    campus.done();
    let copy = NewEvent {
        id: EventId::new(),
        name: command.name.to_string().into(),
        schema_version: command.schema_version,
        payload: command.payload,
    };
    let append = Append {
        stream: "audit/1".into(),
        expected: Expected::Any,
        events: vec![copy],
        metadata: Metadata::default(),
        conditions: Vec::new(),
    };
    store.append(append).await.unwrap();
    let sagas = store.saga::<Enrolment>().unwrap();
    sagas.settled().await.unwrap();
    assert_eq!(campus.done(), [""; 0]);
    assert!(sagas.parked().is_empty());
    system.shutdown().await;
}
