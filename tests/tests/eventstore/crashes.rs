//! A crash at every step of aggregates, sagas and projections: after a restart, everything has happened once.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use futures_util::future::{Either, select};
use nether::eventstore::{
    Aggregates, Append, Appended, Direction, DocumentChange, DocumentCondition, Documents, EventId,
    EventStore, MemoryStore, NotRunning, Position, Projections, RecordedEvent, Sagas, Step, Store,
    StoreError, StoreFuture, StreamId,
};
use nether::prelude::*;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

#[event(name = "crashes.asked")]
pub struct Asked {
    pub id: u32,
    pub from: String,
    pub to: String,
}

#[command(name = "crashes.take", key = owner)]
pub struct Take {
    pub owner: String,
    pub id: u32,
}

#[derive(Debug, thiserror::Error)]
#[error("nobody is there")]
pub struct Nobody;

#[command(name = "crashes.give", key = owner, error = Nobody)]
pub struct Give {
    pub owner: String,
    pub id: u32,
}

#[event(name = "crashes.taken")]
pub struct Taken {
    pub id: u32,
}

#[event(name = "crashes.given")]
pub struct Given {
    pub id: u32,
}

#[derive(Default, Serialize, Deserialize)]
pub struct Purse {
    coins: i64,
}

#[aggregate(handles = [Take, Give], events = [Taken, Given], snapshot_every = 1)]
impl Purse {
    fn take(&self, take: Take) -> Taken {
        Taken { id: take.id }
    }

    fn give(&self, give: Give) -> Result<Given, Nobody> {
        if give.owner == "nobody" {
            return Err(Nobody);
        }
        Ok(Given { id: give.id })
    }

    fn taken(&mut self, _: &Taken) {
        self.coins -= 1;
    }

    fn given(&mut self, _: &Given) {
        self.coins += 1;
    }
}

#[derive(Default, Serialize, Deserialize)]
pub struct Move {
    to: String,
}

#[saga(key = id, handles = [Asked, Taken, Given], starts = [Asked], ends = [Given], from = "beginning", sends = [Take, Give])]
impl Move {
    fn asked(&mut self, event: &Asked, step: &mut Step<Self>) {
        self.to.clone_from(&event.to);
        let (owner, id) = (event.from.clone(), event.id);
        let back = Give {
            owner: owner.clone(),
            id,
        };
        step.send(Take { owner, id }).compensate_with(back);
    }

    fn taken(&mut self, event: &Taken, step: &mut Step<Self>) {
        let (owner, id) = (self.to.clone(), event.id);
        step.send(Give { owner, id });
    }

    fn given(&mut self, _: &Given) {}
}

/// What a projection has seen, outside of the process as it were: how often each position.
type Seen = Arc<Mutex<BTreeMap<u64, u64>>>;

pub struct Log {
    seen: Resource<Seen>,
}

#[projection(handles = [Asked, Taken, Given])]
impl Log {
    #[init]
    fn new(seen: Resource<Seen>) -> Self {
        Log { seen }
    }

    fn asked(&mut self, _: &Asked, at: Position) {
        self.see(at);
    }

    fn taken(&mut self, _: &Taken, at: Position) {
        self.see(at);
    }

    fn given(&mut self, _: &Given, at: Position) {
        self.see(at);
    }

    fn see(&self, at: Position) {
        *self.seen.lock().unwrap().entry(at.0).or_default() += 1;
    }
}

/// A store whose process dies at its n-th write: before it, or after it and before that is known.
pub struct Dying {
    store: Arc<MemoryStore>,
    pub writes: AtomicU64,
    at: u64,
    after: bool,
    pub dead: watch::Sender<bool>,
}

impl Dying {
    /// One that dies at that write, before or after it.
    pub fn new(store: &Arc<MemoryStore>, at: u64, after: bool) -> Arc<Self> {
        Arc::new(Dying {
            store: Arc::clone(store),
            writes: AtomicU64::new(0),
            at,
            after,
            dead: watch::Sender::new(false),
        })
    }

    /// Whether the write is made, and whether that is reported.
    fn write(&self) -> (bool, bool) {
        let number = self.writes.fetch_add(1, Ordering::SeqCst) + 1;
        if number >= self.at {
            self.dead.send_replace(true);
        }
        (
            number < self.at || (number == self.at && self.after),
            number < self.at,
        )
    }

    fn read<'a, T: Send + 'a>(&'a self, read: StoreFuture<'a, T>) -> StoreFuture<'a, T> {
        Box::pin(async move {
            if *self.dead.borrow() {
                return Err(StoreError::Closed);
            }
            read.await
        })
    }
}

/// The process that dies, and who looks on.
pub struct Shared(pub Arc<Dying>);

impl EventStore for Shared {
    fn append(&self, append: Append) -> StoreFuture<'_, Appended> {
        Box::pin(async move {
            let (is_made, is_told) = self.0.write();
            let made = if is_made {
                self.0.store.append(append).await
            } else {
                Err(StoreError::Closed)
            };
            if is_told {
                made
            } else {
                Err(StoreError::Closed)
            }
        })
    }

    fn read_stream(
        &self,
        stream: &StreamId,
        from: u64,
        direction: Direction,
        limit: usize,
    ) -> StoreFuture<'_, Vec<RecordedEvent>> {
        self.0
            .read(self.0.store.read_stream(stream, from, direction, limit))
    }

    fn read_all(&self, after: Position, limit: usize) -> StoreFuture<'_, Vec<RecordedEvent>> {
        self.0.read(self.0.store.read_all(after, limit))
    }

    fn head(&self) -> StoreFuture<'_, Position> {
        self.0.read(self.0.store.head())
    }

    fn wait_for_new(&self, after: Position) -> StoreFuture<'_, Position> {
        self.0.read(self.0.store.wait_for_new(after))
    }

    fn find(&self, id: EventId) -> StoreFuture<'_, Option<RecordedEvent>> {
        self.0.read(self.0.store.find(id))
    }

    fn document(&self, collection: &str, key: &str) -> StoreFuture<'_, Option<Vec<u8>>> {
        self.0.read(self.0.store.document(collection, key))
    }

    fn documents(&self, collection: &str) -> StoreFuture<'_, Documents> {
        self.0.read(self.0.store.documents(collection))
    }

    fn change_documents(
        &self,
        changes: Vec<DocumentChange>,
        conditions: Vec<DocumentCondition>,
    ) -> StoreFuture<'_, ()> {
        Box::pin(async move {
            let (is_made, is_told) = self.0.write();
            let made = if is_made {
                self.0.store.change_documents(changes, conditions).await
            } else {
                Err(StoreError::Closed)
            };
            if is_told {
                made
            } else {
                Err(StoreError::Closed)
            }
        })
    }

    fn is_shared(&self) -> bool {
        false
    }
}

/// Runs the program until it is done, or its store is dead. Gives how many writes it has made.
async fn run(store: &Arc<MemoryStore>, seen: &Seen, at: u64, after: bool) -> u64 {
    let dying = Dying::new(store, at, after);
    let handle = Store::new(Shared(Arc::clone(&dying)));
    let builder = System::builder()
        .isolated()
        .with::<Aggregates<Purse>>()
        .with::<Sagas<Move>>()
        .with::<Projections<Log>>()
        .provide(handle.clone());
    let system = builder.provide(Arc::clone(seen)).start().await.unwrap();
    let done = async {
        handle.saga::<Move>().unwrap().settled().await?;
        handle.projection::<Log>().unwrap().caught_up().await
    };
    let mut dead = dying.dead.subscribe();
    let died = pin!(dead.wait_for(|dead| *dead));
    if let Either::Left((Err(error), _)) = select(pin!(done), died).await {
        let is_closed = matches!(error.downcast_ref(), Some(StoreError::Closed));
        assert!(is_closed || error.is::<NotRunning>(), "{error}");
    }
    system.shutdown().await;
    dying.writes.load(Ordering::SeqCst)
}

/// What is in the store at the end: the names of the events in each stream.
async fn streams(store: &MemoryStore) -> BTreeMap<String, Vec<String>> {
    let mut streams: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for event in store.read_all(Position::START, usize::MAX).await.unwrap() {
        let stream = streams.entry(event.stream.to_string()).or_default();
        stream.push(event.name.to_string());
    }
    streams
}

async fn asked(store: &Arc<MemoryStore>) {
    let asked = [(1, "bob"), (2, "nobody")].map(|(id, to)| Asked {
        id,
        from: "ann".to_owned(),
        to: to.to_owned(),
    });
    // Through a handle of its own, which is not the one that dies.
    let handle = Store::new(Shared(Dying::new(store, u64::MAX, true)));
    handle.append_events("desk/1", asked).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn after_a_crash_at_any_write_everything_happens_once() {
    let whole = Arc::new(MemoryStore::default());
    asked(&whole).await;
    let writes = run(&whole, &Seen::default(), u64::MAX, true).await;
    let expected = streams(&whole).await;
    assert_eq!(expected["purse/bob"], ["crashes.given"]);
    assert_eq!(
        expected["purse/ann"].len(),
        3,
        "twice taken, once given back"
    );
    assert!(writes > 8, "there is something to crash at: {writes}");
    for at in 1..=writes {
        for after in [false, true] {
            let store = Arc::new(MemoryStore::default());
            let seen = Seen::default();
            asked(&store).await;
            run(&store, &seen, at, after).await;
            run(&store, &seen, u64::MAX, true).await;
            let mut now = streams(&store).await;
            for names in now.values_mut() {
                names.sort();
            }
            let mut expected = expected.clone();
            for names in expected.values_mut() {
                names.sort();
            }
            assert_eq!(now, expected, "crashed at write {at}, after it: {after}");
            let head = store.head().await.unwrap();
            let seen = seen.lock().unwrap().clone();
            let positions: Vec<u64> = seen.keys().copied().collect();
            let each: Vec<u64> = (1..=head.0).collect();
            assert_eq!(positions, each, "every event was shown to the projection");
            let left = store.documents("saga/move").await.unwrap();
            assert!(
                left.is_empty(),
                "no saga is left: crashed at write {at}, after it: {after}"
            );
        }
    }
}
