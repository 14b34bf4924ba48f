//! The program: who enrols takes a seat of a course, and has then one more course.

use std::sync::Arc;

use nether::eventstore::{Sagas, Step, StepFailed, StepFailureKind, Store};
use nether::prelude::*;
use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, watch};

#[command(
    key = enrolment_id,
    name = "school.enrol",
    reply = Enrolled,
    error = EnrolError,
    http = "POST /enrolments"
)]
pub struct Enrol {
    pub enrolment_id: String,
    pub course: u32,
    pub student: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enrolled {
    pub place: u32,
}

#[derive(
    Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error, nether::Problem,
)]
pub enum EnrolError {
    #[error("the course is full")]
    #[problem(status = 409)]
    Full,
    #[error("the student has {most} courses already")]
    #[problem(status = 422)]
    TooMany { most: u32 },
    #[error("it is being done")]
    #[problem(status = 429)]
    UnderWay,
    #[error("{0}")]
    #[problem(status = 500)]
    Other(String),
}

#[command(name = "school.take_seat", error = CourseError)]
pub struct TakeSeat {
    pub course: u32,
}

#[command(name = "school.free_seat")]
pub struct FreeSeat {
    pub course: u32,
}

#[command(name = "school.add_course", error = StudentError)]
pub struct AddCourse {
    pub student: u32,
}

#[event(name = "school.confirmed")]
pub struct Confirmed {
    pub enrolment_id: String,
}

#[derive(Debug, thiserror::Error)]
pub enum CourseError {
    #[error("no seats available")]
    NoSeats,
}

#[derive(Debug, thiserror::Error)]
#[error("too many courses")]
pub struct StudentError {
    most: u32,
}

#[derive(Debug, thiserror::Error)]
#[error("closed on sundays")]
pub struct Closed;

#[derive(Default, Serialize, Deserialize)]
pub struct Enrolment {
    course: u32,
    student: u32,
}

#[saga(
    key = enrolment_id,
    starts = [Enrol],
    handles = [Confirmed],
    ends = [Confirmed],
    sends = [TakeSeat, FreeSeat, AddCourse],
    from = "now"
)]
impl Enrolment {
    fn begin(&mut self, enrol: &Enrol, step: &mut Step<Self>) -> nether::Result<()> {
        let &Enrol {
            course, student, ..
        } = enrol;
        (self.course, self.student) = (course, student);
        match course {
            School::CLOSED => return Err(Closed.into()),
            School::STARTS_BADLY => panic!("not today"),
            School::FAILS_ITSELF => step.fail("not a course"),
            _ => {}
        }
        step.send(TakeSeat { course })
            .compensate_with(FreeSeat { course });
        if course != School::WAITS {
            step.send(AddCourse { student });
            step.end();
        }
        Ok(())
    }

    fn confirmed(&mut self, _: &Confirmed) {}

    #[timeout("30m")]
    fn not_confirmed(&mut self, step: &mut Step<Self>) {
        step.fail("it was not confirmed");
    }

    fn answer(&self, failed: &StepFailed) -> EnrolError {
        if self.course == School::ERROR_PANICS {
            panic!("no answer");
        }
        if let Some(CourseError::NoSeats) = failed.error() {
            return EnrolError::Full;
        }
        if let Some(StudentError { most }) = failed.error() {
            return EnrolError::TooMany { most: *most };
        }
        if failed.kind() == StepFailureKind::UnderWay {
            return EnrolError::UnderWay;
        }
        let closed = failed.error::<Closed>().map_or("", |_| " (closed)");
        EnrolError::Other(format!("{:?}: {}{closed}", failed.kind(), failed.reason()))
    }
}

impl From<&Enrolment> for Enrolled {
    fn from(enrolment: &Enrolment) -> Self {
        if enrolment.course == School::REPLY_PANICS {
            std::panic::panic_any("no answer");
        }
        Enrolled {
            place: enrolment.course * 10 + enrolment.student,
        }
    }
}

/// What courses and students do, and what has been done.
pub struct Campus {
    done: watch::Sender<Vec<String>>,
    /// Opened for [`School::GATED`].
    pub gate: Notify,
}

impl Campus {
    pub fn new() -> Arc<Self> {
        Arc::new(Campus {
            done: watch::Sender::default(),
            gate: Notify::new(),
        })
    }

    /// What has been done since this was asked last.
    pub fn done(&self) -> Vec<String> {
        self.done.send_replace(Vec::new())
    }

    /// Waits until that is done.
    pub async fn until(&self, what: &str) {
        let mut done = self.done.subscribe();
        let is_done = |done: &Vec<String>| done.iter().any(|it| it == what);
        done.wait_for(is_done).await.unwrap();
    }

    fn note(&self, what: String) {
        self.done.send_modify(|done| done.push(what));
    }
}

/// Courses and students.
pub struct School(Arc<Campus>);

impl School {
    pub const WAITS: u32 = 4;
    pub const FULL: u32 = 13;
    pub const REPLY_PANICS: u32 = 66;
    pub const ERROR_PANICS: u32 = 67;
    pub const CLOSED: u32 = 70;
    pub const PANICS: u32 = 71;
    pub const STARTS_BADLY: u32 = 72;
    pub const FAILS_ITSELF: u32 = 73;
    pub const LATE: u32 = 74;
    /// A student who has many courses.
    pub const BUSY: u32 = 9;
    /// A student who waits for the gate.
    pub const GATED: u32 = 7;
}

#[module(handles = [TakeSeat, FreeSeat, AddCourse])]
impl School {
    #[init]
    fn new(campus: Resource<Arc<Campus>>) -> Self {
        School(Arc::clone(&campus))
    }

    #[handler(timeout = "50ms")]
    async fn take_seat(&self, take: TakeSeat) -> Result<(), CourseError> {
        match take.course {
            School::FULL | School::ERROR_PANICS => return Err(CourseError::NoSeats),
            School::PANICS => panic!("the course has burnt down"),
            School::LATE => std::future::pending().await,
            _ => {}
        }
        self.0.note(format!("take {}", take.course));
        Ok(())
    }

    async fn free_seat(&self, free: FreeSeat) {
        self.0.note(format!("free {}", free.course));
    }

    async fn add_course(&self, add: AddCourse) -> Result<(), StudentError> {
        if add.student == School::GATED {
            self.0.note("waits".to_owned());
            self.0.gate.notified().await;
        }
        if add.student == School::BUSY {
            return Err(StudentError { most: 5 });
        }
        self.0.note(format!("add {}", add.student));
        Ok(())
    }
}

pub fn enrol(enrolment_id: &str, course: u32, student: u32) -> Enrol {
    Enrol {
        enrolment_id: enrolment_id.to_owned(),
        course,
        student,
    }
}

pub fn built(campus: &Arc<Campus>, store: &Store) -> SystemBuilder {
    System::builder()
        .isolated()
        .with::<Sagas<Enrolment>>()
        .with::<School>()
        .provide(Arc::clone(campus))
        .provide(store.clone())
}

pub async fn started(campus: &Arc<Campus>, store: &Store) -> System {
    built(campus, store).start().await.unwrap()
}
