//! Futures that are kept and not polled: closing is patient with them, and does not wait for them for ever.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::join;
use nether::prelude::*;
use nether::{CallError, Error};
use nether_tests::ready;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep};

/// How long closing waits for outsiders.
const PATIENCE: Duration = Duration::from_secs(5);

/// Waits until it may pass, in an exclusive module that has room for one message.
#[command]
struct Pass;

#[event]
struct Seen;

/// The same, in a shared module that has one place.
#[command]
struct PassShared;

#[event]
struct SeenShared;

struct Gate(Arc<Semaphore>);

#[module(handles = [Pass, Seen], mailbox = 1, manual)]
impl Gate {
    async fn pass(&mut self, _: Pass) -> nether::Result<()> {
        self.0.acquire().await?.forget();
        Ok(())
    }

    async fn see(&mut self, _: &Seen) {}
}

struct SharedGate(Arc<Semaphore>);

#[module(handles = [PassShared, SeenShared], mailbox = 1, manual)]
impl SharedGate {
    async fn pass(&self, _: PassShared) -> nether::Result<()> {
        self.0.acquire().await?.forget();
        Ok(())
    }

    async fn see(&self, _: &SeenShared) {}
}

/// Has room; handles what the gates handle too.
struct Witness;

#[module(handles = [Seen, SeenShared], mailbox = 1, manual)]
impl Witness {
    async fn see(&mut self, _: &Seen) {}

    async fn see_shared(&mut self, _: &SeenShared) {}
}

/// Takes numbers until there are no more.
#[command]
struct Take;

/// Waits for a number for a second as a `Stream`, keeps that, and takes letters until there are no more.
#[command]
struct TakeLetters;

struct Hands;

#[module(handles = [Take, TakeLetters], manual)]
impl Hands {
    async fn take(&self, _: Take, ctx: &Context<Self>) -> nether::Result<()> {
        let mut numbers = ctx.stream::<u32>().join();
        while numbers.pull().await?.is_some() {}
        Ok(())
    }

    async fn take_letters(&self, _: TakeLetters, ctx: &Context<Self>) -> nether::Result<()> {
        let mut numbers = ctx.stream::<u32>().join();
        tokio::select! {
            _ = numbers.next() => {}
            () = sleep(Duration::from_secs(1)) => {}
        }
        let mut letters = ctx.stream::<char>().join();
        while letters.pull().await?.is_some() {}
        drop(numbers);
        Ok(())
    }
}

/// How a message is sent that waits for room.
#[derive(Debug, Clone, Copy, PartialEq)]
enum How {
    Send,
    Process,
    Publish,
    SendShared,
    ProcessShared,
    PublishShared,
}

const WAYS: [How; 6] = [
    How::Send,
    How::Process,
    How::Publish,
    How::SendShared,
    How::ProcessShared,
    How::PublishShared,
];

impl How {
    async fn send(self, ctx: &Context) -> Result<(), CallError<Error>> {
        match self {
            How::Send => return ctx.send(Pass).await,
            How::SendShared => return ctx.send(PassShared).await,
            How::Process => ctx.process(Pass).await,
            How::Publish => ctx.publish(Seen).await,
            How::ProcessShared => ctx.process(PassShared).await,
            How::PublishShared => ctx.publish(SeenShared).await,
        }
        .map_err(CallError::from)
    }
}

type Sending = Pin<Box<dyn Future<Output = Result<(), CallError<Error>>> + Send>>;

/// A message that waits for room, which was polled once.
async fn kept(how: How, ctx: &Context) -> Sending {
    let ctx = ctx.clone();
    let mut sending: Sending = Box::pin(async move { how.send(&ctx).await });
    assert!(ready(&mut sending).await.is_none(), "{how:?} waits");
    sending
}

/// A system whose gates are full with messages of this context.
async fn full() -> nether::Result<(System, Context, Arc<Semaphore>)> {
    let gate = Arc::new(Semaphore::new(0));
    let system = System::builder().isolated().start().await?;
    system.attach(Gate(Arc::clone(&gate))).await?;
    system.attach(SharedGate(Arc::clone(&gate))).await?;
    system.attach(Witness).await?;
    system.attach(Hands).await?;
    let ctx = system.context();
    for _ in 0..2 {
        ctx.process(Pass).await?; // One begins, and one fills the mailbox.
    }
    ctx.process(PassShared).await?;
    Ok((system, ctx, gate))
}

#[tokio::test(start_paused = true)]
async fn closing_takes_back_what_waits_for_room_and_is_not_polled() -> nether::Result<()> {
    for how in WAYS {
        let (_system, ctx, gate) = full().await?;
        let kept = kept(how, &ctx).await;
        gate.add_permits(3);
        let began = Instant::now();
        let closed = ctx.close().await?;
        assert_eq!(began.elapsed(), PATIENCE, "{how:?}");
        assert_eq!(closed.handled, 3, "{how:?}");
        let refused = kept.await.expect_err("it was taken back");
        assert!(matches!(refused, CallError::Closed { .. }), "{refused}");
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn what_was_taken_back_may_be_dropped() -> nether::Result<()> {
    for how in WAYS {
        let (system, ctx, gate) = full().await?;
        let kept = kept(how, &ctx).await;
        gate.add_permits(100);
        ctx.close().await?;
        drop(kept);
        // Its room is there for others.
        let ctx = system.context();
        how.send(&ctx).await?;
        ctx.close().await?;
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_context_that_is_cancelled_does_not_wait_for_what_is_not_polled() -> nether::Result<()> {
    for how in WAYS {
        let (_system, ctx, gate) = full().await?;
        let kept = kept(how, &ctx).await;
        gate.add_permits(3);
        ctx.cancel();
        let began = Instant::now();
        ctx.close().await.expect_err("it was cancelled");
        assert_eq!(began.elapsed(), Duration::ZERO, "{how:?}");
        let refused = kept.await.expect_err("it was taken back");
        assert!(matches!(refused, CallError::Cancelled { .. }), "{refused}");
    }
    Ok(())
}

/// However long it takes: the gate is shut for longer than closing is patient.
#[tokio::test(start_paused = true)]
async fn closing_waits_for_what_waits_for_room_and_is_polled() -> nether::Result<()> {
    for how in WAYS {
        let (system, stranger, gate) = full().await?;
        let ctx = system.context();
        let other = ctx.clone();
        let sent = tokio::spawn(async move { how.send(&other).await });
        tokio::task::yield_now().await; // It waits for room.
        let kept = kept(How::Process, &ctx).await;
        let opened = async {
            sleep(10 * PATIENCE).await;
            gate.add_permits(10);
        };
        let began = Instant::now();
        let (closed, ()) = join(ctx.close(), opened).await;
        sent.await??;
        let handlers = if matches!(how, How::Publish | How::PublishShared) {
            2
        } else {
            1
        };
        assert_eq!(closed?.handled, handlers, "{how:?}");
        let took = began.elapsed();
        assert!(
            took >= 11 * PATIENCE && took < 11 * PATIENCE + Duration::from_secs(1),
            "{how:?}: {took:?}"
        );
        drop(kept);
        stranger.close().await?;
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn what_is_not_polled_holds_no_stream_up_for_ever() -> nether::Result<()> {
    for how in WAYS {
        let (_system, ctx, gate) = full().await?;
        ctx.process(Take).await?;
        let kept = kept(how, &ctx).await;
        gate.add_permits(3);
        let began = Instant::now();
        assert_eq!(ctx.close().await?.handled, 4, "{how:?}");
        assert_eq!(began.elapsed(), PATIENCE, "{how:?}");
        drop(kept);
    }
    Ok(())
}

/// The number lies there, and its consumer will not take it: it waits for letters.
#[tokio::test(start_paused = true)]
async fn a_consumer_that_is_kept_does_not_hide_that_its_handler_waits_elsewhere()
-> nether::Result<()> {
    let (_system, ctx, gate) = full().await?;
    gate.add_permits(3);
    ctx.process(TakeLetters).await?;
    sleep(Duration::from_secs(2)).await;
    ctx.stream::<u32>().push(1).await?;
    let began = Instant::now();
    ctx.close().await?;
    assert_eq!(began.elapsed(), Duration::ZERO);
    Ok(())
}
