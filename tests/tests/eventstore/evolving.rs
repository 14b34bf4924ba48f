//! Nothing is stored that the aggregate cannot live with: a panic of its code fails the command, and leaves
//! the store as it was. An id that belongs to another command is no acknowledgement.

use nether::CallError;
use nether::eventstore::{
    Aggregates, Append, CommandId, Encoding, Expected, Metadata, NewEvent, Payload, Position,
    Store, StreamId,
};
use nether::prelude::*;
use serde::{Deserialize, Serialize, Serializer};

#[command(key = purse, reply = Cents)]
pub struct PutIn {
    pub purse: u32,
    pub cents: u64,
}

#[event(name = "evolving.put_in")]
pub struct WasPutIn {
    pub cents: u64,
}

#[derive(Debug, PartialEq)]
pub struct Cents(u64);

#[derive(Default, Deserialize)]
#[serde(from = "u64")]
pub struct Purse {
    cents: u64,
}

/// A purse with so much cannot be shown.
const UNSPEAKABLE: u64 = 666;
/// Nor with so much written down.
const UNWRITABLE: u64 = 777;

impl From<&Purse> for Cents {
    fn from(purse: &Purse) -> Self {
        assert_ne!(purse.cents, UNSPEAKABLE, "unspeakable");
        Cents(purse.cents)
    }
}

impl From<u64> for Purse {
    fn from(cents: u64) -> Self {
        Purse { cents }
    }
}

impl Serialize for Purse {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        assert_ne!(self.cents, UNWRITABLE, "unwritable");
        serializer.serialize_u64(self.cents)
    }
}

#[aggregate(handles = [PutIn], events = [WasPutIn], snapshot_every = 1)]
impl Purse {
    fn put_in(&self, put_in: PutIn) -> (WasPutIn, WasPutIn) {
        let half = put_in.cents / 2;
        let rest = put_in.cents - half;
        (WasPutIn { cents: half }, WasPutIn { cents: rest })
    }

    fn was_put_in(&mut self, event: &WasPutIn) {
        let sum = self.cents.checked_add(event.cents);
        self.cents = sum.expect("a purse holds no more than that");
    }
}

async fn started(store: &Store) -> System {
    let builder = System::builder().isolated().with::<Aggregates<Purse>>();
    builder.provide(store.clone()).start().await.unwrap()
}

#[tokio::test]
async fn what_panics_while_it_evolves_or_is_shown_is_not_stored() {
    let store = Store::memory();
    let system = started(&store).await;
    let ctx = system.context();
    let put_in = |cents| ctx.send(PutIn { purse: 1, cents });
    assert_eq!(put_in(2).await.unwrap(), Cents(2));
    // The second of two events does not fit; the sum of the others cannot be shown.
    for cents in [u64::MAX, UNSPEAKABLE - 2] {
        let panicked = put_in(cents).await.unwrap_err();
        assert!(matches!(panicked, CallError::Panicked(_)), "{panicked}");
        assert_eq!(store.head().await.unwrap(), Position(2), "{cents}");
    }
    assert_eq!(put_in(3).await.unwrap(), Cents(5));
    system.shutdown().await;
    let system = started(&store).await;
    let ctx = system.context();
    let put_in = ctx.send(PutIn { purse: 1, cents: 1 });
    assert_eq!(put_in.await.unwrap(), Cents(6), "also after a restart");
    system.shutdown().await;
}

#[tokio::test]
async fn a_snapshot_that_panics_fails_no_command() {
    let system = started(&Store::memory()).await;
    let ctx = system.context();
    let put_in = |cents| ctx.send(PutIn { purse: 1, cents });
    assert_eq!(put_in(UNWRITABLE).await.unwrap(), Cents(UNWRITABLE));
    assert_eq!(put_in(1).await.unwrap(), Cents(UNWRITABLE + 1));
    system.shutdown().await;
}

#[tokio::test]
async fn an_id_of_another_event_is_not_acknowledged() {
    let send = async |system: &System| {
        let ctx = system.context().with(CommandId::new(7));
        ctx.send(PutIn { purse: 1, cents: 2 }).await
    };
    let elsewhere = Store::memory();
    let system = started(&elsewhere).await;
    assert_eq!(send(&system).await.unwrap(), Cents(2));
    system.shutdown().await;
    let event = elsewhere.read_all(Position::START, 1).await.unwrap();

    let store = Store::memory();
    let taken = NewEvent {
        id: event[0].id,
        name: "evolving.put_in".into(),
        schema_version: 1,
        payload: Payload {
            encoding: Encoding::Json,
            bytes: b"{\"cents\":2}".to_vec(),
        },
    };
    let append = Append {
        stream: StreamId::from("purse/2"),
        expected: Expected::Any,
        events: vec![taken],
        metadata: Metadata::default(),
        conditions: Vec::new(),
    };
    store.append(append).await.unwrap();
    let system = started(&store).await;
    let refused = send(&system).await.unwrap_err();
    assert!(
        refused.to_string().contains("nothing was appended"),
        "{refused}"
    );
    assert_eq!(store.head().await.unwrap(), Position(1));
    system.shutdown().await;
}
