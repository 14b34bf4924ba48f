//! How modules come to life: made from resources, in order, with their hooks; and what happens when one
//! fails.

use std::sync::{Arc, Mutex};

use nether::StartProblem;
use nether::prelude::*;

/// What happened, in order.
type Journal = Arc<Mutex<Vec<&'static str>>>;

#[query(reply = &'static str, local)]
struct Greeting;

struct Words {
    greeting: &'static str,
}

struct Greeter {
    words: Resource<Words>,
    journal: Resource<Journal>,
}

#[module(handles = Greeting, after = Foundation)]
impl Greeter {
    #[init]
    async fn new(words: Resource<Words>, journal: Resource<Journal>) -> nether::Result<Self> {
        if words.greeting.is_empty() {
            return Err(nether::Error::msg("nothing to say"));
        }
        journal.lock().unwrap().push("greeter made");
        Ok(Greeter { words, journal })
    }

    #[on_start]
    async fn start(&mut self) {
        self.journal.lock().unwrap().push("greeter started");
    }

    #[on_stop]
    async fn stop(&self) {
        self.journal.lock().unwrap().push("greeter stopped");
    }

    async fn greet(&self, _: Greeting) -> &'static str {
        self.words.greeting
    }
}

struct Foundation {
    journal: Resource<Journal>,
}

#[command]
struct Lay;

#[module(handles = Lay)]
impl Foundation {
    #[init]
    fn new(journal: Resource<Journal>) -> Self {
        Foundation { journal }
    }

    #[on_start]
    async fn start(&mut self, ctx: &Context<Self>) -> nether::Result<()> {
        // Others would start now, did they not wait for this one.
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        self.journal.lock().unwrap().push("foundation started");
        // What a hook sends is handled once the module runs.
        ctx.process(Lay).await?;
        Ok(())
    }

    #[on_stop]
    fn stop(&mut self) {
        self.journal.lock().unwrap().push("foundation stopped");
    }

    async fn lay(&mut self, _: Lay) {
        self.journal.lock().unwrap().push("laid");
    }
}

fn builder(greeting: &'static str) -> nether::SystemBuilder {
    System::builder()
        .provide(Words { greeting })
        .provide(Journal::default())
}

/// A journal that the test can read.
fn journalled(greeting: &'static str) -> (nether::SystemBuilder, Journal) {
    let journal = Journal::default();
    (
        System::builder()
            .provide(Words { greeting })
            .provide(Arc::clone(&journal)),
        journal,
    )
}

#[tokio::test]
async fn resources_reach_the_modules_that_ask_for_them() -> nether::Result<()> {
    let system = builder("hello").start().await?;
    assert_eq!(system.context().ask(Greeting).await?, "hello");
    Ok(())
}

#[tokio::test]
async fn modules_start_after_those_they_name_and_stop_before_them() -> nether::Result<()> {
    let (builder, journal) = journalled("hello");
    let system = builder.start().await?;
    system.context().ask(Greeting).await?;
    system.shutdown().await;
    assert_eq!(
        *journal
            .lock()
            .unwrap()
            .iter()
            .filter(|entry| **entry != "laid")
            .copied()
            .collect::<Vec<_>>(),
        [
            "foundation started",
            "greeter made",
            "greeter started",
            "greeter stopped",
            "foundation stopped"
        ]
    );
    assert!(journal.lock().unwrap().contains(&"laid"));
    Ok(())
}

#[tokio::test]
async fn a_module_that_fails_to_start_stops_those_that_had_started() {
    let (builder, journal) = journalled("");
    let error = builder.start().await.expect_err("there is nothing to say");
    let [StartProblem::ModuleFailed { module, error }] = &error.problems[..] else {
        panic!("{error}")
    };
    assert_eq!(
        (module.name, error.to_string().as_str()),
        ("starting::Greeter", "nothing to say")
    );
    assert_eq!(journal.lock().unwrap().last(), Some(&"foundation stopped"));
}

#[tokio::test]
async fn a_missing_resource_is_reported_before_anything_starts() {
    let error = System::builder()
        .provide(Words { greeting: "hello" })
        .start()
        .await
        .expect_err("there is no journal");
    assert_eq!(error.problems.len(), 1, "one resource is missing: {error}");
    assert!(
        error.to_string().contains("starting::Greeter")
            && error.to_string().contains("starting::Foundation"),
        "{error}"
    );
}

#[tokio::test]
async fn systems_live_side_by_side_and_start_again() -> nether::Result<()> {
    let first = builder("hello").start().await?;
    let second = builder("good day").start().await?;
    assert_eq!(first.context().ask(Greeting).await?, "hello");
    assert_eq!(second.context().ask(Greeting).await?, "good day");
    first.shutdown().await;
    assert!(first.context().ask(Greeting).await.is_err());
    assert_eq!(second.context().ask(Greeting).await?, "good day");
    let third = builder("again").start().await?;
    assert_eq!(third.context().ask(Greeting).await?, "again");
    Ok(())
}

#[test]
fn a_sound_program_verifies() {
    System::verify().expect("sound but for resources");
    builder("hello").verify().expect("sound");
}
