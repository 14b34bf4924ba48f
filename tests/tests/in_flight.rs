//! A bound for all that is in flight in a system; and without one, modules that do not stop each other.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nether::prelude::*;
use nether::{SendError, TestSystem};
use tokio::sync::Semaphore;
use tokio::time::timeout;

#[command]
struct Slow;

#[command]
struct Fast;

/// Causes so many slow messages, and as many fast ones.
#[command]
struct Cause(usize);

#[event]
struct News;

#[derive(Clone)]
struct Gate(Arc<Semaphore>);

struct Slowly(Gate);

#[module(handles = [Slow, News], mailbox = 4)]
impl Slowly {
    #[init]
    fn new(gate: Resource<Gate>) -> Self {
        Slowly(Gate::clone(&gate))
    }

    async fn slow(&mut self, _: Slow) {
        self.0.0.acquire().await.expect("never closed").forget();
    }

    async fn news(&mut self, _: &News) {}
}

#[derive(Default)]
struct Quickly;

#[module(handles = [Fast, Cause, News])]
impl Quickly {
    async fn fast(&mut self, _: Fast) {}

    async fn cause(&mut self, Cause(count): Cause, ctx: &Context<Self>) -> nether::Result<()> {
        for _ in 0..count {
            ctx.process(Slow).await?;
            ctx.process(Fast).await?;
        }
        Ok(())
    }

    async fn news(&mut self, _: &News) {}
}

const SHORT: Duration = Duration::from_secs(1);

async fn start(builder: SystemBuilder) -> nether::Result<(TestSystem, Gate)> {
    let gate = Gate(Arc::new(Semaphore::new(0)));
    let system = builder.provide(gate.clone()).start_test().await?;
    Ok((system, gate))
}

#[nether::test]
async fn a_slow_module_does_not_stop_others(builder: SystemBuilder) -> nether::Result<()> {
    let (system, gate) = start(builder).await?;
    let slow = system.context();
    // One in its handler, and four that wait for it.
    for _ in 0..5 {
        slow.process(Slow).await?;
    }
    assert!(
        timeout(SHORT, slow.process(Slow)).await.is_err(),
        "it is full"
    );
    // The same sender, and others, go on with everybody else.
    for _ in 0..1_000 {
        slow.process(Fast).await?;
        system.scope(async |ctx| Ok(ctx.send(Fast).await?)).await?;
    }
    gate.0.add_permits(5);
    assert_eq!(slow.close().await?.handled, 1_005);
    Ok(())
}

#[nether::test]
async fn work_from_outside_waits_while_too_much_is_in_flight(
    builder: SystemBuilder,
) -> nether::Result<()> {
    let (system, gate) = start(builder.max_in_flight(3)).await?;
    let ctx = system.context();
    for _ in 0..3 {
        ctx.process(Slow).await?;
    }
    assert!(timeout(SHORT, ctx.process(Fast)).await.is_err());
    assert!(timeout(SHORT, ctx.send(Fast)).await.is_err());
    assert!(timeout(SHORT, ctx.publish(News)).await.is_err());
    let refused = ctx.try_process(Fast).expect_err("there is no room");
    assert!(matches!(refused.error, SendError::Full { .. }));
    assert!(ctx.try_send(Fast).is_err());
    let late = system.context().with_timeout(SHORT);
    let error = late.process(Fast).await.expect_err("its deadline passes");
    assert!(matches!(error, SendError::DeadlineExceeded { .. }));
    // Those who stopped waiting delay no other.
    gate.0.add_permits(1);
    ctx.send(Fast).await?;
    gate.0.add_permits(2);
    ctx.publish(News).await?;
    assert_eq!(ctx.close().await?.handled, 6);
    Ok(())
}

#[nether::test]
async fn what_handlers_cause_counts_but_never_waits(builder: SystemBuilder) -> nether::Result<()> {
    let (system, gate) = start(builder.max_in_flight(2)).await?;
    let ctx = system.context();
    ctx.send(Cause(10)).await?;
    // The handler was not held up, and what it caused delays the next caller.
    assert!(timeout(SHORT, ctx.process(Fast)).await.is_err());
    assert_eq!(system.sent::<Slow>().len(), 10);
    let waiting = system.modules().iter().map(|it| it.waiting).sum::<usize>();
    assert_eq!(waiting, 9);
    gate.0.add_permits(10);
    ctx.send(Fast).await?;
    assert_eq!(ctx.close().await?.handled, 1 + 20 + 1);
    Ok(())
}

#[nether::test(flavor = "multi_thread")]
async fn a_waiter_for_room_gets_it_and_nothing_is_lost(
    builder: SystemBuilder,
) -> nether::Result<()> {
    let (system, gate) = start(builder.max_in_flight(8)).await?;
    gate.0.add_permits(Semaphore::MAX_PERMITS / 2);
    let mut tasks = Vec::new();
    for _ in 0..32 {
        let system = system.clone();
        tasks.push(tokio::spawn(async move {
            let ctx = system.context();
            for _ in 0..200 {
                ctx.process(Slow).await?;
                ctx.send(Fast).await?;
                ctx.publish(News).await?;
            }
            Ok::<u64, nether::Error>(ctx.close().await?.handled)
        }));
    }
    for task in tasks {
        assert_eq!(task.await??, 800);
    }
    Ok(())
}

/// Noted when it is dropped.
struct Dropped(Arc<AtomicBool>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Its `#[on_stop]` never ends.
struct Hanging(Arc<AtomicBool>);

#[module(handles = News, manual)]
impl Hanging {
    async fn news(&mut self, _: &News) {}

    #[on_stop]
    async fn stop(&mut self) {
        let _dropped = Dropped(Arc::clone(&self.0));
        std::future::pending::<()>().await;
    }
}

#[nether::test(only = [])]
async fn a_hook_that_hangs_is_over_when_the_stop_is(system: TestSystem) -> nether::Result<()> {
    let dropped = [(); 3].map(|()| Arc::new(AtomicBool::new(false)));
    for dropped in &dropped {
        system.attach(Hanging(Arc::clone(dropped))).await?;
    }
    let report = system.shutdown().await;
    assert_eq!(report.cut_off.len(), 3);
    for dropped in dropped {
        assert!(dropped.load(Ordering::SeqCst));
    }
    Ok(())
}
