//! How a unit of work ends: closing waits for everything it caused, and reports everything that failed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use nether::prelude::*;
use nether::{CallError, FailureKind, SendError};
use nether_tests::ready;
use tokio::sync::Semaphore;
use tokio::time::Instant;

/// What the test and the modules share.
struct Gate {
    open: Semaphore,
    passed: AtomicU64,
}

impl Gate {
    fn shut() -> Arc<Self> {
        Arc::new(Gate {
            open: Semaphore::new(0),
            passed: AtomicU64::new(0),
        })
    }

    async fn pass(&self) {
        self.open.acquire().await.expect("never closed").forget();
        self.passed.fetch_add(1, Ordering::SeqCst);
    }

    fn passed(&self) -> u64 {
        self.passed.load(Ordering::SeqCst)
    }
}

#[command]
struct Pass;

#[event]
struct Passed;

#[event]
struct PassedTwice;

struct First(Arc<Gate>);

#[module(handles = Pass, manual)]
impl First {
    async fn pass(&mut self, _: Pass, ctx: &Context<Self>) -> nether::Result<()> {
        self.0.pass().await;
        ctx.publish(Passed).await?;
        Ok(())
    }
}

struct Second(Arc<Gate>);

#[module(handles = Passed, manual)]
impl Second {
    async fn passed(&mut self, _: &Passed, ctx: &Context<Self>) -> nether::Result<()> {
        self.0.pass().await;
        ctx.publish(PassedTwice).await?;
        Ok(())
    }
}

struct Third(Arc<Gate>);

#[module(handles = PassedTwice, manual)]
impl Third {
    async fn passed_twice(&self, _: &PassedTwice) {
        self.0.pass().await;
    }
}

async fn gated() -> nether::Result<(System, Arc<Gate>)> {
    let gate = Gate::shut();
    let system = System::builder().isolated().start().await?;
    system.attach(First(Arc::clone(&gate))).await?;
    system.attach(Second(Arc::clone(&gate))).await?;
    system.attach(Third(Arc::clone(&gate))).await?;
    Ok((system, gate))
}

#[tokio::test]
async fn closing_waits_for_what_handlers_caused_in_turn() -> nether::Result<()> {
    let (system, gate) = gated().await?;
    let ctx = system.context();
    ctx.process(Pass).await?;
    let mut closing = std::pin::pin!(ctx.close());
    for passed in 0..3 {
        assert!(
            ready(&mut closing).await.is_none(),
            "{passed} of 3 stages are done"
        );
        gate.open.add_permits(1);
        while gate.passed() == passed {
            tokio::task::yield_now().await;
        }
    }
    assert_eq!(closing.await?.handled, 3);
    Ok(())
}

#[tokio::test]
async fn a_closed_context_takes_no_more_work() -> nether::Result<()> {
    let (system, _) = gated().await?;
    let ctx = system.context();
    let late = ctx.clone();
    ctx.close().await?;
    assert!(matches!(
        late.process(Pass).await,
        Err(SendError::Closed {
            message: "units_of_work::closing::Pass"
        })
    ));
    assert!(matches!(
        late.send(Pass).await,
        Err(CallError::Closed { .. })
    ));
    assert_eq!(late.close().await?.handled, 0);
    Ok(())
}

#[tokio::test]
async fn cancelling_stops_what_has_not_started() -> nether::Result<()> {
    let (system, gate) = gated().await?;
    let ctx = system.context();
    ctx.process(Pass).await?;
    ctx.process(Pass).await?;
    while gate.passed() == 0 {
        gate.open
            .add_permits(usize::from(gate.open.available_permits() == 0));
        tokio::task::yield_now().await;
    }
    ctx.cancel();
    assert!(ctx.is_cancelled());
    assert!(matches!(
        ctx.process(Pass).await,
        Err(SendError::Cancelled { .. })
    ));
    gate.open.add_permits(10);
    let error = ctx.close().await.expect_err("it was cancelled");
    assert!(error.cancelled);
    assert!(
        error.failures.iter().all(|failure| matches!(
            failure.kind,
            FailureKind::Cancelled | FailureKind::Handler(_)
        )),
        "{error}"
    );
    assert!(gate.passed() < 6, "not all that was sent was started");
    Ok(())
}

#[tokio::test]
async fn a_handler_learns_of_the_cancellation() -> nether::Result<()> {
    #[command]
    struct WaitForCancel;

    struct Patient;

    #[module(handles = WaitForCancel, manual)]
    impl Patient {
        async fn wait(&self, _: WaitForCancel, ctx: &Context<Self>) {
            ctx.cancelled().await;
        }
    }

    let system = System::builder().isolated().start().await?;
    system.attach(Patient).await?;
    let ctx = system.context();
    ctx.process(WaitForCancel).await?;
    ctx.cancel();
    let error = ctx.close().await.expect_err("it was cancelled");
    assert!(error.cancelled && error.failures.len() <= 1, "{error}");
    Ok(())
}

#[tokio::test]
async fn dropping_an_open_context_cancels_what_has_not_started() -> nether::Result<()> {
    let (system, gate) = gated().await?;
    let mut dead = system.dead_letters();
    let ctx = system.context();
    for _ in 0..5 {
        ctx.process(Pass).await?;
    }
    drop(ctx);
    gate.open.add_permits(100);
    let first = dead.next().await.expect("the system runs");
    assert_eq!(first.message, "units_of_work::closing::Pass");
    assert!(first.reason.contains("cancelled"), "{}", first.reason);
    // The modules go on with other units of work.
    let ctx = system.context();
    ctx.send(Pass).await?;
    ctx.close().await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn what_has_not_started_at_the_deadline_is_not_started() -> nether::Result<()> {
    let (system, gate) = gated().await?;
    let ctx = system.context().with_timeout(Duration::from_secs(5));
    assert!(
        ctx.deadline()
            .is_some_and(|deadline| deadline > Instant::now())
    );
    ctx.process(Pass).await?;
    ctx.process(Pass).await?;
    let waited = Instant::now();
    let error = ctx.close().await.expect_err("nobody opens the gate");
    assert_eq!(waited.elapsed(), Duration::from_secs(5));
    assert_eq!(error.unfinished, 2, "{error}");
    gate.open.add_permits(10);
    let report = system.shutdown().await;
    // The first had started, and found its unit of work over; the second had not.
    assert_eq!((gate.passed(), report.failed), (1, 1));
    let [letters] = &report.dead_letters[..] else {
        panic!("{report}")
    };
    assert_eq!(
        (letters.message, letters.count),
        ("units_of_work::closing::Pass", 1)
    );
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_caller_stops_waiting_at_the_deadline() -> nether::Result<()> {
    let (system, _) = gated().await?;
    let ctx = system.context().with_timeout(Duration::from_secs(1));
    assert!(matches!(
        ctx.send(Pass).await,
        Err(CallError::DeadlineExceeded {
            message: "units_of_work::closing::Pass"
        })
    ));
    Ok(())
}

#[tokio::test]
async fn a_scope_opens_and_closes_its_own_context() -> nether::Result<()> {
    let (system, gate) = gated().await?;
    gate.open.add_permits(3);
    let done = system
        .scope(async |ctx| {
            ctx.send(Pass).await?;
            Ok("done")
        })
        .await?;
    assert_eq!((done, gate.passed()), ("done", 3));
    let failed = system
        .scope(async |_| Err::<(), _>(nether::Error::msg("no")))
        .await;
    assert_eq!(failed.expect_err("it failed").to_string(), "no");
    Ok(())
}

#[command]
struct Again(u32);

struct Loop;

#[module(handles = Again, manual)]
impl Loop {
    async fn again(&mut self, Again(depth): Again, ctx: &Context<Self>) -> nether::Result<()> {
        assert_eq!(ctx.depth(), depth);
        ctx.process(Again(depth + 1)).await?;
        Ok(())
    }
}

#[tokio::test]
async fn a_chain_without_end_is_cut_and_printed() -> nether::Result<()> {
    let system = System::builder().isolated().max_depth(10).start().await?;
    system.attach(Loop).await?;
    let ctx = system.context();
    ctx.process(Again(1)).await?;
    let error = ctx.close().await.expect_err("it never ends by itself");
    let [failure] = &error.failures[..] else {
        panic!("one message was refused: {error}")
    };
    let text = failure.to_string();
    assert!(text.contains("more than 10 causes"), "{text}");
    assert!(
        text.contains("units_of_work::closing::Again -> units_of_work::closing::Again"),
        "{text}"
    );
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn giving_up_on_close_cancels_what_has_not_started() -> nether::Result<()> {
    let (system, gate) = gated().await?;
    let ctx = system.context();
    for _ in 0..3 {
        ctx.process(Pass).await?;
    }
    let closing = tokio::time::timeout(Duration::from_secs(1), ctx.close());
    assert!(closing.await.is_err(), "the gate is shut");
    gate.open.add_permits(100);
    let report = system.shutdown().await;
    assert_eq!(gate.passed(), 1, "the first had started");
    let letters = report.dead_letters.iter().map(|letters| letters.count);
    assert_eq!(letters.sum::<u64>(), 2, "{report}");
    Ok(())
}
