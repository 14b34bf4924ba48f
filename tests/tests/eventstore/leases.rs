//! Leases: if several systems have one store, one runs a projection or the sagas of a type, and the others
//! stand by. Another process is simulated by the documents that it would write into the store.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nether::LeaseStatus;
use nether::eventstore::{
    CommandId, LeaseLost, LeaseTaken, NotRunning, Position, Projections, Sagas, Step, Store,
};
use nether::prelude::*;
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep, timeout};

use crate::of_many::{LEASE_TIME, OfMany};

#[event(name = "leases.ordered")]
pub struct Ordered {
    pub order: u32,
}

#[command(name = "leases.charge")]
pub struct Charge {
    pub order: u32,
}

#[query(reply = usize)]
pub struct HowMany;

#[derive(Default, Serialize, Deserialize)]
pub struct Fulfil {}

#[saga(key = order, handles = [Ordered], starts = [Ordered], ends = [Ordered], from = "beginning", sends = [Charge])]
impl Fulfil {
    fn ordered(&mut self, event: &Ordered, step: &mut Step<Self>) {
        step.send(Charge { order: event.order });
    }
}

/// The effects outside of the store, of all systems.
#[derive(Default)]
pub struct Effects {
    /// The ids of the commands by which an order was charged.
    charged: Mutex<BTreeMap<u32, Vec<CommandId>>>,
    indexed: Mutex<BTreeMap<u32, u32>>,
    /// How often the index was made.
    made: Mutex<u32>,
    /// Whether no charge comes to its end.
    hangs: Mutex<bool>,
}

impl Effects {
    fn charge(&self, order: u32, id: CommandId) {
        let mut charged = self.charged.lock().unwrap();
        charged.entry(order).or_default().push(id);
    }

    /// Checks that each of the first `orders` orders was charged and indexed `times` times.
    fn check(&self, orders: u32, times: usize) {
        let charged = self.charged.lock().unwrap();
        let indexed = self.indexed.lock().unwrap();
        for order in 0..orders {
            assert_eq!(charged[&order].len(), times, "{charged:?}");
            assert_eq!(indexed[&order] as usize, times, "{indexed:?}");
        }
    }
}

pub struct Till {
    effects: Resource<Arc<Effects>>,
}

#[module(handles = [Charge])]
impl Till {
    #[init]
    fn new(effects: Resource<Arc<Effects>>) -> Self {
        Till { effects }
    }

    async fn charge(&self, charge: Charge, ctx: &Context<Self>) {
        let id = *ctx.baggage::<CommandId>().unwrap();
        self.effects.charge(charge.order, id);
        let hangs = *self.effects.hangs.lock().unwrap();
        if hangs {
            std::future::pending::<()>().await;
        }
    }
}

/// Reads what it knows from outside of the store when it is made.
pub struct Index {
    effects: Resource<Arc<Effects>>,
    known: usize,
}

#[projection(handles = [Ordered, HowMany])]
impl Index {
    #[init]
    fn new(effects: Resource<Arc<Effects>>) -> Self {
        *effects.made.lock().unwrap() += 1;
        let known = effects.indexed.lock().unwrap().len();
        Index { effects, known }
    }

    fn ordered(&mut self, event: &Ordered) {
        let mut indexed = self.effects.indexed.lock().unwrap();
        *indexed.entry(event.order).or_default() += 1;
        self.known += 1;
    }

    fn how_many(&self, _: HowMany) -> usize {
        self.known
    }

    #[on_rebuild]
    fn clear(&mut self) {
        self.effects.indexed.lock().unwrap().clear();
        self.known = 0;
    }
}

async fn started(store: &Store, effects: &Arc<Effects>) -> System {
    let builder = System::builder()
        .isolated()
        .with::<Till>()
        .with::<Sagas<Fulfil>>()
        .with::<Projections<Index>>()
        .provide(store.clone());
    builder.provide(Arc::clone(effects)).start().await.unwrap()
}

pub async fn order(store: &Store, orders: std::ops::Range<u32>) {
    for order in orders {
        let stream = format!("order/{order}");
        let ordered = [Ordered { order }];
        store.append_events(stream, ordered).await.unwrap();
    }
}

async fn settled(store: &Store) {
    store.saga::<Fulfil>().unwrap().settled().await.unwrap();
    let index = store.projection::<Index>().unwrap();
    index.caught_up().await.unwrap();
}

pub fn leases(system: &System) -> Vec<LeaseStatus> {
    let modules = system.modules();
    modules.into_iter().filter_map(|it| it.lease).collect()
}

/// Waits until both modules of a system run, or stand by.
async fn until(system: &System, is_own: bool) {
    let is_so = |leases: Vec<LeaseStatus>| {
        leases.len() == 2 && leases.iter().all(|lease| lease.is_own == is_own)
    };
    while !is_so(leases(system)) {
        sleep(Duration::from_millis(10)).await;
    }
}

async fn one_of_two_runs(first: Store, second: Store, longer_than_the_lease: Duration) {
    let effects = Arc::<Effects>::default();
    order(&first, 0..20).await;
    let one = started(&first, &effects).await;
    until(&one, true).await;
    let other = started(&second, &effects).await;
    until(&other, false).await;
    sleep(longer_than_the_lease).await;
    order(&second, 20..40).await;
    settled(&first).await;
    settled(&second).await;
    effects.check(40, 1);
    let own = leases(&one);
    assert!(own[0].holder.contains(&std::process::id().to_string()));
    assert_eq!(own[0].epoch, 1);
    assert_eq!(leases(&other)[0].holder, own[0].holder);
    assert_eq!(
        other.context().ask(HowMany).await.unwrap(),
        20,
        "as it was made"
    );

    let stopped = Instant::now();
    one.shutdown().await;
    until(&other, true).await;
    let waited = stopped.elapsed();
    assert!(waited * 2 < longer_than_the_lease, "at once: {waited:?}");
    assert_eq!(leases(&other)[0].epoch, 2);
    order(&second, 40..60).await;
    settled(&second).await;
    effects.check(60, 1);
    assert_eq!(
        other.context().ask(HowMany).await.unwrap(),
        60,
        "it was made again"
    );
    other.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn of_two_systems_with_one_store_one_runs_and_the_other_takes_over_when_it_stops() {
    let store = Store::memory();
    one_of_two_runs(store.clone(), store, LEASE_TIME * 3).await;
    for is_shared in [false, true] {
        let backend = OfMany::new(is_shared);
        one_of_two_runs(backend.open(), backend.open(), LEASE_TIME * 3).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_systems_with_one_store_one_runs_and_the_other_takes_over_on_several_threads() {
    let backend = OfMany::new(true);
    let [first, second] = [(); 2].map(|()| backend.open().lease_time(Duration::from_millis(100)));
    one_of_two_runs(first, second, Duration::from_millis(300)).await;
}

#[test]
fn a_lease_whose_runtime_was_dropped_is_taken_over_at_once() {
    let (backend, effects) = (OfMany::new(true), Arc::<Effects>::default());
    *effects.hangs.lock().unwrap() = true;
    let (first, second) = (backend.open(), backend.open());
    let runtime = || {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_all().start_paused(true).build().unwrap()
    };
    let dying = runtime();
    let system = dying.block_on(async {
        let system = started(&first, &effects).await;
        order(&first, 0..3).await;
        while effects.charged.lock().unwrap().len() < 3 {
            tokio::task::yield_now().await;
        }
        system
    });
    drop(dying);
    drop(system);
    *effects.hangs.lock().unwrap() = false;
    runtime().block_on(async {
        let began = Instant::now();
        let system = started(&second, &effects).await;
        settled(&second).await;
        assert!(began.elapsed() < Duration::from_secs(1));
        let charged = effects.charged.lock().unwrap().clone();
        for (order, ids) in charged {
            assert_eq!(ids.len(), 2, "{order}: nobody knows whether it was charged");
            assert_eq!(ids[0], ids[1], "so it is charged again by the same command");
        }
        system.shutdown().await;
    });
}

#[tokio::test(start_paused = true)]
async fn a_process_that_writes_heartbeats_is_left_alone_and_a_silent_one_is_replaced() {
    let (backend, effects) = (OfMany::new(true), Arc::<Effects>::default());
    let store = backend.open();
    for name in ["fulfil", "index"] {
        backend.put_lease(name, 7).await;
    }
    let system = started(&store, &effects).await;
    let mut taken = system.subscribe::<LeaseTaken>();
    order(&store, 0..3).await;
    until(&system, false).await;
    assert_eq!(leases(&system)[0].holder, "process 1 on elsewhere");
    assert_eq!(leases(&system)[0].epoch, 7);
    for number in 0..20 {
        for name in ["fulfil", "index"] {
            backend.beat(name, number).await;
        }
        sleep(LEASE_TIME * 9 / 10).await;
        assert!(leases(&system).iter().all(|lease| !lease.is_own));
    }
    assert_eq!(effects.charged.lock().unwrap().len(), 0);
    let silent = Instant::now();
    until(&system, true).await;
    let waited = silent.elapsed();
    assert!(waited <= LEASE_TIME, "{waited:?}");
    let mut names = [taken.next().await.unwrap(), taken.next().await.unwrap()];
    names.sort_by(|one, other| one.name.cmp(&other.name));
    let names = names.map(|it| (it.name.clone(), it.epoch));
    assert_eq!(names, [("fulfil".to_owned(), 8), ("index".to_owned(), 8)]);
    settled(&store).await;
    effects.check(3, 1);
    system.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_lease_of_a_killed_process_is_taken_at_once_if_no_other_can_have_the_store_open() {
    let (backend, effects) = (OfMany::new(false), Arc::<Effects>::default());
    let store = backend.open();
    for name in ["fulfil", "index"] {
        backend.put_lease(name, 7).await;
    }
    let began = Instant::now();
    let system = started(&store, &effects).await;
    order(&store, 0..3).await;
    settled(&store).await;
    assert!(began.elapsed() < Duration::from_millis(250));
    assert_eq!(leases(&system)[0].epoch, 8);
    assert_eq!(
        backend.text("heartbeat", "index").await,
        None,
        "nobody looks for it"
    );
    system.shutdown().await;
    let again = started(&store, &effects).await;
    until(&again, true).await;
    assert!(
        began.elapsed() < Duration::from_millis(250),
        "and is left so"
    );
    again.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_lease_in_a_copy_of_a_store_is_taken_over_while_its_holder_runs_with_the_original() {
    let (original, copy) = (OfMany::new(false), OfMany::new(false));
    let effects = Arc::<Effects>::default();
    let store = original.open();
    let system = started(&store, &effects).await;
    order(&store, 0..3).await;
    settled(&store).await;
    for name in ["fulfil", "index"] {
        let lease = original.text("lease", name).await.unwrap();
        copy.put("lease", name, Some(lease.into_bytes())).await;
    }
    let other = started(&copy.open(), &effects).await;
    until(&other, true).await;
    assert!(leases(&system).iter().all(|lease| lease.is_own));
    order(&store, 3..5).await;
    settled(&store).await;
    effects.check(5, 1);
    system.shutdown().await;
    other.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_another_has_replaced_writes_nothing_and_stands_by() {
    let (backend, effects) = (OfMany::new(true), Arc::<Effects>::default());
    let store = backend.open();
    let system = started(&store, &effects).await;
    let mut lost = system.subscribe::<LeaseLost>();
    order(&store, 0..2).await;
    settled(&store).await;
    // Charges are under way when another takes over.
    *effects.hangs.lock().unwrap() = true;
    order(&store, 2..4).await;
    while effects.charged.lock().unwrap().len() < 4 {
        sleep(Duration::from_millis(1)).await;
    }
    let saved = backend.text("checkpoint", "fulfil").await;
    for name in ["fulfil", "index"] {
        backend.put_lease(name, 2).await;
    }
    order(&store, 4..6).await;
    until(&system, false).await;
    let mut names = [lost.next().await.unwrap(), lost.next().await.unwrap()];
    names.sort_by(|one, other| one.name.cmp(&other.name));
    let names = names.map(|it| (it.name.clone(), it.epoch));
    assert_eq!(names, [("fulfil".to_owned(), 1), ("index".to_owned(), 1)]);
    assert_eq!(backend.text("checkpoint", "fulfil").await, saved);
    assert_eq!(
        effects.charged.lock().unwrap().len(),
        4,
        "nothing is begun any more"
    );
    let sagas = store.saga::<Fulfil>().unwrap();
    assert_eq!(sagas.active().len(), 2, "those in the store are shown");

    *effects.hangs.lock().unwrap() = false;
    until(&system, true).await;
    settled(&store).await;
    let charged = effects.charged.lock().unwrap().clone();
    let times: Vec<usize> = charged.values().map(Vec::len).collect();
    assert_eq!(times, [1, 1, 2, 2, 1, 1]);
    assert!(
        charged
            .values()
            .all(|ids| ids.iter().all(|id| *id == ids[0]))
    );
    assert_eq!(leases(&system)[0].epoch, 3);
    system.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_was_suspended_asks_the_store_before_it_handles_the_next_event() {
    let (backend, effects) = (OfMany::new(true), Arc::<Effects>::default());
    let store = backend.open();
    let system = started(&store, &effects).await;
    order(&store, 0..2).await;
    settled(&store).await;
    // No task runs meanwhile, as if the process had been stopped.
    tokio::time::advance(LEASE_TIME * 2).await;
    for name in ["fulfil", "index"] {
        backend.put_lease(name, 2).await;
    }
    order(&store, 2..4).await;
    until(&system, false).await;
    effects.check(2, 1);
    assert_eq!(effects.charged.lock().unwrap().len(), 2);
    assert_eq!(effects.indexed.lock().unwrap().len(), 2);
    system.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_standby_waits_for_the_process_that_runs_and_refuses_orders() {
    let (backend, effects) = (OfMany::new(true), Arc::<Effects>::default());
    let (first, second) = (backend.open(), backend.open());
    *effects.hangs.lock().unwrap() = true;
    let one = started(&first, &effects).await;
    until(&one, true).await;
    let other = started(&second, &effects).await;
    until(&other, false).await;
    let (index, sagas) = (
        second.projection::<Index>().unwrap(),
        second.saga::<Fulfil>().unwrap(),
    );
    order(&first, 0..3).await;
    index.caught_up().await.unwrap();
    sagas.wait_for(Position(3)).await.unwrap();
    let busy = timeout(Duration::from_secs(60), sagas.settled()).await;
    assert!(busy.is_err(), "the charges are under way");
    assert_eq!(sagas.active().len(), 3);

    for refused in [
        index.rebuild().await.unwrap_err(),
        index.retry_parked("order/1").await.unwrap_err(),
        index.skip_parked("order/1").await.map(drop).unwrap_err(),
        sagas.end("1").await.map(drop).unwrap_err(),
        sagas.retry_stuck("1").await.map(drop).unwrap_err(),
    ] {
        let error = refused.downcast_ref::<NotRunning>().unwrap();
        let holder = &leases(&one)[0].holder;
        assert!(error.reason.contains(holder), "{error}");
    }
    assert_eq!(effects.indexed.lock().unwrap().len(), 3);
    one.shutdown().await;
    other.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_cannot_be_read_is_an_error_that_names_it() {
    let (backend, effects) = (OfMany::new(true), Arc::<Effects>::default());
    let store = backend.open();
    backend.put("lease", "index", Some(b"no".to_vec())).await;
    let system = started(&store, &effects).await;
    let index = store.projection::<Index>().unwrap();
    let error = index.caught_up().await.unwrap_err().to_string();
    assert!(
        error.contains("the lease of `index` cannot be read"),
        "{error}"
    );
    system.shutdown().await;
}
