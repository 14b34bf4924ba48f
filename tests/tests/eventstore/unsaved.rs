//! Progress that cannot be saved: what was done is done again as a whole or not at all, and never by half.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nether::eventstore::{Projections, SagaHandle, Sagas, Step, Store};
use nether::prelude::*;
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};

use crate::unsteady::{Unsteady, bad_file, locked};

#[event(name = "unsaved.lent")]
pub struct Lent {
    pub book: u32,
    pub fails: bool,
}

#[command(name = "unsaved.stamp")]
pub struct Stamp {
    pub times: u32,
}

/// Whether events that fail do fail.
static HAS_BUG: AtomicBool = AtomicBool::new(false);
static ONE_AT_A_TIME: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

#[derive(Default, Serialize, Deserialize)]
pub struct Lending {
    times: u32,
}

#[saga(key = book, handles = [Lent], starts = [Lent], sends = [Stamp], retry = 0)]
impl Lending {
    fn lent(&mut self, event: &Lent, step: &mut Step<Self>) -> nether::Result<()> {
        if event.fails && HAS_BUG.load(Ordering::SeqCst) {
            return Err(nether::Error::msg("a bug"));
        }
        self.times += 1;
        step.send(Stamp { times: self.times });
        Ok(())
    }
}

type Stamps = Arc<Mutex<Vec<u32>>>;

pub struct Desk {
    stamps: Stamps,
}

#[module(handles = [Stamp])]
impl Desk {
    #[init]
    fn new(stamps: Resource<Stamps>) -> Self {
        Desk {
            stamps: Arc::clone(&stamps),
        }
    }

    async fn stamp(&self, stamp: Stamp) {
        self.stamps.lock().unwrap().push(stamp.times);
    }
}

#[derive(Default)]
pub struct Shelf;

#[projection(handles = [Lent], durable, retry = 0)]
impl Shelf {
    fn lent(&mut self, _: &Lent) {}
}

async fn started(store: &Store, stamps: &Stamps) -> (System, SagaHandle<Lending>) {
    let builder = System::builder()
        .isolated()
        .with::<Sagas<Lending>>()
        .with::<Projections<Shelf>>()
        .with::<Desk>()
        .provide(store.clone());
    let system = builder.provide(Arc::clone(stamps)).start().await.unwrap();
    (system, store.saga().unwrap())
}

async fn lend(store: &Store, fails: bool) {
    let lent = [Lent { book: 1, fails }];
    store.append_events("book/1", lent).await.unwrap();
}

/// Stops while nothing can be saved for longer than a stop tries it.
async fn stop_unsaved(system: System, unsteady: &Unsteady) {
    let well_at = Instant::now() + Duration::from_millis(3500);
    unsteady.fail_changes(move || (Instant::now() < well_at).then(locked));
    let report = system.shutdown().await;
    assert!(report.cut_off.is_empty(), "{report}");
    sleep(Duration::from_secs(1)).await;
    unsteady.recover();
}

#[tokio::test(start_paused = true)]
async fn a_step_that_cannot_be_saved_during_a_stop_is_done_once() {
    let _alone = ONE_AT_A_TIME.lock().await;
    // Before its first try, between two, and late in an outage.
    for waited in [0, 60, 1000, 120_000] {
        let ((store, unsteady), stamps) = (Unsteady::open(), Stamps::default());
        let (system, saga) = started(&store, &stamps).await;
        saga.settled().await.unwrap();
        unsteady.fail_changes(|| Some(locked()));
        lend(&store, false).await;
        sleep(Duration::from_millis(waited)).await;
        stop_unsaved(system, &unsteady).await;
        let (system, saga) = started(&store, &stamps).await;
        saga.settled().await.unwrap();
        assert_eq!(*stamps.lock().unwrap(), [1], "{waited}");
        system.shutdown().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_retry_that_cannot_be_saved_during_a_stop_is_done_once() {
    let _alone = ONE_AT_A_TIME.lock().await;
    let ((store, unsteady), stamps) = (Unsteady::open(), Stamps::default());
    let (system, saga) = started(&store, &stamps).await;
    HAS_BUG.store(true, Ordering::SeqCst);
    lend(&store, true).await;
    saga.settled().await.unwrap();
    assert_eq!(saga.parked().len(), 1);
    HAS_BUG.store(false, Ordering::SeqCst);
    unsteady.fail_changes(|| Some(locked()));
    let retry = tokio::spawn(async move { saga.retry_parked("1").await });
    sleep(Duration::from_millis(100)).await;
    stop_unsaved(system, &unsteady).await;
    retry.await.unwrap().unwrap_err();
    let (system, saga) = started(&store, &stamps).await;
    saga.settled().await.unwrap();
    assert_eq!(saga.parked().len(), 1, "it was not saved");
    assert_eq!(saga.retry_parked("1").await.unwrap(), 1);
    saga.settled().await.unwrap();
    assert_eq!(*stamps.lock().unwrap(), [1]);
    system.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_for_good_during_an_order_ends_the_runner_too() {
    let _alone = ONE_AT_A_TIME.lock().await;
    let ((store, unsteady), stamps) = (Unsteady::open(), Stamps::default());
    let (system, saga) = started(&store, &stamps).await;
    HAS_BUG.store(true, Ordering::SeqCst);
    lend(&store, true).await;
    lend(&store, false).await;
    saga.settled().await.unwrap();
    // The event is left out, and the step of the one behind it is not saved.
    let mut writes = 0;
    unsteady.fail_changes(move || {
        writes += 1;
        (writes == 2).then(bad_file)
    });
    let error = saga.skip_parked("1").await.unwrap_err();
    assert!(error.to_string().contains("renamed"), "{error}");
    // It is made anew, and reads what is saved.
    sleep(Duration::from_secs(30)).await;
    saga.settled().await.unwrap();
    assert_eq!(*stamps.lock().unwrap(), [1]);
    assert!(saga.parked().is_empty());
    system.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_stop_after_a_long_outage_saves_soon() {
    let _alone = ONE_AT_A_TIME.lock().await;
    for minutes in 1..6 {
        let ((store, unsteady), stamps) = (Unsteady::open(), Stamps::default());
        let (system, saga) = started(&store, &stamps).await;
        saga.settled().await.unwrap();
        unsteady.fail_changes(|| Some(locked()));
        lend(&store, false).await;
        sleep(Duration::from_secs(minutes * 61)).await;
        let began = Instant::now();
        let well_at = began + Duration::from_millis(100);
        unsteady.fail_changes(move || (Instant::now() < well_at).then(locked));
        let report = system.shutdown().await;
        assert!(report.cut_off.is_empty(), "{report}");
        assert!(began.elapsed() < Duration::from_secs(1));
        let saved = store.document("checkpoint", "shelf").await.unwrap();
        assert_eq!(saved.as_deref(), Some(b"1".as_slice()));
    }
}
