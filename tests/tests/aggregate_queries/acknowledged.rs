//! Queries see what was acknowledged: from memory, from a store in a file, and of other processes.

use std::sync::atomic::{AtomicU32, Ordering};

use nether::eventstore::{Aggregates, Facts, Position, Store, given, given_with};
use nether::http::Server;
use nether::prelude::*;
use nether_sqlite::SqliteStore;
use nether_tests::Folder;
use nether_tests::http::{get, open};
use serde_json::json;

#[derive(Debug, PartialEq, thiserror::Error, nether::Problem)]
pub enum CourseError {
    #[error("there is no course `{0}`")]
    #[problem(status = 404)]
    Unknown(String),
    #[error("course `{0}` is full")]
    #[problem(status = 409)]
    Full(String),
}

#[command(key = id, error = CourseError)]
pub struct AddSeats {
    pub id: String,
    pub seats: u32,
}

#[command(key = id, reply = u32, error = CourseError)]
pub struct TakeSeat {
    pub id: String,
}

#[query(key = id, reply = u32)]
pub struct SeatsLeft {
    pub id: String,
}

/// The field of the key has another name than that of the commands.
#[query(key = course, reply = CourseView, error = CourseError, http = "GET /courses/{course}")]
pub struct ShowCourse {
    pub course: String,
}

#[derive(Debug, PartialEq, serde::Serialize)]
pub struct CourseView {
    seats: u32,
}

#[event(name = "course.seats_added")]
pub struct SeatsAdded {
    pub seats: u32,
}

#[event(name = "course.seat_taken")]
pub struct SeatTaken;

#[derive(Default)]
pub struct Course {
    exists: bool,
    seats: u32,
}

#[aggregate(
    handles = [AddSeats, TakeSeat, SeatsLeft, ShowCourse],
    events = [SeatsAdded, SeatTaken],
    cache = 16
)]
impl Course {
    fn add(&self, add: AddSeats) -> SeatsAdded {
        SeatsAdded { seats: add.seats }
    }

    fn take(&self, take: TakeSeat) -> Result<SeatTaken, CourseError> {
        match self.seats {
            0 => Err(CourseError::Full(take.id)),
            _ => Ok(SeatTaken),
        }
    }

    fn left(&self, _: SeatsLeft) -> u32 {
        self.seats
    }

    async fn show(&self, show: ShowCourse) -> Result<CourseView, CourseError> {
        tokio::task::yield_now().await;
        match self.exists {
            true => Ok(CourseView { seats: self.seats }),
            false => Err(CourseError::Unknown(show.course)),
        }
    }

    fn added(&mut self, event: &SeatsAdded) {
        if event.seats == COUNTED {
            EVOLVED.fetch_add(1, Ordering::SeqCst);
        }
        (self.exists, self.seats) = (true, self.seats + event.seats);
    }

    fn taken(&mut self, _: &SeatTaken) {
        self.seats -= 1;
    }
}

impl From<&Course> for u32 {
    fn from(course: &Course) -> Self {
        course.seats
    }
}

/// So many seats one test alone adds.
const COUNTED: u32 = 333;

/// How often so many seats were added to a state.
static EVOLVED: AtomicU32 = AtomicU32::new(0);

async fn started(store: &Store) -> System {
    let builder = System::builder()
        .isolated()
        .with::<Aggregates<Course>>()
        .provide(store.clone());
    builder.start().await.unwrap()
}

fn add(id: &str, seats: u32) -> AddSeats {
    AddSeats {
        id: id.into(),
        seats,
    }
}

fn left(id: &str) -> SeatsLeft {
    SeatsLeft { id: id.into() }
}

fn show(id: &str) -> ShowCourse {
    ShowCourse { course: id.into() }
}

/// A query sees what was acknowledged: from memory, after a restart, and of each aggregate its own.
async fn check_reads_its_writes(store: &Store) {
    let system = started(store).await;
    let ctx = system.context();
    for seats in 1..20 {
        ctx.send(add("a", 1)).await.unwrap();
        assert_eq!(ctx.ask(left("a")).await.unwrap(), seats);
    }
    ctx.send(add("b", 7)).await.unwrap();
    let take = TakeSeat { id: "a".into() };
    assert_eq!(ctx.send(take).await.unwrap(), 18);
    assert_eq!(ctx.ask(left("a")).await.unwrap(), 18);
    let head = store.head().await.unwrap();
    assert_eq!(ctx.ask(show("b")).await.unwrap(), CourseView { seats: 7 });
    ctx.close().await.unwrap();
    system.shutdown().await;
    let again = started(store).await;
    assert_eq!(again.context().ask(left("a")).await.unwrap(), 18);
    again.shutdown().await;
    assert_eq!(store.head().await.unwrap(), head, "a query stores nothing");
}

#[tokio::test]
async fn a_query_sees_every_command_that_was_acknowledged_before() {
    check_reads_its_writes(&Store::memory()).await;
}

#[tokio::test]
async fn a_query_sees_every_command_that_was_acknowledged_before_in_a_file() {
    let folder = Folder::new("queries");
    check_reads_its_writes(&Store::new(SqliteStore::open(folder.file()).unwrap())).await;
}

#[tokio::test]
async fn a_query_of_an_aggregate_without_events_sees_the_initial_state() {
    let store = Store::memory();
    let system = started(&store).await;
    let ctx = system.context();
    assert_eq!(ctx.ask(left("none")).await.unwrap(), 0);
    let unknown = ctx.ask(show("none")).await.unwrap_err();
    let unknown = unknown.into_handler_error().unwrap();
    assert_eq!(unknown, CourseError::Unknown("none".into()));
    assert_eq!(store.head().await.unwrap(), Position::START);
}

/// Two systems with stores of their own: each has the aggregate in memory, and changes it in turn.
async fn check_sees_the_others(mine: &Store, other: &Store) {
    let (mine, other) = (started(mine).await, started(other).await);
    for round in 1..10 {
        for system in [&mine, &other] {
            system.context().send(add("a", 1)).await.unwrap();
        }
        for system in [&mine, &other] {
            let seats = system.context().ask(left("a")).await.unwrap();
            assert_eq!(seats, 2 * round);
        }
    }
    // One reads all of what the other has written since.
    for _ in 0..5 {
        other.context().send(add("a", 10)).await.unwrap();
    }
    assert_eq!(mine.context().ask(left("a")).await.unwrap(), 68);
    mine.shutdown().await;
    other.shutdown().await;
}

#[tokio::test]
async fn a_query_sees_what_another_system_has_stored() {
    let store = Store::memory();
    check_sees_the_others(&store, &store).await;
}

/// Each has the file open for itself, as two processes have.
#[tokio::test]
async fn a_query_sees_what_another_process_has_stored() {
    let folder = Folder::new("shared");
    let opened = || {
        let options = SqliteStore::options().shared(true);
        Store::new(options.open(folder.file()).unwrap())
    };
    check_sees_the_others(&opened(), &opened()).await;
}

#[tokio::test]
async fn questions_about_unknown_keys_evict_nothing() {
    let store = Store::memory();
    let system = started(&store).await;
    let ctx = system.context();
    ctx.send(add("known", COUNTED)).await.unwrap();
    for number in 0..1000 {
        let id = format!("unknown {number}");
        assert_eq!(ctx.ask(left(&id)).await.unwrap(), 0);
    }
    assert_eq!(ctx.ask(left("known")).await.unwrap(), COUNTED);
    let evolved = EVOLVED.load(Ordering::SeqCst);
    assert_eq!(evolved, 1, "it stays in memory, and is not read again");
}

#[command(key = owner)]
pub struct Write {
    pub owner: u32,
    pub text: String,
}

#[query(key = owner, reply = Option<String>)]
pub struct Read {
    pub owner: u32,
}

#[event(name = "diary.written")]
pub struct Written {
    pub text: String,
    pub by: Option<String>,
}

#[derive(Default)]
pub struct Diary {
    text: String,
    owner: Option<String>,
}

#[aggregate(handles = [Write, Read], events = [Written])]
impl Diary {
    fn write(&self, write: Write, facts: &Facts) -> Written {
        Written {
            text: write.text,
            by: facts.principal().map(|it| it.id().to_owned()),
        }
    }

    /// Only its owner reads it.
    fn read(&self, _: Read, facts: &Facts, mark: Resource<&'static str>) -> Option<String> {
        let who = facts.principal()?.id();
        (self.owner.as_deref() == Some(who)).then(|| format!("{}{}", self.text, *mark))
    }

    fn written(&mut self, event: &Written) {
        (self.text, self.owner) = (event.text.clone(), event.by.clone());
    }
}

#[tokio::test]
async fn a_query_knows_who_asks_and_asks_for_resources() {
    let builder = System::builder().isolated().with::<Aggregates<Diary>>();
    let builder = builder.provide(Store::memory()).provide("!");
    let system = builder.start().await.unwrap();
    let of = |who: &'static str| system.context().with_principal(who);
    let text = "dear diary".to_owned();
    of("ann").send(Write { owner: 1, text }).await.unwrap();
    let read = of("ann").ask(Read { owner: 1 }).await.unwrap();
    assert_eq!(read.as_deref(), Some("dear diary!"));
    assert_eq!(of("bob").ask(Read { owner: 1 }).await.unwrap(), None);
}

#[test]
fn a_scenario_asks_a_query() {
    let full = given::<Course, _>((SeatsAdded { seats: 1 }, SeatTaken));
    assert_eq!(full.ask(left("a")).unwrap(), 0);
    assert_eq!(full.ask(show("a")).unwrap(), CourseView { seats: 0 });
    let take = TakeSeat { id: "a".into() };
    full.when(take).then_error(CourseError::Full("a".into()));
    let none = given::<Course, _>(());
    assert_eq!(
        none.ask(show("a")).unwrap_err(),
        CourseError::Unknown("a".into())
    );
    let written = Written {
        text: "a".into(),
        by: Some("ann".into()),
    };
    let diary = given_with::<Diary, _>((Resource::new("?"),), written);
    assert_eq!(diary.ask(Read { owner: 1 }).unwrap(), None);
    let diary = diary.with_facts(Facts::new().with_principal("ann"));
    assert_eq!(diary.ask(Read { owner: 1 }).unwrap().as_deref(), Some("a?"));
}

/// Asks an aggregate on behalf of its own caller.
#[query(reply = u32)]
pub struct AllSeats;

#[derive(Default)]
pub struct Catalogue;

#[module(handles = AllSeats, calls = [SeatsLeft])]
impl Catalogue {
    async fn all(&self, _: AllSeats, ctx: &QueryContext<Self>) -> nether::Result<u32> {
        Ok(ctx.ask(left("a")).await? + ctx.ask(left("b")).await?)
    }
}

#[tokio::test]
async fn the_query_of_a_module_asks_an_aggregate() {
    let builder = System::builder().isolated().with::<Aggregates<Course>>();
    let builder = builder.with::<Catalogue>().provide(Store::memory());
    let system = builder.start().await.unwrap();
    let ctx = system.context();
    ctx.send(add("a", 1)).await.unwrap();
    ctx.send(add("b", 2)).await.unwrap();
    assert_eq!(ctx.ask(AllSeats).await.unwrap(), 3);
}

#[tokio::test]
async fn a_query_of_an_aggregate_is_an_endpoint() {
    let store = Store::memory();
    let system = started(&store).await;
    let at = open(&system, Server::new(&system)).await;
    system.context().send(add("rust 101", 4)).await.unwrap();
    let shown = get(&at, "/courses/rust%20101").await;
    assert_eq!((shown.status, shown.json()), (200, json!({"seats": 4})));
    let unknown = get(&at, "/courses/none").await;
    assert_eq!(unknown.status, 404);
    assert_eq!(unknown.json()["detail"], "there is no course `none`");
}
