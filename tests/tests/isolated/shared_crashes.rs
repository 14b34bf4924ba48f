//! Crashes in shared modules: a crash of a handler fails its message and no more, unless the module says
//! otherwise.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use nether::prelude::*;
use nether::{
    HandlerFailed, ModuleCrashLooping, ModuleRestarted, ModuleState, ModuleStatus, SendError,
};
use tokio::sync::Semaphore;
use tokio::time::sleep;

#[command]
struct Add(u64);

#[command]
struct Crash;

#[command]
struct Hang;

/// Panics when it is dropped.
#[command(local)]
struct Fragile(Bomb);

#[derive(Debug)]
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        assert!(std::thread::panicking(), "as dropped");
    }
}

#[query]
struct Guess;

#[event]
struct News;

#[query(reply = u64)]
struct Sum;

#[query(reply = u64)]
struct Wait;

/// Lets the handler of `Wait` go on.
#[command]
struct GoOn;

/// Keeps what it has added up, whatever its handlers do.
struct Kept {
    sum: AtomicU64,
    gate: Semaphore,
}

impl Default for Kept {
    fn default() -> Self {
        Kept {
            sum: AtomicU64::new(0),
            gate: Semaphore::new(0),
        }
    }
}

#[module(handles = [Add, Crash, Hang, Fragile, Guess, News, Sum, Wait, GoOn])]
impl Kept {
    /// Adds one each second.
    #[background]
    async fn count(&self, ctx: Context<Self>) {
        while !ctx.is_cancelled() {
            sleep(Duration::from_secs(1)).await;
            self.sum.fetch_add(1, Ordering::SeqCst);
        }
    }

    async fn add(&self, Add(number): Add) {
        self.sum.fetch_add(number, Ordering::SeqCst);
    }

    async fn crash(&self, _: Crash) {
        panic!("as asked");
    }

    #[handler(timeout = "1ms")]
    async fn hang(&self, _: Hang) {
        std::future::pending().await
    }

    async fn fragile(&self, fragile: Fragile) {
        drop(fragile);
    }

    async fn guess(&self, _: Guess) {
        panic!("as asked");
    }

    async fn news(&self, _: &News) {
        panic!("as published");
    }

    async fn sum(&self, _: Sum) -> u64 {
        self.sum.load(Ordering::SeqCst)
    }

    async fn wait(&self, _: Wait) -> u64 {
        let permit = self.gate.acquire().await;
        permit.expect("it is never closed").forget();
        self.sum.load(Ordering::SeqCst)
    }

    async fn go_on(&self, _: GoOn) {
        self.gate.add_permits(1);
    }
}

fn status(system: &System) -> ModuleStatus {
    system.modules().remove(0)
}

async fn only_the_message_fails() -> nether::Result<()> {
    let system = System::builder().isolated().with::<Kept>().start().await?;
    let mut restarted = system.subscribe::<ModuleRestarted>();
    let mut failed = system.subscribe::<HandlerFailed>();
    let ctx = system.context();
    ctx.send(Add(1000)).await?;
    let waiting = tokio::spawn({
        let ctx = system.context();
        async move { ctx.ask(Wait).await }
    });
    while status(&system).in_flight == 0 {
        tokio::task::yield_now().await;
    }
    for _ in 0..10 {
        let crashes = [
            ctx.send(Crash).await,
            ctx.ask(Guess).await,
            ctx.send(Fragile(Bomb)).await,
            ctx.try_send(Crash)?.await,
        ];
        for crashed in crashes {
            assert!(
                matches!(crashed, Err(CallError::Panicked(_))),
                "{crashed:?}"
            );
        }
        let crashed = ctx.send(Hang).await;
        assert!(matches!(crashed, Err(CallError::TimedOut(_))));
        ctx.process(Crash).await?;
        ctx.try_process(Hang)?;
        ctx.publish(News).await?;
    }
    let failures = ctx.close().await.expect_err("no caller has these");
    assert_eq!(failures.failures.len(), 30);
    for _ in 0..80 {
        assert!(failed.next().await.expect("each is told").crashed);
    }
    // The value is the first one, for its other handlers too, and its background task goes on.
    let ctx = system.context();
    let before = ctx.ask(Sum).await?;
    assert!(before >= 1000);
    while ctx.ask(Sum).await? == before {
        sleep(Duration::from_millis(10)).await;
    }
    ctx.send(GoOn).await?;
    assert!(waiting.await?? > before);
    assert_eq!(status(&system).state, ModuleState::Running);
    assert_eq!(status(&system).restarts, 0);
    assert!(restarted.try_next().is_none());
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_crash_in_a_shared_module_fails_its_message_and_no_more() -> nether::Result<()> {
    only_the_message_fails().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_in_a_shared_module_on_several_threads_fails_its_message_and_no_more()
-> nether::Result<()> {
    only_the_message_fails().await
}

#[command]
struct Try;

/// How often it was tried.
struct Tried(Arc<AtomicU64>);

#[module(handles = Try, manual)]
impl Tried {
    #[handler(retry = 2, backoff = "1ms..1ms")]
    async fn attempt(&self, _: Try) {
        if self.0.fetch_add(1, Ordering::SeqCst) < 2 {
            panic!("not yet");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_shared_module_that_was_attached_outlives_crashes_and_tries_again() -> nether::Result<()>
{
    let system = System::builder().isolated().start().await?;
    let times = Arc::new(AtomicU64::new(0));
    system.attach(Tried(Arc::clone(&times))).await?;
    let ctx = system.context();
    ctx.send(Try).await?;
    ctx.send(Try).await?;
    assert_eq!(times.load(Ordering::SeqCst), 4);
    assert_eq!(status(&system).state, ModuleState::Running);
    ctx.close().await?;
    Ok(())
}

#[command]
struct Once;

#[derive(Default)]
struct Brief;

#[module(handles = Once, restart = "never")]
impl Brief {
    async fn once(&self, _: Once) {
        panic!("as asked");
    }
}

#[tokio::test(start_paused = true)]
async fn a_shared_module_that_says_never_is_stopped_by_a_crash() -> nether::Result<()> {
    let system = System::builder().isolated().with::<Brief>().start().await?;
    let ctx = system.context();
    let crashed = ctx.send(Once).await;
    assert!(matches!(crashed, Err(CallError::Panicked(_))));
    let refused = ctx.send(Once).await;
    assert!(
        matches!(refused, Err(CallError::Stopped { .. })),
        "{refused:?}"
    );
    assert_eq!(status(&system).state, ModuleState::Stopped);
    ctx.close().await?;
    Ok(())
}

#[command]
struct Share;

#[query(reply = u64)]
struct Stay;

/// A shared module that is made anew when it crashes.
struct Renewed(Gate);

#[derive(Clone)]
struct Gate(Arc<Semaphore>);

#[module(handles = [Share, Stay], restart = "always", max_restarts = "1 in 2h", mailbox = 2)]
impl Renewed {
    #[init]
    fn new(gate: Resource<Gate>) -> Self {
        Renewed(Gate::clone(&gate))
    }

    async fn share(&self, _: Share) {
        panic!("as asked");
    }

    async fn stay(&self, _: Stay) -> u64 {
        self.0.0.acquire().await.expect("never closed").forget();
        1
    }
}

#[tokio::test(start_paused = true)]
async fn a_shared_module_that_crashes_too_often_refuses_while_its_other_handlers_run_on()
-> nether::Result<()> {
    let gate = Gate(Arc::new(Semaphore::new(0)));
    let builder = System::builder().isolated().with::<Renewed>();
    let system = builder.provide(gate.clone()).start().await?;
    let mut looping = system.subscribe::<ModuleCrashLooping>();
    let ctx = system.context();
    let asked = |ctx: Context| tokio::spawn(async move { ctx.ask(Stay).await });
    let staying = asked(ctx.clone());
    while status(&system).in_flight == 0 {
        tokio::task::yield_now().await;
    }
    assert!(ctx.send(Share).await.is_err());
    assert!(ctx.send(Share).await.is_err());
    // This one was accepted, and waits for the module that is not made now.
    let waiting = asked(ctx.clone());
    assert_eq!(
        looping.next().await.expect("it is told").retry_in_millis,
        1000
    );
    let waited = waiting.await?;
    assert!(
        matches!(waited, Err(CallError::CrashLooping(_))),
        "{waited:?}"
    );
    let refused = ctx.process(Share).await;
    assert!(
        matches!(refused, Err(SendError::CrashLooping(_))),
        "{refused:?}"
    );
    let refused = ctx.try_process(Share).map_err(|it| it.error);
    assert!(matches!(refused, Err(SendError::CrashLooping(_))));
    assert_eq!(status(&system).state, ModuleState::CrashLooping);
    gate.0.add_permits(2);
    assert_eq!(staying.await??, 1);
    sleep(Duration::from_secs(2)).await;
    assert_eq!(ctx.ask(Stay).await?, 1);
    assert_eq!(status(&system).restarts, 2);
    ctx.close().await?;
    Ok(())
}

#[command]
struct Provoke;

/// Crashes `Renewed` from inside, where a call needs no place.
#[derive(Default)]
struct Provoker;

#[module(handles = Provoke)]
impl Provoker {
    async fn provoke(&self, _: Provoke, ctx: &Context<Self>) {
        let _ = ctx.send(Share).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_a_place_in_a_shared_module_that_crashes_too_often_is_refused()
-> nether::Result<()> {
    let gate = Gate(Arc::new(Semaphore::new(0)));
    let builder = System::builder().isolated().with::<Renewed>();
    let builder = builder.with::<Provoker>().provide(gate.clone());
    let system = builder.start().await?;
    let mut looping = system.subscribe::<ModuleCrashLooping>();
    let ctx = system.context();
    let asked = || {
        let ctx = ctx.clone();
        tokio::spawn(async move { ctx.ask(Stay).await })
    };
    let staying = [asked(), asked()];
    while status(&system).in_flight < 2 {
        tokio::task::yield_now().await;
    }
    ctx.send(Provoke).await?;
    let waiting = asked();
    let posting = tokio::spawn({
        let ctx = ctx.clone();
        async move { ctx.process(Share).await }
    });
    ctx.send(Provoke).await?;
    looping.next().await.expect("it is told");
    let waited = waiting.await?;
    assert!(
        matches!(waited, Err(CallError::CrashLooping(_))),
        "{waited:?}"
    );
    let posted = posting.await?;
    assert!(
        matches!(posted, Err(SendError::CrashLooping(_))),
        "{posted:?}"
    );
    gate.0.add_permits(3);
    for staying in staying {
        assert_eq!(staying.await??, 1);
    }
    sleep(Duration::from_secs(2)).await;
    assert_eq!(ctx.ask(Stay).await?, 1);
    ctx.close().await?;
    Ok(())
}

#[query]
struct Rest;

/// Its background task panics.
#[derive(Default)]
struct Restless;

#[module(handles = Rest, max_restarts = "2 in 2h")]
impl Restless {
    #[background]
    async fn run(&self) {
        panic!("restless");
    }

    async fn rest(&self, _: Rest) {}
}

#[tokio::test(start_paused = true)]
async fn a_shared_module_is_made_anew_with_its_background_task_until_that_panics_too_often()
-> nether::Result<()> {
    let builder = System::builder().isolated().with::<Restless>();
    let system = builder.start().await?;
    let mut looping = system.subscribe::<ModuleCrashLooping>();
    let looping = looping.next().await.expect("it panics each time");
    assert_eq!((looping.restarts, &*looping.reason), (2, "restless"));
    let refused = system.context().ask(Rest).await;
    assert!(
        matches!(refused, Err(CallError::CrashLooping(_))),
        "{refused:?}"
    );
    Ok(())
}
