//! How a system stops: new work is refused, what was accepted is handled or counted by name.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use nether::prelude::*;
use nether::{FailureKind, SendError};
use tokio::sync::Semaphore;
use tokio::task;
use tokio::time::Instant;

#[command]
struct Job;

#[event]
struct JobDone;

struct Worker(Arc<Semaphore>);

#[module(handles = Job, manual)]
impl Worker {
    async fn job(&mut self, _: Job, ctx: &Context<Self>) -> nether::Result<()> {
        self.0.acquire().await.expect("never closed").forget();
        ctx.publish(JobDone).await?;
        Ok(())
    }
}

#[derive(Default)]
struct Archive(Arc<AtomicU64>);

#[module(handles = JobDone, manual)]
impl Archive {
    async fn done(&mut self, _: &JobDone) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// Produces until it is to stop, and takes its time to end.
struct Source(Arc<AtomicU64>);

#[event]
struct Produced;

#[module(handles = [], manual)]
impl Source {
    #[background]
    async fn produce(&self, ctx: Context<Self>) {
        while !ctx.is_cancelled() && ctx.publish(Produced).await.is_ok() {
            task::yield_now().await;
        }
        for _ in 0..10 {
            task::yield_now().await;
        }
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

async fn system(gate: &Arc<Semaphore>) -> nether::Result<(System, Arc<AtomicU64>)> {
    let system = System::builder()
        .isolated()
        .shutdown_timeout(Duration::from_secs(3))
        .start()
        .await?;
    let archived = Arc::<AtomicU64>::default();
    // The archive comes first, so it stops last.
    system.attach(Archive(Arc::clone(&archived))).await?;
    system.attach(Worker(Arc::clone(gate))).await?;
    Ok((system, archived))
}

#[tokio::test(start_paused = true)]
async fn what_was_accepted_is_handled_before_the_system_stops() -> nether::Result<()> {
    let gate = Arc::new(Semaphore::new(0));
    let (system, archived) = system(&gate).await?;
    let ctx = system.context();
    for _ in 0..100 {
        ctx.process(Job).await?;
    }
    let stopping = tokio::spawn({
        let system = system.clone();
        async move { system.shutdown().await }
    });
    while !matches!(ctx.process(Job).await, Err(SendError::Stopping { .. })) {
        task::yield_now().await;
    }
    gate.add_permits(1000);
    let report = stopping.await?;
    assert_eq!(report.failed, 0, "{report}");
    assert!(
        report.dead_letters.is_empty() && report.cut_off.is_empty(),
        "{report}"
    );
    let jobs = archived.load(Ordering::SeqCst);
    assert!(jobs >= 100);
    // Each job, and its event: also what handlers send while the system stops is handled.
    assert_eq!(report.handled, 2 * jobs);
    assert_eq!(ctx.close().await?.handled, 2 * jobs);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_does_not_end_is_cut_off_and_its_queue_counted() -> nether::Result<()> {
    let gate = Arc::new(Semaphore::new(0));
    let (system, _) = system(&gate).await?;
    let ctx = system.context();
    for _ in 0..7 {
        ctx.process(Job).await?;
    }
    let begun = Instant::now();
    let report = system.shutdown().await;
    assert_eq!(begun.elapsed(), Duration::from_secs(3));
    assert_eq!(report.cut_off, ["isolated::stopping::Worker"]);
    let [letters] = &report.dead_letters[..] else {
        panic!("{report}")
    };
    assert_eq!(
        (letters.message, letters.module, letters.count),
        ("isolated::stopping::Job", "isolated::stopping::Worker", 7)
    );
    let error = ctx.close().await.expect_err("seven were not handled");
    assert_eq!(error.failures.len(), 7, "{error}");
    assert!(
        error
            .failures
            .iter()
            .all(|failure| matches!(failure.kind, FailureKind::Stopped))
    );
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn stopping_twice_gives_the_same_report() -> nether::Result<()> {
    let gate = Arc::new(Semaphore::new(3));
    let (system, _) = system(&gate).await?;
    let ctx = system.context();
    for _ in 0..3 {
        ctx.send(Job).await?;
    }
    let (first, second) = tokio::join!(system.shutdown(), system.shutdown());
    assert_eq!(first, second);
    assert_eq!(first, system.shutdown().await);
    assert_eq!(first.handled, 6);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn background_tasks_are_notified_and_waited_for() -> nether::Result<()> {
    let system = System::builder().isolated().start().await?;
    let ended = Arc::<AtomicU64>::default();
    let mut produced = system.subscribe::<Produced>();
    system.attach(Source(Arc::clone(&ended))).await?;
    assert!(produced.next().await.is_some());
    let report = system.shutdown().await;
    assert_eq!(ended.load(Ordering::SeqCst), 1);
    assert!(report.cut_off.is_empty(), "{report}");
    while produced.next().await.is_some() {}
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn detaching_ends_the_background_tasks() -> nether::Result<()> {
    let system = System::builder().isolated().start().await?;
    let ended = Arc::<AtomicU64>::default();
    let source = system.attach(Source(Arc::clone(&ended))).await?;
    system.detach(source).await;
    assert_eq!(ended.load(Ordering::SeqCst), 1);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_waiter_for_the_end_is_notified() -> nether::Result<()> {
    let system = System::builder().isolated().start().await?;
    let waiting = tokio::spawn({
        let system = system.clone();
        async move { system.wait_for_shutdown().await }
    });
    task::yield_now().await;
    assert!(!waiting.is_finished());
    let report = system.shutdown().await;
    assert_eq!(waiting.await?, report);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_system_without_handles_lets_its_modules_finish() -> nether::Result<()> {
    let gate = Arc::new(Semaphore::new(0));
    let (system, archived) = system(&gate).await?;
    let ctx = system.context();
    for _ in 0..5 {
        ctx.process(Job).await?;
    }
    drop(system);
    assert!(matches!(
        ctx.process(Job).await,
        Err(SendError::Stopping { .. })
    ));
    gate.add_permits(5);
    let _ = ctx.close().await;
    assert_eq!(
        archived.load(Ordering::SeqCst),
        0,
        "nobody is left to show the events to"
    );
    assert_eq!(gate.available_permits(), 0, "all jobs were done");
    Ok(())
}

#[command]
struct Endless;

#[derive(Default)]
struct Concurrent(Arc<AtomicU64>);

#[module(handles = Endless, manual)]
impl Concurrent {
    async fn endless(&self, _: Endless) {
        self.0.fetch_add(1, Ordering::SeqCst);
        std::future::pending::<()>().await;
    }
}

#[tokio::test(start_paused = true)]
async fn handlers_of_a_shared_module_are_cut_off_too() -> nether::Result<()> {
    let system = System::builder().isolated().start().await?;
    let held = Arc::<AtomicU64>::default();
    system.attach(Concurrent(Arc::clone(&held))).await?;
    let ctx = system.context();
    for _ in 0..3 {
        ctx.process(Endless).await?;
    }
    let report = system.shutdown().await;
    assert_eq!(
        (held.load(Ordering::SeqCst), report.cut_off.as_slice()),
        (3, &["isolated::stopping::Concurrent"][..])
    );
    let [letters] = &report.dead_letters[..] else {
        panic!("{report}")
    };
    assert_eq!(
        (letters.message, letters.count),
        ("isolated::stopping::Endless", 3)
    );
    let error = ctx.close().await.expect_err("three were cut off");
    assert_eq!(error.failures.len(), 3, "{error}");
    drop(system);
    assert_eq!(Arc::strong_count(&held), 1, "nothing of it runs any more");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_subscription_of_a_stopped_system_ends_at_once() -> nether::Result<()> {
    let system = System::builder().isolated().start().await?;
    let mut before = system.subscribe::<Produced>();
    let _still_open = system.context();
    system.shutdown().await;
    let mut after = system.subscribe::<Produced>();
    assert!(before.next().await.is_none() && after.next().await.is_none());
    Ok(())
}

/// Blocks its thread until the other half of the channel is dropped.
#[command]
struct Block;

struct Blocker(std::sync::Mutex<std::sync::mpsc::Receiver<()>>);

#[module(handles = Block, manual)]
impl Blocker {
    async fn block(&mut self, _: Block) {
        let wait = self.0.get_mut().expect("no holder panics");
        assert!(wait.recv().is_err(), "nothing is sent");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_whose_handler_blocks_its_thread_is_unfinished_in_the_report()
-> nether::Result<()> {
    let builder = System::builder().isolated();
    let builder = builder.shutdown_timeout(Duration::from_millis(100));
    let system = builder.start().await?;
    let (unblock, blocked) = std::sync::mpsc::channel();
    system.attach(Blocker(blocked.into())).await?;
    let ctx = system.context();
    for _ in 0..3 {
        ctx.process(Block).await?;
    }
    let report = system.shutdown().await;
    let dead: u64 = report.dead_letters.iter().map(|it| it.count).sum();
    assert_eq!(report.cut_off, ["isolated::stopping::Blocker"]);
    assert!(report.unfinished > 0, "{report}");
    assert_eq!(report.unfinished + dead, 3, "{report}");
    assert!(
        report.to_string().contains(" messages unfinished"),
        "{report}"
    );
    drop(unblock);
    Ok(())
}
