//! Programs that go on forever, and chains of causes that are cut.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use nether::prelude::*;
use nether::{CallError, ChainCut, HandlerFailed, SendError};
use tokio::sync::SetOnce;

use crate::SECOND;

const ROUNDS: u64 = 1_000;

/// How the next round is sent.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
enum How {
    Process,
    Apart,
    Later,
}

#[command(name = "chains.ping")]
struct Ping(How);

#[command(name = "chains.pong")]
struct Pong(How);

#[derive(Clone, Default)]
struct Rounds {
    count: Arc<AtomicU64>,
    done: Arc<SetOnce<()>>,
}

struct Pinger(Rounds);

#[module(handles = Ping, manual)]
impl Pinger {
    async fn ping(&mut self, Ping(how): Ping, ctx: &Context<Self>) -> nether::Result<()> {
        if self.0.count.fetch_add(1, Ordering::SeqCst) + 1 >= ROUNDS {
            let _ = self.0.done.set(());
            return Ok(());
        }
        match how {
            How::Process => ctx.process(Pong(how)).await?,
            How::Apart => ctx.apart().process(Pong(how)).await?,
            How::Later => {
                ctx.later(SECOND, Pong(how));
            }
        }
        Ok(())
    }
}

struct Ponger;

#[module(handles = Pong, manual)]
impl Ponger {
    async fn pong(&mut self, Pong(how): Pong, ctx: &Context<Self>) -> nether::Result<()> {
        Ok(ctx.process(Ping(how)).await?)
    }
}

async fn table() -> nether::Result<(System, Rounds)> {
    let system = System::builder().isolated().start().await?;
    let rounds = Rounds::default();
    system.attach(Pinger(rounds.clone())).await?;
    system.attach(Ponger).await?;
    Ok((system, rounds))
}

async fn goes_on(how: How) -> nether::Result<()> {
    let (system, rounds) = table().await?;
    let ctx = system.context();
    ctx.process(Ping(how)).await?;
    ctx.close().await?; // The first round is over; the others are no part of it.
    rounds.done.wait().await;
    let report = system.shutdown().await;
    assert_eq!(report.failed, 0, "{report}");
    assert!(report.dead_letters.is_empty(), "{report}");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_program_goes_on_for_ever_with_apart() -> nether::Result<()> {
    goes_on(How::Apart).await
}

#[tokio::test(start_paused = true)]
async fn a_program_goes_on_for_ever_with_later() -> nether::Result<()> {
    goes_on(How::Later).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_goes_on_for_ever_on_several_threads() -> nether::Result<()> {
    goes_on(How::Apart).await
}

/// Learns that a chain was cut, and begins another.
struct Monitor(Arc<AtomicU64>);

#[module(handles = ChainCut, manual)]
impl Monitor {
    async fn cut(&mut self, cut: &ChainCut, ctx: &Context<Self>) -> nether::Result<()> {
        self.0.fetch_add(1, Ordering::SeqCst);
        assert_eq!((cut.message.as_str(), cut.limit), ("chains.ping", 64));
        // The chain goes on across the report, and so does its limit.
        let refused = ctx.process(Ping(How::Apart)).await;
        assert!(matches!(refused, Err(SendError::TooDeep(_))));
        ctx.apart().process(Ping(How::Apart)).await?;
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_chain_that_is_cut_is_reported_and_a_monitor_begins_another() -> nether::Result<()> {
    let (system, rounds) = table().await?;
    let seen = Arc::default();
    system.attach(Monitor(Arc::clone(&seen))).await?;
    let (mut cut, mut failed) = (
        system.subscribe::<ChainCut>(),
        system.subscribe::<HandlerFailed>(),
    );
    let ctx = system.context();
    ctx.process(Ping(How::Process)).await?;
    rounds.done.wait().await; // Though nothing is closed.
    let report = cut.next().await.expect("it is reported");
    assert_eq!(report.context, ctx.correlation_id());
    assert_eq!(report.cause, Some(63));
    assert_eq!(report.chain.last().map(String::as_str), Some("chains.pong"));
    assert_eq!(
        failed.next().await.expect("its sender failed").message,
        "chains.pong"
    );
    assert!(ctx.close().await.is_err());
    system.shutdown().await;
    assert_eq!(seen.load(Ordering::SeqCst), 1);
    assert!(cut.next().await.is_none());
    Ok(())
}

/// Goes down as far as it can, and keeps the refusal to itself.
#[command(name = "chains.descend")]
struct Descend(Verb);

#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
enum Verb {
    Process,
    TryProcess,
    Publish,
    Send,
    Spawn,
}

#[event(name = "chains.descended")]
struct Descended;

#[command(name = "chains.cellar")]
struct Cellar;

struct Stairs;

#[module(handles = Descend, manual)]
impl Stairs {
    async fn descend(&mut self, Descend(verb): Descend, ctx: &Context<Self>) {
        if ctx.process(Descend(verb)).await.is_ok() {
            return;
        }
        let refused = match verb {
            Verb::Process => true,
            Verb::TryProcess => ctx.try_process(Cellar).is_err(),
            Verb::Publish => ctx.publish(Descended).await.is_err(),
            Verb::Send => matches!(ctx.send(Cellar).await, Err(CallError::TooDeep(_))),
            Verb::Spawn => ctx.spawn(async |_| Ok(())).is_err(),
        };
        assert!(refused);
    }
}

struct Floor;

#[module(handles = Cellar, manual)]
impl Floor {
    async fn cellar(&mut self, _: Cellar) {}
}

#[tokio::test(start_paused = true)]
async fn each_refusal_at_the_limit_is_reported_though_its_sender_ignores_it() -> nether::Result<()>
{
    let system = System::builder().isolated().max_depth(5).start().await?;
    system.attach(Stairs).await?;
    system.attach(Floor).await?;
    let mut cut = system.subscribe::<ChainCut>();
    let cases = [
        (Verb::TryProcess, "chains.cellar"),
        (Verb::Publish, "chains.descended"),
        (Verb::Send, "chains.cellar"),
        (Verb::Spawn, "Context::spawn"),
    ];
    for (verb, message) in cases {
        let ctx = system.context();
        ctx.process(Descend(verb)).await?;
        ctx.close().await?;
        let first = cut.next().await.expect("it is reported");
        assert_eq!(first.message, "chains.descend");
        assert_eq!(cut.next().await.expect("it is reported").message, message);
    }
    let ctx = system.context();
    ctx.process(Descend(Verb::Process)).await?;
    ctx.close().await?;
    system.shutdown().await;
    assert_eq!(cut.next().await.expect("it is reported").limit, 5);
    assert!(cut.next().await.is_none());
    Ok(())
}

/// A monitor whose own work fails later.
struct Later(Arc<AtomicU64>);

#[command(name = "chains.retry")]
struct Retry;

#[module(handles = [HandlerFailed, Retry], manual)]
impl Later {
    async fn failed(&mut self, _: &HandlerFailed, ctx: &Context<Self>) -> nether::Result<()> {
        self.0.fetch_add(1, Ordering::SeqCst);
        ctx.later(SECOND, Retry);
        ctx.apart().process(Retry).await?;
        Ok(())
    }

    async fn retry(&mut self, _: Retry) -> nether::Result<()> {
        Err(nether::Error::msg("it failed"))
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_monitor_sends_later_or_apart_is_not_reported_again() -> nether::Result<()> {
    let system = System::builder().isolated().start().await?;
    let seen = Arc::default();
    system.attach(Later(Arc::clone(&seen))).await?;
    let ctx = system.context();
    assert!(ctx.send(Retry).await.is_err());
    ctx.close().await?;
    tokio::time::sleep(SECOND * 10).await;
    let report = system.shutdown().await;
    assert_eq!((seen.load(Ordering::SeqCst), report.failed), (1, 3));
    Ok(())
}
