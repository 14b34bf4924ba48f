//! Modules that are paused for a while: nothing is lost, and no other module waits.

use std::sync::Arc;
use std::time::Duration;

use nether::prelude::*;
use nether::{ModuleState, ModuleStatus};
use tokio::sync::Semaphore;
use tokio::time::timeout;

#[command(reply = u64)]
struct Count;

/// Ends when the gate is opened.
#[command(local)]
struct Wait {
    begun: Arc<Semaphore>,
    gate: Arc<Semaphore>,
}

#[query(reply = u64)]
struct Read;

#[command]
struct Elsewhere;

#[derive(Default)]
struct Counter {
    count: u64,
}

#[module(handles = [Count, Wait], mailbox = 4)]
impl Counter {
    async fn count(&mut self, _: Count) -> u64 {
        self.count += 1;
        self.count
    }

    async fn wait(&mut self, Wait { begun, gate }: Wait) {
        begun.add_permits(1);
        gate.acquire().await.expect("never closed").forget();
    }
}

#[derive(Default)]
struct Reader;

#[module(handles = Read)]
impl Reader {
    async fn read(&self, _: Read) -> u64 {
        7
    }
}

#[derive(Default)]
struct Neighbour;

#[module(handles = Elsewhere)]
impl Neighbour {
    async fn elsewhere(&mut self, _: Elsewhere) {}
}

struct NotThere;

#[module(handles = [], manual)]
impl NotThere {}

async fn start() -> nether::Result<System> {
    let builder = System::builder().isolated();
    let builder = builder.with::<Counter>().with::<Reader>();
    Ok(builder.with::<Neighbour>().start().await?)
}

fn status(system: &System, module: &str) -> ModuleStatus {
    let modules = system.modules();
    let found = modules.into_iter().find(|it| it.name.ends_with(module));
    found.expect("it is one of the program's modules")
}

const SHORT: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn what_is_sent_to_a_paused_module_waits_until_it_is_resumed() -> nether::Result<()> {
    let system = start().await?;
    system.pause::<Counter>()?;
    let ctx = system.context();
    for _ in 0..4 {
        ctx.process(Count).await?;
    }
    tokio::time::sleep(SHORT).await;
    let paused = status(&system, "Counter");
    assert_eq!(
        (paused.state, paused.waiting, paused.handled),
        (ModuleState::Paused, 4, 0)
    );
    // The mailbox is full: work from outside is held back.
    assert!(timeout(SHORT, ctx.process(Count)).await.is_err());
    // No other is.
    ctx.send(Elsewhere).await?;
    system.resume::<Counter>()?;
    assert_eq!(ctx.send(Count).await?, 5);
    let resumed = status(&system, "Counter");
    assert_eq!((resumed.state, resumed.handled), (ModuleState::Running, 5));
    ctx.close().await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_paused_module_ends_what_it_has_begun_and_begins_nothing_more() -> nether::Result<()> {
    let system = start().await?;
    let (begun, gate) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let ctx = system.context();
    let [begun_too, gate_too] = [&begun, &gate].map(Arc::clone);
    ctx.process(Wait {
        begun: begun_too,
        gate: gate_too,
    })
    .await?;
    ctx.process(Count).await?;
    begun.acquire().await?.forget();
    system.pause::<Counter>()?;
    gate.add_permits(1);
    tokio::time::sleep(SHORT).await;
    let paused = status(&system, "Counter");
    assert_eq!((paused.handled, paused.waiting), (1, 1));
    system.resume::<Counter>()?;
    assert_eq!(ctx.close().await?.handled, 2);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_shared_module_is_paused_too() -> nether::Result<()> {
    let system = start().await?;
    system.pause::<Reader>()?;
    let ctx = system.context();
    assert!(timeout(SHORT, ctx.ask(Read)).await.is_err());
    ctx.process(Read).await?;
    assert_eq!(status(&system, "Reader").state, ModuleState::Paused);
    assert_eq!(status(&system, "Reader").handled, 0);
    system.resume::<Reader>()?;
    assert_eq!(ctx.ask(Read).await?, 7);
    ctx.close().await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_system_that_stops_resumes_what_is_paused() -> nether::Result<()> {
    let system = start().await?;
    system.pause::<Counter>()?;
    let ctx = system.context();
    for _ in 0..3 {
        ctx.process(Count).await?;
    }
    let report = system.shutdown().await;
    assert_eq!((report.handled, report.dead_letters.len()), (3, 0));
    let error = system.pause::<Counter>().expect_err("it is stopping");
    assert!(
        error.to_string().contains("isolated::pausing::Counter"),
        "{error}"
    );
    Ok(())
}

#[tokio::test]
async fn a_module_that_does_not_run_cannot_be_paused() -> nether::Result<()> {
    let system = start().await?;
    let error = system.pause::<NotThere>().expect_err("it was not attached");
    assert_eq!(error.module.name, "isolated::pausing::NotThere");
    let there = system.attach(NotThere).await?;
    system.pause::<NotThere>()?;
    // Detaching does not wait for a resume.
    system.detach(there).await;
    Ok(())
}

#[command]
struct Tick;

/// Has a task that waits for the module's replies.
struct Clock(Arc<Semaphore>);

#[module(handles = Tick, manual)]
impl Clock {
    async fn tick(&mut self, _: Tick) {
        self.0.add_permits(1);
    }

    #[background]
    async fn run(ctx: Context<Self>) -> nether::Result<()> {
        while !ctx.is_cancelled() {
            ctx.send(Tick).await?;
        }
        Ok(())
    }
}

/// The same, shared.
#[command]
struct TickTogether;

struct SharedClock(Arc<Semaphore>);

#[module(handles = TickTogether, manual)]
impl SharedClock {
    async fn tick(&self, _: TickTogether) {
        self.0.add_permits(1);
        tokio::task::yield_now().await;
    }

    #[background]
    async fn run(&self, ctx: Context<Self>) -> nether::Result<()> {
        while !ctx.is_cancelled() {
            ctx.send(TickTogether).await?;
        }
        Ok(())
    }
}

async fn paused_modules_are_detached() -> nether::Result<()> {
    let system = System::builder().isolated().start().await?;
    let ticks = Arc::new(Semaphore::new(0));
    let clock = system.attach(Clock(Arc::clone(&ticks))).await?;
    let shared = system.attach(SharedClock(Arc::clone(&ticks))).await?;
    ticks.acquire_many(10).await?.forget();
    system.pause::<Clock>()?;
    system.pause::<SharedClock>()?;
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    let detached = async {
        system.detach(clock).await;
        system.detach(shared).await;
    };
    timeout(Duration::from_secs(60), detached).await?;
    assert!(system.modules().is_empty());
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_paused_module_is_resumed_when_it_is_detached() -> nether::Result<()> {
    paused_modules_are_detached().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn so_it_is_on_several_threads() -> nether::Result<()> {
    paused_modules_are_detached().await
}
