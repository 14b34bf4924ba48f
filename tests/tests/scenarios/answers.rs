//! What sagas answer the commands with that have started them.

use nether::eventstore::{Step, StepFailed, given_saga};
use nether::prelude::*;

#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize, thiserror::Error)]
#[error("the course is full")]
pub struct Full;

#[command(key = id, name = "scenario.enrol", reply = u32, error = EnrolError)]
pub struct Enrol {
    pub id: String,
    pub course: u32,
}

#[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize, thiserror::Error)]
pub enum EnrolError {
    #[error("no seat")]
    NoSeat,
    #[error("{0}")]
    Other(String),
}

#[command(name = "scenario.take_seat", error = Full)]
pub struct TakeSeat {
    pub course: u32,
}

#[command(name = "scenario.free_seat")]
pub struct FreeSeat {
    pub course: u32,
}

#[command(name = "scenario.bill", error = Full)]
pub struct Bill {
    pub course: u32,
}

#[derive(Default)]
pub struct School;

#[module(handles = [TakeSeat, FreeSeat, Bill], manual)]
impl School {
    async fn take(&self, _: TakeSeat) -> Result<(), Full> {
        Ok(())
    }

    async fn free(&self, _: FreeSeat) {}

    async fn bill(&self, _: Bill) -> Result<(), Full> {
        Ok(())
    }
}

#[derive(Default, serde::Serialize, serde::Deserialize)]
pub struct Enrolment {
    course: u32,
}

#[event(name = "scenario.withdrawn")]
pub struct Withdrawn {
    pub id: String,
}

#[saga(
    key = id,
    starts = [Enrol],
    handles = [Withdrawn],
    ends = [Withdrawn],
    sends = [TakeSeat, FreeSeat, Bill]
)]
impl Enrolment {
    fn begin(&mut self, enrol: &Enrol, step: &mut Step<Self>) {
        let course = enrol.course;
        self.course = course;
        step.send(TakeSeat { course })
            .compensate_with(FreeSeat { course });
        step.send(Bill { course });
        if course > 0 {
            step.end();
        }
    }

    fn withdrawn(&mut self, _: &Withdrawn, _: &mut Step<Self>) {}

    fn answer(&self, failed: &StepFailed) -> EnrolError {
        match failed.error::<Full>() {
            Some(Full) => EnrolError::NoSeat,
            None => EnrolError::Other(failed.to_string()),
        }
    }
}

impl From<&Enrolment> for u32 {
    fn from(enrolment: &Enrolment) -> Self {
        enrolment.course
    }
}

fn enrol() -> Enrol {
    Enrol {
        id: "e-1".to_owned(),
        course: 7,
    }
}

#[test]
fn a_saga_answers_the_command_that_has_started_it() {
    let begun = || given_saga::<Enrolment>(()).when_sent(enrol());
    begun()
        .then_sends((TakeSeat { course: 7 }, Bill { course: 7 }))
        .then_replies::<Enrol>(7);
    begun()
        .when_fails(Full)
        .then_error::<Enrol>(EnrolError::NoSeat);
    begun()
        .when_done()
        .when_fails(nether::Error::msg("the bank is closed"))
        .then_sends(FreeSeat { course: 7 })
        .then_error::<Enrol>(EnrolError::Other(
            "`scenario.bill` failed: the bank is closed".to_owned(),
        ));
}

#[test]
#[should_panic(expected = "`enrolment` has not answered a command")]
fn the_answer_of_an_earlier_saga_is_not_that_of_the_next() {
    let first = given_saga::<Enrolment>(()).when_sent(enrol());
    let next = first.when_sent(Enrol {
        course: 0, // It goes on.
        ..enrol()
    });
    next.then_replies::<Enrol>(7);
}

#[test]
#[should_panic(expected = "`enrolment` answers something else")]
fn another_answer_is_distinguished() {
    let begun = given_saga::<Enrolment>(()).when_sent(enrol());
    begun.then_replies::<Enrol>(8);
}
