//! A program with every mistake that only the whole program shows: all are reported at once, with their
//! places.

use nether::prelude::*;
use nether::{Answer, Call, Message, Next, StartProblem};

#[command]
struct Contested;

#[derive(Default)]
struct One;

#[module(handles = Contested)]
impl One {
    async fn contested(&self, _: Contested) {}
}

#[command]
struct Unhandled;

#[query]
struct Unanswered;

#[event]
struct Unheard;

#[derive(Default)]
struct Lister;

#[module(handles = [], emits = [Unhandled, Unheard], calls = Unanswered)]
impl Lister {}

#[event(name = "one.name")]
struct ThisName;

#[event(name = "one.name")]
struct SameName;

struct Database;

struct Storage;

#[module(handles = [], after = Later)]
impl Storage {
    #[init]
    async fn new(_: Resource<Database>, _: Resource<u16>) -> Self {
        Storage
    }
}

struct Replicated;

struct Reader;

#[module(handles = [])]
impl Reader {
    #[init]
    fn new(#[resource("replica")] _: Resource<Replicated>) -> Self {
        Reader
    }
}

struct Archive;

#[module(handles = [])]
impl Archive {
    #[init]
    fn new(_: Resource<Database>, _: Resource<Database>) -> Self {
        Archive
    }
}

#[derive(Default)]
struct Later;

#[module(handles = [], after = [Storage])]
impl Later {}

#[command]
struct Ping;

#[command]
struct Pong;

#[derive(Default)]
struct Pinger;

#[module(handles = Ping, calls = Pong)]
impl Pinger {
    async fn ping(&mut self, _: Ping, ctx: &Context<Self>) -> nether::Result<()> {
        Ok(ctx.send(Pong).await?)
    }
}

#[derive(Default)]
struct Ponger;

#[module(handles = Pong, calls = Ping)]
impl Ponger {
    async fn pong(&mut self, _: Pong, ctx: &Context<Self>) -> nether::Result<()> {
        Ok(ctx.send(Ping).await?)
    }
}

#[command]
struct ToExclusive;

#[command]
struct ToShared;

#[derive(Default)]
struct CallsShared(u32);

#[module(handles = ToExclusive, calls = ToShared)]
impl CallsShared {
    async fn handle(&mut self, _: ToExclusive, ctx: &Context<Self>) -> nether::Result<()> {
        self.0 += 1;
        Ok(ctx.send(ToShared).await?)
    }
}

#[derive(Default)]
struct CallsExclusive;

#[module(handles = ToShared, calls = ToExclusive)]
impl CallsExclusive {
    async fn handle(&self, _: ToShared, ctx: &Context<Self>) -> nether::Result<()> {
        Ok(ctx.send(ToExclusive).await?)
    }
}

/// Calls itself: its handlers run concurrently, so that is no circle of waits.
#[command]
struct ToItself(u32);

#[derive(Default)]
struct CallsItself;

#[module(handles = ToItself, calls = ToItself)]
impl CallsItself {
    async fn handle(&self, ToItself(depth): ToItself, ctx: &Context<Self>) -> nether::Result<()> {
        match depth {
            0 => Ok(()),
            depth => Ok(ctx.send(ToItself(depth - 1)).await?),
        }
    }
}

/// It is not provided.
struct Guard;

#[nether::middleware]
impl Guard {
    async fn around<M: Message>(&self, call: Call<'_, M>, next: Next<'_, M>) -> Answer<M> {
        next.run(call).await
    }
}

#[event]
struct Guarded;

#[derive(Default)]
struct GuardedOnce;

#[module(handles = Guarded, with = Guard)]
impl GuardedOnce {
    async fn guarded(&self, _: &Guarded) {}
}

#[derive(Default)]
struct GuardedTwice;

#[module(handles = Guarded)]
impl GuardedTwice {
    #[handler(with = [Guard])]
    async fn guarded(&self, _: &Guarded) {}
}

/// Manual modules are not part of what starts, so they may contest a command.
struct Manual;

#[module(handles = Contested, manual)]
impl Manual {
    async fn contested(&self, _: Contested) {}
}

/// The line of the attribute above a declaration in this file.
fn line_of(declaration: &str) -> usize {
    let lines: Vec<&str> = include_str!("start_problems.rs").lines().collect();
    let at = lines
        .iter()
        .position(|line| line.starts_with(declaration))
        .expect("declared here");
    (0..at)
        .rev()
        .find(|line| lines[*line].starts_with("#["))
        .expect("there is an attribute")
        + 1
}

fn place(declaration: &str) -> String {
    format!("start_problems.rs:{}", line_of(declaration))
}

#[tokio::test]
async fn every_problem_is_reported_at_once_with_both_places() {
    let error = System::start()
        .await
        .expect_err("nothing about it is sound");
    let text = error.to_string();
    let names: Vec<&str> = error
        .problems
        .iter()
        .map(|problem| match problem {
            StartProblem::NoHandler { .. } => "no handler",
            StartProblem::SameId { .. } => "same id",
            StartProblem::MissingResource { .. } => "missing resource",
            StartProblem::MissingMiddleware { .. } => "missing middleware",
            StartProblem::AfterCycle { .. } => "after cycle",
            StartProblem::CallCycle { .. } => "call cycle",
            other => panic!("unexpected: {other}"),
        })
        .collect();
    let count = |name| names.iter().filter(|found| **found == name).count();
    assert_eq!(count("no handler"), 2, "{text}");
    assert_eq!(count("same id"), 1, "{text}");
    assert_eq!(count("missing resource"), 4, "{text}");
    assert_eq!(count("missing middleware"), 1, "{text}");
    assert_eq!(count("after cycle"), 1, "{text}");
    assert_eq!(count("call cycle"), 2, "{text}");
    for declaration in [
        "struct Unhandled",
        "struct Unanswered",
        "impl Lister",
        "struct ThisName",
        "struct SameName",
        "impl Storage",
        "impl Archive",
        "impl Guard",
        "impl GuardedOnce",
        "impl GuardedTwice",
        "impl Later",
        "impl Pinger",
        "impl Ponger",
        "impl CallsShared",
        "impl CallsExclusive",
    ] {
        assert!(
            text.contains(&place(declaration)),
            "the place of `{declaration}` is missing: {text}"
        );
    }
    assert!(
        text.contains("Database") && text.contains("`u16`") && text.contains("provide("),
        "{text}"
    );
    assert!(
        !text.contains("Unheard"),
        "nobody needs to handle an event: {text}"
    );
    assert!(!text.contains("Manual"), "{text}");
}

#[test]
fn verifying_finds_the_same_without_starting() {
    let without_resources = System::verify().expect_err("nothing about it is sound");
    assert_eq!(without_resources.problems.len(), 6);
    let builder = System::builder().provide(Database);
    let problems = builder
        .verify()
        .expect_err("nothing about it is sound")
        .problems;
    assert_eq!(problems.len(), 10, "one of four resources is there now");
}

#[test]
fn a_resource_that_several_modules_need_is_one_problem_that_names_each_of_them_once() {
    let error = System::builder().verify().expect_err("nothing is provided");
    let mut needed = error.problems.iter().filter_map(|problem| match problem {
        StartProblem::MissingResource {
            resource, modules, ..
        } if resource == "start_problems::Database" => Some((problem, modules)),
        _ => None,
    });
    let (problem, modules) = needed.next().expect("it is missing");
    assert!(needed.next().is_none(), "one problem: {error}");
    let mut names: Vec<&str> = modules.iter().map(|module| module.name).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        ["start_problems::Archive", "start_problems::Storage"]
    );
    let [first, second] = [modules[0], modules[1]];
    let told =
        format!("{first} and {second} need the resource `start_problems::Database`; give it");
    assert!(problem.to_string().starts_with(&told), "{problem}");
}

#[test]
fn a_missing_resource_is_reported_with_what_is_there_instead() {
    let builder = System::builder().provide(std::sync::Arc::new(Database));
    let text = builder
        .verify()
        .expect_err("it is another type")
        .to_string();
    for told in [
        "need the resource `start_problems::Database`; give it: `builder.provide(..)`, with",
        "it is found by its exact type, and so far there is `std::sync::Arc<start_problems::Database>`",
    ] {
        assert!(text.contains(told), "{text}");
    }
}

#[test]
fn a_resource_that_is_provided_twice_is_reported_with_both_places() {
    let builder = System::builder().provide(7u8);
    let first = line!() - 1;
    let builder = builder.provide(8u8);
    let second = line!() - 1;
    let builder = builder.provide_named("spare", 9u8);
    let problems = builder.verify().expect_err("it is there twice").problems;
    let twice = problems
        .iter()
        .filter(|it| matches!(it, StartProblem::TwoResources { .. }));
    let [twice] = twice.collect::<Vec<_>>()[..] else {
        panic!("one is provided twice: {problems:?}");
    };
    let text = twice.to_string();
    let told = format!(
        "the resource `u8` is provided twice, at {}:{first}:",
        file!()
    );
    assert!(text.starts_with(&told), "{text}");
    assert!(text.contains(&format!("{}:{second}:", file!())), "{text}");
}

#[test]
fn of_several_resources_of_one_type_each_has_a_name_of_its_own() {
    let builder = System::builder().isolated();
    let builder = builder
        .provide(7u8)
        .provide_named("spare", 8u8)
        .provide_named("last", 9u8);
    assert!(builder.verify().is_ok());
    let again = builder.provide_named("last", 10u8).verify();
    let text = again.expect_err("its name is taken").to_string();
    assert!(
        text.contains("the resource `u8` named \"last\" is provided twice"),
        "{text}"
    );
}

#[test]
fn a_missing_resource_with_a_name_is_reported_with_it() {
    let builder = System::builder()
        .provide(Replicated)
        .provide_named("other", Replicated);
    let text = builder
        .verify()
        .expect_err("it has another name")
        .to_string();
    for told in [
        "needs the resource `start_problems::Replicated` named \"replica\"; give it: \
         `builder.provide_named(\"replica\", ..)`, with",
        "so far there is `start_problems::Replicated`, `start_problems::Replicated` named \"other\"",
    ] {
        assert!(text.contains(told), "{text}");
    }
}

#[event(name = "start_problems.opened")]
struct Opened;

#[command(key = id)]
struct Open {
    id: u64,
}

#[derive(Default)]
struct Account;

#[aggregate(handles = Open, events = Opened)]
impl Account {
    fn open(&self, _: Open) -> Opened {
        Opened
    }

    fn opened(&mut self, _: &Opened) {}
}

#[test]
fn a_missing_store_is_reported_with_paths_that_a_program_can_write() {
    let error = System::builder().provide(Database).verify();
    let text = error.expect_err("nobody provides a store").to_string();
    let told = "needs the resource `nether::eventstore::Store`; give it: \
                `builder.provide(nether::eventstore::Store::memory())`, or to keep";
    assert!(text.contains(told), "{text}");
}

#[tokio::test]
async fn an_isolated_system_starts_all_the_same() -> nether::Result<()> {
    let system = System::builder().isolated().start().await?;
    system.attach(Manual).await?;
    system.attach(Lister).await?;
    assert_eq!(system.modules().len(), 2);
    Ok(())
}
