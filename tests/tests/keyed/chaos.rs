//! Everything at once, on several threads: messages, crashes, values that leave, units of work that are
//! cancelled. What was accepted is handled or reported, once; what was made has left or crashed, once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use nether::prelude::*;

const TASKS: u64 = 6;
const ROUNDS: u64 = 150;
const KEYS: u64 = 12;

#[derive(Default)]
struct Counts {
    accepted: AtomicU64,
    began: AtomicU64,
    /// How many of those handled an event for all.
    heard: AtomicU64,
    made: AtomicU64,
    left: AtomicU64,
    crashed: AtomicU64,
    /// How many handlers run of each key.
    running: [AtomicU64; KEYS as usize],
}

#[command(key = key)]
struct Roll {
    key: u64,
    luck: u64,
}

#[event(key = key)]
struct Rolled {
    key: u64,
    luck: u64,
}

/// For all values.
#[event]
struct Shaken {
    luck: u64,
}

struct Die {
    key: u64,
    counts: Resource<Arc<Counts>>,
    /// Taken by `#[on_idle]`; otherwise the value crashed.
    is_left: bool,
}

#[module(handles = [Roll, Rolled, Shaken], emits = [Roll], per = key, keep = 5, idle = "100ms", mailbox = 16, max_restarts = "1000000 in 1s")]
impl Die {
    #[init]
    async fn new(key: &u64, counts: Resource<Arc<Counts>>) -> Self {
        tokio::task::yield_now().await;
        counts.made.fetch_add(1, Ordering::SeqCst);
        Die {
            key: *key,
            counts,
            is_left: false,
        }
    }

    async fn roll(&mut self, roll: Roll, ctx: &Context<Self>) -> nether::Result<()> {
        assert_eq!(roll.key, self.key);
        if roll.luck.is_multiple_of(5) {
            let luck = roll.luck / 5;
            let key = luck % KEYS;
            if ctx.process(Roll { key, luck }).await.is_ok() {
                self.counts.accepted.fetch_add(1, Ordering::SeqCst);
            }
        }
        if roll.luck.is_multiple_of(11) {
            ctx.forget();
        }
        self.run(roll.luck).await
    }

    async fn rolled(&mut self, rolled: &Rolled) -> nether::Result<()> {
        assert_eq!(rolled.key, self.key);
        self.run(rolled.luck).await
    }

    #[handler(all)]
    async fn shaken(&mut self, shaken: &Shaken, ctx: &Context<Self>) -> nether::Result<()> {
        let luck = shaken.luck / (self.key + 1);
        self.counts.heard.fetch_add(1, Ordering::SeqCst);
        if luck.is_multiple_of(11) {
            ctx.forget();
        }
        self.run(luck).await
    }

    #[on_idle]
    async fn leave(mut self) {
        tokio::task::yield_now().await;
        self.is_left = true;
    }

    async fn run(&self, luck: u64) -> nether::Result<()> {
        self.counts.began.fetch_add(1, Ordering::SeqCst);
        let running = &self.counts.running[self.key as usize];
        assert_eq!(running.fetch_add(1, Ordering::SeqCst), 0, "one at a time");
        if luck.is_multiple_of(2) {
            tokio::task::yield_now().await;
        }
        running.fetch_sub(1, Ordering::SeqCst);
        match luck % 7 {
            0 => Err(nether::Error::msg("an error, on purpose")),
            1 => panic!("a panic, on purpose"),
            _ => Ok(()),
        }
    }
}

impl Drop for Die {
    fn drop(&mut self) {
        let count = match self.is_left {
            true => &self.counts.left,
            false => &self.counts.crashed,
        };
        count.fetch_add(1, Ordering::SeqCst);
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

async fn wander(system: System, counts: Arc<Counts>, seed: u64) {
    let mut luck = Luck(seed);
    for _ in 0..ROUNDS {
        let ctx = system.context();
        for _ in 0..luck.next() % 20 {
            let (key, luck) = (luck.next() % KEYS, luck.next());
            let sent = match luck % 4 {
                0 => ctx.publish(Rolled { key, luck }).await,
                _ => ctx.process(Roll { key, luck }).await,
            };
            if sent.is_ok() {
                counts.accepted.fetch_add(1, Ordering::SeqCst);
            }
        }
        if luck.next().is_multiple_of(3) {
            let luck = luck.next();
            ctx.publish(Shaken { luck }).await.expect("it is accepted");
        }
        if luck.next().is_multiple_of(5) {
            ctx.cancel();
        }
        if let Err(error) = ctx.close().await {
            assert_eq!(error.unfinished, 0);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_was_accepted_is_handled_or_reported_and_what_was_made_leaves_or_crashes()
-> nether::Result<()> {
    let counts = Arc::<Counts>::default();
    let builder = System::builder().isolated().with::<Die>();
    let system = builder.provide(Arc::clone(&counts)).start().await?;
    let mut tasks = tokio::task::JoinSet::new();
    for seed in 0..TASKS {
        tasks.spawn(wander(system.clone(), Arc::clone(&counts), seed));
    }
    while let Some(ended) = tasks.join_next().await {
        ended?;
    }
    let report = system.shutdown().await;
    let count = |count: &AtomicU64| count.load(Ordering::SeqCst);
    // To how many values an event for all went, only these know.
    let letters = report.dead_letters.iter();
    let letters = letters.filter(|letters| !letters.message.ends_with("Shaken"));
    let letters = letters.map(|letters| letters.count).sum::<u64>();
    let ended = report.handled + report.failed + letters - count(&counts.heard);
    assert_eq!(count(&counts.accepted), ended, "{report}");
    assert!(count(&counts.heard) > 100);
    let began = report.handled + report.failed;
    assert_eq!(count(&counts.began), began, "{report}");
    assert!(count(&counts.left) > 100 && count(&counts.crashed) > 100);
    let gone = count(&counts.left) + count(&counts.crashed);
    assert_eq!(count(&counts.made), gone);
    Ok(())
}
