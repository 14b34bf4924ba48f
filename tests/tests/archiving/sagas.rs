//! Sagas whose streams are archived, and sagas that send to what is archived.

use std::sync::Arc;

use nether::eventstore::{
    Aggregates, SagaFailed, Sagas, Step, StepFailed, StepFailureKind, Store, StoreError,
};
use nether::prelude::*;
use nether_sqlite::SqliteStore;
use nether_tests::Folder;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

use crate::program::{Note, Noted, NotesOf, Order, archive, archived, noted};

#[command(key = parcel, name = "archiving.send_parcel", reply = Sent, error = SendError)]
pub struct SendParcel {
    pub parcel: u32,
    pub order: u32,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Sent;

#[derive(Debug, Serialize, Deserialize, thiserror::Error)]
#[error("{0}")]
pub struct SendError(String);

#[command(name = "archiving.carry")]
pub struct Carry {
    pub parcel: u32,
}

#[command(name = "archiving.fetch")]
pub struct Fetch {
    pub parcel: u32,
}

#[derive(Default, Serialize, Deserialize)]
pub struct Parcel;

#[saga(
    key = parcel,
    starts = [SendParcel],
    handles = [],
    sends = [Carry, Fetch, Note],
    from = "now"
)]
impl Parcel {
    fn begin(&mut self, send: &SendParcel, step: &mut Step<Self>) {
        let &SendParcel { parcel, order } = send;
        step.send(Carry { parcel })
            .compensate_with(Fetch { parcel });
        let text = "it is on its way".to_owned();
        step.send(Note { order, text });
        step.end();
    }

    fn answer(&self, failed: &StepFailed) -> SendError {
        assert_eq!(failed.kind(), StepFailureKind::Refused);
        SendError(failed.reason().to_owned())
    }
}

impl From<&Parcel> for Sent {
    fn from(_: &Parcel) -> Self {
        Sent
    }
}

/// Carries parcels when it may, and fetches them.
pub struct Carrier {
    arrived: Arc<Semaphore>,
    may_go: Arc<Semaphore>,
    fetched: Arc<Semaphore>,
}

#[module(handles = [Carry, Fetch], manual)]
impl Carrier {
    async fn carry(&self, _: Carry) {
        self.arrived.add_permits(1);
        self.may_go.acquire().await.expect("it is open").forget();
    }

    async fn fetch(&self, _: Fetch) {
        self.fetched.add_permits(1);
    }
}

struct Program {
    system: System,
    arrived: Arc<Semaphore>,
    may_go: Arc<Semaphore>,
    fetched: Arc<Semaphore>,
}

async fn start(store: &Store) -> Program {
    let builder = System::builder()
        .isolated()
        .with::<Aggregates<Order>>()
        .with::<Sagas<Parcel>>();
    let system = builder.provide(store.clone()).start().await.unwrap();
    let closed = || Arc::new(Semaphore::new(0));
    let (arrived, may_go, fetched) = (closed(), closed(), closed());
    let carrier = Carrier {
        arrived: Arc::clone(&arrived),
        may_go: Arc::clone(&may_go),
        fetched: Arc::clone(&fetched),
    };
    system.attach(carrier).await.unwrap();
    Program {
        system,
        arrived,
        may_go,
        fetched,
    }
}

const SEND: SendParcel = SendParcel {
    parcel: 5,
    order: 7,
};

#[tokio::test]
async fn a_saga_that_is_under_way_is_not_archived() {
    let folder = Folder::new("under-way");
    for store in [
        Store::memory(),
        Store::new(SqliteStore::open(folder.file()).unwrap()),
    ] {
        let program = start(&store).await;
        let ctx = program.system.context();
        let sending = ctx.send(SEND);
        let refused = async {
            program.arrived.acquire().await.unwrap().forget();
            let copy = store.copy_of("parcel/5").await.unwrap();
            let refused = store.archive(&copy, "olga", "it is old").await;
            program.may_go.add_permits(1);
            refused.unwrap_err()
        };
        let (sent, error) = tokio::join!(sending, refused);
        sent.unwrap();
        assert!(matches!(error, StoreError::NotArchived { .. }), "{error}");
        let text = error.to_string();
        assert!(
            text.contains("the saga `parcel` with the key `5` is under way"),
            "{text}"
        );
        // It is over, and answered.
        archive(&store, "parcel/5").await;
        assert_eq!(archived(ctx.send(SEND).await), "parcel/5");
        let sagas = store.saga::<Parcel>().unwrap();
        sagas.settled().await.unwrap();
        assert!(sagas.active().is_empty() && sagas.parked().is_empty());
        program.may_go.add_permits(1);
        let other = SendParcel { parcel: 6, ..SEND };
        ctx.send(other).await.unwrap();
        program.system.shutdown().await;
    }
}

#[tokio::test]
async fn a_command_that_its_saga_has_not_seen_yet_is_not_archived() {
    let store = Store::memory();
    let program = start(&store).await;
    store.saga::<Parcel>().unwrap().settled().await.unwrap();
    program.system.shutdown().await;
    // As the process that accepted the command may have ended behind that.
    store
        .append_events("parcel/5", [noted(5, "it is a command")])
        .await
        .unwrap();
    let copy = store.copy_of("parcel/5").await.unwrap();
    let error = store.archive(&copy, "olga", "it is old").await.unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, StoreError::NotArchived { .. }), "{text}");
    assert!(
        text.contains("up to position 0, and has to handle the one at 1"),
        "{text}"
    );
}

#[tokio::test]
async fn a_saga_that_sends_to_what_is_archived_fails_and_is_compensated() {
    let store = Store::memory();
    store
        .append_events("order/7", [noted(7, "a")])
        .await
        .unwrap();
    archive(&store, "order/7").await;
    let program = start(&store).await;
    let mut failures = program.system.subscribe::<SagaFailed>();
    program.may_go.add_permits(1);
    let ctx = program.system.context();
    let failed = ctx.send(SEND).await.unwrap_err();
    let failed = failed.into_handler_error().unwrap();
    assert!(
        failed.0.contains("the stream `order/7` was archived"),
        "{failed}"
    );
    assert_eq!(failures.next().await.unwrap().key, "5");
    assert_eq!(program.fetched.available_permits(), 1, "it is compensated");
    assert_eq!(archived(ctx.ask(NotesOf { order: 7 }).await), "order/7");
    program.system.shutdown().await;
}

#[command(name = "archiving.thank")]
pub struct Thank {
    pub order: u32,
}

/// Thanks for each note.
#[derive(Default, Serialize, Deserialize)]
pub struct Thanks;

#[saga(key = order, starts = [Noted], handles = [Noted], sends = [Thank], from = "beginning")]
impl Thanks {
    fn noted(&mut self, event: &Noted, step: &mut Step<Self>) {
        step.send(Thank { order: event.order });
        step.end();
    }
}

/// Thanks when it may.
pub struct Thanking {
    thanked: Arc<Semaphore>,
    may_thank: Arc<Semaphore>,
}

#[module(handles = Thank, manual)]
impl Thanking {
    async fn thank(&self, _: Thank) {
        self.thanked.add_permits(1);
        self.may_thank.acquire().await.expect("it is open").forget();
    }
}

#[tokio::test]
async fn sagas_are_shown_nothing_that_is_archived() {
    let store = Store::memory();
    let (thanked, may_thank) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    store
        .append_events("order/6", [noted(6, "a")])
        .await
        .unwrap();
    archive(&store, "order/6").await;
    // The second one waits until the saga of the first is over.
    let events = [noted(7, "a"), noted(7, "b")];
    store.append_events("order/7", events).await.unwrap();
    let builder = System::builder().isolated().with::<Sagas<Thanks>>();
    let system = builder.provide(store.clone()).start().await.unwrap();
    let thanking = Thanking {
        thanked: Arc::clone(&thanked),
        may_thank: Arc::clone(&may_thank),
    };
    system.attach(thanking).await.unwrap();
    thanked.acquire().await.unwrap().forget();
    let sagas = store.saga::<Thanks>().unwrap();
    let (_, position) = archive(&store, "order/7").await;
    sagas.wait_for(position).await.unwrap();
    assert_eq!(sagas.active()[0].held, 1);
    may_thank.add_permits(1);
    sagas.settled().await.unwrap();
    assert_eq!(thanked.available_permits(), 0, "that was the only one");
    assert!(sagas.active().is_empty() && sagas.parked().is_empty());
    system.shutdown().await;
}
