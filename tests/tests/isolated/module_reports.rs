//! What becomes of a module in consequence of a report is not reported again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use nether::prelude::*;
use nether::{
    BreakerOpened, HandlerFailed, HandlerSlow, ModuleCrashLooping, ModuleRestarted, ModuleState,
};
use tokio::time::sleep;

const LONG: Duration = Duration::from_secs(60);

fn error(text: &str) -> nether::Error {
    nether::Error::msg(text)
}

/// How many reports there were.
#[derive(Clone, Default)]
struct Count(Arc<AtomicU64>);

impl Count {
    fn add(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// Crashes with each report.
#[derive(Default)]
struct Fragile;

#[module(handles = [HandlerFailed, ModuleRestarted])]
impl Fragile {
    async fn failed(&mut self, _: &HandlerFailed) {
        panic!("cannot bear failures");
    }

    async fn restarted(&mut self, _: &ModuleRestarted) {
        panic!("cannot bear restarts");
    }
}

/// The same, but concurrently.
#[derive(Default)]
struct SharedFragile;

#[module(handles = [HandlerFailed, ModuleRestarted], restart = "always")]
impl SharedFragile {
    async fn failed(&self, _: &HandlerFailed) {
        panic!("cannot bear failures");
    }

    async fn restarted(&self, _: &ModuleRestarted) {
        panic!("cannot bear restarts");
    }
}

#[command]
struct Crash;

#[derive(Default)]
struct Crashing;

#[module(handles = Crash)]
impl Crashing {
    async fn crash(&mut self, _: Crash) {
        panic!("as asked");
    }
}

#[tokio::test(start_paused = true)]
async fn the_restart_of_a_monitor_that_crashed_is_not_reported() -> nether::Result<()> {
    let system = System::builder()
        .isolated()
        .with::<Fragile>()
        .with::<SharedFragile>()
        .with::<Crashing>()
        .start()
        .await?;
    let mut restarted = system.subscribe::<ModuleRestarted>();
    let ctx = system.context();
    assert!(ctx.send(Crash).await.is_err());
    ctx.close().await?;
    sleep(LONG).await;
    let modules = system.modules();
    assert!(
        modules
            .iter()
            .all(|module| module.state == ModuleState::Running)
    );
    system.shutdown().await;
    let report = restarted.next().await.expect("it was restarted");
    assert!(report.module.ends_with("Crashing"), "{}", report.module);
    assert!(restarted.next().await.is_none());
    Ok(())
}

/// Crashes with each report, until it is left alone.
#[derive(Default)]
struct Doomed;

#[module(handles = [HandlerFailed, ModuleCrashLooping], max_restarts = "1 in 2h")]
impl Doomed {
    async fn failed(&mut self, _: &HandlerFailed) {
        panic!("cannot bear failures");
    }

    async fn looping(&mut self, _: &ModuleCrashLooping) {
        panic!("cannot bear crash loops");
    }
}

#[tokio::test(start_paused = true)]
async fn the_crash_loop_of_a_monitor_is_not_reported() -> nether::Result<()> {
    let builder = System::builder().isolated().with::<Doomed>();
    let system = builder.with::<Crashing>().start().await?;
    let mut looping = system.subscribe::<ModuleCrashLooping>();
    let mut restarted = system.subscribe::<ModuleRestarted>();
    let is_left_alone = || {
        let mut modules = system.modules().into_iter();
        modules.any(|module| module.state == ModuleState::CrashLooping)
    };
    let ctx = system.context();
    assert!(ctx.send(Crash).await.is_err());
    assert!(ctx.send(Crash).await.is_err());
    while !is_left_alone() {
        sleep(Duration::from_millis(1)).await;
    }
    ctx.close().await?;
    sleep(LONG).await;
    assert!(!is_left_alone());
    system.shutdown().await;
    assert!(looping.next().await.is_none());
    while let Some(restarted) = restarted.next().await {
        assert!(
            restarted.module.ends_with("Crashing"),
            "{}",
            restarted.module
        );
    }
    Ok(())
}

/// Takes long for each report, and has others take long.
struct Slow(Count);

#[module(handles = HandlerSlow, manual)]
impl Slow {
    async fn slow(&mut self, _: &HandlerSlow, ctx: &Context<Self>) -> nether::Result<()> {
        self.0.add();
        ctx.process(Dawdle).await?;
        ctx.process(DawdleBeside).await?;
        sleep(LONG).await;
        Ok(())
    }
}

#[command]
struct Dawdle;

#[command]
struct DawdleBeside;

struct Dawdler;

#[module(handles = Dawdle, manual)]
impl Dawdler {
    async fn dawdle(&mut self, _: Dawdle) {
        sleep(Duration::from_millis(1_500)).await;
    }
}

struct SharedDawdler;

#[module(handles = DawdleBeside, manual)]
impl SharedDawdler {
    async fn dawdle(&self, _: DawdleBeside) {
        sleep(Duration::from_millis(1_500)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_consequence_of_a_report_is_not_reported() -> nether::Result<()> {
    let system = System::builder()
        .isolated()
        .slow_handler(Duration::from_secs(1))
        .shutdown_timeout(LONG * 10)
        .start()
        .await?;
    let count = Count::default();
    system.attach(Slow(count.clone())).await?;
    system.attach(Dawdler).await?;
    system.attach(SharedDawdler).await?;
    for _ in 0..2 {
        let ctx = system.context();
        ctx.send(Dawdle).await?;
        ctx.send(DawdleBeside).await?;
        ctx.close().await?;
    }
    sleep(LONG * 10).await;
    assert_eq!(count.get(), 4);
    system.shutdown().await;
    Ok(())
}

/// Tells of breakers through a module with a breaker.
struct Operator(Count);

#[module(handles = BreakerOpened, manual)]
impl Operator {
    async fn opened(&mut self, _: &BreakerOpened, ctx: &Context<Self>) -> nether::Result<()> {
        self.0.add();
        for _ in 0..4 {
            ctx.process(Page).await?;
        }
        Ok(())
    }
}

#[command]
struct Page;

#[command]
struct Brew;

struct Pager;

#[module(handles = Page, manual, breaker = "2 in 10s, probe after 30s")]
impl Pager {
    async fn page(&mut self, _: Page) -> nether::Result<()> {
        Err(error("no signal"))
    }
}

struct Brewer;

#[module(handles = Brew, manual, breaker = "2 in 10s, probe after 30s")]
impl Brewer {
    async fn brew(&mut self, _: Brew) -> nether::Result<()> {
        Err(error("no water"))
    }
}

#[tokio::test(start_paused = true)]
async fn a_breaker_that_opens_in_consequence_of_a_report_is_not_reported() -> nether::Result<()> {
    let system = System::builder().isolated().start().await?;
    let count = Count::default();
    system.attach(Operator(count.clone())).await?;
    system.attach(Pager).await?;
    system.attach(Brewer).await?;
    let ctx = system.context();
    let _ = ctx.send(Brew).await;
    let _ = ctx.send(Brew).await;
    ctx.close().await?;
    sleep(LONG).await;
    system.shutdown().await;
    assert_eq!(count.get(), 1);
    Ok(())
}
