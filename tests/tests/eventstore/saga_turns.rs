//! Sagas of one key, one after the other: an event that starts one waits until the one before it is over.

use std::sync::{Arc, Mutex};

use nether::eventstore::{SagaHandle, Sagas, Step, Store};
use nether::prelude::*;
use nether_sqlite::SqliteStore;
use nether_tests::Folder;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

#[event(name = "turns.sent")]
pub struct BasketSent {
    pub customer: String,
    pub basket: u32,
}

#[event(name = "turns.signed")]
pub struct Signed {
    pub customer: String,
    pub basket: u32,
}

#[command(name = "saga_turns.pack_basket")]
pub struct PackBasket {
    pub basket: u32,
}

#[command(name = "saga_turns.unpack_basket")]
pub struct UnpackBasket {
    pub basket: u32,
}

#[command(name = "saga_turns.ship_basket")]
pub struct ShipBasket {
    pub basket: u32,
}

#[derive(Default, Serialize, Deserialize)]
pub struct Delivering {
    basket: u32,
}

#[saga(
    key = customer,
    handles = [BasketSent, Signed],
    starts = [BasketSent],
    sends = [PackBasket, UnpackBasket, ShipBasket],
    retry = 0
)]
impl Delivering {
    fn sent(&mut self, event: &BasketSent, step: &mut Step<Self>) -> nether::Result<()> {
        let basket = event.basket;
        if basket == 99 {
            return Err(nether::Error::msg("no such basket"));
        }
        self.basket = basket;
        step.send(PackBasket { basket })
            .compensate_with(UnpackBasket { basket });
        // Others stay until they are signed for.
        if basket < 100 {
            step.send(ShipBasket { basket });
            step.end();
        }
        Ok(())
    }

    fn signed(&mut self, event: &Signed, step: &mut Step<Self>) {
        assert_eq!(self.basket, event.basket, "it is of this one");
        step.send(ShipBasket {
            basket: self.basket,
        });
        step.end();
    }
}

/// What was done, and what is held up.
pub struct Work {
    done: Mutex<Vec<String>>,
    /// How many baskets may be packed.
    packing: Semaphore,
}

impl Work {
    fn new(packing: usize) -> Arc<Self> {
        Arc::new(Work {
            done: Mutex::default(),
            packing: Semaphore::new(packing),
        })
    }

    fn done(&self) -> Vec<String> {
        self.done.lock().unwrap().clone()
    }
}

pub struct Yard {
    work: Resource<Arc<Work>>,
}

#[module(handles = [PackBasket, UnpackBasket, ShipBasket])]
impl Yard {
    #[init]
    fn new(work: Resource<Arc<Work>>) -> Self {
        Yard { work }
    }

    async fn pack(&self, PackBasket { basket }: PackBasket) {
        self.work.packing.acquire().await.unwrap().forget();
        self.note("pack", basket);
    }

    async fn unpack(&self, UnpackBasket { basket }: UnpackBasket) -> nether::Result<()> {
        if basket == 20 {
            return Err(nether::Error::msg("the shelf is gone"));
        }
        self.note("unpack", basket);
        Ok(())
    }

    async fn ship(&self, ShipBasket { basket }: ShipBasket) -> nether::Result<()> {
        if basket == 10 || basket == 20 {
            return Err(nether::Error::msg("no van"));
        }
        self.note("ship", basket);
        Ok(())
    }

    fn note(&self, what: &str, basket: u32) {
        let mut done = self.work.done.lock().unwrap();
        done.push(format!("{what} {basket}"));
    }
}

async fn started(store: &Store, work: &Arc<Work>) -> (System, SagaHandle<Delivering>) {
    let builder = System::builder()
        .isolated()
        .with::<Sagas<Delivering>>()
        .with::<Yard>()
        .provide(store.clone());
    let system = builder.provide(Arc::clone(work)).start().await.unwrap();
    (system, store.saga().unwrap())
}

async fn send(store: &Store, baskets: &[u32]) {
    let sent = baskets.iter().map(|basket| BasketSent {
        customer: "ann".to_owned(),
        basket: *basket,
    });
    store.append_events("customer/ann", sent).await.unwrap();
}

async fn sign(store: &Store, basket: u32) {
    let customer = "ann".to_owned();
    let signed = [Signed { customer, basket }];
    store.append_events("customer/ann", signed).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_event_that_starts_a_saga_waits_until_the_one_before_is_over() {
    let (store, work) = (Store::memory(), Work::new(0));
    let (system, saga) = started(&store, &work).await;
    // In one page, in others, with an event in between that is of the second.
    send(&store, &[1, 102]).await;
    sign(&store, 102).await;
    let head = store.head().await.unwrap();
    saga.wait_for(head).await.unwrap();
    send(&store, &[3]).await;
    saga.wait_for(store.head().await.unwrap()).await.unwrap();
    assert_eq!(saga.active()[0].held, 3);
    work.packing.add_permits(9);
    saga.settled().await.unwrap();
    let expected = [
        "pack 1", "ship 1", "pack 102", "ship 102", "pack 3", "ship 3",
    ];
    assert_eq!(work.done(), expected);
    assert!(saga.active().is_empty() && saga.parked().is_empty());
    system.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_saga_is_started_after_one_that_is_compensated() {
    let (store, work) = (Store::memory(), Work::new(0));
    let (system, saga) = started(&store, &work).await;
    send(&store, &[10, 11]).await;
    saga.wait_for(store.head().await.unwrap()).await.unwrap();
    work.packing.add_permits(9);
    saga.settled().await.unwrap();
    assert_eq!(work.done(), ["pack 10", "unpack 10", "pack 11", "ship 11"]);
    system.shutdown().await;
}

async fn stuck(store: Store) {
    let work = Work::new(9);
    let (system, saga) = started(&store, &work).await;
    send(&store, &[20]).await;
    saga.settled().await.unwrap();
    send(&store, &[21, 22]).await;
    saga.settled().await.unwrap();
    system.shutdown().await;

    let (system, saga) = started(&store, &work).await;
    saga.settled().await.unwrap();
    send(&store, &[23]).await;
    saga.settled().await.unwrap();
    let active = saga.active();
    assert_eq!((active[0].held, active[0].stuck.len()), (3, 1));
    assert_eq!(work.done(), ["pack 20"], "they wait");
    assert!(saga.end("ann").await.unwrap());
    saga.settled().await.unwrap();
    let expected = [
        "pack 20", "pack 21", "ship 21", "pack 22", "ship 22", "pack 23", "ship 23",
    ];
    assert_eq!(work.done(), expected);
    assert!(saga.active().is_empty());
    assert!(!saga.end("ann").await.unwrap(), "there is none any more");
    system.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_a_stuck_saga_is_kept_until_it_is_ended() {
    stuck(Store::memory()).await;
}

#[tokio::test]
async fn what_waits_for_a_stuck_saga_is_kept_in_a_file_until_it_is_ended() {
    let folder = Folder::new("turns");
    stuck(Store::new(SqliteStore::open(folder.file()).unwrap())).await;
}

#[tokio::test(start_paused = true)]
async fn an_event_that_waited_and_cannot_be_handled_is_parked_with_those_behind_it() {
    let (store, work) = (Store::memory(), Work::new(0));
    let (system, saga) = started(&store, &work).await;
    send(&store, &[1, 99, 3]).await;
    saga.wait_for(store.head().await.unwrap()).await.unwrap();
    work.packing.add_permits(9);
    saga.settled().await.unwrap();
    assert_eq!(work.done(), ["pack 1", "ship 1"]);
    assert_eq!(saga.parked().len(), 1);
    assert!(saga.skip_parked("ann").await.unwrap());
    saga.settled().await.unwrap();
    assert_eq!(work.done(), ["pack 1", "ship 1", "pack 3", "ship 3"]);
    assert!(saga.parked().is_empty() && saga.active().is_empty());
    system.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_stop_keeps_what_waits_for_the_end_of_a_saga() {
    let (store, work) = (Store::memory(), Work::new(0));
    let (system, saga) = started(&store, &work).await;
    send(&store, &[1, 2]).await;
    saga.wait_for(store.head().await.unwrap()).await.unwrap();
    // The command is handled during the stop, and the next one is refused.
    let stopping = tokio::spawn(async move { system.shutdown().await });
    tokio::task::yield_now().await;
    work.packing.add_permits(9);
    assert!(stopping.await.unwrap().cut_off.is_empty());
    assert_eq!(work.done(), ["pack 1"]);
    let (system, saga) = started(&store, &work).await;
    saga.settled().await.unwrap();
    assert_eq!(work.done(), ["pack 1", "ship 1", "pack 2", "ship 2"]);
    system.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_saga_that_handles_events_is_not_ended_by_hand() {
    let (store, work) = (Store::memory(), Work::new(9));
    let (system, saga) = started(&store, &work).await;
    send(&store, &[101]).await;
    saga.settled().await.unwrap();
    let error = saga.end("ann").await.unwrap_err();
    assert!(error.to_string().contains("handles events"), "{error}");
    assert_eq!(saga.active().len(), 1);
    system.shutdown().await;
}
