//! A lease that changes hands at a bad moment.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nether::eventstore::{
    Aggregates, EventStore, LeaseTaken, Position, Projections, Sagas, Step, Store,
};
use nether::prelude::*;
use nether_sqlite::{SqliteStore, SqliteTransaction};
use nether_tests::Folder;
use serde::{Deserialize, Serialize};
use tokio::task::yield_now;
use tokio::time::{Instant, advance, sleep};

use crate::leases::leases;
use crate::of_many::{LEASE_TIME, OfMany};

#[event(name = "lease_changes.opened")]
pub struct Opened {
    pub number: u32,
}

async fn open(store: &Store, numbers: std::ops::Range<u32>) {
    for number in numbers {
        let (tab, opened) = (format!("tab/{number}"), [Opened { number }]);
        store.append_events(tab, opened).await.unwrap();
    }
}

/// Waits until all that takes a lease runs, or stands by.
async fn until(system: &System, is_own: bool) {
    let is_so = |system| {
        let leases = leases(system);
        !leases.is_empty() && leases.iter().all(|lease| lease.is_own == is_own)
    };
    while !is_so(system) {
        sleep(Duration::from_millis(10)).await;
    }
}

/// What a projection keeps elsewhere.
#[derive(Default)]
pub struct Outside {
    indexed: Mutex<BTreeMap<u32, u32>>,
    fails: AtomicBool,
    is_slow: AtomicBool,
}

impl Outside {
    /// How often the first event was shown.
    fn shown(&self) -> Option<u32> {
        self.indexed.lock().unwrap().get(&0).copied()
    }
}

pub struct Index {
    outside: Resource<Arc<Outside>>,
    known: usize,
}

#[query(reply = usize)]
pub struct HowMany;

#[projection(name = "index", handles = [Opened, HowMany])]
impl Index {
    #[init]
    async fn new(outside: Resource<Arc<Outside>>) -> Self {
        let known = outside.indexed.lock().unwrap().len();
        if outside.is_slow.load(Ordering::SeqCst) {
            sleep(Duration::from_secs(2)).await;
        }
        Index { outside, known }
    }

    fn opened(&mut self, event: &Opened) -> nether::Result<()> {
        let mut indexed = self.outside.indexed.lock().unwrap();
        *indexed.entry(event.number).or_default() += 1;
        if self.outside.fails.load(Ordering::SeqCst) {
            return Err(nether::Error::msg("fails"));
        }
        self.known += 1;
        Ok(())
    }

    fn how_many(&self, _: HowMany) -> usize {
        self.known
    }
}

async fn started(store: &Store, outside: &Arc<Outside>) -> System {
    let builder = System::builder().isolated().with::<Projections<Index>>();
    let builder = builder.provide(store.clone()).provide(Arc::clone(outside));
    builder.start().await.unwrap()
}

async fn caught_up(store: &Store) {
    let index = store.projection::<Index>().unwrap();
    index.caught_up().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_projection_that_was_made_while_another_process_ran_is_made_again() {
    let (backend, outside) = (OfMany::new(true), Arc::<Outside>::default());
    let (first, second) = (backend.open(), backend.open());
    let one = started(&first, &outside).await;
    open(&first, 0..2).await;
    caught_up(&first).await;
    outside.is_slow.store(true, Ordering::SeqCst);
    let (to_start, its) = (second.clone(), Arc::clone(&outside));
    let starting = tokio::spawn(async move { started(&to_start, &its).await });
    sleep(Duration::from_secs(1)).await;
    open(&first, 2..3).await;
    caught_up(&first).await;
    one.shutdown().await;
    let other = starting.await.unwrap();
    until(&other, true).await;
    caught_up(&second).await;
    sleep(Duration::from_secs(3)).await;
    assert_eq!(other.context().ask(HowMany).await.unwrap(), 3);
    other.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_stop_during_a_bid_gives_the_lease_back() {
    let (backend, outside) = (OfMany::new(true), Arc::<Outside>::default());
    backend.answers.close();
    let system = started(&backend.open(), &outside).await;
    while backend.answers.waiting() == 0 {
        yield_now().await;
    }
    let taken = backend.text("lease", "index").await.unwrap();
    assert!(taken.contains("holder"), "{taken}");
    system.shutdown().await;
    let left = backend.text("lease", "index").await;
    assert_eq!(left.as_deref(), Some(r#"{"epoch":1}"#));
}

#[tokio::test(start_paused = true)]
async fn a_retry_after_a_suspension_asks_the_store_first() {
    let (backend, outside) = (OfMany::new(true), Arc::<Outside>::default());
    let store = backend.open();
    let system = started(&store, &outside).await;
    until(&system, true).await;
    outside.fails.store(true, Ordering::SeqCst);
    open(&store, 0..1).await;
    while outside.shown().is_none() {
        yield_now().await;
    }
    let before = outside.shown();
    backend.put_lease("index", 2).await;
    // No task runs meanwhile, as if the process had been suspended.
    advance(LEASE_TIME * 2).await;
    for _ in 0..100 {
        yield_now().await;
    }
    assert_eq!(outside.shown(), before);
    system.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_wait_on_a_handle_goes_on_when_another_system_of_the_process_takes_over() {
    let (store, outside) = (Store::memory(), Arc::<Outside>::default());
    let one = started(&store, &outside).await;
    until(&one, true).await;
    let other = started(&store, &outside).await;
    let index = store.projection::<Index>().unwrap();
    let waiting = tokio::spawn(async move { index.wait_for(Position(1)).await });
    sleep(Duration::from_secs(1)).await;
    one.shutdown().await;
    open(&store, 0..1).await;
    waiting.await.unwrap().unwrap();
    other.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_position_that_another_process_has_set_back_is_not_reached_too_early() {
    let (backend, outside) = (OfMany::new(true), Arc::<Outside>::default());
    let store = backend.open();
    open(&store, 0..3).await;
    backend.put_lease("index", 7).await;
    let put = async |collection, text: &str| {
        let content = text.as_bytes().to_vec();
        backend.put(collection, "index", Some(content)).await;
    };
    put("checkpoint", "3").await;
    let system = started(&store, &outside).await;
    let index = store.projection::<Index>().unwrap();
    index.wait_for(Position(3)).await.unwrap();
    // The other process begins a rebuild, and stops in order.
    put("checkpoint", "0").await;
    outside.fails.store(true, Ordering::SeqCst);
    put("lease", r#"{"epoch":7}"#).await;
    until(&system, true).await;
    yield_now().await;
    assert!(index.position() < Position(3), "{}", index.position());
    system.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn an_idle_holder_that_was_replaced_stands_by() {
    let (backend, outside) = (OfMany::new(true), Arc::<Outside>::default());
    let system = started(&backend.open(), &outside).await;
    until(&system, true).await;
    backend.put_lease("index", 2).await;
    let replaced = Instant::now();
    until(&system, false).await;
    assert!(replaced.elapsed() <= LEASE_TIME / 2);
    system.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_another_program_has_written_in_other_bytes_is_kept() {
    let (backend, outside) = (OfMany::new(true), Arc::<Outside>::default());
    let store = backend.open();
    let system = started(&store, &outside).await;
    let mut taken = system.subscribe::<LeaseTaken>();
    until(&system, true).await;
    let lease = backend.text("lease", "index").await.unwrap();
    let spaced = lease.replace(',', ", ").into_bytes();
    backend.put("lease", "index", Some(spaced)).await;
    open(&store, 0..5).await;
    sleep(LEASE_TIME * 3).await;
    caught_up(&store).await;
    assert_eq!(leases(&system)[0].epoch, 1);
    let mut times = 0;
    while let Ok(Some(_)) = tokio::time::timeout(Duration::ZERO, taken.next()).await {
        times += 1;
    }
    assert!(times <= 2, "taken {times} times");
    system.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_stop_does_not_wait_for_a_store_that_hangs() {
    for (is_shared, longest) in [
        (false, Duration::from_secs(1)),
        (true, Duration::from_secs(4)),
    ] {
        let (backend, outside) = (OfMany::new(is_shared), Arc::<Outside>::default());
        let store = backend.open();
        let system = started(&store, &outside).await;
        open(&store, 0..3).await;
        caught_up(&store).await;
        sleep(Duration::from_secs(1)).await;
        backend.changes.close();
        let stopped = Instant::now();
        let report = system.shutdown().await;
        let waited = stopped.elapsed();
        assert!(waited <= longest, "{waited:?}");
        assert!(report.cut_off.is_empty(), "{report}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stop_gives_up_a_write_that_hangs() {
    let (backend, outside) = (OfMany::new(false), Arc::<Outside>::default());
    let store = backend.open();
    let system = started(&store, &outside).await;
    until(&system, true).await;
    backend.changes.close();
    open(&store, 0..3).await;
    while backend.changes.waiting() == 0 {
        yield_now().await;
    }
    let stopped = Instant::now();
    let report = system.shutdown().await;
    let waited = stopped.elapsed();
    assert!(waited <= Duration::from_secs(4), "{waited:?}");
    assert!(report.cut_off.is_empty(), "{report}");
}

#[command(name = "lease_changes.withdraw", key = number)]
pub struct Withdraw {
    pub number: u32,
}

#[event(name = "lease_changes.withdrawn")]
pub struct Withdrawn;

#[derive(Default)]
pub struct Account;

#[aggregate(handles = [Withdraw], events = [Withdrawn])]
impl Account {
    fn withdraw(&self, _: Withdraw) -> Withdrawn {
        Withdrawn
    }

    fn withdrawn(&mut self, _: &Withdrawn) {}
}

#[derive(Default, Serialize, Deserialize)]
pub struct Payment {}

#[saga(key = number, handles = [Opened], starts = [Opened], sends = [Withdraw])]
impl Payment {
    fn opened(&mut self, event: &Opened, step: &mut Step<Self>) {
        let number = event.number;
        step.send(Withdraw { number });
    }
}

#[tokio::test(start_paused = true)]
async fn an_aggregate_appends_nothing_for_a_saga_that_another_process_has_taken_over() {
    let backend = OfMany::new(true);
    let store = backend.open();
    let builder = System::builder().isolated().with::<Aggregates<Account>>();
    let builder = builder.with::<Sagas<Payment>>().provide(store.clone());
    let system = builder.start().await.unwrap();
    open(&store, 0..1).await;
    until(&system, true).await;
    backend.appends.close();
    while backend.appends.waiting() == 0 {
        sleep(Duration::from_millis(1)).await;
    }
    // The process is suspended while the aggregate is about to append; another takes over.
    backend.put_lease("payment", 2).await;
    backend.appends.open();
    until(&system, false).await;
    sleep(Duration::from_secs(1)).await;
    assert_eq!(store.head().await.unwrap(), Position(1));
    // Once it has the lease again, it sends the command again.
    until(&system, true).await;
    store.saga::<Payment>().unwrap().settled().await.unwrap();
    assert_eq!(store.head().await.unwrap(), Position(2));
    system.shutdown().await;
}

/// Where the files are of the store.
pub struct Place(PathBuf);

pub struct Rows {
    place: Resource<Place>,
}

#[projection(name = "rows", handles = [Opened], transaction = SqliteTransaction)]
impl Rows {
    #[init]
    fn new(place: Resource<Place>) -> Self {
        Rows { place }
    }

    fn opened(&mut self, event: &Opened, tx: &SqliteTransaction<'_>) -> nether::Result<()> {
        tx.execute("INSERT INTO rows VALUES (?1)", [event.number])?;
        let (folder, away) = (&self.place.0, self.place.0.with_extension("away"));
        // The folder cannot be reached any more, and what was begun is committed all the same.
        if event.number == 1 && !away.exists() {
            std::fs::rename(folder, away)?;
            std::fs::write(folder, "")?;
        }
        Ok(())
    }
}

/// A store in a folder that can be taken away, with its table of rows.
async fn with_rows(place: &Place, is_shared: bool) -> SqliteStore {
    std::fs::create_dir_all(&place.0).unwrap();
    let options = SqliteStore::options().shared(is_shared);
    let sqlite = options.open(place.0.join("bank.db")).unwrap();
    let table = "CREATE TABLE rows (number)";
    let created = sqlite.transaction(|tx| Ok(tx.execute_batch(table)?));
    created.await.unwrap();
    sqlite
}

async fn rows(sqlite: &SqliteStore) -> Vec<u32> {
    let found = sqlite.transaction(|tx| {
        let mut statement = tx.prepare("SELECT number FROM rows")?;
        let rows = statement.query_map([], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    });
    found.await.unwrap()
}

async fn writing(store: &Store, place: &Place) -> System {
    let builder = System::builder().isolated().with::<Projections<Rows>>();
    let place = Place(place.0.clone());
    let builder = builder.provide(store.clone()).provide(place);
    builder.start().await.unwrap()
}

#[tokio::test]
async fn a_transaction_that_was_committed_before_the_store_failed_is_not_made_again() {
    let root = Folder::new("committed");
    let place = Place(root.0.join("data"));
    let sqlite = with_rows(&place, false).await;
    let store = Store::new(sqlite.clone());
    open(&store, 0..3).await;
    let system = writing(&store, &place).await;
    while !place.0.is_file() {
        sleep(Duration::from_millis(5)).await;
    }
    let index = store.projection::<Rows>().unwrap();
    assert_eq!(
        index.position(),
        Position::START,
        "it is not known to be committed"
    );
    std::fs::remove_file(&place.0).unwrap();
    std::fs::rename(place.0.with_extension("away"), &place.0).unwrap();
    // It does not go away again.
    std::fs::write(place.0.with_extension("away"), "").unwrap();
    index.caught_up().await.unwrap();
    assert_eq!(rows(&sqlite).await, [0, 1, 2]);
    system.shutdown().await;
}

#[tokio::test]
async fn a_projection_in_the_file_writes_nothing_once_another_process_has_the_lease() {
    let root = Folder::new("fenced");
    let place = Place(root.0.join("data"));
    let sqlite = with_rows(&place, true).await;
    // So long that no heartbeat tells.
    let store = Store::new(sqlite.clone()).lease_time(Duration::from_secs(600));
    let system = writing(&store, &place).await;
    until(&system, true).await;
    let lease = sqlite.document("lease", "rows").await.unwrap().unwrap();
    let lease = String::from_utf8(lease)
        .unwrap()
        .replace(r#""epoch":1"#, r#""epoch":2"#);
    let lease = lease.replace(r#""runner":"#, r#""runner":9999999"#);
    let other = nether::eventstore::DocumentChange {
        collection: "lease".into(),
        key: "rows".into(),
        content: Some(lease.into_bytes()),
    };
    // The number of a runner of this process that has ended: the lease can be taken at once.
    sqlite
        .change_documents(vec![other], Vec::new())
        .await
        .unwrap();
    open(&store, 0..1).await;
    let index = store.projection::<Rows>().unwrap();
    index.caught_up().await.unwrap();
    assert_eq!(
        rows(&sqlite).await,
        [0],
        "written once, in the epoch that has the lease"
    );
    assert_eq!(leases(&system)[0].epoch, 3);
    system.shutdown().await;
}
