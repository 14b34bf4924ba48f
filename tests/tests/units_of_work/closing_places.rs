//! Closing sees messages that wait for places of shared modules, in its context or in one that is nested in
//! it, if the handlers in those places wait for a stream of the context.

use std::time::Duration;

use nether::prelude::*;
use nether_tests::ready;
use tokio::time::{sleep, timeout};

/// Takes the items of the stream until that ends, in an exclusive module.
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

/// Takes the items of the stream until that ends, in a place.
#[command]
struct TakeInPlace;

/// Holds a call that it does not poll, and works on.
#[command]
struct Work;

#[command]
struct Quick;

#[command]
struct PushOne;

/// Two places.
struct Narrow;

#[module(handles = [TakeInPlace, Work, Quick, PushOne], mailbox = 2, manual)]
impl Narrow {
    async fn take(&self, _: TakeInPlace, ctx: &Context<Self>) -> nether::Result<()> {
        let mut items = ctx.stream::<u32>().join();
        while items.pull().await?.is_some() {}
        Ok(())
    }

    async fn work(&self, _: Work, ctx: &Context<Self>) {
        let mut held = Box::pin(ctx.send(Touch));
        assert!(ready(&mut held).await.is_none(), "the module takes");
        sleep(Duration::from_secs(3)).await;
    }

    async fn quick(&self, _: Quick) {}

    async fn push(&self, _: PushOne, ctx: &Context<Self>) -> nether::Result<()> {
        Ok(ctx.stream::<u32>().push(1).await?)
    }
}

/// How a message comes to wait for a place.
#[derive(Debug, Clone, Copy, serde::Serialize, serde::Deserialize)]
enum Sent {
    FromOutside,
    CalledFromOutside,
    ByHandler,
    ByHandlerInNested,
    BySpawnedInNested,
    CalledBySpawnedInNested,
}

const SENT: [Sent; 6] = [
    Sent::FromOutside,
    Sent::CalledFromOutside,
    Sent::ByHandler,
    Sent::ByHandlerInNested,
    Sent::BySpawnedInNested,
    Sent::CalledBySpawnedInNested,
];

#[command]
struct SendQuick(Sent);

struct Sends;

#[module(handles = SendQuick, manual)]
impl Sends {
    async fn send(
        &mut self,
        SendQuick(sent): SendQuick,
        ctx: &Context<Self>,
    ) -> nether::Result<()> {
        if let Sent::ByHandler = sent {
            return Ok(ctx.process(Quick).await?);
        }
        let nested = ctx.nested();
        match sent {
            Sent::BySpawnedInNested => nested.spawn(async |ctx| Ok(ctx.process(Quick).await?))?,
            Sent::CalledBySpawnedInNested => {
                nested.spawn(async |ctx| Ok(ctx.send(Quick).await?))?
            }
            _ => nested.process(Quick).await?,
        }
        nested.close().await?;
        Ok(())
    }
}

async fn start() -> nether::Result<System> {
    let system = System::builder().isolated().start().await?;
    system.attach(Taker::default()).await?;
    system.attach(Narrow).await?;
    system.attach(Sends).await?;
    Ok(system)
}

async fn whatever_waits_for_a_place_ends() -> nether::Result<()> {
    for sent in SENT {
        let system = start().await?;
        let ctx = system.context();
        ctx.process(Take).await?;
        ctx.process(TakeInPlace).await?;
        ctx.process(TakeInPlace).await?;
        sleep(Duration::from_millis(5)).await;
        let outside = ctx.clone();
        let sender = match sent {
            Sent::FromOutside => Some(tokio::spawn(
                async move { Ok(outside.process(Quick).await?) },
            )),
            Sent::CalledFromOutside => {
                Some(tokio::spawn(async move { Ok(outside.send(Quick).await?) }))
            }
            _ => {
                ctx.process(SendQuick(sent)).await?;
                None::<tokio::task::JoinHandle<nether::Result<()>>>
            }
        };
        sleep(Duration::from_millis(5)).await;
        let closed = timeout(Duration::from_secs(20), ctx.close()).await;
        let closed = closed.unwrap_or_else(|_| panic!("{sent:?} never ends"));
        closed?;
        if let Some(sender) = sender {
            sender.await??;
        }
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn closing_sees_who_waits_for_a_place_on_one_thread() -> nether::Result<()> {
    whatever_waits_for_a_place_ends().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closing_sees_who_waits_for_a_place_on_several_threads() -> nether::Result<()> {
    whatever_waits_for_a_place_ends().await
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_the_place_of_one_that_works_on_may_push() -> nether::Result<()> {
    let system = start().await?;
    let (ctx, other) = (system.context(), system.context());
    ctx.process(Take).await?;
    sleep(Duration::from_millis(5)).await;
    other.process(Work).await?;
    other.process(Work).await?;
    sleep(Duration::from_millis(5)).await;
    let outside = ctx.clone();
    let sender = tokio::spawn(async move { outside.process(PushOne).await });
    sleep(Duration::from_millis(5)).await;
    timeout(Duration::from_secs(20), ctx.close()).await??;
    sender.await??;
    assert_eq!(system.context().ask(Taken).await?, 1);
    Ok(())
}
