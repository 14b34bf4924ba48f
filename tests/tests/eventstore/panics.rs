//! Panics of the code that a runner runs, wherever on the way of an event: they park that event and stop
//! nothing else.

use std::sync::{Arc, Mutex};

use nether::eventstore::{
    Append, Encoding, EventId, Expected, Metadata, NewEvent, Payload, Projections, Sagas, Step,
    Store,
};
use nether::prelude::*;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Where order 2 panics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Upcaster,
    Deserialize,
    Key,
    Handler,
    StateDeserialize,
    StateSerialize,
    StateDrop,
    ErrorDisplay,
}

const PLACES: [Place; 8] = [
    Place::Upcaster,
    Place::Deserialize,
    Place::Key,
    Place::Handler,
    Place::StateDeserialize,
    Place::StateSerialize,
    Place::StateDrop,
    Place::ErrorDisplay,
];

/// Panics in that place, for order 2. The tests of this file run one after the other.
static ARMED: Mutex<Option<Place>> = Mutex::new(None);
static ONE_AT_A_TIME: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

fn pass(place: Place, order: u32) {
    let armed = *ARMED.lock().unwrap();
    assert!(order != 2 || armed != Some(place), "in {place:?}");
}

fn arm(place: Option<Place>) {
    *ARMED.lock().unwrap() = place;
}

/// A key whose text may panic.
#[derive(Clone, Copy, Debug)]
pub struct Order(u32);

impl std::fmt::Display for Order {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        pass(Place::Key, self.0);
        write!(f, "{}", self.0)
    }
}

impl Serialize for Order {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Order {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let order = u32::deserialize(deserializer)?;
        pass(Place::Deserialize, order);
        Ok(Order(order))
    }
}

#[event(name = "panics.placed", version = 2, upcast = from_v1)]
pub struct Placed {
    pub order: Order,
}

#[derive(Deserialize)]
pub struct PlacedV1 {
    number: u32,
}

fn from_v1(old: PlacedV1) -> Placed {
    pass(Place::Upcaster, old.number);
    Placed {
        order: Order(old.number),
    }
}

#[derive(Debug)]
struct Unspeakable;

impl std::fmt::Display for Unspeakable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        pass(Place::ErrorDisplay, 2);
        f.write_str("unspeakable")
    }
}

impl std::error::Error for Unspeakable {}

fn handle(order: u32) -> nether::Result<()> {
    pass(Place::Handler, order);
    if order == 2 && *ARMED.lock().unwrap() == Some(Place::ErrorDisplay) {
        return Err(Unspeakable.into());
    }
    Ok(())
}

#[command(name = "panics.pack")]
pub struct Pack {
    pub order: u32,
}

#[derive(Default)]
pub struct Fulfil {
    order: u32,
}

impl Serialize for Fulfil {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        pass(Place::StateSerialize, self.order);
        self.order.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Fulfil {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let order = u32::deserialize(deserializer)?;
        pass(Place::StateDeserialize, order);
        Ok(Fulfil { order })
    }
}

impl Drop for Fulfil {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            pass(Place::StateDrop, self.order);
        }
    }
}

#[saga(key = order, handles = [Placed], starts = [Placed], sends = [Pack], retry = 0)]
impl Fulfil {
    fn placed(&mut self, event: &Placed, step: &mut Step<Self>) -> nether::Result<()> {
        let order = event.order.0;
        self.order = order;
        handle(order)?;
        step.send(Pack { order });
        Ok(())
    }
}

#[derive(Default)]
pub struct Seen {
    orders: Vec<u32>,
}

#[query(reply = Vec<u32>)]
pub struct AllSeen;

#[projection(handles = [Placed, AllSeen], retry = 0)]
impl Seen {
    fn placed(&mut self, event: &Placed) -> nether::Result<()> {
        handle(event.order.0)?;
        self.orders.push(event.order.0);
        Ok(())
    }

    fn all(&self, _: AllSeen) -> Vec<u32> {
        self.orders.clone()
    }
}

type Packed = Arc<Mutex<Vec<u32>>>;

pub struct Depot {
    packed: Packed,
}

#[module(handles = Pack)]
impl Depot {
    #[init]
    fn new(packed: Resource<Packed>) -> Self {
        Depot {
            packed: Arc::clone(&packed),
        }
    }

    async fn pack(&self, pack: Pack) {
        self.packed.lock().unwrap().push(pack.order);
    }
}

/// Appends an order as it was written in that version.
async fn written(store: &Store, order: u32, schema_version: u32, json: String) {
    let events = vec![NewEvent {
        id: EventId::new(),
        name: "panics.placed".into(),
        schema_version,
        payload: Payload {
            encoding: Encoding::Json,
            bytes: json.into_bytes(),
        },
    }];
    let append = Append {
        stream: format!("order/{order}").into(),
        expected: Expected::Any,
        events,
        metadata: Metadata::default(),
        conditions: Vec::new(),
    };
    store.append(append).await.unwrap();
}

async fn placed(store: &Store, order: u32) {
    let json = format!(r#"{{"number":{order}}}"#);
    written(store, order, 1, json).await;
}

/// The same in the current version, whose `Deserialize` is run.
async fn placed_now(store: &Store, order: u32) {
    let events = [Placed {
        order: Order(order),
    }];
    let stream = format!("order/{order}");
    store.append_events(stream, events).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_panic_on_the_way_of_an_event_parks_it_and_stops_nothing_else() {
    let _alone = ONE_AT_A_TIME.lock().await;
    for place in PLACES {
        let (store, packed) = (Store::memory(), Packed::default());
        let system = System::builder()
            .isolated()
            .with::<Projections<Seen>>()
            .with::<Sagas<Fulfil>>()
            .with::<Depot>()
            .provide(store.clone())
            .provide(Arc::clone(&packed))
            .start()
            .await
            .unwrap();
        if place == Place::StateDeserialize {
            placed(&store, 2).await; // So that there is a state to be read.
        }
        let saga = store.saga::<Fulfil>().unwrap();
        let seen = store.projection::<Seen>().unwrap();
        saga.settled().await.unwrap();
        arm(Some(place));
        for order in [1, 2, 3] {
            match place {
                Place::Upcaster => placed(&store, order).await,
                // Appended by hand: it would panic before it is stored.
                Place::Deserialize => {
                    let json = format!(r#"{{"order":{order}}}"#);
                    written(&store, order, 2, json).await;
                }
                _ => placed_now(&store, order).await,
            }
        }
        saga.settled().await.unwrap();
        seen.caught_up().await.unwrap();
        let parked = saga.parked();
        assert_eq!(parked.len(), 1, "{place:?}: {parked:?}");
        let others: Vec<_> = packed.lock().unwrap().clone();
        assert!(others.contains(&1) && others.contains(&3), "{place:?}");
        let of_projection = matches!(
            place,
            Place::Upcaster | Place::Deserialize | Place::Handler | Place::ErrorDisplay
        );
        assert_eq!(seen.parked().len(), usize::from(of_projection), "{place:?}");
        arm(None);
        assert_eq!(
            saga.retry_parked(&parked[0].key).await.unwrap(),
            1,
            "{place:?}"
        );
        seen.retry_all_parked().await.unwrap();
        saga.settled().await.unwrap();
        assert!(packed.lock().unwrap().contains(&2), "{place:?}");
        let all = system.context().ask(AllSeen).await.unwrap();
        assert!(all.contains(&1) && all.contains(&2) && all.contains(&3));
        system.shutdown().await;
    }
}
