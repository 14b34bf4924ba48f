//! Sagas: work in several steps, each of which may fail.

use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use nether::eventstore::{
    Append, Encoding, EventId, Expected, Metadata, NewEvent, Payload, SagaFailed, Sagas, Step,
    Store,
};
use nether::prelude::*;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

#[event(name = "order.placed")]
pub struct Placed {
    pub order_id: u32,
}

#[event(name = "order.paid")]
pub struct Paid {
    pub order_id: u32,
}

#[event(name = "order.cancelled")]
pub struct Cancelled {
    pub order_id: u32,
}

#[command(name = "sagas.reserve")]
pub struct Reserve(pub u32);

#[command(name = "sagas.release")]
pub struct Release(pub u32);

#[command(name = "sagas.ship")]
pub struct Ship(pub u32);

#[derive(Default, Serialize, Deserialize)]
pub struct Fulfilment {
    paid: bool,
}

#[saga(
    key = order_id,
    handles = [Placed, Paid, Cancelled],
    starts = [Placed],
    ends = [Paid, Cancelled],
    sends = [Reserve, Release, Ship]
)]
impl Fulfilment {
    async fn placed(&mut self, event: &Placed, step: &mut Step<Self>) -> nether::Result<()> {
        step.send(Reserve(event.order_id))
            .compensate_with(Release(event.order_id));
        Ok(())
    }

    fn paid(&mut self, event: &Paid, step: &mut Step<Self>) {
        self.paid = true;
        step.send(Ship(event.order_id));
    }

    fn cancelled(&mut self, _: &Cancelled) {}

    #[timeout("30m")]
    fn unpaid(&mut self, step: &mut Step<Self>) {
        if !self.paid {
            step.fail("not paid in time");
        }
    }
}

/// What was done, in order.
#[derive(Default)]
pub struct Warehouse {
    done: Arc<Mutex<Vec<String>>>,
    /// Opened for who reserves for order 7.
    gate: Arc<Notify>,
}

#[module(handles = [Reserve, Release, Ship])]
impl Warehouse {
    #[init]
    fn new(done: Resource<Arc<Mutex<Vec<String>>>>, gate: Resource<Arc<Notify>>) -> Self {
        Warehouse {
            done: Arc::clone(&done),
            gate: Arc::clone(&gate),
        }
    }

    async fn reserve(&self, Reserve(order): Reserve) -> nether::Result<()> {
        if order == 7 {
            self.gate.notified().await;
        }
        self.done.lock().unwrap().push(format!("reserve {order}"));
        Ok(())
    }

    async fn release(&self, Release(order): Release) {
        self.done.lock().unwrap().push(format!("release {order}"));
    }

    async fn ship(&self, Ship(order): Ship) -> nether::Result<()> {
        if order == 13 {
            return Err(nether::Error::msg("no truck"));
        }
        self.done.lock().unwrap().push(format!("ship {order}"));
        Ok(())
    }
}

async fn append(store: &Store, name: &'static str, order: u32) {
    let append = Append {
        stream: format!("order/{order}").as_str().into(),
        expected: Expected::Any,
        events: vec![NewEvent {
            id: EventId::new(),
            name: name.into(),
            schema_version: 1,
            payload: Payload {
                encoding: Encoding::Json,
                bytes: format!(r#"{{"order_id":{order}}}"#).into_bytes(),
            },
        }],
        metadata: Metadata::default(),
        conditions: Vec::new(),
    };
    store.append(append).await.unwrap();
}

async fn started(store: &Store, done: &Arc<Mutex<Vec<String>>>) -> System {
    gated(store, done, &Arc::default()).await
}

async fn gated(store: &Store, done: &Arc<Mutex<Vec<String>>>, gate: &Arc<Notify>) -> System {
    let builder = System::builder()
        .isolated()
        .with::<Sagas<Fulfilment>>()
        .with::<Warehouse>()
        .provide(store.clone());
    let builder = builder.provide(Arc::clone(gate));
    builder.provide(Arc::clone(done)).start().await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn it_continues_compensates_and_times_out_also_after_a_restart() {
    let store = Store::memory();
    let done = Arc::new(Mutex::new(Vec::new()));
    let system = started(&store, &done).await;
    let saga = store.saga::<Fulfilment>().unwrap();
    append(&store, "order.placed", 1).await;
    append(&store, "order.paid", 1).await;
    saga.settled().await.unwrap();
    assert_eq!(*done.lock().unwrap(), ["reserve 1", "ship 1"]);
    assert!(saga.active().is_empty());

    let mut failed = system.subscribe::<SagaFailed>();
    append(&store, "order.placed", 13).await;
    append(&store, "order.paid", 13).await;
    saga.settled().await.unwrap();
    assert_eq!(done.lock().unwrap()[2..], ["reserve 13", "release 13"]);
    assert_eq!(failed.next().await.unwrap().key, "13");

    append(&store, "order.placed", 2).await;
    saga.settled().await.unwrap();
    assert_eq!(saga.active().len(), 1);
    system.shutdown().await;

    let system = started(&store, &done).await;
    let saga = store.saga::<Fulfilment>().unwrap();
    let mut failed = system.subscribe::<SagaFailed>();
    tokio::time::sleep(Duration::from_secs(1801)).await;
    assert_eq!(failed.next().await.unwrap().reason, "not paid in time");
    saga.settled().await.unwrap();
    assert_eq!(done.lock().unwrap()[4..], ["reserve 2", "release 2"]);
    system.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_command_on_its_way_when_the_saga_fails_is_compensated_once_it_is_done() {
    let (store, done) = (Store::memory(), Arc::default());
    let gate = Arc::new(Notify::new());
    let system = gated(&store, &done, &gate).await;
    let saga = store.saga::<Fulfilment>().unwrap();
    append(&store, "order.placed", 7).await;
    tokio::time::sleep(Duration::from_secs(1801)).await;
    let active = saga.active();
    assert_eq!(
        active.len(),
        1,
        "it is not over while its command is on its way"
    );
    assert_eq!(active[0].failed.as_deref(), Some("not paid in time"));
    assert!(done.lock().unwrap().is_empty());
    gate.notify_one();
    saga.settled().await.unwrap();
    assert_eq!(*done.lock().unwrap(), ["reserve 7", "release 7"]);
    assert!(saga.active().is_empty());
    system.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn one_that_is_over_is_forgotten_also_if_more_comes_for_it_at_once() {
    let (store, done) = (Store::memory(), Arc::default());
    let system = started(&store, &done).await;
    let saga = store.saga::<Fulfilment>().unwrap();
    append(&store, "order.placed", 5).await;
    saga.settled().await.unwrap();
    assert_eq!(saga.active().len(), 1);
    let cancelled = [5, 5].map(|order_id| Cancelled { order_id });
    store.append_events("order/5", cancelled).await.unwrap();
    saga.settled().await.unwrap();
    assert!(saga.active().is_empty(), "{:?}", saga.active());
    assert_eq!(*done.lock().unwrap(), ["reserve 5"]);
    system.shutdown().await;
}
