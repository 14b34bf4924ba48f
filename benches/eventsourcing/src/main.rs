//! Event sourcing beside what it costs without:
//! `cargo run --release --manifest-path benches/Cargo.toml -p eventsourcing`, or with `-- 1` for one round of
//! each, a hundredth as long.
//!
//! How fast events are read is measured by the other binary of this package, `reading`: there a projection
//! follows the store, which costs time here.
//!
//! All are ratios of one run, medians of rounds in turns; above one, ours is faster. `cqrs-es` is measured on
//! SQLite, with the pool that it makes by default and on our side the same durability (`NORMAL`): its store
//! in memory is for demonstrations, and prints each thing that it does. It links another release of SQLite
//! than ours, so it is a program of its own, `peer`, which is built and run from here.

mod counter;

use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nether::eventstore::{Append, Encoding, EventId, Expected, Metadata, NewEvent, Payload, Store, StreamId};
use nether::prelude::*;
use nether_sqlite::{Durability, SqliteStore};
use tokio::runtime::{Builder, Runtime};

use crate::counter::aggregate::Add;
use crate::counter::plain::Plainly;

/// How much is done in a full run.
struct Scale {
    rounds: usize,
    divisor: u64,
}

/// A folder of its own, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("nether-bench-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a folder can be made");
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn main() {
    let rounds = std::env::args()
        .nth(1)
        .and_then(|rounds| rounds.parse().ok());
    let scale = Scale {
        rounds: rounds.unwrap_or(5),
        divisor: if rounds.is_some() { 100 } else { 1 },
    };
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    appends(&runtime, &scale);
    peer(&runtime, &scale);
    plain(&runtime, &scale);
    memory(&runtime, &scale);
}

/// Says the median of ratios, and the quartiles.
fn say(what: &str, mut ratios: Vec<f64>) {
    ratios.sort_by(f64::total_cmp);
    let at = |part: usize| ratios[(ratios.len() - 1) * part / 4];
    println!("{what:<64} {:6.2} ({:.2}-{:.2})", at(2), at(1), at(3));
}

async fn started(store: Store) -> System {
    let builder = System::builder().provide(store);
    builder.start().await.expect("it starts")
}

/// Lets `tasks` send so many commands each, to aggregates of their own.
async fn sent(system: &System, tasks: u64, commands: u64) -> Duration {
    let began = Instant::now();
    let sending = (0..tasks).map(|counter| {
        let system = system.clone();
        tokio::spawn(async move {
            let ctx = system.context();
            for _ in 0..commands {
                ctx.send(Add { counter }).await.expect("it is stored");
            }
            ctx.close().await.expect("nothing failed");
        })
    });
    for sending in sending.collect::<Vec<_>>() {
        sending.await.expect("no panic");
    }
    began.elapsed()
}

/// Many aggregates at the same time, beside one transaction for each event.
fn appends(runtime: &Runtime, scale: &Scale) {
    let tasks = 64;
    let commands = (800 / scale.divisor).max(2);
    let ratios = (0..scale.rounds).map(|round| {
        runtime.block_on(async {
            let folder = Folder::new(&format!("appends-{round}"));
            let store = SqliteStore::open(folder.0.join("ours.db")).expect("it opens");
            let system = started(Store::new(store)).await;
            let ours = sent(&system, tasks, commands).await;
            system.shutdown().await;
            let options = SqliteStore::options().max_batch(1);
            let store = options.open(folder.0.join("single.db")).expect("it opens");
            let system = started(Store::new(store)).await;
            let singly = (commands / 8).max(1);
            let single = sent(&system, tasks, singly).await;
            system.shutdown().await;
            let each = |time: Duration, commands| time.as_secs_f64() / (tasks * commands) as f64;
            each(single, singly) / each(ours, commands)
        })
    });
    say(
        "64 aggregates on SQLite, of one transaction per event",
        ratios.collect(),
    );
}

/// Commands to many aggregates at the same time on SQLite, beside `cqrs-es` on its own.
fn peer(runtime: &Runtime, scale: &Scale) {
    let tasks = 64;
    let commands = (50 / scale.divisor).max(2);
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/peer/Cargo.toml");
    let ratios = (0..scale.rounds).map(|round| {
        let folder = Folder::new(&format!("peer-{round}"));
        let ours = runtime.block_on(async {
            let options = SqliteStore::options().durability(Durability::Normal);
            let store = options.open(folder.0.join("ours.db")).expect("it opens");
            let system = started(Store::new(store)).await;
            let ours = sent(&system, tasks, commands).await;
            system.shutdown().await;
            ours.as_secs_f64() * 1e6 / (tasks * commands) as f64
        });
        let run = Command::new(env!("CARGO"))
            .args([
                "run",
                "--release",
                "--quiet",
                "--manifest-path",
                manifest,
                "--",
            ])
            .arg(folder.0.join("theirs.db"))
            .args([tasks.to_string(), commands.to_string()])
            .output()
            .expect("it runs");
        let theirs = String::from_utf8_lossy(&run.stdout);
        let theirs: f64 = theirs.trim().parse().expect("it says how long it took");
        theirs / ours
    });
    say(
        "64 aggregates on SQLite, of `cqrs-es` on SQLite",
        ratios.collect(),
    );
}

/// A command to an aggregate that is in memory, beside one to a plain exclusive module and the append alone.
fn plain(runtime: &Runtime, scale: &Scale) {
    let commands = 200_000 / scale.divisor;
    let ratios = (0..scale.rounds).map(|_| {
        runtime.block_on(async {
            let system = started(Store::memory()).await;
            let ours = sent(&system, 1, commands).await;
            let ctx = system.context();
            let began = Instant::now();
            for counter in 0..commands {
                ctx.send(Plainly { counter }).await.expect("it is handled");
            }
            let plain = began.elapsed();
            ctx.close().await.expect("nothing failed");
            system.shutdown().await;
            let store = Store::memory();
            let began = Instant::now();
            for version in 0..commands {
                store
                    .append(append("counter/1", version))
                    .await
                    .expect("it is stored");
            }
            let bare = began.elapsed();
            (plain + bare).as_secs_f64() / ours.as_secs_f64()
        })
    });
    say(
        "a command in memory, of a plain module and the append",
        ratios.collect(),
    );
}

fn append(stream: &str, version: u64) -> Append {
    Append {
        stream: StreamId::from(stream),
        expected: Expected::Version(version),
        events: vec![NewEvent {
            id: EventId::new(),
            name: "bench.added".into(),
            schema_version: 1,
            payload: Payload {
                encoding: Encoding::Json,
                bytes: b"{\"by\":1}".to_vec(),
            },
        }],
        metadata: Metadata::default(),
        conditions: Vec::new(),
    }
}

/// How much memory aggregates take that nobody uses any more, when 10,000 are kept.
fn memory(runtime: &Runtime, scale: &Scale) {
    let aggregates = 1_000_000 / scale.divisor;
    let folder = Folder::new("memory");
    let options = SqliteStore::options().durability(Durability::Normal);
    let store = options.open(folder.0.join("events.db")).expect("it opens");
    runtime.block_on(async {
        let system = started(Store::new(store)).await;
        let touched = Arc::new(std::sync::atomic::AtomicU64::new(0));
        let mut after = Vec::new();
        for part in 1..=10 {
            let touching = (0..64).map(|_| {
                let (system, touched) = (system.clone(), Arc::clone(&touched));
                tokio::spawn(async move {
                    loop {
                        let counter = touched.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                        if counter >= aggregates / 10 * part {
                            return;
                        }
                        let ctx = system.context();
                        ctx.send(Add { counter }).await.expect("it is stored");
                        ctx.close().await.expect("nothing failed");
                    }
                })
            });
            for touching in touching.collect::<Vec<_>>() {
                touching.await.expect("no panic");
            }
            after.push(resident());
        }
        let (first, last) = (after[0], after[after.len() - 1]);
        println!("MiB in use after a tenth of {aggregates} aggregates, and after all: {first:.0}, {last:.0}");
        system.shutdown().await;
    });
}

/// The memory of this process, in MiB.
fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = status
        .split(' ')
        .nth(1)
        .and_then(|pages| pages.parse::<f64>().ok());
    pages.unwrap_or(0.0) * 4096.0 / 1024.0 / 1024.0
}
