//! A command with an id is decided upon once: whatever else has the same id is another command, or is
//! refused.

use std::collections::{BTreeSet, HashMap, HashSet};

use nether::CallError;
use nether::eventstore::{
    Aggregates, Append, CommandId, Encoding, Events, Expected, Metadata, NewEvent, Position,
    RecordedEvent, Store, StoreError,
};
use nether::prelude::*;
use nether_sqlite::SqliteStore;
use nether_tests::Folder;
use tokio::task::JoinSet;

use crate::of_many::OfMany;

#[command(name = "repeated.pack", key = bag, reply = Things)]
pub struct Pack {
    pub bag: u32,
    pub things: Vec<String>,
    pub labels: HashMap<String, u32>,
    pub owners: HashSet<String>,
}

#[command(name = "repeated.stuff", key = bag, reply = Things)]
pub struct Stuff {
    pub bag: u32,
    pub things: Vec<String>,
}

#[command(local, name = "repeated.hide", key = bag, reply = Things)]
pub struct Hide {
    pub bag: u32,
    pub thing: String,
}

#[event(name = "repeated.packed")]
pub struct Packed {
    pub thing: String,
}

#[event(name = "repeated.closed")]
pub struct BagClosed {}

#[derive(Debug, PartialEq)]
pub struct Things(Vec<String>);

impl From<&Bag> for Things {
    fn from(bag: &Bag) -> Self {
        Things(bag.things.clone())
    }
}

#[derive(Default)]
pub struct Bag {
    things: Vec<String>,
}

/// Whether a system closes what it has packed.
#[derive(Clone, Copy)]
pub struct Closes(bool);

#[aggregate(name = "bag", handles = [Pack, Stuff, Hide], events = [Packed, BagClosed])]
impl Bag {
    fn pack(&self, pack: Pack, closes: Resource<Closes>) -> Events<Self> {
        let mut events = Events::none();
        if closes.0 {
            events.push(BagClosed {});
        }
        for thing in pack.things {
            events.push(Packed { thing });
        }
        events
    }

    fn stuff(&self, stuff: Stuff) -> Vec<Packed> {
        stuff
            .things
            .into_iter()
            .map(|thing| Packed { thing })
            .collect()
    }

    fn hide(&self, hide: Hide) -> Packed {
        Packed { thing: hide.thing }
    }

    fn packed(&mut self, packed: &Packed) {
        self.things.push(packed.thing.clone());
    }

    fn bag_closed(&mut self, _: &BagClosed) {}
}

async fn started(store: &Store, closes: bool) -> System {
    let builder = System::builder().isolated().with::<Aggregates<Bag>>();
    let builder = builder.provide(store.clone()).provide(Closes(closes));
    builder.start().await.unwrap()
}

fn texts<const N: usize, T: FromIterator<String>>(texts: [&str; N]) -> T {
    texts.into_iter().map(str::to_owned).collect()
}

fn pack<const N: usize>(bag: u32, things: [&str; N]) -> Pack {
    Pack {
        bag,
        things: texts(things),
        labels: HashMap::new(),
        owners: HashSet::new(),
    }
}

fn stuff<const N: usize>(bag: u32, things: [&str; N]) -> Stuff {
    Stuff {
        bag,
        things: texts(things),
    }
}

fn with(system: &System, id: CommandId) -> Context {
    system.context().with(id)
}

fn refused<T: std::fmt::Debug, E: std::fmt::Debug>(sent: Result<T, CallError<E>>) -> StoreError {
    match sent {
        Err(CallError::Unavailable(unavailable)) => {
            let error = unavailable.error.downcast_ref::<StoreError>();
            error.expect("the store's own error").clone()
        }
        other => panic!("the store refuses it: {other:?}"),
    }
}

async fn all(store: &Store) -> Vec<RecordedEvent> {
    store.read_all(Position::START, usize::MAX).await.unwrap()
}

fn assert_reused(error: &StoreError, expected: (&str, &str, u64)) {
    match error {
        StoreError::CommandIdReused {
            command,
            stream,
            position,
        } => assert_eq!((*command, stream.as_str(), position.0), expected),
        other => panic!("the id is of a command with another content: {other}"),
    }
    assert!(error.is_permanent());
}

/// Sends commands with one id that differ in one thing each, twice; gives how many events there are.
async fn each_once(store: &Store, is_first_run: bool) -> usize {
    let system = started(store, false).await;
    let id = CommandId::new(7);
    let before = all(store).await.len();
    for round in 0..2 {
        let things = with(&system, id).send(pack(1, ["a", "b"])).await;
        assert_eq!(
            things.unwrap().0.len(),
            if is_first_run && round == 0 { 2 } else { 5 }
        );
        let count = all(store).await.len();
        let other = with(&system, id).send(pack(1, ["a", "c"])).await;
        assert_reused(&refused(other), ("repeated.pack", "bag/1", 1));
        let longer = with(&system, id).send(pack(1, ["a", "b", "b"])).await;
        assert_reused(&refused(longer), ("repeated.pack", "bag/1", 1));
        assert_eq!(all(store).await.len(), count, "nothing is stored of it");
        // Another stream, another command, another scope, another kind of id.
        let elsewhere = with(&system, id).send(pack(2, ["x"])).await;
        assert_eq!(elsewhere.unwrap(), Things(texts(["x"])));
        with(&system, id).send(stuff(1, ["c"])).await.unwrap();
        let scoped = with(&system, id.scoped("ann"));
        scoped.send(pack(1, ["d"])).await.unwrap();
        let named = with(&system, CommandId::from_text("7"));
        let things = named.send(pack(1, ["e"])).await.unwrap();
        assert_eq!(things, Things(texts(["a", "b", "c", "d", "e"])));
    }
    system.shutdown().await;
    let after = all(store).await;
    let ids: BTreeSet<_> = after.iter().map(|event| event.id).collect();
    assert_eq!(ids.len(), 6);
    for id in ids {
        let version = id.as_u128() >> 76 & 0xf;
        assert_eq!(version, 8, "{id}");
    }
    after.len() - before
}

#[tokio::test]
async fn of_commands_with_one_id_each_is_decided_upon_once_also_after_a_restart() {
    let folder = Folder::new("repeated");
    for encoding in [Encoding::Json, Encoding::MessagePack] {
        let memory = Store::memory().encoding(encoding);
        assert_eq!(each_once(&memory, true).await, 6);
        assert_eq!(each_once(&memory, false).await, 0);
        for is_first_run in [true, false] {
            let file = folder.0.join(format!("{encoding:?}.db"));
            let store = Store::new(SqliteStore::open(file).unwrap()).encoding(encoding);
            let new = each_once(&store, is_first_run).await;
            assert_eq!(new, if is_first_run { 6 } else { 0 });
        }
    }
}

#[tokio::test]
async fn the_same_content_in_another_order_of_maps_and_sets_is_repeated() {
    let store = Store::memory();
    let system = started(&store, false).await;
    let labelled = |last| {
        let words = || (0..32).map(|n| format!("word {n}"));
        Pack {
            labels: words().map(|word| (word, 1)).chain([last]).collect(),
            owners: words().collect(),
            ..pack(1, ["a"])
        }
    };
    let last = |value| ("last".to_owned(), value);
    for _ in 0..16 {
        let id = CommandId::new(1);
        with(&system, id).send(labelled(last(1))).await.unwrap();
        let other = with(&system, id).send(labelled(last(2))).await;
        assert_reused(&refused(other), ("repeated.pack", "bag/1", 1));
    }
    assert_eq!(all(&store).await.len(), 1);
    system.shutdown().await;
}

#[tokio::test]
async fn an_id_that_was_reused_is_an_error_that_says_the_way_out() {
    let store = Store::memory();
    let system = started(&store, false).await;
    let id = CommandId::new(1);
    with(&system, id).send(pack(1, ["a"])).await.unwrap();
    let error = refused(with(&system, id).send(pack(1, ["b"])).await);
    assert_eq!(
        error.to_string(),
        "nothing was done: the id of this `repeated.pack` belongs to an earlier one with another content, \
         which led to the event at position 1 in `bag/1`. Repeat a command with the same content, and send \
         another with a `CommandId` of its own; if different clients choose the ids, give each a scope, \
         `CommandId::scoped`"
    );
    system.shutdown().await;
}

#[tokio::test]
async fn the_content_of_a_local_command_is_not_compared() {
    let store = Store::memory();
    let system = started(&store, false).await;
    for thing in ["a", "b"] {
        let hide = Hide {
            bag: 1,
            thing: thing.into(),
        };
        let things = with(&system, CommandId::new(1)).send(hide).await;
        assert_eq!(things.unwrap(), Things(texts(["a"])));
    }
    assert_eq!(all(&store).await[0].metadata.entries.as_text(), None);
    system.shutdown().await;
}

/// Fifty commands with one id at once, to two systems with one store; the content of some differs.
async fn fifty_at_once(store: &Store) {
    let systems = [started(store, false).await, started(store, false).await];
    let mut sending = JoinSet::new();
    for number in 0..50 {
        let content = if number % 5 == 4 {
            ["b", "c"]
        } else {
            ["a", "c"]
        };
        let ctx = with(&systems[number % 2], CommandId::new(1));
        sending.spawn(async move { (content, ctx.send(pack(1, content)).await) });
    }
    let results = sending.join_all().await;
    let stored = all(store).await;
    assert_eq!(stored.len(), 2, "all events of one command, once");
    let first = stored[0].read::<Packed>().unwrap().thing;
    for (content, result) in results {
        if *content[0] == *first {
            assert_eq!(result.unwrap(), Things(texts(content)));
        } else {
            assert_reused(&refused(result), ("repeated.pack", "bag/1", 1));
        }
    }
    for system in systems {
        system.shutdown().await;
    }
}

#[tokio::test]
async fn of_fifty_commands_with_one_id_at_once_one_is_decided_upon() {
    fifty_at_once(&Store::memory()).await;
    let folder = Folder::new("fifty");
    fifty_at_once(&Store::new(SqliteStore::open(folder.file()).unwrap())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_fifty_commands_with_one_id_at_once_one_is_decided_upon_on_several_threads() {
    fifty_at_once(&Store::memory()).await;
    let folder = Folder::new("fifty-threads");
    fifty_at_once(&Store::new(SqliteStore::open(folder.file()).unwrap())).await;
}

/// Lets two systems decide before either appends; gives what they answer to two commands with one id.
async fn both_decide(
    closes: [bool; 2],
    commands: [Pack; 2],
) -> (Store, [Result<Things, CallError<nether::Error>>; 2]) {
    let many = OfMany::new(true);
    let store = many.open();
    let [one, other] = closes;
    // Each has the store open for itself: what has one handle has the aggregates in memory in common.
    let systems = [
        started(&store, one).await,
        started(&many.open(), other).await,
    ];
    many.appends.close();
    let mut contexts = systems.iter().map(|system| with(system, CommandId::new(1)));
    let [one, other] = [(); 2].map(|()| contexts.next().unwrap());
    let [first, second] = commands;
    let open = async {
        while many.appends.waiting() < 2 {
            tokio::task::yield_now().await;
        }
        many.appends.open();
    };
    let (first, second, ()) = tokio::join!(one.send(first), other.send(second), open);
    for system in systems {
        system.shutdown().await;
    }
    (store, [first, second])
}

#[tokio::test]
async fn of_two_processes_that_decide_at_once_one_stores_its_events_and_both_answer() {
    // They come to the same events, or to others, of which some have the same ids.
    for closes in [[false, false], [true, true], [false, true], [true, false]] {
        let same = || pack(1, ["a", "b"]);
        let (store, results) = both_decide(closes, [same(), same()]).await;
        for result in results {
            assert_eq!(result.unwrap(), Things(texts(["a", "b"])), "{closes:?}");
        }
        let stored = all(&store).await;
        let closed = stored.iter().filter(|it| &*it.name == "repeated.closed");
        assert_eq!(stored.len() - closed.count(), 2, "{closes:?}");
    }
}

#[tokio::test]
async fn of_two_processes_that_decide_at_once_upon_other_contents_one_is_refused() {
    for closes in [[false, false], [true, false]] {
        let (store, results) = both_decide(closes, [pack(1, ["a"]), pack(1, ["b"])]).await;
        let (done, others): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
        assert_eq!((done.len(), others.len()), (1, 1));
        for other in others {
            assert_reused(&refused(other), ("repeated.pack", "bag/1", 1));
        }
        let packed = all(&store).await;
        let packed = packed.iter().filter(|it| &*it.name == "repeated.packed");
        assert_eq!(packed.count(), 1);
    }
}

#[tokio::test]
async fn a_command_of_which_a_part_is_stored_elsewhere_is_refused_whole() {
    let (elsewhere, store) = (Store::memory(), Store::memory());
    let system = started(&elsewhere, false).await;
    let id = CommandId::new(1);
    with(&system, id)
        .send(pack(1, ["a", "b", "c"]))
        .await
        .unwrap();
    system.shutdown().await;
    let [_, _, third] = &all(&elsewhere).await[..] else {
        panic!("three things are three events");
    };
    let append = Append {
        stream: third.stream.clone(),
        expected: Expected::Any,
        events: vec![NewEvent {
            id: third.id,
            name: third.name.to_string().into(),
            schema_version: third.schema_version,
            payload: third.payload.clone(),
        }],
        metadata: Metadata::default(),
        conditions: Vec::new(),
    };
    store.append(append).await.unwrap();
    let system = started(&store, false).await;
    let error = refused(with(&system, id).send(pack(1, ["a", "b", "c"])).await);
    assert!(
        matches!(error, StoreError::Duplicate { id, position } if id == third.id && position == Position(1)),
        "{error}"
    );
    assert_eq!(all(&store).await.len(), 1);
    system.shutdown().await;
}

#[tokio::test]
async fn events_of_commands_without_an_id_have_new_ids_and_no_entries() {
    let store = Store::memory();
    let system = started(&store, false).await;
    for _ in 0..2 {
        let ctx = system.context();
        ctx.send(pack(1, ["a"])).await.unwrap();
    }
    system.shutdown().await;
    let stored = all(&store).await;
    assert_eq!(stored.len(), 2);
    for event in stored {
        assert_eq!(event.id.as_u128() >> 76 & 0xf, 7);
        assert_eq!(event.metadata.entries.as_text(), None);
    }
}
