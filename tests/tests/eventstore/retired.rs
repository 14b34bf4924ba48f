//! Events that are not stored any more: aggregates, subscriptions and tests read them as the events that they
//! become. Projections and sagas are in `retired_projections.rs` and `retired_sagas.rs`.

use nether::CallError;
use nether::eventstore::{Aggregates, Encoding, Position, Store, StoreError, given};
use nether::prelude::*;
use serde::Deserialize;

use crate::unsteady::raw;

/// What version 1 of the retired event was.
#[derive(Deserialize)]
pub struct ChangedV1 {
    order: u32,
    name: String,
}

#[derive(Debug, thiserror::Error)]
#[error("an order without a name")]
pub struct NoName;

fn with_price(old: ChangedV1) -> Result<OrderChanged, NoName> {
    if old.name.is_empty() {
        return Err(NoName);
    }
    Ok(OrderChanged {
        order: old.order,
        name: Some(old.name),
        price: None,
    })
}

/// It was split, and is not stored any more.
#[event(name = "retired.changed", version = 2, upcast = with_price, becomes = split)]
pub struct OrderChanged {
    pub order: u32,
    pub name: Option<String>,
    pub price: Option<u64>,
}

#[event(name = "retired.renamed")]
pub struct Renamed {
    pub order: u32,
    pub name: String,
}

#[event(name = "retired.repriced")]
pub struct Repriced {
    pub order: u32,
    pub price: u64,
}

#[derive(Debug, thiserror::Error)]
#[error("the order {0} was changed, but nothing of it")]
pub struct NothingChanged(u32);

fn split(old: OrderChanged) -> Result<(Option<Renamed>, Option<Repriced>), NothingChanged> {
    let OrderChanged { order, name, price } = old;
    if name.is_none() && price.is_none() {
        return Err(NothingChanged(order));
    }
    Ok((
        name.map(|name| Renamed { order, name }),
        price.map(|price| Repriced { order, price }),
    ))
}

/// It is not asked for any more.
#[event(name = "retired.noted", becomes = nothing)]
pub struct Noted {
    pub text: String,
}

fn nothing(_: Noted) {}

/// It was retired before what it became was.
#[event(name = "retired.edited", becomes = changed)]
pub struct Edited {
    pub order: u32,
    pub names: Vec<String>,
}

fn changed(old: Edited) -> Vec<OrderChanged> {
    let order = old.order;
    let changed = |name| OrderChanged {
        order,
        name: Some(name),
        price: None,
    };
    old.names.into_iter().map(changed).collect()
}

#[event(name = "retired.egg", becomes = hatched)]
pub struct Egg {}

#[event(name = "retired.hen", becomes = laid)]
pub struct Hen {}

fn hatched(_: Egg) -> [Hen; 1] {
    [Hen {}]
}

fn laid(_: Hen) -> Egg {
    Egg {}
}

#[event(name = "retired.bubble", becomes = burst)]
pub struct Bubble {}

fn burst(_: Bubble) -> Option<Renamed> {
    panic!("it burst")
}

#[event(name = "retired.orphan", becomes = unnamed)]
pub struct Orphan {}

#[event]
pub struct WithoutName {}

fn unnamed(_: Orphan) -> WithoutName {
    WithoutName {}
}

#[event(name = "retired.countdown", becomes = counted)]
pub struct Countdown {
    left: u32,
}

fn counted(old: Countdown) -> (Option<Countdown>, Option<Renamed>) {
    let (order, name) = (1, "zero".to_owned());
    match old.left.checked_sub(1) {
        Some(left) => (Some(Countdown { left }), None),
        None => (None, Some(Renamed { order, name })),
    }
}

#[derive(Debug, PartialEq)]
pub struct Summary(String);

impl From<&Order> for Summary {
    fn from(order: &Order) -> Self {
        Summary(order.log.join(" "))
    }
}

#[command(key = order, reply = Summary)]
pub struct Rename {
    pub order: u32,
    pub name: String,
}

#[derive(Default, serde::Serialize, Deserialize)]
pub struct Order {
    log: Vec<String>,
}

#[aggregate(handles = Rename, events = [Renamed, Repriced], name = "retired", snapshot_every = 1)]
impl Order {
    fn rename(&self, rename: Rename) -> Renamed {
        Renamed {
            order: rename.order,
            name: rename.name,
        }
    }

    fn renamed(&mut self, event: &Renamed) {
        self.log.push(event.name.clone());
    }

    fn repriced(&mut self, event: &Repriced) {
        self.log.push(event.price.to_string());
    }
}

/// Another one, which does not know of prices.
#[derive(Default)]
pub struct Names {
    log: Vec<String>,
}

impl From<&Names> for Summary {
    fn from(names: &Names) -> Self {
        Summary(names.log.join(" "))
    }
}

#[command(key = order, reply = Summary)]
pub struct AddName {
    pub order: u32,
}

#[aggregate(handles = AddName, events = [Renamed], name = "retired-names")]
impl Names {
    fn add(&self, add: AddName) -> Renamed {
        Renamed {
            order: add.order,
            name: "added".into(),
        }
    }

    fn renamed(&mut self, event: &Renamed) {
        self.log.push(event.name.clone());
    }
}

const BOTH: &str = r#"{"order":1,"name":"box","price":5}"#;
const NONE: &str = r#"{"order":1,"name":null,"price":null}"#;

async fn append(store: &Store, stream: &str, name: &'static str, version: u32, json: &str) {
    store
        .append(raw(stream, name, version, json))
        .await
        .unwrap();
}

async fn started(store: &Store) -> System {
    let builder = System::builder()
        .isolated()
        .with::<Aggregates<Order>>()
        .with::<Aggregates<Names>>();
    builder.provide(store.clone()).start().await.unwrap()
}

async fn rename(store: &Store, name: &str) -> Result<Summary, CallError<nether::Error>> {
    let system = started(store).await;
    let name = name.to_owned();
    let renamed = system.context().send(Rename { order: 1, name }).await;
    system.shutdown().await;
    renamed
}

#[tokio::test]
async fn an_aggregate_evolves_by_all_that_its_retired_events_become() {
    for encoding in [Encoding::Json, Encoding::MessagePack] {
        let store = Store::memory().encoding(encoding);
        append(&store, "retired/1", "retired.changed", 2, BOTH).await;
        append(&store, "retired/1", "retired.noted", 1, r#"{"text":"hm"}"#).await;
        let edited = r#"{"order":1,"names":["bag","jar"]}"#;
        append(&store, "retired/1", "retired.edited", 1, edited).await;
        let first = r#"{"order":1,"name":"crate"}"#;
        append(&store, "retired/1", "retired.changed", 1, first).await;
        let summary = rename(&store, "can").await.unwrap();
        assert_eq!(summary, Summary("box 5 bag jar crate can".into()));
        // Each stored event counts once: also behind the snapshot that was made.
        let last = store.read_all(Position(4), 9).await.unwrap();
        assert_eq!(
            (&*last[0].name, last[0].stream_version),
            ("retired.renamed", 5)
        );
        append(&store, "retired/1", "retired.changed", 2, BOTH).await;
        let summary = rename(&store, "tin").await.unwrap();
        assert_eq!(summary, Summary("box 5 bag jar crate can box 5 tin".into()));
    }
}

#[tokio::test]
async fn a_retired_event_that_cannot_become_what_it_should_is_an_error_that_names_it() {
    let no_name = r#"{"order":1,"name":""}"#;
    for (name, version, json, why) in [
        ("retired.changed", 2, NONE, "changed, but nothing of it"),
        ("retired.changed", 1, no_name, "an order without a name"),
        ("retired.changed", 2, "{}", "missing field"),
        ("retired.changed", 3, BOTH, "written by a newer one"),
        ("retired.noted", 1, "{}", "missing field"),
        (
            "retired.egg",
            1,
            "{}",
            "`retired.hen` → `retired.egg` → `retired.hen`",
        ),
        (
            "retired.countdown",
            1,
            r#"{"left":99}"#,
            "not ended after 64 times",
        ),
        (
            "retired.bubble",
            1,
            "{}",
            "the function of `becomes` panicked: it burst",
        ),
        ("retired.orphan", 1, "{}", "no name of its own"),
    ] {
        for store in [Store::memory(), Store::memory().skip_unknown_events()] {
            append(&store, "retired/2", "retired.changed", 2, BOTH).await;
            append(&store, "retired/1", name, version, json).await;
            let CallError::Unavailable(error) = rename(&store, "can").await.unwrap_err() else {
                panic!("the store is to blame");
            };
            let error = std::error::Error::source(&*error).expect("the store's error");
            let text = error.to_string();
            for part in ["`retired/1`", "position 2", name, why] {
                assert!(text.contains(part), "{part}: {text}");
            }
        }
    }
}

#[tokio::test]
async fn a_retired_event_that_becomes_itself_some_times_ends() {
    let store = Store::memory();
    append(
        &store,
        "retired/1",
        "retired.countdown",
        1,
        r#"{"left":64}"#,
    )
    .await;
    assert_eq!(
        rename(&store, "can").await.unwrap(),
        Summary("zero can".into())
    );
}

#[tokio::test]
async fn a_successor_that_an_aggregate_does_not_list_is_an_error_unless_it_is_skipped() {
    let store = Store::memory();
    append(&store, "retired-names/1", "retired.changed", 2, BOTH).await;
    let add = async |store: &Store| {
        let system = started(store).await;
        let added = system.context().send(AddName { order: 1 }).await;
        system.shutdown().await;
        added
    };
    let CallError::Unavailable(error) = add(&store).await.unwrap_err() else {
        panic!("the store is to blame");
    };
    let text = std::error::Error::source(&*error).unwrap().to_string();
    for part in [
        "`retired.changed`",
        "`retired.repriced`",
        "not in the `events`",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let added = add(&store.skip_unknown_events()).await.unwrap();
    assert_eq!(added, Summary("box added".into()));
}

#[tokio::test]
async fn a_subscription_gives_what_a_retired_event_becomes_and_continues_behind_all_of_it() {
    let store = Store::memory();
    append(&store, "retired/1", "retired.noted", 1, r#"{"text":"hm"}"#).await;
    append(&store, "retired/1", "retired.changed", 2, BOTH).await;
    append(&store, "retired/1", "retired.noted", 1, r#"{"text":"hm"}"#).await;
    append(&store, "retired/1", "retired.changed", 2, NONE).await;
    let mut events = store.subscribe(Position::START);
    let first = events.next().await.unwrap();
    assert_eq!(first.read::<Renamed>().unwrap().name, "box");
    assert_eq!(
        (first.position, events.position()),
        (Position(2), Position(1))
    );
    let second = events.next().await.unwrap();
    assert_eq!(second.read::<Repriced>().unwrap().price, 5);
    assert_eq!(
        (second.position, events.position()),
        (Position(2), Position(2))
    );
    assert_eq!((first.stream_version, second.stream_version), (2, 2));
    // What is not readable is not passed over, however often it is asked for: nor if the function panics.
    for _ in 0..2 {
        let error = events.next().await.unwrap_err();
        let StoreError::Unknown { position, .. } = error else {
            panic!("{error}");
        };
        assert_eq!((position, events.position()), (Position(4), Position(3)));
    }
    append(&store, "retired/1", "retired.bubble", 1, "{}").await;
    for _ in 0..2 {
        let error = store.subscribe(Position(4)).next().await.unwrap_err();
        assert!(error.to_string().contains("panicked: it burst"), "{error}");
    }
    append(&store, "retired/1", "retired.changed", 2, BOTH).await;
    let next = store.subscribe(Position(5)).next().await.unwrap();
    assert_eq!(next.position, Position(6));
    // The store has what was appended.
    let stored = store.read_all(Position(1), 1).await.unwrap();
    assert_eq!(&*stored[0].name, "retired.changed");
    let again = stored[0].upcast().unwrap();
    assert_eq!(again, [first.clone(), second.clone()]);
    assert_eq!(
        (stored[0].id, again[0].upcast().unwrap()),
        (first.id, vec![first.clone()])
    );
    assert_ne!(first.id, second.id);
}

#[test]
fn the_function_of_a_retired_event_tests_what_an_aggregate_makes_of_it() {
    let old = OrderChanged {
        order: 1,
        name: Some("box".into()),
        price: None,
    };
    let (renamed, _) = split(old).unwrap();
    let (order, name) = (1, "can".to_owned());
    let decided = given::<Order, _>(renamed).when(Rename { order, name });
    let after = decided.then(Renamed {
        order,
        name: "can".into(),
    });
    assert_eq!(after.log, ["box", "can"]);
}
