//! What becomes of a module that crashes.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use nether::prelude::*;
use nether::{
    CallError, DeadLetter, ModuleCrashLooping, ModuleRestarted, ModuleState, ModuleStopped,
    SendError,
};
use tokio::sync::Semaphore;
use tokio::time::Instant;

#[command]
struct Add(u64);

#[command]
struct Crash;

#[query(reply = u64)]
struct Sum;

/// What is made anew loses what it has added up.
#[derive(Default)]
struct Adder {
    sum: u64,
}

#[module(handles = [Add, Crash, Sum])]
impl Adder {
    async fn add(&mut self, Add(number): Add) {
        self.sum += number;
    }

    async fn crash(&mut self, _: Crash) {
        panic!("as asked");
    }

    async fn sum(&self, _: Sum) -> u64 {
        self.sum
    }
}

fn status(system: &System, module: &str) -> nether::ModuleStatus {
    let modules = system.modules();
    let found = modules.into_iter().find(|it| it.name.ends_with(module));
    found.expect("it is one of the program's modules")
}

#[tokio::test(start_paused = true)]
async fn a_module_that_panics_is_made_anew_and_handles_what_waits_in_order() -> nether::Result<()> {
    let system = System::start().await?;
    let mut restarted = system.subscribe::<ModuleRestarted>();
    let ctx = system.context();
    for message in 0..2 {
        ctx.process(Add(message + 1)).await?;
    }
    ctx.process(Crash).await?;
    for message in 0..2 {
        ctx.process(Add(10 * message + 10)).await?;
    }
    assert_eq!(ctx.ask(Sum).await?, 30);
    let restart = restarted.next().await.expect("the module was restarted");
    assert!(restart.module.ends_with("Adder"));
    assert_eq!(restart.restarts, 1);
    assert!(restart.reason.contains("Crash"), "{}", restart.reason);
    let status = status(&system, "::Adder");
    assert_eq!((status.state, status.restarts), (ModuleState::Running, 1));
    let failed = ctx.close().await.expect_err("one message failed").failures;
    assert_eq!(failed.len(), 1);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn the_caller_gets_the_panic_and_the_next_call_the_new_module() -> nether::Result<()> {
    let system = System::start().await?;
    let ctx = system.context();
    ctx.send(Add(5)).await?;
    assert!(matches!(ctx.send(Crash).await, Err(CallError::Panicked(_))));
    assert_eq!(ctx.ask(Sum).await?, 0);
    ctx.close().await?;
    Ok(())
}

#[command]
struct ShareAdd(u64);

#[command]
struct ShareCrash;

#[query(reply = u64)]
struct ShareSum;

#[query(reply = u64)]
struct ShareWait;

#[derive(Default)]
struct Shared {
    sum: AtomicU64,
}

/// Lets a handler of the shared module wait.
static GATE: Semaphore = Semaphore::const_new(0);
static WAITING: Semaphore = Semaphore::const_new(0);

#[module(handles = [ShareAdd, ShareCrash, ShareSum, ShareWait], restart = "always")]
impl Shared {
    async fn add(&self, ShareAdd(number): ShareAdd) {
        self.sum.fetch_add(number, Ordering::SeqCst);
    }

    async fn crash(&self, _: ShareCrash) {
        panic!("as asked");
    }

    async fn sum(&self, _: ShareSum) -> u64 {
        self.sum.load(Ordering::SeqCst)
    }

    async fn wait(&self, _: ShareWait) -> u64 {
        WAITING.add_permits(1);
        GATE.acquire().await.expect("it is never closed").forget();
        self.sum.load(Ordering::SeqCst)
    }
}

#[tokio::test(start_paused = true)]
async fn a_shared_module_that_says_so_is_made_anew_while_its_other_handlers_run_on()
-> nether::Result<()> {
    let system = System::start().await?;
    let ctx = system.context();
    ctx.send(ShareAdd(5)).await?;
    let waiting = tokio::spawn({
        let ctx = ctx.clone();
        async move { ctx.ask(ShareWait).await }
    });
    WAITING.acquire().await?.forget();
    assert!(matches!(
        ctx.send(ShareCrash).await,
        Err(CallError::Panicked(_))
    ));
    assert_eq!(ctx.ask(ShareSum).await?, 0);
    GATE.add_permits(1);
    assert_eq!(waiting.await??, 5);
    assert_eq!(status(&system, "::Shared").restarts, 1);
    ctx.close().await?;
    Ok(())
}

#[command]
struct ResumedAdd(u64);

#[command]
struct ResumedCrash;

#[query(reply = u64)]
struct ResumedSum;

#[derive(Default)]
struct Resumed {
    sum: u64,
}

#[module(handles = [ResumedAdd, ResumedCrash, ResumedSum], restart = "resume")]
impl Resumed {
    #[background]
    async fn fall(_: Context<Self>) -> nether::Result<()> {
        panic!("a task of its own")
    }

    async fn add(&mut self, ResumedAdd(number): ResumedAdd) {
        self.sum += number;
    }

    async fn crash(&mut self, _: ResumedCrash) {
        self.sum += 1;
        panic!("half-way");
    }

    async fn sum(&self, _: ResumedSum) -> u64 {
        self.sum
    }
}

#[nether::test]
async fn a_module_that_resumes_keeps_its_state(system: System) -> nether::Result<()> {
    let ctx = system.context();
    // The background task has its turn, and falls.
    tokio::task::yield_now().await;
    ctx.send(ResumedAdd(5)).await?;
    for _ in 0..20 {
        assert!(ctx.send(ResumedCrash).await.is_err());
    }
    assert_eq!(ctx.ask(ResumedSum).await?, 25);
    assert_eq!(status(&system, "::Resumed").restarts, 0);
    ctx.close().await?;
    Ok(())
}

#[command]
struct FragileCrash;

#[command]
struct FragileWork;

#[event]
struct FragileNews;

#[derive(Default)]
struct Fragile;

#[module(handles = [FragileCrash, FragileWork, FragileNews], restart = "never")]
impl Fragile {
    async fn crash(&mut self, _: FragileCrash) {
        panic!("as asked");
    }

    async fn work(&mut self, _: FragileWork) {}

    async fn news(&mut self, _: &FragileNews) {}
}

#[tokio::test]
async fn a_module_that_is_not_made_anew_is_stopped_and_its_messages_are_dead_letters()
-> nether::Result<()> {
    let system = System::start().await?;
    let mut stopped = system.subscribe::<ModuleStopped>();
    let mut dead = system.subscribe::<DeadLetter>();
    let ctx = system.context();
    // Both are in the mailbox before the module has run.
    ctx.process(FragileCrash).await?;
    ctx.process(FragileWork).await?;
    let stop = stopped.next().await.expect("the module was stopped");
    assert!(stop.module.ends_with("Fragile"));
    assert_eq!(status(&system, "::Fragile").state, ModuleState::Stopped);
    assert!(matches!(
        ctx.send(FragileWork).await,
        Err(CallError::Stopped { .. })
    ));
    assert!(matches!(
        ctx.process(FragileWork).await,
        Err(SendError::Stopped { .. })
    ));
    ctx.publish(FragileNews).await?;
    for expected in ["FragileWork", "FragileNews"] {
        let letter = dead.next().await.expect("it is told of");
        assert!(letter.message.ends_with(expected), "{}", letter.message);
    }
    let failures = ctx.close().await.expect_err("three failed").failures;
    assert_eq!(failures.len(), 3);
    let report = system.shutdown().await;
    let count: u64 = report
        .dead_letters
        .iter()
        .map(|letters| letters.count)
        .sum();
    assert_eq!((report.failed, count), (1, 2));
    Ok(())
}

#[command]
struct OftenCrash;

#[derive(Default)]
struct Often;

#[module(handles = OftenCrash, max_restarts = "2 in 10s")]
impl Often {
    async fn crash(&mut self, _: OftenCrash) {
        panic!("as asked");
    }
}

#[tokio::test(start_paused = true)]
async fn a_module_that_crashes_too_often_is_left_alone_for_a_while() -> nether::Result<()> {
    let system = System::start().await?;
    let mut looping = system.subscribe::<ModuleCrashLooping>();
    let ctx = system.context();
    // As often as it likes, if there is time between.
    for _ in 0..5 {
        assert!(matches!(
            ctx.send(OftenCrash).await,
            Err(CallError::Panicked(_))
        ));
        tokio::time::sleep(Duration::from_secs(6)).await;
    }
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert!(looping.try_next().is_none());
    for _ in 0..3 {
        assert!(matches!(
            ctx.send(OftenCrash).await,
            Err(CallError::Panicked(_))
        ));
    }
    let refused = ctx.send(OftenCrash).await;
    assert!(
        matches!(refused, Err(CallError::CrashLooping(_))),
        "{refused:?}"
    );
    assert_eq!(status(&system, "::Often").state, ModuleState::CrashLooping);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(matches!(
        ctx.send(OftenCrash).await,
        Err(CallError::Panicked(_))
    ));
    ctx.close().await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn each_restart_waits_about_twice_as_long_as_the_one_before() -> nether::Result<()> {
    let system = System::start().await?;
    let ctx = system.context();
    for longest in [10, 20, 40, 80, 160] {
        let crashed = Instant::now();
        assert!(ctx.send(Crash).await.is_err());
        ctx.ask(Sum).await?;
        let waited = crashed.elapsed().as_millis();
        // Half of it for certain, the rest by chance; timers are rounded up to a millisecond.
        assert!(
            (longest / 2..=longest + 1).contains(&waited),
            "{waited} of {longest}"
        );
    }
    ctx.close().await?;
    Ok(())
}

#[command]
struct VitalCrash;

#[derive(Default)]
struct Vital;

#[module(handles = VitalCrash, restart = "never", essential)]
impl Vital {
    async fn crash(&mut self, _: VitalCrash) {
        panic!("as asked");
    }
}

#[command]
struct ImportantCrash;

#[derive(Default)]
struct Important;

#[module(handles = ImportantCrash, max_restarts = "1 in 30s", essential)]
impl Important {
    async fn crash(&mut self, _: ImportantCrash) {
        panic!("as asked");
    }
}

#[nether::test]
async fn a_system_stops_with_a_module_that_it_cannot_do_without(
    system: System,
) -> nether::Result<()> {
    let ctx = system.context();
    assert!(matches!(
        ctx.send(VitalCrash).await,
        Err(CallError::Panicked(_))
    ));
    // It is on its way down by itself; this only waits for the end.
    system.wait_for_shutdown().await;
    assert!(matches!(
        ctx.send(Add(1)).await,
        Err(CallError::Stopping { .. })
    ));
    Ok(())
}

#[nether::test]
async fn a_system_stops_with_an_essential_module_that_crashes_too_often(
    system: System,
) -> nether::Result<()> {
    let mut stopped = system.subscribe::<ModuleStopped>();
    let ctx = system.context();
    for _ in 0..2 {
        assert!(matches!(
            ctx.send(ImportantCrash).await,
            Err(CallError::Panicked(_))
        ));
    }
    let stop = stopped.next().await.expect("it is not tried again");
    assert!(stop.module.ends_with("Important"));
    system.wait_for_shutdown().await;
    Ok(())
}

struct ByHand;

#[command]
struct ByHandCrash;

#[module(handles = ByHandCrash, manual)]
impl ByHand {
    async fn crash(&mut self, _: ByHandCrash) {
        panic!("as asked");
    }
}

/// The framework made this one, but the value that is attached it did not.
#[command]
struct TwiceCrash;

#[derive(Default)]
struct Twice;

#[module(handles = TwiceCrash)]
impl Twice {
    async fn crash(&mut self, _: TwiceCrash) {
        panic!("as asked");
    }
}

#[nether::test]
async fn what_was_attached_cannot_be_made_anew(_: System) -> nether::Result<()> {
    let system = System::builder().isolated().start().await?;
    let by_hand = system.attach(ByHand).await?;
    let twice = system.attach(Twice).await?;
    let ctx = system.context();
    assert!(matches!(
        ctx.send(ByHandCrash).await,
        Err(CallError::Panicked(_))
    ));
    assert!(matches!(
        ctx.send(ByHandCrash).await,
        Err(CallError::Stopped { .. })
    ));
    assert!(matches!(
        ctx.send(TwiceCrash).await,
        Err(CallError::Panicked(_))
    ));
    assert!(matches!(
        ctx.send(TwiceCrash).await,
        Err(CallError::Stopped { .. })
    ));
    // Its place is free for another.
    system.detach(by_hand).await;
    system.detach(twice).await;
    let _by_hand = system.attach(ByHand).await?;
    assert!(matches!(
        ctx.send(ByHandCrash).await,
        Err(CallError::Panicked(_))
    ));
    ctx.close().await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_system_that_stops_does_not_wait_for_restarts() -> nether::Result<()> {
    let system = System::start().await?;
    let ctx = system.context();
    for _ in 0..4 {
        assert!(ctx.send(Crash).await.is_err());
    }
    ctx.process(Crash).await?;
    ctx.process(Add(1)).await?;
    let begun = Instant::now();
    let report = system.shutdown().await;
    assert!(report.dead_letters.is_empty(), "{report}");
    assert!(report.cut_off.is_empty(), "{report}");
    // The fifth restart would wait for 80 milliseconds at least.
    assert!(begun.elapsed() < Duration::from_millis(80));
    Ok(())
}
