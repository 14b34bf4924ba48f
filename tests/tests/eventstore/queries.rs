//! Queries that take their time, beside events and other queries.

use std::sync::Arc;
use std::time::Duration;

use nether::eventstore::{Projections, Store};
use nether::prelude::*;
use tokio::sync::Semaphore;
use tokio::time::Instant;

#[event(name = "queries.happened")]
pub struct Counted {
    pub number: u32,
}

#[query(reply = u32)]
pub struct Quick;

#[query(reply = (u32, u32))]
pub struct Slow;

/// How many slow queries may end.
type Gate = Arc<Semaphore>;

#[derive(Clone)]
pub struct Counts {
    count: u32,
    gate: Gate,
}

#[projection(handles = [Counted, Quick, Slow])]
impl Counts {
    #[init]
    fn new(gate: Resource<Gate>) -> Self {
        Counts {
            count: 0,
            gate: Arc::clone(&gate),
        }
    }

    fn counted(&mut self, _: &Counted) {
        self.count += 1;
    }

    fn quick(&self, _: Quick) -> u32 {
        self.count
    }

    async fn slow(&self, _: Slow) -> (u32, u32) {
        let before = self.count;
        self.gate.acquire().await.unwrap().forget();
        (before, self.count)
    }
}

#[query(reply = u32)]
pub struct SlowToo;

/// Cannot be copied.
#[derive(Default)]
pub struct Uncopied {
    count: u32,
}

#[projection(handles = [Counted, SlowToo])]
impl Uncopied {
    fn counted(&mut self, _: &Counted) {
        self.count += 1;
    }

    async fn slow(&self, _: SlowToo) -> u32 {
        tokio::time::sleep(Duration::from_secs(2)).await;
        self.count
    }
}

async fn count(store: &Store) {
    let counted = [Counted { number: 1 }];
    store.append_events("count/1", counted).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_slow_query_delays_neither_events_nor_other_queries() {
    let (store, gate) = (Store::memory(), Arc::new(Semaphore::new(0)));
    let system = System::builder()
        .isolated()
        .with::<Projections<Counts>>()
        .provide(store.clone())
        .provide(Arc::clone(&gate))
        .start()
        .await
        .unwrap();
    let counts = store.projection::<Counts>().unwrap();
    let began = Instant::now();
    let mut slow = Vec::new();
    for before in 0..3 {
        let ctx = system.context();
        slow.push(tokio::spawn(async move { ctx.ask(Slow).await.unwrap() }));
        tokio::task::yield_now().await;
        count(&store).await;
        counts.caught_up().await.unwrap();
        let quick = system.context().ask(Quick).await.unwrap();
        assert_eq!(quick, before + 1);
    }
    assert!(began.elapsed() < Duration::from_secs(1));
    gate.add_permits(3);
    for (before, slow) in slow.into_iter().enumerate() {
        let before = u32::try_from(before).unwrap();
        assert_eq!(slow.await.unwrap(), (before, before), "it saw one state");
    }
    system.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn an_event_waits_for_the_queries_of_a_projection_that_cannot_be_copied() {
    let store = Store::memory();
    let system = System::builder()
        .isolated()
        .with::<Projections<Uncopied>>()
        .provide(store.clone())
        .start()
        .await
        .unwrap();
    let uncopied = store.projection::<Uncopied>().unwrap();
    uncopied
        .wait_for(store.head().await.unwrap())
        .await
        .unwrap();
    let ctx = system.context();
    let slow = tokio::spawn(async move { ctx.ask(SlowToo).await.unwrap() });
    tokio::task::yield_now().await;
    let began = Instant::now();
    count(&store).await;
    uncopied.caught_up().await.unwrap();
    assert!(began.elapsed() >= Duration::from_secs(1), "it has waited");
    assert_eq!(slow.await.unwrap(), 0, "it saw one state");
    system.shutdown().await;
}
