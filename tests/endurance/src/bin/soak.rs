//! Everything at once for as long as is asked: memory stays flat, no unit of work gets stuck, and every
//! message is accounted for.
//!
//! `cargo run --release -p nether-endurance --bin soak -- 600` runs for ten minutes; prints a line each half
//! minute, and fails if that does not hold. Not part of CI. On Linux alone, where the memory of a process can
//! be read.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use nether::SendError;
use nether::prelude::*;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// How many tasks open units of work, one after the other.
const TASKS: u64 = 64;

/// How often a line is printed.
const INTERVAL: Duration = Duration::from_secs(30);

/// A unit of work that is open for longer is stuck: the longest handler takes a fraction of that.
const STUCK: Duration = Duration::from_secs(20);

#[derive(Clone, Default)]
struct Counts {
    accepted: Arc<AtomicU64>,
    contexts: Arc<AtomicU64>,
    open: Arc<AtomicU64>,
}

impl Counts {
    fn note(&self, sent: Result<(), SendError>) {
        if sent.is_ok() {
            self.accepted.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// A sequence that looks random (SplitMix64).
fn next(luck: &mut u64) -> u64 {
    *luck = luck.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*luck ^ (*luck >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (mixed ^ (mixed >> 27)) >> 16
}

async fn act(mut luck: u64) -> nether::Result<()> {
    match next(&mut luck) % 4_096 {
        0 => panic!("fell"),
        1 => std::future::pending().await,
        2..64 => Err(nether::Error::msg("out of luck")),
        64..96 => {
            sleep(Duration::from_millis(luck % 5)).await;
            Ok(())
        }
        _ => Ok(()),
    }
}

#[command(key = luck)]
struct Enter {
    luck: u64,
}

#[command]
struct Fetch {
    luck: u64,
    text: String,
}

#[command]
struct Guess {
    luck: u64,
}

struct Ledger(Counts);

#[module(handles = Enter, emits = Fetch, instances = 4, timeout = "50ms", max_restarts = "1000000 in 1s")]
impl Ledger {
    #[init]
    fn new(counts: Resource<Counts>) -> Self {
        Ledger(Counts::clone(&counts))
    }

    async fn enter(
        &mut self,
        Enter { mut luck }: Enter,
        ctx: &Context<Self>,
    ) -> nether::Result<()> {
        if next(&mut luck).is_multiple_of(3) {
            let text = "x".repeat(luck as usize % 512);
            self.0.note(ctx.process(Fetch { luck, text }).await);
        }
        act(luck).await
    }
}

#[derive(Default)]
struct Fetcher;

#[module(handles = Fetch, timeout = "50ms", retry = 1, backoff = "1ms..5ms", max_restarts = "1000000 in 1s")]
impl Fetcher {
    async fn fetch(&self, fetch: Fetch) -> nether::Result<()> {
        act(fetch.luck.wrapping_add(fetch.text.len() as u64)).await
    }
}

/// Comes and goes.
struct Guest;

#[module(handles = Guess, manual, restart = "resume", timeout = "50ms")]
impl Guest {
    async fn guess(&mut self, Guess { luck }: Guess) -> nether::Result<()> {
        act(luck).await
    }
}

/// Opens units of work until the time is over.
async fn work(system: System, counts: Counts, mut luck: u64, until: Instant) {
    while Instant::now() < until {
        let ctx = system.context();
        counts.open.fetch_add(1, Ordering::Relaxed);
        for _ in 0..next(&mut luck) % 32 {
            let luck = next(&mut luck);
            let sent = match luck % 4 {
                0 => ctx.process(Guess { luck }).await,
                1 => {
                    ctx.process(Fetch {
                        luck,
                        text: String::new(),
                    })
                    .await
                }
                _ => ctx.process(Enter { luck }).await,
            };
            counts.note(sent);
        }
        match next(&mut luck) % 16 {
            0 => ctx.cancel(),
            1 => drop(ctx.subscribe::<nether::HandlerFailed>()),
            _ => {}
        }
        let closed = timeout(STUCK, ctx.close()).await;
        assert!(closed.is_ok(), "a unit of work is stuck");
        counts.open.fetch_sub(1, Ordering::Relaxed);
        counts.contexts.fetch_add(1, Ordering::Relaxed);
    }
}

async fn come_and_go(system: System, until: Instant) {
    while Instant::now() < until {
        let guest = system.attach(Guest).await.expect("there is one at a time");
        sleep(Duration::from_millis(40)).await;
        let _ = system.pause::<Ledger>();
        sleep(Duration::from_millis(10)).await;
        let _ = system.resume::<Ledger>();
        system.detach(guest).await;
    }
}

/// Resident memory, in KiB.
fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    number
        .and_then(|number| number.parse().ok())
        .expect("a number")
}

#[nether::main]
async fn main(builder: SystemBuilder) -> nether::Result<()> {
    let seconds = std::env::args()
        .nth(1)
        .map_or(Ok(600), |text| text.parse())?;
    std::panic::set_hook(Box::new(|panic| {
        if !panic.to_string().contains("fell") {
            eprintln!("{panic}");
        }
    }));
    let counts = Counts::default();
    let system = builder.provide(counts.clone()).start().await?;
    let (began, until) = (
        Instant::now(),
        Instant::now() + Duration::from_secs(seconds),
    );
    let mut tasks = JoinSet::new();
    for seed in 0..TASKS {
        tasks.spawn(work(system.clone(), counts.clone(), seed, until));
    }
    tasks.spawn(come_and_go(system.clone(), until));
    println!("seconds  KiB     contexts  open  messages");
    let mut samples = Vec::new();
    while Instant::now() < until {
        sleep(INTERVAL.min(until - Instant::now())).await;
        samples.push(memory());
        println!(
            "{:>7}  {:>6}  {:>8}  {:>4}  {:>9}",
            began.elapsed().as_secs(),
            samples.last().expect("just pushed"),
            counts.contexts.load(Ordering::Relaxed),
            counts.open.load(Ordering::Relaxed),
            counts.accepted.load(Ordering::Relaxed),
        );
    }
    while let Some(ended) = tasks.join_next().await {
        ended?;
    }
    let report = system.shutdown().await;
    let dead: u64 = report
        .dead_letters
        .iter()
        .map(|letters| letters.count)
        .sum();
    let accepted = counts.accepted.load(Ordering::Relaxed);
    println!("{report}");
    assert_eq!(
        accepted,
        report.handled + report.failed + dead,
        "every message is accounted for"
    );
    let (early, late) = samples.split_at(samples.len() / 2);
    let most = |samples: &[u64]| samples.iter().copied().max().unwrap_or_default();
    println!(
        "at most {} KiB in the first half, {} KiB in the second",
        most(early),
        most(late)
    );
    assert!(
        most(late) <= most(early).max(1) * 11 / 10 || early.is_empty(),
        "memory grows"
    );
    Ok(())
}
