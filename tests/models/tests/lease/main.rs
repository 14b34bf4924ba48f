//! Lease, epoch and effect: however wrong the clocks of the candidates run, the holder of an epoch writes
//! nothing after the holder of the next one, and each step is made once.

/// What the sources import from the event store.
mod eventstore {
    pub(crate) mod backend {
        use std::sync::Arc;

        #[derive(Debug, Clone)]
        pub(crate) struct DocumentChange {
            pub(crate) collection: Arc<str>,
            pub(crate) key: Arc<str>,
            pub(crate) content: Option<Vec<u8>>,
        }

        #[derive(Debug, Clone)]
        pub(crate) struct DocumentCondition {
            pub(crate) collection: Arc<str>,
            pub(crate) key: Arc<str>,
            pub(crate) content: Option<Vec<u8>>,
        }

        pub(crate) type Documents = Vec<(Arc<str>, Vec<u8>)>;

        #[derive(Debug)]
        #[allow(dead_code)]
        pub(crate) enum StoreError {
            PreconditionFailed { collection: Arc<str>, key: Arc<str> },
            Codec { what: String, reason: String },
        }
    }

    pub(crate) mod lease {
        pub(crate) use crate::{record, stored};
    }
}

#[allow(dead_code)]
#[path = "../../../../nether/src/eventstore/memory/documents.rs"]
mod documents;
#[path = "../../../../nether/src/eventstore/lease/record.rs"]
mod record;
#[allow(dead_code)]
#[path = "../../../../nether/src/eventstore/lease/stored.rs"]
mod stored;
#[allow(dead_code)]
#[path = "../../../../nether/src/eventstore/lease/watch.rs"]
mod watch;

use std::time::Duration;

use shuttle::rand::{Rng, thread_rng};
use shuttle::sync::{Arc, Mutex};
use shuttle::thread;

use crate::documents::MemoryDocuments;
use crate::eventstore::backend::{DocumentChange, DocumentCondition};
use crate::record::LeaseHolder;
use crate::stored::{HEARTBEATS, HeldLease, LEASES, LeaseChange, StoredLease};
use crate::watch::LeaseWatch;

const NAME: &str = "index";

/// The number of candidates for the lease, and of the looks of each.
const RUNNERS: u64 = 3;
const LOOKS: usize = 4;

/// A store: its documents, and what was done in the transactions that have changed them: in which epoch, and
/// which step.
#[derive(Default)]
struct Store(Mutex<(MemoryDocuments, Vec<(u64, u64)>)>);

impl Store {
    fn read(&self, collection: &str) -> Option<Vec<u8>> {
        let kept = self.0.lock().unwrap();
        kept.0.get(collection, NAME).cloned()
    }

    fn change(&self, change: LeaseChange) -> bool {
        let mut kept = self.0.lock().unwrap();
        kept.0.change(change.changes, &change.conditions).is_ok()
    }

    /// Does a step, in the transaction that saves the checkpoint.
    fn step(&self, epoch: u64, step: u64, fence: Vec<DocumentCondition>) -> bool {
        let checkpoint = DocumentChange {
            collection: "checkpoint".into(),
            key: NAME.into(),
            content: Some(step.to_string().into_bytes()),
        };
        let mut kept = self.0.lock().unwrap();
        let is_done = kept.0.change(vec![checkpoint], &fence).is_ok();
        if is_done {
            kept.1.push((epoch, step));
        }
        is_done
    }

    fn checkpoint(&self) -> u64 {
        let saved = self.read("checkpoint");
        saved.map_or(0, |it| String::from_utf8(it).unwrap().parse().unwrap())
    }
}

/// A candidate for the lease.
struct Runner {
    store: Arc<Store>,
    holder: LeaseHolder,
    watch: LeaseWatch,
    /// Its clock, which runs as it likes.
    now: Duration,
    is_fenced: bool,
}

impl Runner {
    fn new(store: &Arc<Store>, number: u64, is_fenced: bool) -> Self {
        Runner {
            store: Arc::clone(store),
            holder: LeaseHolder {
                process: uuid::Uuid::from_u128(u128::from(number)),
                runner: number,
                name: String::new(),
                lease_time_ms: 10_000,
                is_alone: false,
            },
            watch: LeaseWatch::default(),
            now: Duration::ZERO,
            is_fenced,
        }
    }

    fn run(mut self) {
        for _ in 0..LOOKS {
            self.now += Duration::from_secs(thread_rng().gen_range(0..15));
            let (lease, heartbeat) = (self.store.read(LEASES), self.store.read(HEARTBEATS));
            let found = StoredLease::of(NAME, lease, heartbeat).unwrap();
            if !self.watch.observe(&found, false, self.now, Duration::ZERO) {
                continue;
            }
            let (held, taken) = found.taken_by(&self.holder);
            if self.store.change(taken) && !self.lead(&held) {
                return;
            }
        }
    }

    /// Does steps until another has taken over. Returns whether it was not killed.
    fn lead(&self, held: &HeldLease) -> bool {
        let fence = || match self.is_fenced {
            true => vec![held.fence()],
            false => Vec::new(),
        };
        let first = self.store.checkpoint() + 1;
        for step in first..first + 2 {
            if !self.store.change(held.beat(step)) && self.is_fenced {
                return true;
            }
            if !self.store.step(held.epoch, step, fence()) {
                return true;
            }
        }
        let is_killed = thread_rng().gen_range(0..3) == 0;
        if !is_killed {
            self.store.change(held.released());
        }
        !is_killed
    }
}

fn model(is_fenced: bool) {
    let store = Arc::<Store>::default();
    let runner = |number| {
        let runner = Runner::new(&store, number, is_fenced);
        thread::spawn(move || runner.run())
    };
    let runners: Vec<_> = (1..=RUNNERS).map(runner).collect();
    for runner in runners {
        runner.join().unwrap();
    }
    let kept = store.0.lock().unwrap();
    let steps = kept.1.iter().map(|(_, step)| *step);
    assert!(
        steps.eq(1..=kept.1.len() as u64),
        "each step once: {:?}",
        kept.1
    );
    let epochs = kept.1.windows(2).all(|two| two[0].0 <= two[1].0);
    assert!(
        epochs,
        "no step of an epoch after one of the next: {:?}",
        kept.1
    );
    assert!(!kept.1.is_empty(), "somebody takes the lease");
}

#[test]
fn with_clocks_that_run_wrong_each_step_is_made_once_and_in_the_order_of_the_epochs() {
    shuttle::check_random(|| model(true), 5_000);
    shuttle::check_pct(|| model(true), 5_000, 3);
}

#[test]
#[should_panic(expected = "each step once")]
fn without_the_fence_a_step_is_made_twice() {
    shuttle::check_random(|| model(false), 5_000);
}
