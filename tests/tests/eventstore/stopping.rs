//! Orderly stops: what was done is not done again at the next start.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use nether::eventstore::{Position, Projections, Sagas, Step, Store};
use nether::prelude::*;
use nether_sqlite::SqliteStore;
use nether_tests::Folder;
use serde::{Deserialize, Serialize};
use tokio::task::yield_now;

/// How often the program is stopped and started again.
const STOPS: u32 = 100;

#[event(name = "stopping.ordered")]
pub struct Ordered {
    pub order: u32,
}

#[command(name = "stopping.charge")]
pub struct Charge {
    pub order: u32,
}

#[command(name = "stopping.pack")]
pub struct Pack {
    pub order: u32,
}

#[derive(Default, Serialize, Deserialize)]
pub struct Fulfil {}

#[saga(key = order, handles = [Ordered], starts = [Ordered], ends = [Ordered], from = "beginning", sends = [Charge, Pack])]
impl Fulfil {
    fn ordered(&mut self, event: &Ordered, step: &mut Step<Self>) {
        let order = event.order;
        step.send(Charge { order });
        step.send(Pack { order });
    }
}

/// What was done outside of the program: how often each thing.
pub struct Effects {
    chance: Mutex<fastrand::Rng>,
    done: Mutex<BTreeMap<(&'static str, u32), u32>>,
    failed: Mutex<BTreeMap<(&'static str, u32), u32>>,
}

impl Effects {
    fn new(seed: u64) -> Arc<Self> {
        Arc::new(Effects {
            chance: Mutex::new(fastrand::Rng::with_seed(seed)),
            done: Mutex::default(),
            failed: Mutex::default(),
        })
    }

    /// Lets others go on, so often.
    async fn yield_up_to(&self, times: u32) {
        let times = self.chance.lock().unwrap().u32(0..times);
        for _ in 0..times {
            yield_now().await;
        }
    }

    async fn effect(&self, what: &'static str, number: u32) {
        self.yield_up_to(12).await;
        let mut done = self.done.lock().unwrap();
        *done.entry((what, number)).or_default() += 1;
    }

    /// Some fail the first time.
    fn attempt(&self, what: &'static str, number: u32) -> nether::Result<()> {
        let mut failed = self.failed.lock().unwrap();
        let times = failed.entry((what, number)).or_default();
        *times += 1;
        match number.is_multiple_of(5) && *times == 1 {
            true => Err(nether::Error::msg("not the first time")),
            false => Ok(()),
        }
    }
}

pub struct Shop {
    effects: Resource<Arc<Effects>>,
}

#[module(handles = [Charge, Pack])]
impl Shop {
    #[init]
    fn new(effects: Resource<Arc<Effects>>) -> Self {
        Shop { effects }
    }

    async fn charge(&self, charge: Charge) {
        self.effects.effect("charged", charge.order).await;
    }

    async fn pack(&self, pack: Pack) {
        self.effects.effect("packed", pack.order).await;
    }
}

pub struct OneByOne {
    effects: Resource<Arc<Effects>>,
}

#[projection(handles = [Ordered])]
impl OneByOne {
    #[init]
    fn new(effects: Resource<Arc<Effects>>) -> Self {
        OneByOne { effects }
    }

    async fn ordered(&mut self, event: &Ordered) -> nether::Result<()> {
        self.effects.attempt("indexed", event.order)?;
        self.effects.effect("indexed", event.order).await;
        Ok(())
    }
}

pub struct Beside {
    effects: Resource<Arc<Effects>>,
}

#[projection(handles = [Ordered], parallel = 4)]
impl Beside {
    #[init]
    fn new(effects: Resource<Arc<Effects>>) -> Self {
        Beside { effects }
    }

    async fn ordered(&self, event: &Ordered) -> nether::Result<()> {
        self.effects.attempt("mailed", event.order)?;
        self.effects.effect("mailed", event.order).await;
        Ok(())
    }
}

async fn started(store: &Store, effects: &Arc<Effects>) -> System {
    let builder = System::builder()
        .isolated()
        .with::<Shop>()
        .with::<Sagas<Fulfil>>()
        .with::<Projections<OneByOne>>()
        .with::<Projections<Beside>>()
        .provide(store.clone());
    builder.provide(Arc::clone(effects)).start().await.unwrap()
}

async fn order(store: &Store, orders: std::ops::Range<u32>) {
    for order in orders {
        let stream = format!("order/{}", order % 7);
        store
            .append_events(stream, [Ordered { order }])
            .await
            .unwrap();
    }
}

async fn check(store: Store, seed: u64) {
    let effects = Effects::new(seed);
    order(&store, 0..60).await;
    for stop in 0..STOPS {
        let system = started(&store, &effects).await;
        order(&store, 60 + stop..61 + stop).await;
        effects.yield_up_to(60).await;
        let report = system.shutdown().await;
        assert!(report.cut_off.is_empty(), "{report}");
        assert!(report.dead_letters.is_empty(), "{report}");
    }
    let system = started(&store, &effects).await;
    store.saga::<Fulfil>().unwrap().settled().await.unwrap();
    let one = store.projection::<OneByOne>().unwrap();
    one.caught_up().await.unwrap();
    let beside = store.projection::<Beside>().unwrap();
    beside.caught_up().await.unwrap();
    assert_eq!((one.parked(), beside.parked()), (Vec::new(), Vec::new()));
    let done = effects.done.lock().unwrap().clone();
    for what in ["charged", "packed", "indexed", "mailed"] {
        for order in 0..60 + STOPS {
            assert_eq!(done.get(&(what, order)), Some(&1), "{what} {order}");
        }
    }
    system.shutdown().await;
}

#[tokio::test]
async fn after_orderly_stops_each_effect_has_happened_once() {
    check(Store::memory(), 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn after_orderly_stops_each_effect_has_happened_once_on_several_threads() {
    check(Store::memory(), 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_orderly_stops_each_effect_has_happened_once_with_a_file() {
    let folder = Folder::new("stopping");
    check(Store::new(SqliteStore::open(folder.file()).unwrap()), 3).await;
}

/// Takes its time for each event.
pub struct Slow {
    effects: Resource<Arc<Effects>>,
}

#[projection(handles = [Ordered])]
impl Slow {
    #[init]
    fn new(effects: Resource<Arc<Effects>>) -> Self {
        Slow { effects }
    }

    async fn ordered(&mut self, event: &Ordered) {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        let mut done = self.effects.done.lock().unwrap();
        *done.entry(("slowly", event.order)).or_default() += 1;
    }
}

#[tokio::test(start_paused = true)]
async fn a_stop_comes_between_two_events_and_not_after_a_page() {
    let (store, effects) = (Store::memory(), Effects::new(2));
    order(&store, 0..300).await;
    for run in 1..=3 {
        let builder = System::builder()
            .isolated()
            .with::<Projections<Slow>>()
            .provide(store.clone());
        let builder = builder.provide(Arc::clone(&effects));
        let system = builder.start().await.unwrap();
        let handled = store.projection::<Slow>().unwrap();
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        let began = tokio::time::Instant::now();
        let report = system.shutdown().await;
        assert!(began.elapsed() <= std::time::Duration::from_millis(20));
        assert!(report.cut_off.is_empty(), "{report}");
        let done = effects.done.lock().unwrap().clone();
        assert!(done.values().all(|times| *times == 1), "{done:?}");
        assert!(done.len() > run * 40, "it goes on where it was");
        assert_eq!(handled.position(), Position(done.len() as u64));
    }
}
