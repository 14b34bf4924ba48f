//! Everything at once, in whatever order the threads make of it: each accepted message is handled or
//! reported, once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;

use nether::prelude::*;
use nether::{ContextError, FailureKind, SendError};

const TASKS: u64 = 8;
const ROUNDS: u64 = 300;

#[derive(Default)]
struct Counts {
    accepted: AtomicU64,
    started: AtomicU64,
    buried: AtomicU64,
}

#[command]
struct Step {
    luck: u64,
}

#[command]
struct Stride {
    luck: u64,
}

#[event]
struct Stepped {
    luck: u64,
}

/// What a handler does with its message: go on, publish, fail, panic, or let others run first.
async fn walk(luck: u64, counts: &Counts) -> nether::Result<()> {
    counts.started.fetch_add(1, Ordering::SeqCst);
    match luck % 7 {
        0 => Err(nether::Error::msg("stumbled")),
        1 => panic!("fell"),
        2 | 3 => {
            tokio::task::yield_now().await;
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Counts what was accepted of what a handler sends: one command, or one delivery of an event for each of two
/// modules.
fn note(counts: &Counts, sent: Result<(), SendError>, deliveries: u64) {
    if sent.is_ok() {
        counts.accepted.fetch_add(deliveries, Ordering::SeqCst);
    }
}

struct Walker(Arc<Counts>);

#[module(handles = [Step, Stepped], calls = [], emits = [Stride, Stepped], mailbox = 8, manual, restart = "resume")]
impl Walker {
    async fn step(&mut self, step: Step, ctx: &Context<Self>) -> nether::Result<()> {
        if step.luck.is_multiple_of(5) {
            note(
                &self.0,
                ctx.process(Stride {
                    luck: step.luck / 5,
                })
                .await,
                1,
            );
        }
        walk(step.luck, &self.0).await
    }

    async fn stepped(&mut self, event: &Stepped) -> nether::Result<()> {
        walk(event.luck, &self.0).await
    }
}

struct Runner(Arc<Counts>);

#[module(handles = [Stride, Stepped], emits = [Step, Stepped], mailbox = 8, manual, restart = "resume")]
impl Runner {
    async fn stride(&self, stride: Stride, ctx: &Context<Self>) -> nether::Result<()> {
        if stride.luck.is_multiple_of(3) {
            note(
                &self.0,
                ctx.process(Step {
                    luck: stride.luck / 3,
                })
                .await,
                1,
            );
        }
        walk(stride.luck, &self.0).await
    }

    async fn stepped(&self, event: &Stepped) -> nether::Result<()> {
        walk(event.luck, &self.0).await
    }
}

/// A sequence that looks random (SplitMix64), the same in every run.
struct Luck(u64);

impl Luck {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (mixed ^ (mixed >> 27)) >> 16
    }
}

/// Polls the future a few times, and drops it if it is not ready by then. `None` if it never got accepted.
async fn impatient<T>(future: impl Future<Output = T>, polls: u64) -> Option<T> {
    let mut future = std::pin::pin!(future);
    for _ in 0..=polls {
        let poll = std::future::poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await;
        if let Poll::Ready(output) = poll {
            return Some(output);
        }
        tokio::task::yield_now().await;
    }
    None
}

async fn wander(system: System, counts: Arc<Counts>, seed: u64) {
    let mut luck = Luck(seed);
    for _ in 0..ROUNDS {
        let ctx = system.context();
        for _ in 0..luck.next() % 20 {
            let (number, polls) = (luck.next(), luck.next() % 4);
            let sent = match number % 3 {
                0 => impatient(ctx.process(Step { luck: number }), polls).await,
                1 => impatient(ctx.process(Stride { luck: number }), polls).await,
                // Events wait for no module here: half a publish could not be counted.
                _ => Some(ctx.publish(Stepped { luck: number }).await),
            };
            let deliveries = if number % 3 == 2 { 2 } else { 1 };
            sent.into_iter()
                .for_each(|sent| note(&counts, sent, deliveries));
        }
        if luck.next().is_multiple_of(5) {
            ctx.cancel();
        }
        bury(&counts, ctx.close().await.err());
    }
}

/// Counts what the context reports as never started.
fn bury(counts: &Counts, error: Option<ContextError>) {
    let Some(error) = error else { return };
    assert_eq!(error.unfinished, 0);
    let never_started = error
        .failures
        .iter()
        .filter(|failure| matches!(failure.kind, FailureKind::Cancelled | FailureKind::Stopped));
    counts
        .buried
        .fetch_add(never_started.count() as u64, Ordering::SeqCst);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_accepted_message_is_started_or_reported_once() -> nether::Result<()> {
    std::panic::set_hook(Box::new(|_| {})); // Thousands of panics, all on purpose.
    let counts = Arc::<Counts>::default();
    let system = System::builder().isolated().start().await?;
    system.attach(Walker(Arc::clone(&counts))).await?;
    system.attach(Runner(Arc::clone(&counts))).await?;
    let mut tasks = tokio::task::JoinSet::new();
    for seed in 0..TASKS {
        tasks.spawn(wander(system.clone(), Arc::clone(&counts), seed));
    }
    while let Some(ended) = tasks.join_next().await {
        ended?;
    }
    let report = system.shutdown().await;
    let _ = std::panic::take_hook();
    let [accepted, started, buried] = [&counts.accepted, &counts.started, &counts.buried]
        .map(|count| count.load(Ordering::SeqCst));
    assert!(
        started > 5_000 && buried > 0,
        "{started} started, {buried} buried"
    );
    assert_eq!(accepted, started + buried);
    assert_eq!(report.handled + report.failed, started, "{report}");
    let letters: u64 = report
        .dead_letters
        .iter()
        .map(|letters| letters.count)
        .sum();
    assert_eq!(letters, buried, "{report}");
    Ok(())
}
