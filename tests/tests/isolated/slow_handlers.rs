//! Handlers that take long are reported, with what they wait for.

use std::time::Duration;

use nether::HandlerSlow;
use nether::prelude::*;
use tokio::time::sleep;

#[command]
struct Sleep(Duration);

#[command]
struct Delegate(Duration);

#[query(reply = ())]
struct SleepBeside(Duration);

/// Keeps its thread.
#[command]
struct Block(Duration);

#[derive(Default)]
struct Sleeper;

#[module(handles = [Sleep, Block])]
impl Sleeper {
    async fn sleep(&mut self, Sleep(time): Sleep) {
        sleep(time).await;
    }

    async fn block(&mut self, Block(time): Block) {
        std::thread::sleep(time);
    }
}

#[derive(Default)]
struct Boss;

#[module(handles = Delegate, calls = Sleep)]
impl Boss {
    async fn delegate(
        &mut self,
        Delegate(time): Delegate,
        ctx: &Context<Self>,
    ) -> nether::Result<()> {
        ctx.send(Sleep(time)).await?;
        Ok(())
    }
}

#[derive(Default)]
struct Beside;

#[module(handles = SleepBeside)]
impl Beside {
    async fn sleep(&self, SleepBeside(time): SleepBeside) {
        sleep(time).await;
    }
}

const SLOW: Duration = Duration::from_secs(4);

async fn start() -> nether::Result<System> {
    Ok(System::builder()
        .isolated()
        .with::<Sleeper>()
        .with::<Boss>()
        .with::<Beside>()
        .slow_handler(SLOW)
        .start()
        .await?)
}

fn told(system: &System) -> nether::Subscription<HandlerSlow> {
    system.subscribe()
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_takes_long_is_reported_and_again_when_it_takes_twice_as_long()
-> nether::Result<()> {
    let system = start().await?;
    let mut slow = told(&system);
    let ctx = system.context();
    ctx.send(Sleep(SLOW / 2)).await?;
    assert!(slow.try_next().is_none());
    ctx.send(Sleep(SLOW * 5)).await?;
    let mut seconds = Vec::new();
    while let Some(slow) = slow.try_next() {
        assert_eq!(slow.message, "isolated::slow_handlers::Sleep");
        assert_eq!(
            (slow.module.as_str(), slow.instance),
            ("isolated::slow_handlers::Sleeper", 0)
        );
        assert!(slow.waits_for.is_empty());
        seconds.push(slow.millis / 1000);
    }
    assert_eq!(seconds.len(), 3, "{seconds:?}");
    assert!((4..6).contains(&seconds[0]), "{seconds:?}");
    assert!((8..12).contains(&seconds[1]), "{seconds:?}");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_report_of_one_that_waits_says_for_what() -> nether::Result<()> {
    let system = start().await?;
    let mut slow = told(&system);
    let ctx = system.context();
    ctx.send(Delegate(SLOW * 3 / 2)).await?;
    let mut lines = Vec::new();
    while let Some(slow) = slow.try_next() {
        lines.push((slow.module.clone(), slow.waits_for.clone()));
    }
    lines.sort();
    let waits = "`isolated::slow_handlers::Boss` waits for `isolated::slow_handlers::Sleep` in `isolated::slow_handlers::Sleeper`";
    assert_eq!(
        lines,
        [
            (
                "isolated::slow_handlers::Boss".to_owned(),
                vec![waits.to_owned()]
            ),
            ("isolated::slow_handlers::Sleeper".to_owned(), vec![]),
        ]
    );
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_slow_handler_of_a_shared_module_is_reported_too() -> nether::Result<()> {
    let system = start().await?;
    let mut slow = told(&system);
    let ctx = system.context();
    ctx.ask(SleepBeside(SLOW / 2)).await?;
    assert!(slow.try_next().is_none());
    ctx.ask(SleepBeside(SLOW * 3 / 2)).await?;
    let slow = slow.try_next().expect("it took long");
    assert_eq!(slow.module, "isolated::slow_handlers::Beside");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_that_blocks_its_thread_is_reported() -> nether::Result<()> {
    let builder = System::builder()
        .isolated()
        .with::<Sleeper>()
        .with::<Boss>()
        .with::<Beside>()
        .slow_handler(Duration::from_millis(20));
    let system = builder.start().await?;
    let mut slow = told(&system);
    let ctx = system.context();
    ctx.process(Block(Duration::from_secs(1))).await?;
    // It is reported while the handler is still at it.
    let told = slow.next().await.expect("it takes long");
    assert_eq!(told.message, "isolated::slow_handlers::Block");
    assert_eq!(system.modules().iter().map(|it| it.handled).sum::<u64>(), 0);
    ctx.close().await?;
    Ok(())
}

/// With nothing to do, nothing is done: paused time stands still.
#[tokio::test(start_paused = true)]
async fn an_idle_system_looks_after_nothing() -> nether::Result<()> {
    let system = start().await?;
    let ctx = system.context();
    ctx.send(Sleep(SLOW)).await?;
    let metrics = tokio::runtime::Handle::current().metrics();
    sleep(SLOW * 2).await;
    let (began, tasks) = (tokio::time::Instant::now(), metrics.num_alive_tasks());
    sleep(SLOW * 1_000).await;
    assert_eq!(began.elapsed(), SLOW * 1_000);
    assert_eq!(metrics.num_alive_tasks(), tasks);
    ctx.close().await?;
    Ok(())
}
