//! Sagas: work in several steps, each of which may fail.
//!
//! The part by hand below is what `#[saga(..)] impl Fulfilment { .. }` makes. Grammar: `key = field` (required: the field of that name in each
//! event of `handles` is the correlation key), `handles = [..]` (events, required), `starts = [..]` (required, among `handles`), `ends = [..]`
//! (optional, among `handles`), `sends = [..]` (commands; optional), `name = ".."` (default: the type's name in snake_case),
//! `retries = 3`, `crate = path`.
//!
//! - A method whose first argument is `&E` of an event in `handles` handles it: `&mut self`, sync or async, gives back `()` or a
//!   `Result<(), E>`; a second argument, if any, is `step: &mut Step<Self>` (as the context's in `#[module]`: told by its last path segment). Each
//!   event in `handles` needs one; more arguments are errors.
//! - `#[timeout("30m")]` or `#[timeout(after = "30m", since = OrderPlaced)]` (`since`: an event in `handles`; without, it counts from the
//!   start) above a method `&mut self` with or without `step: &mut Step<Self>`: handles a time-out.
//! - The state needs `Default`, `Serialize`, `Deserialize` (readable errors if not). There are no hooks (`#[init]` etc. are errors).

use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use nether::eventstore::{
    Append, Encoding, EventId, Expected, Metadata, NewEvent, Payload, SagaFailed, Step, Store,
};
use nether::prelude::*;
use serde::{Deserialize, Serialize};

#[event(name = "order.placed")]
pub struct Placed {
    pub order_id: u32,
}

#[event(name = "order.paid")]
pub struct Paid {
    pub order_id: u32,
}

#[command]
pub struct Reserve(pub u32);

#[command]
pub struct Release(pub u32);

#[command]
pub struct Ship(pub u32);

#[derive(Default, Serialize, Deserialize)]
pub struct Fulfilment {
    paid: bool,
}

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

    // #[timeout("30m")]
    fn unpaid(&mut self, step: &mut Step<Self>) {
        if !self.paid {
            step.fail("not paid in time");
        }
    }
}

const _: () = {
    use nether::__private as p;
    use p::eventstore as es;
    static DESCRIPTOR: p::ModuleDescriptor = p::ModuleDescriptor {
        declaration: p::Declaration {
            name: concat!(module_path!(), "::", "Fulfilment"),
            file: file!(),
            line: line!(),
            column: column!(),
        },
        kind: p::ModuleKind::Shared,
        handles: &[],
        emits: &[],
        calls: &[
            <Reserve as p::Message>::PROOF,
            <Release as p::Message>::PROOF,
            <Ship as p::Message>::PROOF,
        ],
        after: &[],
        instances: 1,
        mailbox: p::Option::None,
        restart: p::RestartPolicy {
            restart: p::Restart::Resume,
            max_restarts: 5,
            within: p::Duration::from_millis(30_000),
            is_essential: false,
        },
        breaker: p::Option::None,
        resources: &[<Resource<Store> as p::InitArgument>::DESCRIPTOR],
        launch: p::Option::Some(p::launch::<es::Sagas<Fulfilment>>),
    };
    impl es::Saga for Fulfilment {
        const NAME: &'static str = "fulfilment";
        const DESCRIPTOR: &'static p::ModuleDescriptor = &DESCRIPTOR;
        const RETRIES: u32 = 3;
        const TIMEOUTS: &'static [es::Timeout] = &[es::Timeout {
            name: "unpaid",
            after: p::Duration::from_millis(1_800_000),
            since: p::Option::None,
        }];
        fn starts(event: &str) -> bool {
            event == <Placed as es::StoredEvent>::SCHEMA.name
        }
        fn ends(event: &str) -> bool {
            event == <Paid as es::StoredEvent>::SCHEMA.name
        }
        fn key(recorded: &es::RecordedEvent) -> p::Option<p::Result<p::String, es::StoreError>> {
            let key = es::key_of::<Placed, _>(recorded, |event| &event.order_id);
            key.or_else(|| es::key_of::<Paid, _>(recorded, |event| &event.order_id))
        }
        async fn handle(
            &mut self,
            recorded: &es::RecordedEvent,
            step: &mut es::Step<Self>,
        ) -> p::Result<(), p::Error> {
            if let Some(event) = es::decoded::<Placed>(recorded) {
                return p::IntoOutcome::<(), _>::into_outcome(
                    Self::placed(self, &event?, step).await,
                );
            }
            if let Some(event) = es::decoded::<Paid>(recorded) {
                return p::IntoOutcome::<(), _>::into_outcome(Self::paid(self, &event?, step));
            }
            Ok(())
        }
        async fn time_out(
            &mut self,
            timeout: &str,
            step: &mut es::Step<Self>,
        ) -> p::Result<(), p::Error> {
            match timeout {
                "unpaid" => p::IntoOutcome::<(), _>::into_outcome(Self::unpaid(self, step)),
                _ => Ok(()), // Of another version of the program.
            }
        }
        async fn deliver(
            command: &es::StoredCommand,
            ctx: &p::Context<es::Sagas<Self>>,
        ) -> es::Delivery {
            if let Some(delivery) = es::deliver::<Self, Reserve>(command, ctx).await {
                return delivery;
            }
            if let Some(delivery) = es::deliver::<Self, Release>(command, ctx).await {
                return delivery;
            }
            if let Some(delivery) = es::deliver::<Self, Ship>(command, ctx).await {
                return delivery;
            }
            es::Delivery::Failed(format!(
                "the saga does not list `{}` in `sends`",
                command.name
            ))
        }
    }
    impl es::Sends<Reserve> for Fulfilment {}
    impl es::Sends<Release> for Fulfilment {}
    impl es::Sends<Ship> for Fulfilment {}
    p::inventory::submit! { p::ModuleRegistration(&DESCRIPTOR) }
};

// What `#[event]` will add.
const _: () = {
    use nether::__private::eventstore as es;
    macro_rules! stored {
        ($($event:ident)+) => {$(
            impl es::StoredEvent for $event {
                const SCHEMA: &'static es::EventSchema = &es::EventSchema {
                    name: <$event as nether::__private::Message>::NAME,
                    version: 1,
                    declaration: nether::__private::Declaration { name: "", file: file!(), line: line!(), column: column!() },
                    fields: &[],
                };
                fn upcast(_: u32, _: &es::Payload) -> Option<Result<Self, es::Unreadable>> {
                    None
                }
            }
        )+};
    }
    stored!(Placed Paid);
};

/// What was done, in order.
#[derive(Default)]
pub struct Warehouse {
    done: Arc<Mutex<Vec<String>>>,
}

#[module(handles = [Reserve, Release, Ship])]
impl Warehouse {
    #[init]
    fn new(done: Resource<Arc<Mutex<Vec<String>>>>) -> Self {
        Warehouse {
            done: Arc::clone(&done),
        }
    }

    async fn reserve(&self, Reserve(order): Reserve) -> nether::Result<()> {
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
            schema: 1,
            payload: Payload {
                encoding: Encoding::Json,
                bytes: format!(r#"{{"order_id":{order}}}"#).into_bytes(),
            },
        }],
        metadata: Metadata::default(),
    };
    store.append(append).await.unwrap();
}

async fn started(store: &Store, done: &Arc<Mutex<Vec<String>>>) -> System {
    let builder = System::builder().provide(store.clone());
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
    assert!(saga.under_way().is_empty());

    let mut failed = system.subscribe::<SagaFailed>();
    append(&store, "order.placed", 13).await;
    append(&store, "order.paid", 13).await;
    saga.settled().await.unwrap();
    assert_eq!(done.lock().unwrap()[2..], ["reserve 13", "release 13"]);
    assert_eq!(failed.next().await.unwrap().key, "13");

    append(&store, "order.placed", 2).await;
    saga.settled().await.unwrap();
    assert_eq!(saga.under_way().len(), 1);
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
