//! Events that fail are tried again beside all others; large events are read a few at a time; and a store
//! that fails for good ends the runner.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nether::eventstore::{
    EventPage, EventStore, MemoryStore, NotRunning, PageLimit, Position, Projections,
    RecordedEvent, Store, StoreError, StoreFuture,
};
use nether::prelude::*;
use nether_sqlite::{SqliteStore, SqliteTransaction};
use nether_tests::Folder;
use tokio::time::Instant;

use crate::forward::forward;

#[event(name = "retries.opened")]
pub struct TabOpened {
    pub number: u32,
}

#[event(name = "retries.closed")]
pub struct TabClosed {
    pub number: u32,
}

#[query(reply = u32)]
pub struct HowManyTabs;

/// How often closing fails before it succeeds, by number.
type Failing = Arc<Mutex<BTreeMap<u32, u32>>>;

/// What was handled: the stream and the number.
type Seen = Arc<Mutex<Vec<(String, u32)>>>;

pub struct Tabs {
    failing: Failing,
    seen: Seen,
}

#[projection(handles = [TabOpened, TabClosed, HowManyTabs])]
impl Tabs {
    #[init]
    fn new(failing: Resource<Failing>, seen: Resource<Seen>) -> Self {
        Tabs {
            failing: Arc::clone(&failing),
            seen: Arc::clone(&seen),
        }
    }

    fn opened(&mut self, event: &TabOpened, recorded: &RecordedEvent) {
        self.see(recorded, event.number);
    }

    fn closed(&mut self, event: &TabClosed, recorded: &RecordedEvent) -> nether::Result<()> {
        if let Some(times) = self.failing.lock().unwrap().get_mut(&event.number)
            && *times > 0
        {
            *times -= 1;
            return Err(nether::Error::msg("a bug"));
        }
        self.see(recorded, event.number);
        Ok(())
    }

    fn how_many(&self, _: HowManyTabs) -> u32 {
        u32::try_from(self.seen.lock().unwrap().len()).unwrap()
    }

    fn see(&self, recorded: &RecordedEvent, number: u32) {
        let stream = recorded.stream.to_string();
        self.seen.lock().unwrap().push((stream, number));
    }
}

async fn started(store: &Store, failing: &Failing, seen: &Seen) -> System {
    let builder = System::builder()
        .isolated()
        .with::<Projections<Tabs>>()
        .provide(store.clone())
        .provide(Arc::clone(failing));
    builder.provide(Arc::clone(seen)).start().await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn streams_whose_events_fail_do_not_delay_others() {
    let (store, failing, seen) = (Store::memory(), Failing::default(), Seen::default());
    for number in 0..100 {
        let stream = format!("tab/{number}");
        failing.lock().unwrap().insert(number, u32::MAX);
        let opened = [TabOpened { number }];
        store.append_events(stream.as_str(), opened).await.unwrap();
        let closed = [TabClosed { number }];
        store.append_events(stream.as_str(), closed).await.unwrap();
    }
    let began = Instant::now();
    let system = started(&store, &failing, &seen).await;
    assert_eq!(system.context().ask(HowManyTabs).await.unwrap(), 100);
    assert!(began.elapsed() < Duration::from_millis(50), "none waits");
    let tabs = store.projection::<Tabs>().unwrap();
    tabs.caught_up().await.unwrap();
    assert_eq!(tabs.parked().len(), 100);
    assert!(began.elapsed() < Duration::from_secs(1), "all wait at once");
    system.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn an_event_that_is_tried_again_is_waited_for_and_its_stream_stays_in_order() {
    let (store, failing, seen) = (Store::memory(), Failing::default(), Seen::default());
    failing.lock().unwrap().insert(1, 2);
    let system = started(&store, &failing, &seen).await;
    let tabs = store.projection::<Tabs>().unwrap();
    let closed = [1, 2].map(|number| TabClosed { number });
    store.append_events("tab/1", closed).await.unwrap();
    let closed = [TabClosed { number: 3 }];
    store.append_events("tab/2", closed).await.unwrap();
    // It is stopped while it waits for the next try.
    while seen.lock().unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    assert_eq!(tabs.position(), Position::START);
    system.shutdown().await;
    let system = started(&store, &failing, &seen).await;
    let tabs = store.projection::<Tabs>().unwrap();
    tabs.caught_up().await.unwrap();
    let seen_now = seen.lock().unwrap().clone();
    let numbers: Vec<_> = seen_now.iter().map(|(_, number)| *number).collect();
    assert_eq!(numbers, [3, 1, 2]);
    assert!(tabs.parked().is_empty());
    system.shutdown().await;
}

/// Writes into the file, and fails as often as it is set to.
pub struct Rows {
    failing: Failing,
}

#[projection(handles = [TabClosed], transaction = SqliteTransaction, retry = 5)]
impl Rows {
    #[init]
    fn new(failing: Resource<Failing>) -> Self {
        Rows {
            failing: Arc::clone(&failing),
        }
    }

    fn closed(
        &mut self,
        event: &TabClosed,
        tx: &SqliteTransaction<'_>,
        at: Position,
    ) -> nether::Result<()> {
        tx.execute_batch("CREATE TABLE IF NOT EXISTS rows (at INTEGER)")?;
        tx.execute("INSERT INTO rows VALUES (?)", (at.0.cast_signed(),))?;
        match self.failing.lock().unwrap().get_mut(&event.number) {
            Some(times) if *times > 0 => {
                *times -= 1;
                Err(nether::Error::msg("a bug"))
            }
            _ => Ok(()),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_projection_in_the_file_writes_each_event_once_however_often_it_is_stopped() {
    let folder = Folder::new("rows");
    let store = Store::new(SqliteStore::open(folder.file()).unwrap());
    let failing = Failing::default();
    for number in 0..400 {
        failing
            .lock()
            .unwrap()
            .insert(number, u32::from(number % 50 == 0));
        let closed = [TabClosed { number }];
        let stream = format!("tab/{}", number % 9);
        store.append_events(stream, closed).await.unwrap();
    }
    let start = || {
        let builder = System::builder()
            .isolated()
            .with::<Projections<Rows>>()
            .provide(store.clone());
        builder.provide(Arc::clone(&failing)).start()
    };
    for stop in 0..40 {
        let system = start().await.unwrap();
        for _ in 0..stop * 3 {
            tokio::task::yield_now().await;
        }
        assert!(system.shutdown().await.cut_off.is_empty());
    }
    let system = start().await.unwrap();
    let rows = store.projection::<Rows>().unwrap();
    rows.caught_up().await.unwrap();
    assert!(rows.parked().is_empty());
    let connection = rusqlite::Connection::open(folder.file()).unwrap();
    let sql = "SELECT count(*), count(DISTINCT at) FROM rows";
    let counts = connection.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)));
    assert_eq!(counts.unwrap(), (400, 400));
    system.shutdown().await;
}

/// A store that looks how much is read at a time, and that fails or panics on demand.
#[derive(Default)]
pub struct Watched {
    store: MemoryStore,
    most: AtomicUsize,
    is_broken: AtomicBool,
    panics: AtomicBool,
}

pub struct WatchedStore(Arc<Watched>);

impl EventStore for WatchedStore {
    forward!(self => self.0.store; append read_stream read_all head wait_for_new find document documents change_documents);

    fn read_all_page(&self, after: Position, limit: PageLimit) -> StoreFuture<'_, EventPage> {
        Box::pin(async move {
            if self.0.is_broken.load(Ordering::SeqCst) {
                return Err(StoreError::Corrupt {
                    reason: "scribbled upon".to_owned(),
                    readable_up_to: None,
                });
            }
            assert!(!self.0.panics.load(Ordering::SeqCst), "the backend panics");
            let page = self.0.store.read_all_page(after, limit).await?;
            let bytes = page.events.iter().map(|event| event.payload.bytes.len());
            self.0.most.fetch_max(bytes.sum(), Ordering::SeqCst);
            Ok(page)
        })
    }

    fn is_shared(&self) -> bool {
        false
    }
}

#[event(name = "retries.scanned")]
pub struct Scanned {
    pub image: String,
}

#[query(reply = u32)]
pub struct HowManyScans;

#[derive(Default)]
pub struct Scans {
    count: u32,
}

#[projection(handles = [Scanned, HowManyScans])]
impl Scans {
    fn scanned(&mut self, _: &Scanned) {
        self.count += 1;
    }

    fn how_many(&self, _: HowManyScans) -> u32 {
        self.count
    }
}

async fn scan(store: &Store, bytes: usize) {
    let image = "x".repeat(bytes);
    let scanned = [Scanned { image }];
    store.append_events("scan/1", scanned).await.unwrap();
}

async fn scanning(store: &Store) -> System {
    let builder = System::builder()
        .isolated()
        .with::<Projections<Scans>>()
        .provide(store.clone());
    builder.start().await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn large_events_are_read_a_few_at_a_time() {
    let watched = Arc::<Watched>::default();
    let store = Store::new(WatchedStore(Arc::clone(&watched)));
    for _ in 0..30 {
        scan(&store, 1 << 20).await;
    }
    scan(&store, 10 << 20).await;
    let system = scanning(&store).await;
    assert_eq!(system.context().ask(HowManyScans).await.unwrap(), 31);
    let most = watched.most.load(Ordering::SeqCst);
    assert!(most < 15 << 20, "{most} bytes were read at once");
    let mut events = store.subscribe(Position::START);
    watched.most.store(0, Ordering::SeqCst);
    events.next().await.unwrap();
    assert!(watched.most.load(Ordering::SeqCst) < 5 << 20);
    system.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_for_good_ends_the_wait_for_its_runner() {
    let watched = Arc::<Watched>::default();
    let store = Store::new(WatchedStore(Arc::clone(&watched)));
    let system = scanning(&store).await;
    let scans = store.projection::<Scans>().unwrap();
    scans.caught_up().await.unwrap();
    watched.is_broken.store(true, Ordering::SeqCst);
    scan(&store, 1).await;
    let error = scans.caught_up().await.unwrap_err();
    let not_running = error.downcast_ref::<NotRunning>().unwrap();
    assert!(not_running.reason.contains("scribbled"), "{not_running}");
    // Its module crashes with it, is made anew, and crashes again.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let state = system.modules()[0].state;
    assert_eq!(state, nether::ModuleState::CrashLooping);
    let error = system.context().ask(HowManyScans).await.unwrap_err();
    assert!(
        matches!(error, nether::CallError::CrashLooping(_)),
        "{error}"
    );
    watched.is_broken.store(false, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_secs(30)).await;
    scans.caught_up().await.unwrap();
    assert_eq!(system.context().ask(HowManyScans).await.unwrap(), 1);
    system.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_panics_is_asked_again() {
    let watched = Arc::<Watched>::default();
    let store = Store::new(WatchedStore(Arc::clone(&watched)));
    let system = scanning(&store).await;
    let scans = store.projection::<Scans>().unwrap();
    watched.panics.store(true, Ordering::SeqCst);
    scan(&store, 1).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    watched.panics.store(false, Ordering::SeqCst);
    scans.caught_up().await.unwrap();
    system.shutdown().await;
}
