//! Closing sees what handlers wait for in other units of work, if that waits for a stream of the one that
//! closes.

use std::time::Duration;

use nether::prelude::*;
use nether_tests::ready;
use tokio::time::{sleep, timeout};

/// Who waits.
#[derive(Debug, Clone, Copy, serde::Serialize, serde::Deserialize)]
enum Who {
    Exclusive,
    Shared,
    Task,
}

/// For what it waits in another unit of work.
#[derive(Debug, Clone, Copy, serde::Serialize, serde::Deserialize)]
enum Does {
    AskInNested,
    CloseNested,
    AskInRoot,
    CloseRoot,
    AskThroughAnother,
    CloseThroughAnother,
}

const WHO: [Who; 3] = [Who::Exclusive, Who::Shared, Who::Task];

const DOES: [Does; 6] = [
    Does::AskInNested,
    Does::CloseNested,
    Does::AskInRoot,
    Does::CloseRoot,
    Does::AskThroughAnother,
    Does::CloseThroughAnother,
];

/// Takes the items of the stream until that ends; nothing else is done meanwhile.
#[command]
struct Take;

#[query(reply = u32)]
struct Taken;

#[command]
struct Touch;

#[derive(Default)]
struct Taker(u32);

#[module(handles = [Take, Taken, Touch], manual)]
impl Taker {
    async fn take(&mut self, _: Take, ctx: &Context<Self>) -> nether::Result<()> {
        let mut items = ctx.stream::<u32>().join();
        while items.pull().await?.is_some() {
            self.0 += 1;
        }
        Ok(())
    }

    async fn taken(&self, _: Taken) -> u32 {
        self.0
    }

    async fn touch(&mut self, _: Touch) {}
}

/// Asks the taker in turn.
#[command]
struct Relay;

struct Relays;

#[module(handles = Relay, manual)]
impl Relays {
    async fn relay(&mut self, _: Relay, ctx: &Context<Self>) -> nether::Result<()> {
        // It begins to wait after who closes has looked.
        sleep(Duration::from_millis(5)).await;
        Ok(ctx.send(Touch).await?)
    }
}

/// What waits for the taker, or for who waits for that. A macro, because the contexts differ in whose they
/// are.
macro_rules! wait_elsewhere {
    ($system:expr, $does:expr, $ctx:expr) => {{
        let (nested, root) = ($ctx.nested(), $system.context());
        match $does {
            Does::AskInNested => drop(nested.ask(Taken).await?),
            Does::CloseNested => nested.process(Touch).await?,
            Does::AskInRoot => drop(root.ask(Taken).await?),
            Does::CloseRoot => root.process(Touch).await?,
            Does::AskThroughAnother => nested.send(Relay).await?,
            Does::CloseThroughAnother => nested.process(Relay).await?,
        }
        nested.close().await?;
        root.close().await?;
        Ok(())
    }};
}

#[command]
struct InExclusive(Does);

#[command]
struct InShared(Does);

#[command]
struct InTask(Does);

/// Holds a call that it does not poll, works on, and pushes an item.
#[command]
struct PushLate;

struct Exclusive(System);

#[module(handles = [InExclusive, InTask, PushLate], manual)]
impl Exclusive {
    async fn waits(
        &mut self,
        InExclusive(does): InExclusive,
        ctx: &Context<Self>,
    ) -> nether::Result<()> {
        wait_elsewhere!(self.0, does, ctx)
    }

    async fn in_task(&mut self, InTask(does): InTask, ctx: &Context<Self>) -> nether::Result<()> {
        let system = self.0.clone();
        ctx.spawn(async move |ctx| wait_elsewhere!(system, does, ctx))?;
        Ok(())
    }

    async fn push_late(&mut self, _: PushLate, ctx: &Context<Self>) -> nether::Result<()> {
        let nested = ctx.nested();
        let mut held = Box::pin(nested.send(Touch));
        assert!(ready(&mut held).await.is_none(), "the module takes");
        sleep(Duration::from_millis(50)).await;
        ctx.stream::<u32>().push(7).await?;
        drop(held);
        nested.close().await?;
        Ok(())
    }
}

struct Shares(System);

#[module(handles = InShared, manual)]
impl Shares {
    async fn waits(&self, InShared(does): InShared, ctx: &Context<Self>) -> nether::Result<()> {
        wait_elsewhere!(self.0, does, ctx)
    }
}

async fn start() -> nether::Result<System> {
    let system = System::builder().isolated().start().await?;
    system.attach(Taker::default()).await?;
    system.attach(Relays).await?;
    system.attach(Exclusive(system.clone())).await?;
    system.attach(Shares(system.clone())).await?;
    Ok(system)
}

/// Closes while handlers wait for others; before they do, or after they have begun.
async fn whatever_waits_elsewhere_ends(began: bool) -> nether::Result<()> {
    for (who, does) in WHO.into_iter().flat_map(|who| DOES.map(|does| (who, does))) {
        let system = start().await?;
        let ctx = system.context();
        ctx.process(Take).await?;
        ctx.stream::<u32>().push(1).await?;
        match who {
            Who::Exclusive => ctx.process(InExclusive(does)).await?,
            Who::Shared => ctx.process(InShared(does)).await?,
            Who::Task => ctx.process(InTask(does)).await?,
        }
        if began {
            sleep(Duration::from_millis(20)).await; // All wait then, mostly.
        }
        let closed = timeout(Duration::from_secs(20), ctx.close()).await;
        let closed = closed.unwrap_or_else(|_| panic!("{who:?}, {does:?} waits for ever"));
        closed?;
        assert_eq!(system.context().ask(Taken).await?, 1);
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn closing_sees_what_waits_in_other_units_of_work_on_one_thread() -> nether::Result<()> {
    whatever_waits_elsewhere_ends(false).await?;
    whatever_waits_elsewhere_ends(true).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closing_sees_what_waits_in_other_units_of_work_on_several_threads() -> nether::Result<()> {
    whatever_waits_elsewhere_ends(false).await?;
    whatever_waits_elsewhere_ends(true).await
}

#[tokio::test(start_paused = true)]
async fn two_that_stand_in_line_behind_a_consumer_end_with_it() -> nether::Result<()> {
    let system = start().await?;
    let ctx = system.context();
    ctx.process(InShared(Does::CloseNested)).await?;
    ctx.process(InShared(Does::CloseThroughAnother)).await?;
    ctx.process(Take).await?;
    timeout(Duration::from_secs(20), ctx.close()).await??;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn who_holds_a_call_elsewhere_and_works_on_does_not_count_as_waiting() -> nether::Result<()> {
    let system = start().await?;
    let ctx = system.context();
    ctx.process(Take).await?;
    ctx.process(PushLate).await?;
    timeout(Duration::from_secs(20), ctx.close()).await??;
    assert_eq!(system.context().ask(Taken).await?, 1);
    Ok(())
}
