//! How many events a second are read from SQLite, in thousands, on one thread: into a projection that is
//! rebuilt, and into one aggregate that is loaded.
//!
//! `cargo run --release --manifest-path benches/Cargo.toml -p eventsourcing --bin reading`, or with `-- 1`
//! for one round, a hundredth as long.

use std::time::Instant;

use nether::eventstore::Store;
use nether::prelude::*;
use nether_sqlite::SqliteStore;
use tokio::runtime::Builder;

#[command(key = counter)]
pub struct Add {
    pub counter: u64,
}

#[event(name = "bench.added")]
pub struct Added {
    pub by: u64,
}

#[derive(Default)]
pub struct Counter {
    count: u64,
}

#[aggregate(handles = [Add], events = [Added])]
impl Counter {
    fn add(&self, _: Add) -> Added {
        Added { by: 1 }
    }

    fn added(&mut self, event: &Added) {
        self.count += event.by;
    }
}

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
    let rounds = std::env::args()
        .nth(1)
        .and_then(|rounds| rounds.parse().ok());
    let events = if rounds.is_some() { 10_000 } else { 1_000_000 };
    let folder = std::env::temp_dir().join(format!("nether-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder can be made");
    let file = folder.join("events.db");
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    runtime.block_on(async {
        let store = Store::new(SqliteStore::open(&file).expect("it opens"));
        for _ in 0..events / 10_000 {
            let new = (0..10_000).map(|_| Added { by: 1 });
            store
                .append_events("counter/1", new)
                .await
                .expect("it is stored");
        }
    });
    for _ in 0..rounds.unwrap_or(5) {
        runtime.block_on(async {
            let store = Store::new(SqliteStore::open(&file).expect("it opens"));
            let before = store.head().await.expect("it is open").0;
            let builder = System::builder().provide(store.clone());
            let system = builder.start().await.expect("it starts");
            let ctx = system.context();
            ctx.ask(Total).await.expect("it has caught up");
            let began = Instant::now();
            let totals = store.projection::<Totals>().expect("it runs");
            totals.rebuild().await.expect("it is rebuilt");
            let projected = before as f64 / began.elapsed().as_secs_f64() / 1000.0;
            assert_eq!(ctx.ask(Total).await.expect("it answers"), before);
            let began = Instant::now();
            ctx.send(Add { counter: 1 }).await.expect("it is stored");
            let loaded = before as f64 / began.elapsed().as_secs_f64() / 1000.0;
            ctx.close().await.expect("nothing failed");
            system.shutdown().await;
            println!("into a projection {projected:.0}, into one aggregate {loaded:.0}");
        });
    }
    let _ = std::fs::remove_dir_all(&folder);
}
