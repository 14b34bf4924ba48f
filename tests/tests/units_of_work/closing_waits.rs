//! What closing sees: it ends the streams at which everything that is left waits, through whatever it waits,
//! and never one that a handler at work may still push to.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::{join, join_all, select};
use futures_util::{StreamExt, stream};
use nether::prelude::*;
use nether::{ContextError, SendError};
use tokio::runtime::Builder;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

/// Takes numbers until there are no more.
#[command(reply = u32)]
struct Take;

/// Answered by the module that takes.
#[query(reply = u32)]
struct Count;

#[derive(Default)]
struct Taker {
    taken: u32,
}

#[module(handles = [Take, Count], mailbox = 1, manual)]
impl Taker {
    async fn take(&mut self, _: Take, ctx: &Context<Self>) -> nether::Result<u32> {
        let mut numbers = ctx.stream::<u32>().join();
        while numbers.pull().await?.is_some() {
            self.taken += 1;
        }
        Ok(self.taken)
    }

    async fn count(&self, _: Count) -> u32 {
        self.taken
    }
}

/// Takes numbers until there are no more, in a shared module.
#[command(reply = u32)]
struct TakeShared;

/// Pushes so many numbers, after so long.
#[command]
struct Push(u32, Duration);

struct Hands;

#[module(handles = [TakeShared, Push], manual)]
impl Hands {
    async fn take(&self, _: TakeShared, ctx: &Context<Self>) -> nether::Result<u32> {
        let mut numbers = ctx.stream::<u32>().join();
        let mut taken = 0;
        while numbers.pull().await?.is_some() {
            taken += 1;
        }
        Ok(taken)
    }

    async fn push(&self, Push(count, after): Push, ctx: &Context<Self>) -> nether::Result<()> {
        sleep(after).await;
        for number in 0..count {
            ctx.stream::<u32>().push(number).await?;
        }
        Ok(())
    }
}

/// How a handler waits for those who take.
#[derive(Debug, Clone, Copy, serde::Serialize, serde::Deserialize)]
enum How {
    Ask,
    Send,
    SendShared,
    TrySend,
    Both,
    AllTogether,
    SomeAtATime,
    GiveUp,
    GiveUpShared,
    Spawn,
    SpawnAndWait,
}

const EVERY_WAY: [How; 11] = [
    How::Ask,
    How::Send,
    How::SendShared,
    How::TrySend,
    How::Both,
    How::AllTogether,
    How::SomeAtATime,
    How::GiveUp,
    How::GiveUpShared,
    How::Spawn,
    How::SpawnAndWait,
];

#[command(local)]
struct Wait(How);

#[command(local)]
struct WaitShared(How);

#[event(local)]
struct Waited(How);

macro_rules! wait {
    ($how:expr, $ctx:expr) => {{
        match $how {
            How::Ask => drop($ctx.ask(Count).await?),
            How::Send => drop($ctx.send(Take).await?),
            How::SendShared => drop($ctx.send(TakeShared).await?),
            How::TrySend => match $ctx.try_send(Take) {
                Ok(call) => drop(call.await?),
                Err(refused) => assert!(matches!(refused.error, SendError::Full { .. })),
            },
            How::Both => drop(join($ctx.send(Take), $ctx.send(TakeShared)).await),
            How::AllTogether => {
                drop(join_all((0..40).map(|_| $ctx.send(TakeShared))).await);
            }
            How::SomeAtATime => {
                let calls = stream::iter(0..9).map(|_| $ctx.send(Take));
                drop(calls.buffer_unordered(4).collect::<Vec<_>>().await);
            }
            How::GiveUp => {
                drop(timeout(Duration::from_millis(1), $ctx.send(Take)).await);
            }
            How::GiveUpShared => {
                drop(timeout(Duration::from_millis(1), $ctx.send(TakeShared)).await);
            }
            How::Spawn => $ctx.spawn(async |ctx| {
                ctx.send(Take).await?;
                Ok(())
            })?,
            How::SpawnAndWait => {
                let done = Arc::new(Notify::new());
                let end = Arc::clone(&done);
                $ctx.spawn(async move |ctx| {
                    ctx.send(TakeShared).await?;
                    end.notify_one();
                    Ok(())
                })?;
                $ctx.send(TakeShared).await?;
            }
        }
        Ok(())
    }};
}

struct Waiter;

#[module(handles = [Wait, Waited], manual)]
impl Waiter {
    async fn wait(&mut self, Wait(how): Wait, ctx: &Context<Self>) -> nether::Result<()> {
        wait!(how, ctx)
    }

    async fn waited(&mut self, Waited(how): &Waited, ctx: &Context<Self>) -> nether::Result<()> {
        wait!(*how, ctx)
    }
}

struct SharedWaiter;

#[module(handles = [WaitShared, Waited], manual)]
impl SharedWaiter {
    async fn wait(&self, WaitShared(how): WaitShared, ctx: &Context<Self>) -> nether::Result<()> {
        wait!(how, ctx)
    }

    async fn waited(&self, Waited(how): &Waited, ctx: &Context<Self>) -> nether::Result<()> {
        wait!(*how, ctx)
    }
}

async fn system() -> System {
    let system = System::builder().isolated().start().await.expect("sound");
    system.attach(Taker::default()).await.expect("sound");
    system.attach(Hands).await.expect("sound");
    system.attach(Waiter).await.expect("sound");
    system.attach(SharedWaiter).await.expect("sound");
    system
}

/// Runs a test on the current thread, where time is paused, and on two threads.
fn on_both_runtimes<F: Future<Output = ()> + Send + 'static>(test: impl Fn() -> F) {
    let mut current = Builder::new_current_thread();
    current.enable_all().start_paused(true);
    current.build().expect("a runtime").block_on(test());
    let mut several = Builder::new_multi_thread();
    let several = several
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    several
        .block_on(several.spawn(test()))
        .expect("the test succeeds");
}

/// Closes, or fails: less long than the patience of a system, so that nothing here needs that.
async fn close(
    ctx: Context,
    what: &(impl std::fmt::Debug + Sync),
) -> Result<nether::Outcome, ContextError> {
    let closed = timeout(Duration::from_secs(4), ctx.close()).await;
    closed.unwrap_or_else(|_| panic!("closing hangs: {what:?}"))
}

async fn begun() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

#[test]
fn closing_sees_every_way_to_wait_for_a_consumer() {
    on_both_runtimes(async || {
        let system = system().await;
        for how in EVERY_WAY {
            for made_before in [false, true] {
                for waiters in 1..=3_u32 {
                    let ctx = system.context();
                    if made_before {
                        ctx.stream::<u32>();
                    }
                    ctx.process(TakeShared).await.expect("accepted");
                    for _ in 0..waiters {
                        ctx.process(Wait(how)).await.expect("accepted");
                        ctx.process(WaitShared(how)).await.expect("accepted");
                        ctx.publish(Waited(how)).await.expect("accepted");
                    }
                    if made_before {
                        begun().await;
                    }
                    let closed = close(ctx, &(how, made_before, waiters)).await;
                    closed.unwrap_or_else(|error| panic!("{how:?}: {error}"));
                }
            }
        }
    });
}

#[test]
fn closing_sees_who_waits_in_line_for_a_module_that_takes() {
    on_both_runtimes(async || {
        let system = system().await;
        for waiting in 1..5 {
            let ctx = system.context();
            let callers: Vec<_> = (0..waiting)
                .map(|_| {
                    let ctx = ctx.clone();
                    tokio::spawn(async move { ctx.send(Take).await })
                })
                .collect();
            ctx.process(Push(3, Duration::ZERO))
                .await
                .expect("accepted");
            begun().await;
            close(ctx, &waiting).await.expect("nothing fails");
            for caller in callers {
                assert!(matches!(
                    caller.await.expect("no panic"),
                    Ok(_) | Err(CallError::Closed { .. })
                ));
            }
        }
    });
}

/// An event that a module with a full mailbox handles, and one more after it.
#[event]
struct Announced;

struct First;

#[module(handles = Announced, mailbox = 1, manual)]
impl First {
    async fn take(&mut self, _: &Announced, ctx: &Context<Self>) -> nether::Result<()> {
        while ctx.stream::<u32>().join().pull().await?.is_some() {}
        Ok(())
    }
}

struct Second;

#[module(handles = Announced, manual)]
impl Second {
    async fn hear(&mut self, _: &Announced) {}
}

#[test]
fn closing_sees_an_event_that_waits_for_room() {
    on_both_runtimes(async || {
        let system = system().await;
        system.attach(First).await.expect("sound");
        system.attach(Second).await.expect("sound");
        let ctx = system.context();
        let publishers: Vec<_> = (0..4)
            .map(|_| {
                let ctx = ctx.clone();
                tokio::spawn(async move { ctx.publish(Announced).await })
            })
            .collect();
        begun().await;
        close(ctx, &"an event").await.expect("nothing fails");
        for publisher in publishers {
            let _ended = publisher.await.expect("no panic");
        }
    });
}

#[test]
fn a_caller_that_gave_up_does_not_stand_for_a_handler_at_work() {
    on_both_runtimes(async || {
        for how in [How::GiveUp, How::GiveUpShared] {
            let system = system().await;
            let ctx = system.context();
            ctx.process(Wait(how)).await.expect("accepted");
            ctx.process(Push(3, Duration::from_millis(100)))
                .await
                .expect("accepted");
            sleep(Duration::from_millis(20)).await;
            let closed = close(ctx, &how).await;
            closed.unwrap_or_else(|error| panic!("{how:?}: {error}"));
        }
    });
}

/// Begins to pull, and then works for a while before it pushes; it still holds the pull.
#[command]
struct HoldPull;

/// The numbers that reach the end.
#[command]
struct Collect;

#[derive(Clone, Default)]
struct Line(Arc<AtomicU64>);

#[command]
struct Forward;

#[module(handles = [HoldPull, Forward, Collect], manual)]
impl Line {
    async fn hold(&self, _: HoldPull, ctx: &Context<Self>) -> nether::Result<()> {
        let numbers = ctx.stream::<u32>();
        let mut joined = numbers.join();
        let mut pull = pin!(joined.pull());
        select(pull.as_mut(), pin!(sleep(Duration::from_millis(5)))).await;
        sleep(Duration::from_millis(200)).await;
        ctx.stream::<u64>().push(7).await?;
        pull.await?;
        Ok(())
    }

    async fn forward(&self, _: Forward, ctx: &Context<Self>) -> nether::Result<()> {
        let mut numbers = ctx.stream::<u32>().join();
        while let Some(number) = numbers.pull().await? {
            ctx.stream::<u64>().push(u64::from(number)).await?;
        }
        Ok(())
    }

    async fn collect(&self, _: Collect, ctx: &Context<Self>) -> nether::Result<()> {
        let mut numbers = ctx.stream::<u64>().join();
        while numbers.pull().await?.is_some() {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
        Ok(())
    }
}

#[test]
fn a_handler_that_holds_a_pull_and_works_does_not_count_as_one_that_waits() {
    on_both_runtimes(async || {
        let system = system().await;
        let line = Line::default();
        system.attach(line.clone()).await.expect("sound");
        let ctx = system.context();
        ctx.stream::<u64>();
        ctx.process(Collect).await.expect("accepted");
        ctx.process(HoldPull).await.expect("accepted");
        sleep(Duration::from_millis(50)).await;
        close(ctx, &"a held pull").await.expect("nothing fails");
        assert_eq!(line.0.load(Ordering::SeqCst), 1);
    });
}

#[test]
fn no_item_is_lost_between_a_pull_and_the_push_after_it() {
    on_both_runtimes(async || {
        let system = system().await;
        let line = Line::default();
        system.attach(line.clone()).await.expect("sound");
        for round in 0..3_000 {
            line.0.store(0, Ordering::SeqCst);
            let ctx = system.context();
            ctx.stream::<u64>(); // The older of the two.
            ctx.process(Collect).await.expect("accepted");
            ctx.process(Forward).await.expect("accepted");
            ctx.process(Push(3, Duration::ZERO))
                .await
                .expect("accepted");
            let closed = close(ctx, &round).await;
            closed.unwrap_or_else(|error| panic!("round {round}: {error}"));
            assert_eq!(line.0.load(Ordering::SeqCst), 3, "round {round}");
        }
    });
}
