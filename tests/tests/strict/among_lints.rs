//! Each attribute, in code that is strict.

#![forbid(unused_mut)]

use std::collections::BTreeMap;

use nether::eventstore::{Position, Step, Store};
use nether::prelude::*;

/// It is private, but the module that handles it is public.
#[command(reply = u64)]
struct Hidden {
    number: u64,
}

/// Adds a number.
#[command(reply = u64, error = TooMuch, http = "POST /sums/{number}", key = number)]
pub struct Add {
    /// Which one.
    pub number: u64,
    /// How often.
    #[serde(default)]
    pub times: Option<u64>,
}

/// The sum.
#[query(reply = u64, http = "GET /sums")]
pub struct Sum;

/// It was added.
#[event(name = "strict.added", http = "SSE /sums/events")]
pub struct Added {
    /// Which number.
    pub number: u64,
}

/// What went wrong.
#[derive(Debug, Clone, Copy, nether::Problem)]
pub enum TooMuch {
    /// More than is known.
    #[problem(status = 422)]
    Unknown,
}

impl std::fmt::Display for TooMuch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("too much")
    }
}

impl std::error::Error for TooMuch {}

/// Exclusive, and made of what is provided.
#[derive(Debug)]
pub struct Adder {
    sum: u64,
}

#[module(handles = [Add, Sum, Hidden], emits = Added, calls = Note, timeout = "10s")]
impl Adder {
    #[init]
    async fn new(start: Resource<u64>) -> Self {
        Adder { sum: *start }
    }

    #[on_start]
    async fn start(&mut self) {
        self.sum += 1;
    }

    #[on_stop]
    async fn stop(&mut self) {}

    #[background]
    async fn wait(_: Context<Self>) {}

    async fn add(&mut self, add: Add, ctx: &Context<Self>) -> Result<u64, TooMuch> {
        self.sum += add.number * add.times.unwrap_or(1);
        let added = Added { number: add.number };
        ctx.publish(added).await.map_err(|_| TooMuch::Unknown)?;
        Ok(self.sum)
    }

    async fn sum(&self, _: Sum) -> u64 {
        self.sum
    }

    async fn hidden(&mut self, it: Hidden) -> u64 {
        it.number
    }
}

/// Shared.
#[derive(Debug, Default)]
pub struct Log;

#[module(handles = Added)]
impl Log {
    async fn added(&self, _: &Added) {}
}

/// Counts for one name.
#[command(name = "strict.count", key = name)]
pub struct Count {
    /// Whose.
    pub name: String,
}

/// It was counted, which is private.
#[event(name = "strict.counted")]
struct Counted {
    name: String,
}

/// How many there are.
#[query(reply = usize)]
pub struct Counts;

/// One count.
#[derive(Debug, Default, Clone)]
pub struct Counter {
    count: u64,
}

#[aggregate(handles = Count, events = Counted)]
impl Counter {
    fn count(&self, count: Count) -> Vec<Counted> {
        let is_first = self.count == 0;
        is_first
            .then_some(Counted { name: count.name })
            .into_iter()
            .collect()
    }

    fn counted(&mut self, _: &Counted) {
        self.count += 1;
    }
}

/// All counts.
#[derive(Debug, Default, Clone)]
pub struct Table {
    names: BTreeMap<String, Position>,
}

#[projection(handles = [Counted, Counts])]
impl Table {
    fn counted(&mut self, event: &Counted, at: Position) {
        let _known = self.names.insert(event.name.clone(), at);
    }

    fn counts(&self, _: Counts) -> usize {
        self.names.len()
    }
}

/// Sends something in return.
#[derive(Debug, Default, serde::Serialize, serde::Deserialize)]
pub struct Answer {
    is_sent: bool,
}

/// What is sent.
#[command(name = "strict.note")]
struct Note {
    name: String,
}

#[saga(key = name, handles = Counted, starts = Counted, sends = Note)]
impl Answer {
    fn counted(&mut self, event: &Counted, step: &mut Step<Self>) {
        self.is_sent = true;
        let _sent = step.send(Note {
            name: event.name.clone(),
        });
        step.end();
    }
}

/// Takes notes.
#[derive(Debug, Default)]
pub struct Notes;

#[module(handles = Note)]
impl Notes {
    async fn note(&self, note: Note) -> nether::Result<()> {
        match note.name.is_empty() {
            true => Err(nether::Error::msg("nothing to note")),
            false => Ok(()),
        }
    }
}

#[nether::routes]
fn pages() -> axum::Router<System> {
    axum::Router::new().route("/own", axum::routing::get(async || "own"))
}

#[nether::test]
async fn generated_code_needs_no_lint_allowed(builder: SystemBuilder) -> nether::Result<()> {
    let store = Store::memory();
    let system = builder
        .provide(1_u64)
        .provide(store.clone())
        .start()
        .await?;
    let ctx = system.context();
    assert_eq!(ctx.ask(Sum).await?, 2);
    assert_eq!(ctx.send(Hidden { number: 5 }).await?, 5);
    ctx.send(Count {
        name: "a".to_owned(),
    })
    .await?;
    let _report = ctx.close().await?;
    store.projection::<Table>()?.caught_up().await?;
    assert_eq!(system.context().ask(Counts).await?, 1);
    Ok(())
}
