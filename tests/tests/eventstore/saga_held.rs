//! Many events of one key: those that wait for the end of a saga, and those behind one that is parked.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use nether::eventstore::{DocumentChange, SagaHandle, Sagas, Step, Store};
use nether::prelude::*;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

use crate::unsteady::Unsteady;

#[event(name = "saga_held.joined")]
pub struct Joined {
    pub queue: u32,
    pub guest: u32,
}

#[event(name = "saga_held.left")]
pub struct Left {
    pub queue: u32,
}

#[command(name = "saga_held.seat")]
pub struct Seat {
    pub guest: u32,
}

#[derive(Default, Serialize, Deserialize)]
pub struct Seating {}

#[saga(key = queue, handles = [Joined, Left], starts = [Joined], sends = [Seat], retry = 0)]
impl Seating {
    fn joined(&mut self, event: &Joined, step: &mut Step<Self>) -> nether::Result<()> {
        if event.guest == 0 {
            return Err(nether::Error::msg("nobody"));
        }
        step.send(Seat { guest: event.guest });
        step.end();
        Ok(())
    }

    fn left(&mut self, _: &Left) {}
}

/// Who has a seat, and how many may have one.
pub struct Seats {
    taken: Mutex<Vec<u32>>,
    free: Semaphore,
}

impl Seats {
    fn new() -> Arc<Self> {
        Arc::new(Seats {
            taken: Mutex::default(),
            free: Semaphore::new(0),
        })
    }

    fn taken(&self) -> Vec<u32> {
        self.taken.lock().unwrap().clone()
    }
}

pub struct Hall {
    seats: Arc<Seats>,
}

#[module(handles = [Seat])]
impl Hall {
    #[init]
    fn new(seats: Resource<Arc<Seats>>) -> Self {
        Hall {
            seats: Arc::clone(&seats),
        }
    }

    async fn seat(&self, seat: Seat) {
        self.seats.free.acquire().await.unwrap().forget();
        self.seats.taken.lock().unwrap().push(seat.guest);
    }
}

async fn started(store: &Store, seats: &Arc<Seats>) -> (System, SagaHandle<Seating>) {
    let builder = System::builder()
        .isolated()
        .with::<Sagas<Seating>>()
        .with::<Hall>()
        .provide(store.clone());
    let system = builder.provide(Arc::clone(seats)).start().await.unwrap();
    (system, store.saga().unwrap())
}

async fn join(store: &Store, guests: impl IntoIterator<Item = u32>) {
    for guest in guests {
        let joined = [Joined { queue: 1, guest }];
        store.append_events("queue/1", joined).await.unwrap();
    }
}

/// What it costs to hold so many events and to let them go on.
async fn effort(guests: u32) -> (usize, usize) {
    let ((store, unsteady), seats) = (Unsteady::open(), Seats::new());
    let (system, saga) = started(&store, &seats).await;
    for guest in 1..=guests {
        join(&store, [guest]).await;
        saga.wait_for(store.head().await.unwrap()).await.unwrap();
    }
    assert_eq!(saga.active()[0].held as u32, guests - 1);
    seats.free.add_permits(guests as usize);
    saga.settled().await.unwrap();
    assert_eq!(seats.taken(), (1..=guests).collect::<Vec<_>>());
    assert!(saga.active().is_empty());
    assert!(
        store
            .documents("saga_held/seating")
            .await
            .unwrap()
            .is_empty()
    );
    system.shutdown().await;
    unsteady.effort()
}

#[tokio::test(start_paused = true)]
async fn what_each_event_costs_that_waits_does_not_depend_on_how_many_there_are() {
    let (few, many) = (effort(50).await, effort(500).await);
    assert!(many.0 < few.0 * 12, "{few:?} {many:?} bytes written");
    assert!(many.1 < few.1 * 12, "{few:?} {many:?} events read");
}

#[tokio::test(start_paused = true)]
async fn what_waits_is_handled_in_order_across_restarts_at_any_moment() {
    check_restarts().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_is_handled_in_order_across_restarts_on_several_threads() {
    check_restarts().await;
}

async fn check_restarts() {
    for stop_after in 0..12 {
        let (store, seats) = (Store::memory(), Seats::new());
        let (system, saga) = started(&store, &seats).await;
        join(&store, 1..=6).await;
        saga.wait_for(store.head().await.unwrap()).await.unwrap();
        seats.free.add_permits(3);
        for _ in 0..stop_after * 3 {
            tokio::task::yield_now().await;
        }
        let stopping = tokio::spawn(async move { system.shutdown().await });
        tokio::task::yield_now().await;
        seats.free.add_permits(9);
        assert!(stopping.await.unwrap().cut_off.is_empty());
        let (system, saga) = started(&store, &seats).await;
        // Also what waits for a saga that is over at the start is waited for.
        saga.settled().await.unwrap();
        assert_eq!(seats.taken(), [1, 2, 3, 4, 5, 6]);
        assert!(saga.active().is_empty());
        system.shutdown().await;
    }
}

#[tokio::test(start_paused = true)]
async fn skipping_the_event_that_starts_a_saga_is_enough_for_those_behind_it() {
    let (store, seats) = (Store::memory(), Seats::new());
    let (system, saga) = started(&store, &seats).await;
    join(&store, [0]).await;
    let left: Vec<_> = (0..5).map(|_| Left { queue: 1 }).collect();
    store.append_events("queue/1", left).await.unwrap();
    join(&store, [7]).await;
    saga.settled().await.unwrap();
    assert_eq!(saga.parked().len(), 1);
    seats.free.add_permits(1);
    assert!(saga.skip_parked("1").await.unwrap());
    saga.settled().await.unwrap();
    assert!(saga.parked().is_empty(), "{:?}", saga.parked());
    assert_eq!(seats.taken(), [7]);
    system.shutdown().await;
}

/// Fails for the second guest the first time.
#[derive(Default, Serialize, Deserialize)]
pub struct Fussy {}

#[saga(key = queue, handles = [Joined], starts = [Joined], sends = [Seat], retry = 1)]
impl Fussy {
    fn joined(&mut self, event: &Joined, step: &mut Step<Self>) -> nether::Result<()> {
        static TRIED: AtomicBool = AtomicBool::new(false);
        if event.guest == 2 && !TRIED.swap(true, Ordering::SeqCst) {
            return Err(nether::Error::msg("not the first time"));
        }
        step.send(Seat { guest: event.guest });
        step.end();
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn sagas_are_not_settled_while_an_event_that_had_waited_is_to_be_retried() {
    let (store, seats) = (Store::memory(), Seats::new());
    let builder = System::builder()
        .isolated()
        .with::<Sagas<Fussy>>()
        .with::<Hall>()
        .provide(store.clone());
    let system = builder.provide(Arc::clone(&seats)).start().await.unwrap();
    let saga = store.saga::<Fussy>().unwrap();
    join(&store, [1, 2, 3]).await;
    saga.wait_for(store.head().await.unwrap()).await.unwrap();
    seats.free.add_permits(3);
    saga.settled().await.unwrap();
    assert_eq!(seats.taken(), [1, 2, 3]);
    system.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn events_behind_a_saga_that_cannot_be_read_are_handled_after_it_is_ended() {
    let (store, seats) = (Store::memory(), Seats::new());
    let (system, saga) = started(&store, &seats).await;
    join(&store, 1..=3).await;
    saga.wait_for(store.head().await.unwrap()).await.unwrap();
    let stopping = tokio::spawn(async move { system.shutdown().await });
    tokio::task::yield_now().await;
    seats.free.add_permits(1);
    stopping.await.unwrap();
    let broken = DocumentChange {
        collection: "saga/seating".into(),
        key: "1".into(),
        content: Some(b"no".to_vec()),
    };
    let changed = store.change_documents(vec![broken], Vec::new());
    changed.await.unwrap();
    let (system, saga) = started(&store, &seats).await;
    join(&store, [4]).await;
    saga.settled().await.unwrap();
    assert!(saga.active()[0].unreadable.is_some());
    assert_eq!(seats.taken(), [1]);
    seats.free.add_permits(3);
    assert!(saga.end("1").await.unwrap());
    saga.settled().await.unwrap();
    for parked in saga.parked() {
        saga.retry_parked(&parked.key).await.unwrap();
    }
    saga.settled().await.unwrap();
    assert_eq!(seats.taken(), [1, 2, 3, 4]);
    assert_eq!(saga.active(), []);
    system.shutdown().await;
}
