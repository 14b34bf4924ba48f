//! Orderly stops while the lease is in doubt, or a bid is under way.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use nether::eventstore::{CommandId, Projections, Sagas, Step, Store};
use nether::prelude::*;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep};

use crate::lease_free::Count;
use crate::leases::{Ordered, leases, order};
use crate::of_many::{LEASE_TIME, OfMany};

#[command(name = "lease_stops.post")]
pub struct Post {
    pub order: u32,
}

#[derive(Default, Serialize, Deserialize)]
pub struct Letter {}

#[saga(name = "letter", key = order, handles = [Ordered], starts = [Ordered], sends = [Post])]
impl Letter {
    fn ordered(&mut self, event: &Ordered, step: &mut Step<Self>) {
        step.send(Post { order: event.order });
    }
}

/// What was posted, and how many may be.
pub struct Posted {
    ids: Mutex<Vec<CommandId>>,
    stamps: Semaphore,
}

pub struct Office {
    posted: Resource<Arc<Posted>>,
}

#[module(handles = [Post])]
impl Office {
    #[init]
    fn new(posted: Resource<Arc<Posted>>) -> Self {
        Office { posted }
    }

    async fn post(&self, _: Post, ctx: &Context<Self>) {
        let id = *ctx.baggage::<CommandId>().unwrap();
        self.posted.ids.lock().unwrap().push(id);
        self.posted.stamps.acquire().await.unwrap().forget();
    }
}

async fn started(store: &Store, posted: &Arc<Posted>) -> System {
    let builder = System::builder().isolated().with::<Sagas<Letter>>();
    let builder = builder.with::<Office>().provide(store.clone());
    builder.provide(Arc::clone(posted)).start().await.unwrap()
}

fn posted() -> Arc<Posted> {
    Arc::new(Posted {
        ids: Mutex::default(),
        stamps: Semaphore::new(0),
    })
}

#[tokio::test(start_paused = true)]
async fn a_command_that_ends_while_the_store_is_asked_for_the_lease_is_not_sent_again() {
    let (backend, posted) = (OfMany::new(false), posted());
    let store = backend.open();
    let system = started(&store, &posted).await;
    order(&store, 0..1).await;
    while posted.ids.lock().unwrap().is_empty() {
        sleep(Duration::from_millis(10)).await;
    }
    sleep(LEASE_TIME * 2).await;
    backend.reads.close();
    posted.stamps.add_permits(9);
    while backend.reads.waiting() == 0 {
        yield_now().await;
    }
    let report = system.shutdown().await;
    assert!(report.cut_off.is_empty(), "{report}");
    backend.reads.open();
    let system = started(&store, &posted).await;
    store.saga::<Letter>().unwrap().settled().await.unwrap();
    assert_eq!(posted.ids.lock().unwrap().len(), 1);
    system.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_command_that_is_about_to_be_sent_does_not_hold_up_a_stop_while_the_store_hangs() {
    let (backend, posted) = (OfMany::new(true), posted());
    let store = backend.open();
    // No module handles the command: it is sent again and again.
    let builder = System::builder().isolated().with::<Sagas<Letter>>();
    let system = builder.provide(store.clone()).start().await.unwrap();
    order(&store, 0..1).await;
    let sagas = store.saga::<Letter>().unwrap();
    while sagas.active().iter().all(|saga| saga.repeated.is_none()) {
        sleep(Duration::from_millis(10)).await;
    }
    backend.changes.close();
    backend.reads.close();
    sleep(LEASE_TIME * 3).await;
    let stopped = Instant::now();
    let report = system.shutdown().await;
    let waited = stopped.elapsed();
    assert!(waited <= Duration::from_secs(7), "{waited:?}");
    assert!(report.cut_off.is_empty(), "{report}");
    drop(posted);
}

#[tokio::test(start_paused = true)]
async fn the_longer_lease_time_counts_also_in_a_store_of_one_process() {
    let (backend, posted) = (OfMany::new(false), posted());
    let first = backend.open().lease_time(Duration::from_secs(30));
    let second = backend.open().lease_time(Duration::from_secs(1));
    let one = started(&first, &posted).await;
    sleep(Duration::from_secs(1)).await;
    let other = started(&second, &posted).await;
    sleep(Duration::from_secs(300)).await;
    assert!(
        leases(&one)
            .iter()
            .all(|lease| lease.is_own && lease.epoch == 1)
    );
    other.shutdown().await;
    one.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_system_starts_also_if_the_store_does_not_say_who_has_the_lease() {
    let (backend, posted) = (OfMany::new(true), posted());
    backend.reads.close();
    let began = Instant::now();
    let system = started(&backend.open(), &posted).await;
    assert!(began.elapsed() <= Duration::from_secs(6));
    let report = system.shutdown().await;
    assert!(report.cut_off.is_empty(), "{report}");
    // Without a lease nothing is asked.
    let builder = System::builder().isolated().with::<Projections<Count>>();
    let system = builder.provide(backend.open()).start().await.unwrap();
    assert_eq!(leases(&system), []);
    system.shutdown().await;
}
