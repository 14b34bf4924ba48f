//! Shared streams beside tokio's channels: what an item takes, as a ratio of what it takes there, in turns.
//!
//! `cargo run --release --manifest-path benches/Cargo.toml -p streams`, or with `-- 3` for three rounds of
//! it. A ratio below one is faster than tokio. Both have room for 256 items; who joins is measured against
//! `mpsc`, who watches against `broadcast`. There, a producer waits for no one, so one that is too far ahead
//! waits here until a consumer says that it has caught up: with a permit for each item of a `Semaphore`,
//! which is what a program would have to do that must lose nothing.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nether::prelude::*;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{Semaphore, broadcast, mpsc};

const ITEMS: u64 = 200_000;
const ROOM: usize = 256;
const SUM: u64 = ITEMS * (ITEMS - 1) / 2;

type Turn = Pin<Box<dyn Future<Output = Duration> + Send>>;

/// One way to move items, and the one that it is measured against.
struct Pair {
    name: String,
    ours: Box<dyn Fn() -> Turn>,
    theirs: Box<dyn Fn() -> Turn>,
}

fn main() {
    let rounds = std::env::args()
        .nth(1)
        .map_or(15, |rounds| rounds.parse().expect("a number of rounds"));
    for (name, runtime) in [
        (
            "current_thread",
            Builder::new_current_thread().enable_time().build(),
        ),
        (
            "multi_thread",
            Builder::new_multi_thread()
                .worker_threads(2)
                .enable_time()
                .build(),
        ),
    ] {
        let runtime = runtime.expect("a runtime");
        println!("{name}");
        for pair in pairs(&runtime) {
            let mut ratios: Vec<f64> = (0..rounds).map(|_| pair.ratio(&runtime)).collect();
            ratios.sort_by(f64::total_cmp);
            let at = |part: usize| ratios[(ratios.len() - 1) * part / 4];
            println!(
                "  {:<26} {:.2} ({:.2}-{:.2})",
                pair.name,
                at(2),
                at(1),
                at(3)
            );
        }
    }
}

impl Pair {
    fn ratio(&self, runtime: &Runtime) -> f64 {
        let turn = |turn: Turn| {
            runtime
                .block_on(async { tokio::spawn(turn).await })
                .expect("no panic")
        };
        turn((self.ours)()).as_secs_f64() / turn((self.theirs)()).as_secs_f64()
    }
}

fn pairs(runtime: &Runtime) -> Vec<Pair> {
    let system = runtime
        .block_on(System::builder().isolated().start())
        .expect("it starts");
    let join = system.clone();
    let mut pairs = vec![Pair {
        name: "join, of mpsc".into(),
        ours: Box::new(move || Box::pin(joined(join.clone()))),
        theirs: Box::new(|| Box::pin(received())),
    }];
    for watchers in [1, 4, 16] {
        for lossy in [false, true] {
            let system = system.clone();
            let kind = if lossy { "watch_lossy" } else { "watch" };
            pairs.push(Pair {
                name: format!("{kind} by {watchers}, of broadcast"),
                ours: Box::new(move || Box::pin(watched(system.clone(), watchers, lossy))),
                theirs: Box::new(move || Box::pin(broadcasted(watchers, lossy))),
            });
        }
    }
    pairs
}

async fn joined(system: System) -> Duration {
    let ctx = system.context();
    let consuming = ctx.clone();
    let begun = Instant::now();
    let consumer = tokio::spawn(async move {
        let mut items = consuming.stream::<u64>().with_capacity(ROOM).join();
        let mut sum = 0;
        while let Some(item) = items.pull().await.expect("it ends in order") {
            sum += item;
        }
        sum
    });
    {
        let items = ctx.stream::<u64>().produce();
        for item in 0..ITEMS {
            items.push(item).await.expect("it is taken");
        }
        items.finish();
    }
    assert_eq!(consumer.await.expect("no panic"), SUM);
    begun.elapsed()
}

async fn received() -> Duration {
    let (sender, mut receiver) = mpsc::channel(ROOM);
    let begun = Instant::now();
    let consumer = tokio::spawn(async move {
        let mut sum = 0;
        while let Some(item) = receiver.recv().await {
            sum += item;
        }
        sum
    });
    for item in 0..ITEMS {
        sender.send(item).await.expect("it is taken");
    }
    drop(sender);
    assert_eq!(consumer.await.expect("no panic"), SUM);
    begun.elapsed()
}

async fn watched(system: System, watchers: u32, lossy: bool) -> Duration {
    let ctx = system.context();
    let (ready, all_ready) = mpsc::channel::<()>(1);
    let consumers: Vec<_> = (0..watchers)
        .map(|_| {
            let (ctx, ready) = (ctx.clone(), ready.clone());
            tokio::spawn(async move {
                let items = ctx.stream::<u64>().with_capacity(ROOM);
                let mut items = if lossy {
                    items.watch_lossy()
                } else {
                    items.watch()
                };
                drop(ready);
                let mut seen = 0;
                while let Some(item) = items.pull().await.expect("it ends in order") {
                    seen += u64::from(item < ITEMS);
                }
                seen + items.missed()
            })
        })
        .collect();
    drop(ready);
    everybody(all_ready).await;
    let begun = Instant::now();
    {
        let items = ctx.stream::<u64>().produce();
        for item in 0..ITEMS {
            items.push(item).await.expect("it is taken");
        }
        items.finish();
    }
    for consumer in consumers {
        assert_eq!(consumer.await.expect("no panic"), ITEMS);
    }
    begun.elapsed()
}

async fn broadcasted(watchers: u32, lossy: bool) -> Duration {
    let (sender, _) = broadcast::channel(ROOM);
    let (ready, all_ready) = mpsc::channel::<()>(1);
    let room: Vec<_> = (0..watchers)
        .map(|_| Arc::new(Semaphore::new(ROOM)))
        .collect();
    let consumers: Vec<_> = room
        .iter()
        .map(|room| {
            let (mut items, ready) = (sender.subscribe(), ready.clone());
            let room = (!lossy).then(|| Arc::clone(room));
            tokio::spawn(async move {
                drop(ready);
                let mut seen = 0;
                loop {
                    match items.recv().await {
                        Ok(item) => {
                            seen += u64::from(item < ITEMS);
                            if let Some(room) = &room {
                                room.add_permits(1);
                            }
                        }
                        Err(broadcast::error::RecvError::Lagged(missed)) => seen += missed,
                        Err(broadcast::error::RecvError::Closed) => return seen,
                    }
                }
            })
        })
        .collect();
    drop(ready);
    everybody(all_ready).await;
    let begun = Instant::now();
    for item in 0..ITEMS {
        if lossy {
            tokio::task::coop::consume_budget().await;
        } else {
            for room in &room {
                room.acquire().await.expect("never closed").forget();
            }
        }
        sender.send(item).expect("somebody listens");
    }
    drop(sender);
    for consumer in consumers {
        assert_eq!(consumer.await.expect("no panic"), ITEMS);
    }
    begun.elapsed()
}

/// Waits until every consumer has subscribed.
async fn everybody(mut ready: mpsc::Receiver<()>) {
    assert!(ready.recv().await.is_none(), "nothing is sent");
}
