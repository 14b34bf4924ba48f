//! How fast events are read from SQLite. A program of its own: here a projection follows the store, which
//! costs time where commands are measured.
//!
//! - `reading`, or `reading 1` for one round, a hundredth as long: thousands of events a second, on one
//!   thread, into a projection that is rebuilt, and into one aggregate that is loaded.
//! - `reading fill <file> <aggregates> <events>` stores so many events of each aggregate.
//! - `reading replay <file> <events>` rebuilds the projection from all of them, on two threads, and prints
//!   how many nanoseconds an event took.

use std::path::Path;
use std::time::{Duration, Instant};

use eventsourcing::counter::aggregate::{Add, Added};
use eventsourcing::folder::Folder;
use eventsourcing::scenario::Synchronous;
use eventsourcing::stores::on_sqlite;
use eventsourcing::turn::started;
use nether::eventstore::Store;
use nether::prelude::*;
use tokio::runtime::{Builder, Runtime};

#[query(reply = u64)]
pub struct Total;

#[derive(Default)]
pub struct Totals {
    total: u64,
}

#[projection(handles = [Added, Total])]
impl Totals {
    fn added(&mut self, event: &Added) {
        self.total += event.by;
    }

    fn total(&self, _: Total) -> u64 {
        self.total
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let number = |text: &str| text.parse().expect("a number");
    match arguments[..] {
        ["fill", file, aggregates, events] => {
            fill(Path::new(file), number(aggregates), number(events));
        }
        ["replay", file, events] => replay(Path::new(file), number(events)),
        [rounds] => by_hand(number(rounds), 10_000),
        _ => by_hand(5, 1_000_000),
    }
}

fn one_thread() -> Runtime {
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime")
}

fn fill(file: &Path, aggregates: u64, events: u64) {
    one_thread().block_on(async {
        let store = on_sqlite(file, Synchronous::Normal, false);
        for counter in 0..aggregates {
            appended(&store, counter, events).await;
        }
    });
}

async fn appended(store: &Store, counter: u64, events: u64) {
    let new = (0..events).map(|_| Added { by: 1 });
    let appended = store.append_events(format!("counter/{counter}"), new).await;
    appended.expect("it is stored");
}

fn replay(file: &Path, events: u64) {
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let store = on_sqlite(file, Synchronous::Normal, false);
        let system = started(store.clone()).await;
        let ctx = system.context();
        let took = rebuilt(&store, &ctx, events).await;
        ctx.close().await.expect("nothing failed");
        system.shutdown().await;
        println!("{}", took.as_secs_f64() * 1e9 / events as f64);
    });
}

/// Rebuilds the projection, once it has caught up.
async fn rebuilt(store: &Store, ctx: &Context, events: u64) -> Duration {
    ctx.ask(Total).await.expect("it has caught up");
    let began = Instant::now();
    let totals = store.projection::<Totals>().expect("it runs");
    totals.rebuild().await.expect("it is rebuilt");
    let took = began.elapsed();
    let total = ctx.ask(Total).await.expect("it answers");
    assert_eq!(total, events, "each event adds one");
    took
}

fn by_hand(rounds: u64, events: u64) {
    let folder = Folder::new("reading");
    let file = folder.file("events.db");
    let runtime = one_thread();
    runtime.block_on(async {
        let store = on_sqlite(&file, Synchronous::Full, false);
        for _ in 0..events / 10_000 {
            appended(&store, 1, 10_000).await;
        }
    });
    for _ in 0..rounds {
        runtime.block_on(async {
            let store = on_sqlite(&file, Synchronous::Full, false);
            let before = store.head().await.expect("it is open").0;
            let system = started(store.clone()).await;
            let ctx = system.context();
            let thousands = |took: Duration| before as f64 / took.as_secs_f64() / 1000.0;
            let projected = thousands(rebuilt(&store, &ctx, before).await);
            let began = Instant::now();
            ctx.send(Add { counter: 1 }).await.expect("it is stored");
            let loaded = thousands(began.elapsed());
            ctx.close().await.expect("nothing failed");
            system.shutdown().await;
            println!("into a projection {projected:.0}, into one aggregate {loaded:.0}");
        });
    }
}
