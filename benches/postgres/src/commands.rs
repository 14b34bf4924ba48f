//! Commands to counters that are busy at the same time: by aggregates of ours, and by `postgres-es`.

use std::path::{Path, PathBuf};
use std::time::Instant;

use nether::eventstore::Store;
use nether::prelude::*;
use nether_postgres::PostgresStore;
use nether_postgres_tests::Database;
use reporting::programs::{build, run};

use crate::BUSY;

#[command(key = counter)]
pub(crate) struct Add {
    pub(crate) counter: usize,
}

#[event(name = "bench.added")]
pub(crate) struct Added {
    pub(crate) by: u64,
}

#[derive(Default)]
pub(crate) struct Counter {
    pub(crate) count: u64,
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

/// Commands a second, of which each caller gives so many to a counter of its own.
pub(crate) async fn by_aggregates(database: &Database<'_>, commands: usize) -> f64 {
    let store = PostgresStore::connect(&database.address()).await;
    let store = Store::new(store.expect("the server is there"));
    let system = System::builder().provide(store).start().await;
    let system = system.expect("it starts");
    let began = Instant::now();
    let mut calling = Vec::new();
    for counter in 0..BUSY {
        let ctx = system.context();
        calling.push(tokio::spawn(async move {
            for _ in 0..commands {
                ctx.send(Add { counter }).await.expect("it is stored");
            }
        }));
    }
    for calling in calling {
        calling.await.expect("it does not panic");
    }
    let rate = (BUSY * commands) as f64 / began.elapsed().as_secs_f64();
    system.shutdown().await;
    rate
}

/// The program of `postgres-es`, which brings another client library.
pub(crate) struct Peer(PathBuf);

impl Peer {
    /// Builds it. `None` if it does not build; cargo has then said why.
    pub(crate) fn build() -> Option<Self> {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("peer/Cargo.toml");
        build(&manifest, &["--release", "--locked"], &[]).map(Peer)
    }

    /// Commands a second, as [`by_aggregates`].
    pub(crate) fn rate(&self, database: &Database<'_>, commands: usize) -> f64 {
        let (callers, commands) = (BUSY.to_string(), commands.to_string());
        let said = run(&self.0, [&database.address(), &callers, &commands]);
        let said = said.and_then(|it| it.trim().parse().ok());
        said.expect("the program of the peers prints a rate")
    }
}
