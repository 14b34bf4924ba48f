//! Shared streams under whatever order of pushing, pulling, coming and going: no consumer loses or repeats an
//! item.

use fastrand::Rng;
use futures_util::FutureExt;
use nether::prelude::*;
use nether::{JoinStream, SharedStream, WatchStream};

const SEEDS: u64 = 2000;
const STEPS: u32 = 400;

/// One who watches, and what it has seen.
struct Watcher<'c> {
    stream: WatchStream<'c, u64>,
    is_lossy: bool,
    /// The number of its first item, once it has got one, and how many it has got.
    seen: Option<(u64, u64)>,
}

struct Trial<'c> {
    rng: Rng,
    stream: SharedStream<'c, u64>,
    joined: Vec<JoinStream<'c, u64>>,
    watching: Vec<Watcher<'c>>,
    pushed: u64,
    /// The next number for those who join, as far as it is known: while none has joined, items may give way.
    next_joined: Option<u64>,
    /// What it is at least.
    least_joined: u64,
}

impl<'c> Trial<'c> {
    fn new(seed: u64, stream: SharedStream<'c, u64>) -> Self {
        Trial {
            rng: Rng::with_seed(seed),
            stream,
            joined: Vec::new(),
            watching: Vec::new(),
            pushed: 0,
            next_joined: None,
            least_joined: 0,
        }
    }

    fn step(&mut self) {
        match self.rng.u32(0..32) {
            0 => self.joined.push(self.stream.join()),
            1 => self.watch(false),
            2 => self.watch(true),
            3 => drop(pick(&mut self.rng, &self.joined).map(|it| self.joined.swap_remove(it))),
            4 => drop(pick(&mut self.rng, &self.watching).map(|it| self.watching.swap_remove(it))),
            5 => drop(self.stream.clone().with_capacity(self.rng.usize(0..6))),
            6..14 => self.push(),
            14..20 => self.pull_joined(),
            _ => self.pull_watched(),
        }
    }

    fn watch(&mut self, is_lossy: bool) {
        let stream = match is_lossy {
            true => self.stream.watch_lossy(),
            false => self.stream.watch(),
        };
        self.watching.push(Watcher {
            stream,
            is_lossy,
            seen: None,
        });
    }

    fn push(&mut self) {
        self.pushed += u64::from(self.stream.try_push(self.pushed).is_ok());
        if self.joined.is_empty() {
            self.next_joined = None;
        }
    }

    fn pull_joined(&mut self) {
        let Some(one) = pick(&mut self.rng, &self.joined) else {
            return;
        };
        if let Some(item) = self.joined[one].pull().now_or_never() {
            let item = item.expect("no error").expect("no end");
            assert_eq!(item, self.next_joined.unwrap_or(item));
            assert!(self.least_joined <= item && item < self.pushed);
            self.next_joined = Some(item + 1);
            self.least_joined = item + 1;
        } else if let Some(next) = self.next_joined {
            assert_eq!(next, self.pushed, "nothing is there");
        }
    }

    fn pull_watched(&mut self) {
        let Some(one) = pick(&mut self.rng, &self.watching) else {
            return;
        };
        let watcher = &mut self.watching[one];
        let pulled = watcher.stream.pull().now_or_never();
        let missed = watcher.stream.missed();
        assert!(watcher.is_lossy || missed == 0);
        let Some(item) = pulled else {
            if let Some((first, count)) = watcher.seen {
                assert_eq!(first + count + missed, self.pushed, "nothing is there");
            }
            return;
        };
        let item = item.expect("no error").expect("no end");
        let (first, count) = watcher.seen.unwrap_or((item - missed, 0));
        assert_eq!(item, first + count + missed);
        watcher.seen = Some((first, count + 1));
    }
}

fn pick<T>(rng: &mut Rng, among: &[T]) -> Option<usize> {
    (!among.is_empty()).then(|| rng.usize(0..among.len()))
}

#[tokio::test]
async fn no_consumer_loses_or_repeats_an_item_while_others_come_and_go() -> nether::Result<()> {
    let system = System::builder().isolated().start().await?;
    let mut pushed = 0;
    for seed in 0..SEEDS {
        let ctx = system.context();
        let mut trial = Trial::new(seed, ctx.stream());
        // Or it would look as if nothing were there once this task has had its turn.
        tokio::task::unconstrained(async { (0..STEPS).for_each(|_| trial.step()) }).await;
        pushed += trial.pushed;
    }
    assert!(pushed > SEEDS * 20, "{pushed} items were pushed");
    Ok(())
}
