//! Stores that skip unknown events: only those whose names are not listed.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use nether::eventstore::{Position, Projections, Store};
use nether::prelude::*;

use crate::unsteady::raw;

#[event(name = "skipped.scored")]
pub struct Scored {
    pub number: u32,
}

type Seen = Arc<Mutex<Vec<u32>>>;

pub struct Beside {
    seen: Seen,
}

#[projection(handles = [Scored], parallel = 4)]
impl Beside {
    #[init]
    fn new(seen: Resource<Seen>) -> Self {
        Beside {
            seen: Arc::clone(&seen),
        }
    }

    async fn scored(&self, event: &Scored) {
        self.seen.lock().unwrap().push(event.number);
    }
}

static HAS_BUG: AtomicBool = AtomicBool::new(true);

pub struct InTurn {
    seen: Seen,
}

#[projection(handles = [Scored], durable, retry = 0)]
impl InTurn {
    #[init]
    fn new(seen: Resource<Seen>) -> Self {
        InTurn {
            seen: Arc::clone(&seen),
        }
    }

    async fn scored(&mut self, event: &Scored) -> nether::Result<()> {
        if event.number == 1 && HAS_BUG.load(Ordering::SeqCst) {
            return Err(nether::Error::msg("a bug"));
        }
        self.seen.lock().unwrap().push(event.number);
        Ok(())
    }
}

async fn score(store: &Store, numbers: std::ops::RangeInclusive<u32>, unknown: u32) {
    for number in numbers {
        let version = if number == unknown { 9 } else { 1 };
        let json = format!("{{\"number\":{number}}}");
        let scored = raw("game/1", "skipped.scored", version, &json);
        store.append(scored).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_of_a_newer_version_is_parked_also_if_unknown_ones_are_skipped() {
    let (store, seen) = (Store::memory().skip_unknown_events(), Seen::default());
    score(&store, 1..=6, 3).await;
    let builder = System::builder()
        .isolated()
        .with::<Projections<Beside>>()
        .provide(store.clone());
    let system = builder.provide(Arc::clone(&seen)).start().await.unwrap();
    let beside = store.projection::<Beside>().unwrap();
    beside.caught_up().await.unwrap();
    assert_eq!(*seen.lock().unwrap(), [1, 2]);
    assert_eq!(beside.parked()[0].position, Position(3));
    assert!(beside.skip_parked("game/1").await.unwrap());
    assert_eq!(*seen.lock().unwrap(), [1, 2, 4, 5, 6]);
    system.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn an_event_of_a_newer_version_is_parked_also_behind_a_parked_one() {
    let (store, seen) = (Store::memory().skip_unknown_events(), Seen::default());
    let builder = System::builder()
        .isolated()
        .with::<Projections<InTurn>>()
        .provide(store.clone());
    let system = builder.provide(Arc::clone(&seen)).start().await.unwrap();
    score(&store, 1..=3, 2).await;
    let in_turn = store.projection::<InTurn>().unwrap();
    in_turn.caught_up().await.unwrap();
    assert_eq!(in_turn.parked().len(), 1);
    HAS_BUG.store(false, Ordering::SeqCst);
    in_turn.retry_parked("game/1").await.unwrap_err();
    assert_eq!(*seen.lock().unwrap(), [1]);
    assert_eq!(in_turn.parked()[0].position, Position(2));
    assert!(in_turn.skip_parked("game/1").await.unwrap());
    assert_eq!(*seen.lock().unwrap(), [1, 3]);
    assert!(in_turn.parked().is_empty());
    system.shutdown().await;
}
