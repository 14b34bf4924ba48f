//! Waiting for projections and sagas: a wait for a runner that is gone ends with an error.

use std::sync::Arc;

use nether::eventstore::{NotRunning, Position, Projections, Sagas, Step, Store};
use nether::prelude::*;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

#[event(name = "waiting.happened")]
pub struct Happened {
    pub number: u32,
}

#[query(reply = u32)]
pub struct HowMany;

#[derive(Default)]
pub struct Tally {
    count: u32,
}

#[projection(handles = [Happened, HowMany])]
impl Tally {
    fn happened(&mut self, _: &Happened) {
        self.count += 1;
    }

    fn how_many(&self, _: HowMany) -> u32 {
        self.count
    }
}

#[derive(Default, Serialize, Deserialize)]
pub struct Watch {}

#[saga(key = number, handles = [Happened], starts = [Happened], sends = [])]
impl Watch {
    fn happened(&mut self, _: &Happened, _: &mut Step<Self>) {}
}

/// Does not start.
pub struct Broken;

#[module(handles = [])]
impl Broken {
    #[init]
    fn new() -> nether::Result<Self> {
        Err(nether::Error::msg("it is broken"))
    }
}

fn builder(store: &Store) -> nether::SystemBuilder {
    System::builder()
        .isolated()
        .with::<Projections<Tally>>()
        .with::<Sagas<Watch>>()
        .provide(store.clone())
}

async fn append(store: &Store) -> Position {
    let events = [Happened { number: 1 }];
    store.append_events("a/1", events).await.unwrap().position
}

/// Whatever waits ends with that error.
async fn assert_not_running(store: &Store, head: Position) {
    let (tally, watch) = (
        store.projection::<Tally>().unwrap(),
        store.saga::<Watch>().unwrap(),
    );
    let ended = [
        tally.caught_up().await,
        tally.wait_for(head).await,
        tally.rebuild().await,
        tally.retry_parked("a/1").await.map(drop),
        tally.skip_parked("a/1").await.map(drop),
        watch.wait_for(head).await,
        watch.settled().await,
        watch.retry_stuck("1").await.map(drop),
        watch.end("1").await.map(drop),
    ];
    for (index, ended) in ended.into_iter().enumerate() {
        let error = ended.unwrap_err();
        assert!(error.is::<NotRunning>(), "{index}: {error}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_runner_that_has_stopped_gets_an_error() {
    let store = Store::memory();
    let system = builder(&store).start().await.unwrap();
    let tally = store.projection::<Tally>().unwrap();
    let head = append(&store).await;
    tally.caught_up().await.unwrap();
    let later = Position(head.0 + 1);
    let waiting = tokio::spawn(async move { tally.wait_for(later).await });
    tokio::task::yield_now().await;
    system.shutdown().await;
    assert!(waiting.await.unwrap().unwrap_err().is::<NotRunning>());
    let head = append(&store).await;
    assert_not_running(&store, head).await;
    let system = builder(&store).start().await.unwrap();
    let tally = store.projection::<Tally>().unwrap();
    tally.caught_up().await.unwrap();
    system.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_runner_that_never_began_gets_an_error() {
    let store = Store::memory();
    let started = builder(&store).with::<Broken>().start().await;
    started.unwrap_err();
    let head = append(&store).await;
    assert_not_running(&store, head).await;
}

#[test]
fn who_waits_for_a_runner_whose_runtime_is_gone_gets_an_error() {
    let runtime = || {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap()
    };
    let (store, first) = (Store::memory(), runtime());
    let system = first.block_on(builder(&store).start()).unwrap();
    drop(first);
    runtime().block_on(async {
        let head = append(&store).await;
        assert_not_running(&store, head).await;
    });
    drop(system);
}

#[tokio::test(start_paused = true)]
async fn a_handle_goes_on_with_the_runner_that_is_left() {
    let store = Store::memory();
    let first = builder(&store).start().await.unwrap();
    let of_first = store.projection::<Tally>().unwrap();
    let second = builder(&store).start().await.unwrap();
    let of_second = store.projection::<Tally>().unwrap();
    second.shutdown().await;
    append(&store).await;
    of_first.caught_up().await.unwrap();
    of_second.caught_up().await.unwrap();
    store
        .projection::<Tally>()
        .unwrap()
        .caught_up()
        .await
        .unwrap();
    first.shutdown().await;
}

/// Waits until it may go on, in the first event.
pub struct Held {
    gate: Resource<Arc<Notify>>,
}

#[query(reply = u32)]
pub struct IsHeld;

#[projection(handles = [Happened, IsHeld])]
impl Held {
    #[init]
    fn new(gate: Resource<Arc<Notify>>) -> Self {
        Held { gate }
    }

    async fn happened(&mut self, _: &Happened) {
        self.gate.notified().await;
    }

    fn is_held(&self, _: IsHeld) -> u32 {
        1
    }
}

#[tokio::test(start_paused = true)]
async fn a_query_that_waits_for_a_projection_to_catch_up_gets_an_error_when_it_stops() {
    let (store, gate) = (Store::memory(), Arc::new(Notify::new()));
    for _ in 0..2 {
        append(&store).await;
    }
    let system = System::builder()
        .isolated()
        .with::<Projections<Held>>()
        .provide(store.clone())
        .provide(Arc::clone(&gate))
        .shutdown_timeout(std::time::Duration::from_secs(1))
        .start()
        .await
        .unwrap();
    let ctx = system.context();
    let asked = tokio::spawn(async move { ctx.ask(IsHeld).await });
    tokio::task::yield_now().await;
    system.shutdown().await;
    let error = asked.await.unwrap().unwrap_err();
    assert!(
        matches!(error, nether::CallError::Unavailable(_)),
        "{error}"
    );
}
