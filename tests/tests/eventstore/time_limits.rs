//! `timeout`, `retry` and `backoff` of aggregates; and that a decision ends with its unit of work.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nether::CallError;
use nether::eventstore::{Aggregates, Position, Store};
use nether::prelude::*;
use nether_sqlite::SqliteStore;
use nether_tests::{Folder, ready};
use tokio::sync::Semaphore;
use tokio::time::Instant;

#[derive(Debug, PartialEq)]
pub struct Count(u32);

/// How a service answers that a decision asks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Answer {
    AtOnce,
    Never,
    Error,
    Panic,
}

#[derive(Debug, thiserror::Error, PartialEq)]
#[error("the service is down")]
pub struct Down;

/// What the service answers, one after the other; at once if nothing is left. And how often it was asked.
pub struct Service {
    answers: Mutex<Vec<Answer>>,
    asked: AtomicU32,
    begun: Semaphore,
}

impl Service {
    fn answering(answers: &[Answer]) -> Arc<Self> {
        Arc::new(Service {
            answers: Mutex::new(answers.iter().rev().copied().collect()),
            asked: AtomicU32::new(0),
            begun: Semaphore::new(0),
        })
    }

    async fn ask(&self) -> Result<(), Down> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.begun.add_permits(1);
        let answer = self.answers.lock().unwrap().pop();
        match answer.unwrap_or(Answer::AtOnce) {
            Answer::AtOnce => Ok(()),
            Answer::Never => std::future::pending().await,
            Answer::Error => Err(Down),
            Answer::Panic => panic!("it fell"),
        }
    }

    /// Waits until it is asked once more.
    async fn asked(&self) {
        self.begun.acquire().await.unwrap().forget();
    }
}

#[event(name = "limits.grown")]
pub struct Grown {
    pub plant: u32,
}

#[command(key = plant, reply = Count, error = Down)]
pub struct Grow {
    pub plant: u32,
}

#[derive(Default)]
pub struct Plant {
    size: u32,
}

impl From<&Plant> for Count {
    fn from(plant: &Plant) -> Self {
        Count(plant.size)
    }
}

#[aggregate(handles = Grow, events = Grown, name = "limits-plant", timeout = "50ms")]
impl Plant {
    async fn grow(&self, grow: Grow, service: Resource<Arc<Service>>) -> Result<Grown, Down> {
        service.ask().await?;
        Ok(Grown { plant: grow.plant })
    }

    fn grown(&mut self, _: &Grown) {
        self.size += 1;
    }
}

/// One without a time-out.
#[command(key = tree, reply = Count, error = Down)]
pub struct GrowTree {
    pub tree: u32,
}

#[derive(Default)]
pub struct Tree {
    size: u32,
}

impl From<&Tree> for Count {
    fn from(tree: &Tree) -> Self {
        Count(tree.size)
    }
}

#[aggregate(handles = GrowTree, events = Grown, name = "limits-tree")]
impl Tree {
    async fn grow(&self, grow: GrowTree, service: Resource<Arc<Service>>) -> Result<Grown, Down> {
        service.ask().await?;
        Ok(Grown { plant: grow.tree })
    }

    fn grown(&mut self, _: &Grown) {
        self.size += 1;
    }
}

/// One that asks again.
#[command(key = bush, reply = Count, error = Down)]
pub struct GrowBush {
    pub bush: u32,
}

#[derive(Default)]
pub struct Bush {
    size: u32,
}

impl From<&Bush> for Count {
    fn from(bush: &Bush) -> Self {
        Count(bush.size)
    }
}

#[aggregate(
    handles = GrowBush,
    events = Grown,
    name = "limits-bush",
    timeout = "50ms",
    retry = 2,
    backoff = "20ms..40ms"
)]
impl Bush {
    async fn grow(&self, grow: GrowBush, service: Resource<Arc<Service>>) -> Result<Grown, Down> {
        service.ask().await?;
        Ok(Grown { plant: grow.bush })
    }

    fn grown(&mut self, _: &Grown) {
        self.size += 1;
    }
}

async fn started(store: &Store, service: &Arc<Service>) -> System {
    let builder = System::builder()
        .isolated()
        .with::<Aggregates<Plant>>()
        .with::<Aggregates<Tree>>()
        .with::<Aggregates<Bush>>();
    let builder = builder.provide(store.clone());
    builder.provide(Arc::clone(service)).start().await.unwrap()
}

async fn stored(store: &Store) -> usize {
    let all = store.read_all(Position::START, usize::MAX).await;
    all.unwrap().len()
}

async fn a_late_decision_is_cut_off(store: &Store) {
    let service = Service::answering(&[Answer::Never]);
    let system = started(store, &service).await;
    let ctx = system.context();
    let late = ctx.send(Grow { plant: 1 });
    let behind = ctx.send(Grow { plant: 1 });
    let (late, behind) = tokio::join!(late, behind);
    let Err(CallError::TimedOut(late)) = late else {
        panic!("{late:?}");
    };
    assert_eq!(
        (late.message, late.limit),
        ("eventstore::time_limits::Grow", Duration::from_millis(50))
    );
    // Nothing of it is stored, and the one behind it is decided upon.
    assert_eq!(behind.unwrap(), Count(1));
    assert_eq!(stored(store).await, 1);
    assert_eq!(ctx.send(Grow { plant: 1 }).await.unwrap(), Count(2));
    let _ = ctx.close().await;
    system.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_decision_that_takes_too_long_stores_nothing_and_the_next_is_made() {
    a_late_decision_is_cut_off(&Store::memory()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_decision_that_takes_too_long_stores_nothing_and_the_next_is_made_in_a_file() {
    let folder = Folder::new("time_limits");
    a_late_decision_is_cut_off(&Store::new(SqliteStore::open(folder.file()).unwrap())).await;
}

async fn decisions_end_with_their_units_of_work() {
    let (store, service) = (Store::memory(), Service::answering(&[Answer::Never; 3]));
    let system = started(&store, &service).await;
    // By its deadline.
    let ctx = system.context().with_timeout(Duration::from_millis(20));
    let late = ctx.send(GrowTree { tree: 1 }).await;
    assert!(
        matches!(late, Err(CallError::DeadlineExceeded { .. })),
        "{late:?}"
    );
    let _ = ctx.close().await;
    service.asked().await;
    // By its cancellation.
    let ctx = system.context();
    let hanging = ctx.send(GrowTree { tree: 1 });
    let cancel = async {
        service.asked().await;
        ctx.cancel();
    };
    let (cancelled, ()) = tokio::join!(hanging, cancel);
    assert!(
        matches!(cancelled, Err(CallError::Cancelled { .. })),
        "{cancelled:?}"
    );
    drop(ctx);
    // By its caller's end.
    let caller = tokio::spawn({
        let ctx = system.context();
        async move { ctx.send(GrowTree { tree: 1 }).await }
    });
    service.asked().await;
    caller.abort();
    let _ = caller.await;
    let ctx = system.context();
    assert_eq!(ctx.send(GrowTree { tree: 1 }).await.unwrap(), Count(1));
    assert_eq!(stored(&store).await, 1);
    ctx.close().await.unwrap();
    system.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_decision_ends_with_its_unit_of_work_and_the_next_is_made() {
    decisions_end_with_their_units_of_work().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_decision_ends_with_its_unit_of_work_and_the_next_is_made_on_several_threads() {
    decisions_end_with_their_units_of_work().await;
}

#[tokio::test(start_paused = true)]
async fn a_command_that_waits_for_its_turn_ends_with_its_unit_of_work() {
    let (store, service) = (Store::memory(), Service::answering(&[Answer::Never]));
    let system = started(&store, &service).await;
    let first = system.context();
    let mut hanging = Box::pin(async { first.send(GrowTree { tree: 1 }).await });
    assert!(ready(&mut hanging).await.is_none());
    let second = system.context().with_timeout(Duration::from_secs(1));
    let waiting = second.send(GrowTree { tree: 1 }).await;
    assert!(
        matches!(waiting, Err(CallError::DeadlineExceeded { .. })),
        "{waiting:?}"
    );
    // It is over, although the one before it is not: nothing of it is left to be waited for.
    let _ = second.close().await;
    assert_eq!(service.asked.load(Ordering::SeqCst), 1);
    first.cancel();
    assert!(matches!(hanging.await, Err(CallError::Cancelled { .. })));
    assert_eq!(stored(&store).await, 0);
    system.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_decision_that_fails_is_made_again_as_often_as_its_aggregate_says() {
    use Answer::{AtOnce, Error, Never, Panic};
    for (answers, asked) in [
        (&[Error, AtOnce][..], 2),
        (&[Panic, Never, AtOnce], 3),
        (&[AtOnce], 1),
    ] {
        let (store, service) = (Store::memory(), Service::answering(answers));
        let system = started(&store, &service).await;
        let ctx = system.context();
        // The command behind it keeps its place.
        let (first, second) = tokio::join!(
            ctx.send(GrowBush { bush: 1 }),
            ctx.send(GrowBush { bush: 1 })
        );
        assert_eq!((first.unwrap(), second.unwrap()), (Count(1), Count(2)));
        assert_eq!(service.asked.load(Ordering::SeqCst), asked + 1);
        ctx.close().await.unwrap();
        system.shutdown().await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_last_failure_of_a_decision_is_the_one_that_counts() {
    use Answer::{Error, Never, Panic};
    for last in [Error, Never, Panic] {
        let (store, service) = (Store::memory(), Service::answering(&[Error, Panic, last]));
        let system = started(&store, &service).await;
        let (ctx, began) = (system.context(), Instant::now());
        let failed = ctx.send(GrowBush { bush: 1 }).await.unwrap_err();
        match last {
            Error => assert!(matches!(failed, CallError::Handler(Down)), "{failed:?}"),
            Never => assert!(matches!(failed, CallError::TimedOut(_)), "{failed:?}"),
            _ => assert!(matches!(failed, CallError::Panicked(_)), "{failed:?}"),
        }
        assert_eq!(service.asked.load(Ordering::SeqCst), 3);
        assert!(
            began.elapsed() <= Duration::from_millis(120),
            "{:?}",
            began.elapsed()
        );
        assert_eq!(ctx.send(GrowBush { bush: 1 }).await.unwrap(), Count(1));
        let _ = ctx.close().await;
        system.shutdown().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_decision_is_not_made_again_for_a_unit_of_work_that_has_ended() {
    let (store, service) = (Store::memory(), Service::answering(&[Answer::Never; 3]));
    let system = started(&store, &service).await;
    let ctx = system.context().with_timeout(Duration::from_millis(60));
    let late = ctx.send(GrowBush { bush: 1 }).await;
    assert!(
        matches!(late, Err(CallError::DeadlineExceeded { .. })),
        "{late:?}"
    );
    let _ = ctx.close().await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(service.asked.load(Ordering::SeqCst), 1);
    system.shutdown().await;
}
