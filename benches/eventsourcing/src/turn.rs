//! A turn of ours: the work of a scenario, and how long it took.

use std::time::{Duration, Instant};

use nether::eventstore::{
    Append, Encoding, EventId, Expected, Metadata, NewEvent, Payload, Store, StreamId,
};
use nether::prelude::*;
use tokio::runtime::Builder;

use crate::counter::aggregate::Add;
use crate::counter::plain::Plainly;
use crate::folder::Folder;
use crate::scale::Scale;
use crate::scenario::Synchronous;
use crate::stores::on_sqlite;

/// Starts what is linked into the program, with this store.
pub async fn started(store: Store) -> System {
    let builder = System::builder().provide(store);
    builder.start().await.expect("it starts")
}

/// Commands to aggregates on SQLite, on two threads: nanoseconds of one. Opening the file and starting are
/// not counted.
pub fn on_disk(scale: &Scale, callers: u64, sync: Synchronous, single: bool) -> f64 {
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    let folder = Folder::new("turn");
    runtime.block_on(async {
        let system = started(on_sqlite(&folder.file("ours.db"), sync, single)).await;
        let took = sent(&system, callers, scale.aggregates, scale.commands).await;
        system.shutdown().await;
        each(took, scale.aggregates * scale.commands)
    })
}

/// Each caller goes round aggregates of its own, and sends one command after the other.
async fn sent(system: &System, callers: u64, aggregates: u64, commands: u64) -> Duration {
    let began = Instant::now();
    let sending = (0..callers).map(|caller| {
        let system = system.clone();
        tokio::spawn(async move {
            let ctx = system.context();
            for _ in 0..commands {
                for counter in (caller..aggregates).step_by(callers as usize) {
                    ctx.send(Add { counter }).await.expect("it is stored");
                }
            }
            ctx.close().await.expect("nothing failed");
        })
    });
    for sending in sending.collect::<Vec<_>>() {
        sending.await.expect("no panic");
    }
    began.elapsed()
}

/// Commands to one aggregate whose events are in memory: nanoseconds of one.
///
/// The caller, the aggregate and the store run on one thread, and the same holds for [`in_memory_plainly`].
/// On several, a call takes twice as long if caller and module happen to be on different threads, which then
/// wake each other; so a ratio would say where the runtime has put the tasks.
pub fn in_memory(scale: &Scale) -> f64 {
    let commands = scale.in_memory;
    alone(async move {
        let system = started(Store::memory()).await;
        // The first quarter is not counted.
        sent(&system, 1, 1, commands / 4).await;
        let took = sent(&system, 1, 1, commands).await;
        system.shutdown().await;
        each(took, commands)
    })
}

/// The work of [`in_memory`] without event sourcing: a command to a plain exclusive module, and then the
/// append alone to a store in memory.
pub fn in_memory_plainly(scale: &Scale) -> f64 {
    let commands = scale.in_memory;
    alone(async move {
        let system = started(Store::memory()).await;
        plainly_sent(&system, commands / 4).await;
        let module = plainly_sent(&system, commands).await;
        system.shutdown().await;
        let store = Store::memory();
        appended(&store, 0, commands / 4).await;
        let append = appended(&store, commands / 4, commands).await;
        each(module + append, commands)
    })
}

async fn plainly_sent(system: &System, commands: u64) -> Duration {
    let ctx = system.context();
    let began = Instant::now();
    for counter in 0..commands {
        ctx.send(Plainly { counter }).await.expect("it is handled");
    }
    let took = began.elapsed();
    ctx.close().await.expect("nothing failed");
    took
}

async fn appended(store: &Store, version: u64, events: u64) -> Duration {
    let began = Instant::now();
    for version in version..version + events {
        let appended = store.append(append("counter/0", version)).await;
        appended.expect("it is stored");
    }
    began.elapsed()
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

/// Runs it as a task of a runtime with one thread.
fn alone(turn: impl Future<Output = f64> + Send + 'static) -> f64 {
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    let turn = runtime.block_on(async { tokio::spawn(turn).await });
    turn.expect("no panic")
}

fn each(took: Duration, operations: u64) -> f64 {
    took.as_secs_f64() * 1e9 / operations as f64
}
