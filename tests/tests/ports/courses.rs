//! Courses and students, after disintegrate's example `courses`: a student subscribes to a course if the
//! course has a free seat and the student has not too many courses. One decision needs both, so it is over
//! both: the course and the student are aggregates of their own.

use std::collections::BTreeSet;

use nether::eventstore::{Aggregates, Decisions, Store};
use nether::prelude::*;

/// How many courses a student may have.
const MOST: usize = 2;

#[command(key = course, error = SchoolError)]
struct AddCourse {
    course: u64,
    seats: usize,
}

#[command(error = SchoolError)]
struct Subscribe {
    course: u64,
    student: u64,
}

#[command]
struct Unsubscribe {
    course: u64,
    student: u64,
}

/// How many seats of a course are free; `None` if there is no such course.
#[query(key = course, reply = Option<usize>)]
struct FreeSeats {
    course: u64,
}

#[query(key = student, reply = Vec<u64>)]
struct CoursesOf {
    student: u64,
}

#[derive(Debug, Clone, PartialEq, thiserror::Error)]
enum SchoolError {
    #[error("there is such a course already")]
    Exists,
    #[error("there is no such course")]
    NoCourse,
    #[error("no seats available")]
    NoSeats,
    #[error("the student has too many courses")]
    TooMany,
    #[error("the student has this course already")]
    Twice,
}

#[event(name = "school.course_added")]
struct CourseAdded {
    seats: usize,
}

/// In the stream of the course, and in that of the student.
#[event(name = "school.subscribed")]
struct Subscribed {
    course: u64,
    student: u64,
}

#[event(name = "school.unsubscribed")]
struct Unsubscribed {
    course: u64,
    student: u64,
}

#[derive(Debug, Default)]
struct Course {
    seats: Option<usize>,
    students: BTreeSet<u64>,
}

#[aggregate(
    handles = [AddCourse, FreeSeats],
    events = [CourseAdded, Subscribed, Unsubscribed]
)]
impl Course {
    fn add(&self, add: AddCourse) -> Result<CourseAdded, SchoolError> {
        match self.seats {
            Some(_) => Err(SchoolError::Exists),
            None => Ok(CourseAdded { seats: add.seats }),
        }
    }

    fn free_seats(&self, _: FreeSeats) -> Option<usize> {
        Some(self.seats? - self.students.len())
    }

    fn course_added(&mut self, added: &CourseAdded) {
        self.seats = Some(added.seats);
    }

    fn subscribed(&mut self, subscribed: &Subscribed) {
        self.students.insert(subscribed.student);
    }

    fn unsubscribed(&mut self, unsubscribed: &Unsubscribed) {
        self.students.remove(&unsubscribed.student);
    }
}

#[derive(Debug, Default)]
struct Student {
    courses: BTreeSet<u64>,
}

#[aggregate(handles = [CoursesOf], events = [Subscribed, Unsubscribed])]
impl Student {
    fn courses_of(&self, _: CoursesOf) -> Vec<u64> {
        self.courses.iter().copied().collect()
    }

    fn subscribed(&mut self, subscribed: &Subscribed) {
        self.courses.insert(subscribed.course);
    }

    fn unsubscribed(&mut self, unsubscribed: &Unsubscribed) {
        self.courses.remove(&unsubscribed.course);
    }
}

struct Subscriptions;

#[decision(
    handles = [Subscribe, Unsubscribe],
    of = [Course(course), Student(student)]
)]
impl Subscriptions {
    fn subscribe(
        Subscribe { course, student }: Subscribe,
        wanted: &Course,
        by: &Student,
    ) -> Result<(Subscribed, Subscribed), SchoolError> {
        let seats = wanted.seats.ok_or(SchoolError::NoCourse)?;
        if by.courses.contains(&course) {
            Err(SchoolError::Twice)
        } else if by.courses.len() >= MOST {
            Err(SchoolError::TooMany)
        } else if wanted.students.len() >= seats {
            Err(SchoolError::NoSeats)
        } else {
            let subscribed = || Subscribed { course, student };
            Ok((subscribed(), subscribed()))
        }
    }

    fn unsubscribe(
        Unsubscribe { course, student }: Unsubscribe,
        _: &Course,
        by: &Student,
    ) -> Option<(Unsubscribed, Unsubscribed)> {
        let unsubscribed = || Unsubscribed { course, student };
        let is_subscribed = by.courses.contains(&course);
        is_subscribed.then(|| (unsubscribed(), unsubscribed()))
    }
}

fn subscribe(course: u64, student: u64) -> Subscribe {
    Subscribe { course, student }
}

#[nether::test(
    only = [Aggregates<Course>, Aggregates<Student>, Decisions<Subscriptions>]
)]
async fn a_student_needs_a_seat_of_a_course_that_is_there(
    builder: SystemBuilder,
) -> nether::Result<()> {
    let system = builder.provide(Store::memory()).start().await?;
    let ctx = system.context();
    let refused = async |command| {
        let refused = ctx.send(command).await.unwrap_err();
        refused.into_handler_error().expect("it is refused")
    };
    let add = || AddCourse {
        course: 1,
        seats: 1,
    };
    ctx.send(add()).await?;
    let again = ctx.send(add()).await.unwrap_err();
    assert_eq!(again.into_handler_error()?, SchoolError::Exists);
    assert_eq!(refused(subscribe(2, 7)).await, SchoolError::NoCourse);
    ctx.send(subscribe(1, 7)).await?;
    assert_eq!(refused(subscribe(1, 7)).await, SchoolError::Twice);
    assert_eq!(refused(subscribe(1, 8)).await, SchoolError::NoSeats);
    let leave = || Unsubscribe {
        course: 1,
        student: 7,
    };
    for _ in 0..2 {
        ctx.send(leave()).await?;
    }
    assert_eq!(ctx.ask(FreeSeats { course: 1 }).await?, Some(1));
    assert_eq!(ctx.ask(FreeSeats { course: 4 }).await?, None);
    assert_eq!(ctx.ask(CoursesOf { student: 7 }).await?, [0; 0]);
    ctx.send(subscribe(1, 8)).await?;
    assert_eq!(ctx.ask(CoursesOf { student: 8 }).await?, [1]);
    Ok(())
}

/// What two aggregates and a saga get wrong: a student who may not have the course never holds its last seat,
/// not even for a moment, so that no student is refused it who may have it.
#[nether::test(
    only = [Aggregates<Course>, Aggregates<Student>, Decisions<Subscriptions>],
    worker_threads = 2
)]
async fn the_last_seat_is_given_to_one_who_may_have_it(
    builder: SystemBuilder,
) -> nether::Result<()> {
    const STUDENTS: u64 = 200;
    let system = builder.provide(Store::memory()).start().await?;
    let ctx = system.context();
    for (course, seats) in [(1, 1_000), (2, 1_000), (3, 1)] {
        ctx.send(AddCourse { course, seats }).await?;
    }
    // All but one have two courses already.
    for student in 1..STUDENTS {
        for course in [1, 2] {
            ctx.send(subscribe(course, student)).await?;
        }
    }
    let mut asked = tokio::task::JoinSet::new();
    for student in 0..STUDENTS {
        let ctx = ctx.clone();
        asked.spawn(async move { (student, ctx.send(subscribe(3, student)).await) });
    }
    while let Some(answer) = asked.join_next().await {
        let (student, answer) = answer?;
        match answer.map_err(CallError::into_handler_error) {
            Ok(()) => assert_eq!(student, 0),
            Err(error) => assert_eq!(error?, SchoolError::TooMany, "of {student}"),
        }
    }
    assert_eq!(ctx.ask(FreeSeats { course: 3 }).await?, Some(0));
    assert_eq!(ctx.ask(CoursesOf { student: 0 }).await?, [3]);
    Ok(())
}
