//! What starts a saga, and sagas whose steps are sagas.

use nether::eventstore::{
    Append, EventId, Expected, Metadata, NewEvent, Position, SagaFailed, Sagas, Step, Store,
};
use nether::prelude::*;
use serde::{Deserialize, Serialize};

use crate::school::{Campus, Enrol, Enrolment, FreeSeat, School, built, enrol, started};

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
