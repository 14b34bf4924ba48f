//! Courses and students, after disintegrate's example `courses`: a student subscribes to a course if the
//! course has a free seat and the student has not too many courses. One decision needs both, so both are the
//! state of one aggregate, the school, which also answers queries by key.

use std::collections::{BTreeMap, BTreeSet};

use nether::eventstore::{Aggregates, Store, given};
use nether::prelude::*;

/// How many courses a student may have.
const MOST: usize = 2;

#[command(key = school, error = SchoolError)]
struct AddCourse {
    school: u64,
    course: u64,
    seats: usize,
}

#[command(key = school, error = SchoolError)]
struct Subscribe {
    school: u64,
    course: u64,
    student: u64,
}

#[command(key = school)]
struct Unsubscribe {
    school: u64,
    course: u64,
    student: u64,
}

/// How many seats of a course are free; `None` if there is no such course.
#[query(key = school, reply = Option<usize>)]
struct FreeSeats {
    school: u64,
    course: u64,
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
    course: u64,
    seats: usize,
}

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
    seats: usize,
    students: BTreeSet<u64>,
}

#[derive(Debug, Default)]
struct School {
    courses: BTreeMap<u64, Course>,
}

#[aggregate(
    handles = [AddCourse, Subscribe, Unsubscribe, FreeSeats],
    events = [CourseAdded, Subscribed, Unsubscribed]
)]
impl School {
    fn add(&self, add: AddCourse) -> Result<CourseAdded, SchoolError> {
        let AddCourse { course, seats, .. } = add;
        match self.courses.contains_key(&course) {
            true => Err(SchoolError::Exists),
            false => Ok(CourseAdded { course, seats }),
        }
    }

    fn subscribe(&self, subscribe: Subscribe) -> Result<Subscribed, SchoolError> {
        let Subscribe {
            course, student, ..
        } = subscribe;
        let wanted = self.courses.get(&course).ok_or(SchoolError::NoCourse)?;
        let taken = self.courses.values();
        let taken = taken.filter(|course| course.students.contains(&student));
        if wanted.students.contains(&student) {
            Err(SchoolError::Twice)
        } else if taken.count() >= MOST {
            Err(SchoolError::TooMany)
        } else if wanted.students.len() >= wanted.seats {
            Err(SchoolError::NoSeats)
        } else {
            Ok(Subscribed { course, student })
        }
    }

    fn unsubscribe(&self, unsubscribe: Unsubscribe) -> Option<Unsubscribed> {
        let Unsubscribe {
            course, student, ..
        } = unsubscribe;
        let students = &self.courses.get(&course)?.students;
        students
            .contains(&student)
            .then_some(Unsubscribed { course, student })
    }

    fn free_seats(&self, free: FreeSeats) -> Option<usize> {
        let course = self.courses.get(&free.course)?;
        Some(course.seats - course.students.len())
    }

    fn course_added(&mut self, added: &CourseAdded) {
        let seats = added.seats;
        let students = BTreeSet::new();
        self.courses
            .insert(added.course, Course { seats, students });
    }

    fn subscribed(&mut self, subscribed: &Subscribed) {
        let course = self.courses.entry(subscribed.course).or_default();
        course.students.insert(subscribed.student);
    }

    fn unsubscribed(&mut self, unsubscribed: &Unsubscribed) {
        let course = self.courses.entry(unsubscribed.course).or_default();
        course.students.remove(&unsubscribed.student);
    }
}

fn subscribe(course: u64, student: u64) -> Subscribe {
    Subscribe {
        school: 1,
        course,
        student,
    }
}

#[test]
fn a_student_needs_a_seat_of_a_course_that_is_there() {
    let added = || CourseAdded {
        course: 1,
        seats: 1,
    };
    let taken = || Subscribed {
        course: 1,
        student: 7,
    };
    let school = given::<School, _>(added());
    school.when(subscribe(1, 7)).then(taken());
    let school = given::<School, _>(added());
    school
        .when(subscribe(2, 7))
        .then_error(SchoolError::NoCourse);
    let full = given::<School, _>((added(), taken()));
    let free = FreeSeats {
        school: 1,
        course: 1,
    };
    assert_eq!(full.ask(free).expect("it is answered"), Some(0));
    full.when(subscribe(1, 8)).then_error(SchoolError::NoSeats);
}

/// What two aggregates and a saga get wrong: a student who may not have the course never holds its last seat.
#[nether::test(only = [Aggregates<School>], worker_threads = 2)]
async fn the_last_seat_is_given_to_one_who_may_have_it(
    builder: SystemBuilder,
) -> nether::Result<()> {
    const STUDENTS: u64 = 200;
    let system = builder.provide(Store::memory()).start().await?;
    let ctx = system.context();
    for (course, seats) in [(1, 1_000), (2, 1_000), (3, 1)] {
        ctx.send(AddCourse {
            school: 1,
            course,
            seats,
        })
        .await?;
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
    assert_eq!(
        ctx.ask(FreeSeats {
            school: 1,
            course: 3
        })
        .await?,
        Some(0)
    );
    ctx.send(Unsubscribe {
        school: 1,
        course: 3,
        student: 0,
    })
    .await?;
    assert_eq!(
        ctx.ask(FreeSeats {
            school: 1,
            course: 3
        })
        .await?,
        Some(1)
    );
    assert_eq!(
        ctx.ask(FreeSeats {
            school: 1,
            course: 4
        })
        .await?,
        None
    );
    Ok(())
}
