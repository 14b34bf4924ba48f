//! Events that are not stored any more, in sagas: each saga takes what one becomes for it in one step.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nether::eventstore::{Aggregates, Position, Sagas, Step, Store};
use nether::prelude::*;
use nether_sqlite::SqliteStore;
use nether_tests::Folder;
use serde::{Deserialize, Serialize};
use tokio::sync::{Mutex, Semaphore};

use crate::unsteady::raw;

/// It was split: it is about two accounts.
#[event(name = "retired.moved", becomes = split)]
pub struct Moved {
    pub from: String,
    pub to: String,
    pub cents: u64,
}

#[event(name = "retired.taken")]
pub struct Taken {
    pub account: String,
    pub cents: u64,
}

#[event(name = "retired.put")]
pub struct Put {
    pub account: String,
    pub cents: u64,
}

#[event(name = "retired.checked")]
pub struct Checked {
    pub account: String,
}

static IS_READABLE: AtomicBool = AtomicBool::new(true);

fn split(old: Moved) -> nether::Result<(Taken, Put)> {
    if old.cents == 13 && !IS_READABLE.load(Ordering::SeqCst) {
        return Err(nether::Error::msg("thirteen"));
    }
    let Moved { from, to, cents } = old;
    Ok((
        Taken {
            account: from,
            cents,
        },
        Put { account: to, cents },
    ))
}

/// An aggregate decides once upon commands with one id.
#[command(name = "retired.enter", key = book)]
pub struct Enter {
    pub book: String,
    pub entry: String,
}

#[event(name = "retired.entered")]
pub struct Entered {
    pub entry: String,
}

#[derive(Default)]
pub struct AccountBook;

#[aggregate(handles = Enter, events = Entered, name = "retired-book")]
impl AccountBook {
    async fn enter(&self, enter: Enter, open: Resource<Arc<Semaphore>>) -> Entered {
        open.acquire().await.unwrap().forget();
        Entered { entry: enter.entry }
    }

    fn entered(&mut self, _: &Entered) {}
}

#[derive(Default, Serialize, Deserialize)]
pub struct Bookkeeping {
    seen: u32,
}

#[saga(
    key = account,
    handles = [Taken, Put, Checked],
    starts = [Taken, Put],
    sends = [Enter],
    retry = 0,
    name = "retired_bookkeeping",
    from = "beginning"
)]
impl Bookkeeping {
    fn taken(&mut self, event: &Taken, step: &mut Step<Self>) {
        self.enter(step, format!("-{}", event.cents));
    }

    fn put(&mut self, event: &Put, step: &mut Step<Self>) -> nether::Result<()> {
        if event.cents == 99 && HAS_BUG.load(Ordering::SeqCst) {
            return Err(nether::Error::msg("a bug"));
        }
        self.enter(step, format!("+{}", event.cents));
        Ok(())
    }

    fn checked(&mut self, _: &Checked, step: &mut Step<Self>) {
        step.end();
    }

    fn enter(&mut self, step: &mut Step<Self>, entry: String) {
        self.seen += 1;
        let entry = format!("{}{entry}#{}", step.key(), self.seen);
        let book = "all".to_owned();
        step.send(Enter { book, entry });
    }
}

static HAS_BUG: AtomicBool = AtomicBool::new(false);

/// The tests share the bugs.
static ALONE: Mutex<()> = Mutex::const_new(());

async fn started(store: &Store) -> System {
    started_with(store, 1000).await
}

/// A system whose aggregate decides so many times.
async fn started_with(store: &Store, decisions: usize) -> System {
    let builder = System::builder()
        .isolated()
        .with::<Aggregates<AccountBook>>()
        .with::<Sagas<Bookkeeping>>()
        .shutdown_timeout(Duration::from_secs(1));
    let builder = builder.provide(store.clone());
    let decisions = Arc::new(Semaphore::new(decisions));
    builder.provide(decisions).start().await.unwrap()
}

async fn moved(store: &Store, from: &str, to: &str, cents: u64) {
    let json = format!("{{\"from\":\"{from}\",\"to\":\"{to}\",\"cents\":{cents}}}");
    let moved = raw("retired-move/1", "retired.moved", 1, &json);
    store.append(moved).await.unwrap();
}

async fn check(store: &Store, account: &str) {
    let account = account.to_owned();
    let checked = Checked { account };
    store
        .append_events("retired-check/1", [checked])
        .await
        .unwrap();
}

/// What was entered, in any order of the accounts.
async fn entries(store: &Store) -> Vec<String> {
    let all = store.read_all(Position::START, usize::MAX).await.unwrap();
    let entered = all.iter().filter(|event| &*event.name == "retired.entered");
    let mut entries: Vec<_> = entered
        .map(|event| event.read::<Entered>().unwrap().entry)
        .collect();
    entries.sort_by_key(|entry| entry[..1].to_owned());
    entries
}

async fn settled(store: &Store) {
    let saga = store.saga::<Bookkeeping>().unwrap();
    saga.settled().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn each_saga_takes_its_part_of_a_retired_event_and_all_of_its_parts_in_one_step() {
    let _alone = ALONE.lock().await;
    let store = Store::memory();
    moved(&store, "a", "b", 5).await;
    moved(&store, "c", "c", 7).await;
    let system = started(&store).await;
    settled(&store).await;
    // Both commands of the one step have an id of their own.
    assert_eq!(entries(&store).await, ["a-5#1", "b+5#1", "c-7#1", "c+7#2"]);
    system.shutdown().await;
}

async fn one_of_two_sagas_waits(store: &Store) {
    HAS_BUG.store(true, Ordering::SeqCst);
    moved(store, "a", "b", 99).await;
    moved(store, "b", "a", 1).await;
    let system = started(store).await;
    settled(store).await;
    let saga = store.saga::<Bookkeeping>().unwrap();
    assert_eq!((saga.parked().len(), &*saga.parked()[0].key), (1, "b"));
    // The other saga went on, and handles nothing again when the part of this one is retried.
    assert_eq!(entries(store).await, ["a-99#1", "a+1#2"]);
    HAS_BUG.store(false, Ordering::SeqCst);
    assert_eq!(saga.retry_parked("b").await.unwrap(), 2);
    settled(store).await;
    let all = ["a-99#1", "a+1#2", "b+99#1", "b-1#2"];
    assert_eq!(entries(store).await, all);
    system.shutdown().await;
    let system = started(store).await;
    settled(store).await;
    assert_eq!(entries(store).await, all);
    system.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn the_saga_that_cannot_handle_its_part_of_a_retired_event_waits_alone() {
    let _alone = ALONE.lock().await;
    one_of_two_sagas_waits(&Store::memory()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_saga_that_cannot_handle_its_part_of_a_retired_event_waits_alone_in_a_file() {
    let _alone = ALONE.lock().await;
    let folder = Folder::new("retired_sagas");
    one_of_two_sagas_waits(&Store::new(SqliteStore::open(folder.file()).unwrap())).await;
}

#[tokio::test(start_paused = true)]
async fn a_retired_event_that_becomes_readable_is_taken_by_all_of_its_sagas() {
    let _alone = ALONE.lock().await;
    IS_READABLE.store(false, Ordering::SeqCst);
    let store = Store::memory();
    let system = started(&store).await;
    moved(&store, "a", "b", 13).await;
    settled(&store).await;
    let saga = store.saga::<Bookkeeping>().unwrap();
    let parked = saga.parked();
    assert_eq!((parked.len(), &*parked[0].key), (1, "retired-move/1@1"));
    for part in ["`retired.moved`", "thirteen"] {
        assert!(parked[0].error.contains(part), "{}", parked[0].error);
    }
    IS_READABLE.store(true, Ordering::SeqCst);
    assert_eq!(saga.retry_parked(&parked[0].key).await.unwrap(), 1);
    settled(&store).await;
    assert_eq!(entries(&store).await, ["a-13#1", "b+13#1"]);
    assert!(saga.parked().is_empty());
    system.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn what_a_retired_event_becomes_for_two_sagas_waits_for_the_end_of_each() {
    let _alone = ALONE.lock().await;
    let store = Store::memory();
    let system = started_with(&store, 0).await;
    moved(&store, "a", "b", 5).await;
    check(&store, "a").await;
    check(&store, "b").await;
    moved(&store, "a", "b", 6).await;
    let held = async || {
        let documents = store.documents("saga_held/retired_bookkeeping");
        documents.await.unwrap().len()
    };
    let saga = store.saga::<Bookkeeping>().unwrap();
    saga.wait_for(store.head().await.unwrap()).await.unwrap();
    system.shutdown().await;
    assert_eq!(held().await, 2);
    let system = started(&store).await;
    settled(&store).await;
    assert_eq!(entries(&store).await, ["a-5#1", "a-6#1", "b+5#1", "b+6#1"]);
    assert_eq!(held().await, 0);
    system.shutdown().await;
}
