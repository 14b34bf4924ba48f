//! Closing sees messages that are behind handlers of other units of work, if those wait for a stream of the
//! one that closes.

use std::time::Duration;

use nether::prelude::*;
use nether_tests::ready;
use tokio::time::{sleep, timeout};

/// How the handler of the other unit of work waits for the consumer.
#[derive(Debug, Clone, Copy, serde::Serialize, serde::Deserialize)]
enum Ahead {
    Calls,
    CallsThroughAnother,
    ClosesNested,
}

const AHEAD: [Ahead; 3] = [
    Ahead::Calls,
    Ahead::CallsThroughAnother,
    Ahead::ClosesNested,
];

/// What is behind it.
#[derive(Debug, Clone, Copy)]
enum Behind {
    InMailbox,
    /// Several, which the module has taken with the one that it handles.
    Taken,
    AnEvent,
    WaitsForRoom,
    AskedByHandler,
    AskedInNested,
    SentByTask,
}

const BEHIND: [Behind; 7] = [
    Behind::InMailbox,
    Behind::Taken,
    Behind::AnEvent,
    Behind::WaitsForRoom,
    Behind::AskedByHandler,
    Behind::AskedInNested,
    Behind::SentByTask,
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

#[command]
struct Relay;

struct Relays;

#[module(handles = Relay, manual)]
impl Relays {
    async fn relay(&mut self, _: Relay, ctx: &Context<Self>) -> nether::Result<()> {
        Ok(ctx.send(Touch).await?)
    }
}

#[command]
struct WaitForTaker(Ahead);

/// Holds a call that it does not poll, and works on.
#[command]
struct Work;

/// Polls a call beside another one, which ends first; then holds the former, and works on.
#[command]
struct WorkLater;

#[command]
struct TakesTime;

struct Slow;

#[module(handles = TakesTime, manual)]
impl Slow {
    async fn takes_time(&mut self, _: TakesTime) {
        sleep(Duration::from_millis(200)).await;
    }
}

#[command]
struct Small;

#[command]
struct PushOne;

#[query(reply = u32)]
struct AskSmall;

#[event]
struct Happened;

/// What both units of work have messages for.
struct Middle;

#[module(handles = [WaitForTaker, Work, WorkLater, Small, PushOne, AskSmall, Happened], mailbox = 4, manual)]
impl Middle {
    async fn wait(
        &mut self,
        WaitForTaker(ahead): WaitForTaker,
        ctx: &Context<Self>,
    ) -> nether::Result<()> {
        match ahead {
            Ahead::Calls => ctx.send(Touch).await?,
            Ahead::CallsThroughAnother => ctx.send(Relay).await?,
            Ahead::ClosesNested => {
                let nested = ctx.nested();
                nested.process(Touch).await?;
                nested.close().await?;
            }
        }
        Ok(())
    }

    async fn work(&mut self, _: Work, ctx: &Context<Self>) {
        let mut held = Box::pin(ctx.send(Touch));
        assert!(ready(&mut held).await.is_none(), "the module takes");
        sleep(Duration::from_secs(3)).await;
    }

    async fn work_later(&mut self, _: WorkLater, ctx: &Context<Self>) -> nether::Result<()> {
        let mut held = Box::pin(ctx.send(Touch));
        tokio::select! {
            called = &mut held => called?,
            ended = ctx.send(TakesTime) => ended?,
        }
        sleep(Duration::from_secs(3)).await;
        Ok(())
    }

    async fn small(&mut self, _: Small) {}

    async fn push(&mut self, _: PushOne, ctx: &Context<Self>) -> nether::Result<()> {
        Ok(ctx.stream::<u32>().push(1).await?)
    }

    async fn ask(&self, _: AskSmall) -> u32 {
        1
    }

    async fn happened(&mut self, _: &Happened) {}
}

#[command]
struct AskIt;

#[command]
struct AskItInNested;

#[command]
struct SendItInTask;

struct Asks;

#[module(handles = [AskIt, AskItInNested, SendItInTask], manual)]
impl Asks {
    async fn ask(&self, _: AskIt, ctx: &Context<Self>) -> nether::Result<()> {
        ctx.ask(AskSmall).await?;
        Ok(())
    }

    async fn ask_in_nested(&self, _: AskItInNested, ctx: &Context<Self>) -> nether::Result<()> {
        let nested = ctx.nested();
        nested.ask(AskSmall).await?;
        nested.close().await?;
        Ok(())
    }

    async fn send_in_task(&self, _: SendItInTask, ctx: &Context<Self>) -> nether::Result<()> {
        ctx.spawn(async |ctx| Ok(ctx.send(Small).await?))?;
        Ok(())
    }
}

async fn start() -> nether::Result<System> {
    let system = System::builder().isolated().start().await?;
    system.attach(Taker::default()).await?;
    system.attach(Relays).await?;
    system.attach(Middle).await?;
    system.attach(Asks).await?;
    system.attach(Slow).await?;
    Ok(system)
}

async fn whatever_is_behind_ends(pause: Duration) -> nether::Result<()> {
    for (ahead, behind) in AHEAD
        .into_iter()
        .flat_map(|ahead| BEHIND.map(|behind| (ahead, behind)))
    {
        let system = start().await?;
        let (ctx, other) = (system.context(), system.context());
        ctx.process(Take).await?;
        ctx.stream::<u32>().push(1).await?;
        sleep(pause).await;
        other.process(WaitForTaker(ahead)).await?;
        if !matches!(behind, Behind::Taken) {
            sleep(pause).await;
        }
        let mut sender = None;
        match behind {
            Behind::InMailbox => ctx.process(Small).await?,
            Behind::Taken => {
                ctx.process(Small).await?;
                other.process(Small).await?;
                ctx.process(Small).await?;
            }
            Behind::AnEvent => ctx.publish(Happened).await?,
            Behind::WaitsForRoom => {
                for _ in 0..4 {
                    other.process(Small).await?;
                }
                let ctx = ctx.clone();
                sender = Some(tokio::spawn(async move { ctx.send(Small).await }));
            }
            Behind::AskedByHandler => ctx.process(AskIt).await?,
            Behind::AskedInNested => ctx.process(AskItInNested).await?,
            Behind::SentByTask => ctx.process(SendItInTask).await?,
        }
        sleep(pause).await;
        let closed = timeout(Duration::from_secs(20), ctx.close()).await;
        let closed = closed.unwrap_or_else(|_| panic!("{behind:?} behind {ahead:?} never ends"));
        closed?;
        other.close().await?;
        if let Some(sender) = sender {
            sender.await??;
        }
        assert_eq!(system.context().ask(Taken).await?, 1);
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn closing_sees_what_is_behind_other_units_of_work_on_one_thread() -> nether::Result<()> {
    whatever_is_behind_ends(Duration::from_millis(5)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closing_sees_what_is_behind_other_units_of_work_on_several_threads() -> nether::Result<()>
{
    whatever_is_behind_ends(Duration::from_millis(5)).await
}

#[tokio::test(start_paused = true)]
async fn what_is_behind_a_handler_that_works_on_may_push() -> nether::Result<()> {
    let system = start().await?;
    let (ctx, other) = (system.context(), system.context());
    ctx.process(Take).await?;
    sleep(Duration::from_millis(5)).await;
    other.process(Work).await?;
    sleep(Duration::from_millis(5)).await;
    ctx.process(PushOne).await?;
    timeout(Duration::from_secs(20), ctx.close()).await??;
    assert_eq!(system.context().ask(Taken).await?, 1);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn what_is_behind_a_handler_that_ceases_to_poll_may_push() -> nether::Result<()> {
    let system = start().await?;
    let (ctx, other) = (system.context(), system.context());
    ctx.process(Take).await?;
    sleep(Duration::from_millis(5)).await;
    other.process(WorkLater).await?;
    sleep(Duration::from_millis(5)).await;
    ctx.process(PushOne).await?;
    timeout(Duration::from_secs(20), ctx.close()).await??;
    assert_eq!(system.context().ask(Taken).await?, 1);
    Ok(())
}

/// The same in a handler of the context that closes.
#[tokio::test(start_paused = true)]
async fn a_handler_that_ceases_to_poll_a_pull_may_push() -> nether::Result<()> {
    let system = start().await?;
    let (ctx, other) = (system.context(), system.context());
    ctx.process(Take).await?;
    ctx.spawn(async move |ctx| {
        let mut numbers = ctx.stream_named::<u32>("others").join();
        let mut pull = Box::pin(numbers.pull());
        tokio::select! {
            pulled = &mut pull => drop(pulled?),
            ended = other.send(TakesTime) => ended?,
        }
        sleep(Duration::from_secs(3)).await;
        ctx.stream::<u32>().push(1).await?;
        Ok(())
    })?;
    timeout(Duration::from_secs(20), ctx.close()).await??;
    assert_eq!(system.context().ask(Taken).await?, 1);
    Ok(())
}

/// It waits at first, and then works for longer than closing has patience.
#[tokio::test(start_paused = true)]
async fn a_handler_that_works_longer_than_the_patience_of_closing_keeps_its_stream()
-> nether::Result<()> {
    let system = start().await?;
    let ctx = system.context();
    let outside = ctx.clone();
    ctx.spawn(async |ctx| {
        let mut numbers = ctx.stream::<u32>().join();
        let mut pull = Box::pin(numbers.pull());
        tokio::select! {
            pulled = &mut pull => drop(pulled?),
            () = sleep(Duration::from_secs(2)) => {}
        }
        sleep(Duration::from_secs(10)).await;
        assert_eq!(pull.await?, Some(7));
        Ok(())
    })?;
    let pushes = tokio::spawn(async move {
        let produced = outside.stream::<u32>().produce();
        sleep(Duration::from_secs(13)).await;
        let pushed = produced.push(7).await.is_ok();
        produced.finish();
        pushed
    });
    sleep(Duration::from_millis(5)).await;
    timeout(Duration::from_secs(60), ctx.close()).await??;
    assert!(pushes.await?);
    Ok(())
}
