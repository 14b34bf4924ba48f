//! Sagas and events that could not be handled: what goes on for the key meanwhile, and what a retry says.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nether::eventstore::{SagaHandle, Sagas, Step, Store};
use nether::prelude::*;
use serde::{Deserialize, Serialize};

#[event(name = "saga_parked.booked")]
pub struct Booked {
    pub trip: u32,
}

#[event(name = "saga_parked.paid")]
pub struct TripPaid {
    pub trip: u32,
}

#[command(name = "saga_parked.hold")]
pub struct Hold {
    pub trip: u32,
}

#[command(name = "saga_parked.free")]
pub struct Free {
    pub trip: u32,
}

#[command(name = "saga_parked.ticket")]
pub struct Ticket {
    pub trip: u32,
}

/// What is wrong at the moment, and what was done.
#[derive(Default)]
pub struct World {
    has_bug: AtomicBool,
    hold_fails: AtomicBool,
    done: Mutex<Vec<String>>,
}

static WORLD: Mutex<Option<Arc<World>>> = Mutex::new(None);
static ONE_AT_A_TIME: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

fn has_bug() -> bool {
    let world = WORLD.lock().unwrap();
    world
        .as_ref()
        .is_some_and(|it| it.has_bug.load(Ordering::SeqCst))
}

#[derive(Default, Serialize, Deserialize)]
pub struct Trip {}

#[saga(
    key = trip,
    handles = [Booked, TripPaid],
    starts = [Booked],
    ends = [TripPaid],
    sends = [Hold, Free, Ticket],
    retry = 2
)]
impl Trip {
    fn booked(&mut self, event: &Booked, step: &mut Step<Self>) {
        let trip = event.trip;
        step.send(Hold { trip }).compensate_with(Free { trip });
    }

    fn paid(&mut self, event: &TripPaid, step: &mut Step<Self>) -> nether::Result<()> {
        if has_bug() {
            return Err(nether::Error::msg("a bug of this week's release"));
        }
        step.send(Ticket { trip: event.trip });
        Ok(())
    }

    #[timeout("30m")]
    fn unpaid(&mut self, step: &mut Step<Self>) {
        step.fail("not paid in time");
    }
}

pub struct Agency {
    world: Resource<Arc<World>>,
}

#[module(handles = [Hold, Free, Ticket])]
impl Agency {
    #[init]
    fn new(world: Resource<Arc<World>>) -> Self {
        Agency { world }
    }

    async fn hold(&self, hold: Hold) -> nether::Result<()> {
        if self.world.hold_fails.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_secs(90)).await;
            return Err(nether::Error::msg("no seat"));
        }
        self.note("hold", hold.trip);
        Ok(())
    }

    async fn free(&self, free: Free) {
        self.note("free", free.trip);
    }

    async fn ticket(&self, ticket: Ticket) {
        self.note("ticket", ticket.trip);
    }

    fn note(&self, what: &str, trip: u32) {
        let mut done = self.world.done.lock().unwrap();
        done.push(format!("{what} {trip}"));
    }
}

async fn started(store: &Store) -> (System, SagaHandle<Trip>, Arc<World>) {
    let world = Arc::<World>::default();
    *WORLD.lock().unwrap() = Some(Arc::clone(&world));
    let builder = System::builder()
        .isolated()
        .with::<Sagas<Trip>>()
        .with::<Agency>()
        .provide(store.clone());
    let system = builder.provide(Arc::clone(&world)).start().await.unwrap();
    (system, store.saga().unwrap(), world)
}

async fn book(store: &Store, trip: u32) {
    let booked = [Booked { trip }];
    store.append_events("trip/1", booked).await.unwrap();
}

async fn pay(store: &Store, trip: u32) {
    let paid = [TripPaid { trip }];
    store.append_events("trip/1", paid).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_time_out_waits_while_the_event_that_prevents_it_is_parked() {
    let _alone = ONE_AT_A_TIME.lock().await;
    let store = Store::memory();
    let (system, saga, world) = started(&store).await;
    book(&store, 1).await;
    saga.settled().await.unwrap();
    world.has_bug.store(true, Ordering::SeqCst);
    pay(&store, 1).await;
    saga.settled().await.unwrap();
    assert_eq!(saga.parked().len(), 1);
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert_eq!(*world.done.lock().unwrap(), ["hold 1"]);
    assert_eq!(saga.active()[0].failed, None);
    world.has_bug.store(false, Ordering::SeqCst);
    assert_eq!(saga.retry_parked("1").await.unwrap(), 1);
    saga.settled().await.unwrap();
    assert_eq!(*world.done.lock().unwrap(), ["hold 1", "ticket 1"]);
    assert!(saga.active().is_empty() && saga.parked().is_empty());
    system.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_time_out_comes_once_the_parked_event_is_skipped() {
    let _alone = ONE_AT_A_TIME.lock().await;
    let store = Store::memory();
    let (system, saga, world) = started(&store).await;
    world.has_bug.store(true, Ordering::SeqCst);
    book(&store, 1).await;
    pay(&store, 1).await;
    saga.settled().await.unwrap();
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert!(saga.skip_parked("1").await.unwrap());
    assert!(!saga.skip_parked("1").await.unwrap());
    tokio::time::sleep(Duration::from_secs(61)).await;
    saga.settled().await.unwrap();
    assert_eq!(*world.done.lock().unwrap(), ["hold 1", "free 1"]);
    system.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_time_out_that_came_while_no_process_ran_comes_after_the_events_of_that_time() {
    let _alone = ONE_AT_A_TIME.lock().await;
    let store = Store::memory();
    let (system, saga, _) = started(&store).await;
    book(&store, 1).await;
    saga.settled().await.unwrap();
    system.shutdown().await;
    pay(&store, 1).await;
    tokio::time::sleep(Duration::from_secs(3600)).await;
    let (system, saga, world) = started(&store).await;
    saga.settled().await.unwrap();
    assert_eq!(*world.done.lock().unwrap(), ["ticket 1"]);
    system.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_parked_event_whose_saga_is_over_stays_parked_until_it_is_skipped() {
    let _alone = ONE_AT_A_TIME.lock().await;
    let store = Store::memory();
    let (system, saga, world) = started(&store).await;
    world.has_bug.store(true, Ordering::SeqCst);
    world.hold_fails.store(true, Ordering::SeqCst);
    book(&store, 1).await;
    pay(&store, 1).await;
    saga.settled().await.unwrap();
    assert!(saga.active().is_empty(), "it has failed and is over");
    world.has_bug.store(false, Ordering::SeqCst);
    world.hold_fails.store(false, Ordering::SeqCst);
    // The next one waits behind it.
    book(&store, 1).await;
    for _ in 0..2 {
        let error = saga.retry_parked("1").await.unwrap_err();
        assert!(error.to_string().contains("no saga takes"), "{error}");
        assert_eq!(saga.parked().len(), 1);
    }
    assert!(saga.skip_parked("1").await.unwrap());
    saga.settled().await.unwrap();
    assert_eq!(*world.done.lock().unwrap(), ["hold 1"]);
    assert!(saga.parked().is_empty());
    system.shutdown().await;
}
