//! Modules all of whose handlers take `&self`: concurrent, in the caller's task, and never cut in half.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use nether::CallError;
use nether::prelude::*;
use tokio::sync::{Barrier, Semaphore};
use tokio::task;

#[query(reply = Option<task::Id>)]
struct WhoRuns;

#[command]
struct Meet;

#[command]
struct Store;

#[command(error = std::num::ParseIntError)]
struct Fail;

#[query]
struct Look;

struct Desk {
    meeting: Barrier,
    gate: Semaphore,
    entered: AtomicU64,
    stored: AtomicU64,
    looked: AtomicU64,
}

/// Shared with the test, which opens the gate and reads the counts.
struct Office(Arc<Desk>);

#[module(handles = [WhoRuns, Meet, Store, Fail, Look], manual)]
impl Office {
    async fn who(&self, _: WhoRuns) -> Option<task::Id> {
        task::try_id()
    }

    async fn meet(&self, _: Meet) {
        self.0.meeting.wait().await;
    }

    async fn store(&self, _: Store) {
        self.0.entered.fetch_add(1, Ordering::SeqCst);
        self.0.gate.acquire().await.expect("never closed").forget();
        self.0.stored.fetch_add(1, Ordering::SeqCst);
    }

    async fn fail(&self, _: Fail) -> Result<(), std::num::ParseIntError> {
        self.0.entered.fetch_add(1, Ordering::SeqCst);
        self.0.gate.acquire().await.expect("never closed").forget();
        "x".parse::<u8>().map(drop)
    }

    async fn look(&self, _: Look) {
        self.0.entered.fetch_add(1, Ordering::SeqCst);
        self.0.gate.acquire().await.expect("never closed").forget();
        self.0.looked.fetch_add(1, Ordering::SeqCst);
    }
}

async fn office(mailbox: usize) -> nether::Result<(System, Arc<Desk>)> {
    let desk = Arc::new(Desk {
        meeting: Barrier::new(10),
        gate: Semaphore::new(0),
        entered: AtomicU64::new(0),
        stored: AtomicU64::new(0),
        looked: AtomicU64::new(0),
    });
    let system = System::builder()
        .isolated()
        .mailbox(mailbox)
        .start()
        .await?;
    system.attach(Office(Arc::clone(&desk))).await?;
    Ok((system, desk))
}

/// Lets everything run that can.
async fn settled() {
    for _ in 0..50 {
        task::yield_now().await;
    }
}

/// Polls the future until its handler has begun, and drops it.
async fn abandon(desk: &Desk, call: impl Future) {
    let entered = desk.entered.load(Ordering::SeqCst);
    let mut call = std::pin::pin!(call);
    std::future::poll_fn(|cx| {
        assert!(call.as_mut().poll(cx).is_pending());
        std::task::Poll::Ready(())
    })
    .await;
    assert_eq!(desk.entered.load(Ordering::SeqCst), entered + 1);
}

#[tokio::test]
async fn a_call_runs_in_the_task_of_its_caller() -> nether::Result<()> {
    let (system, _) = office(1024).await?;
    let caller = tokio::spawn(async move {
        let ctx = system.context();
        (task::try_id(), ctx.ask(WhoRuns).await)
    });
    let (own, handler) = caller.await?;
    assert!(own.is_some());
    assert_eq!(handler?, own);
    Ok(())
}

#[tokio::test]
async fn handlers_run_concurrently() -> nether::Result<()> {
    let (system, _) = office(1024).await?;
    let ctx = system.context();
    // None of the ten ends before the tenth has begun.
    for _ in 0..10 {
        ctx.process(Meet).await?;
    }
    assert_eq!(ctx.close().await?.handled, 10);
    Ok(())
}

#[tokio::test]
async fn a_command_whose_caller_goes_away_runs_to_its_end() -> nether::Result<()> {
    let (system, desk) = office(1024).await?;
    let ctx = system.context();
    abandon(&desk, ctx.send(Store)).await;
    settled().await;
    assert_eq!(desk.stored.load(Ordering::SeqCst), 0);
    desk.gate.add_permits(1);
    // Closing waits for it as for anything else.
    assert_eq!(ctx.close().await?.handled, 1);
    assert_eq!(desk.stored.load(Ordering::SeqCst), 1);
    Ok(())
}

#[tokio::test]
async fn the_error_of_an_abandoned_command_is_reported_by_closing() -> nether::Result<()> {
    let (system, desk) = office(1024).await?;
    let ctx = system.context();
    abandon(&desk, ctx.send(Fail)).await;
    desk.gate.add_permits(1);
    let error = ctx.close().await.expect_err("it failed");
    let [failure] = &error.failures[..] else {
        panic!("{error}")
    };
    assert_eq!(
        (failure.message, failure.module),
        (
            "isolated::shared_modules::Fail",
            Some("isolated::shared_modules::Office")
        )
    );
    Ok(())
}

#[tokio::test]
async fn a_query_whose_caller_goes_away_is_dropped() -> nether::Result<()> {
    let (system, desk) = office(1024).await?;
    let ctx = system.context();
    abandon(&desk, ctx.ask(Look)).await;
    desk.gate.add_permits(1);
    ctx.close().await?;
    settled().await;
    assert_eq!(desk.looked.load(Ordering::SeqCst), 0);
    Ok(())
}

#[tokio::test]
async fn root_work_waits_while_too_many_handlers_run() -> nether::Result<()> {
    let (system, desk) = office(2).await?;
    let ctx = system.context();
    ctx.process(Store).await?;
    ctx.process(Store).await?;
    let third = tokio::spawn({
        let ctx = ctx.clone();
        async move { ctx.process(Store).await }
    });
    settled().await;
    assert!(!third.is_finished(), "two run, and that is the bound");
    assert_eq!(desk.entered.load(Ordering::SeqCst), 2);
    desk.gate.add_permits(3);
    third.await??;
    ctx.close().await?;
    assert_eq!(desk.stored.load(Ordering::SeqCst), 3);
    Ok(())
}

#[tokio::test]
async fn detaching_waits_for_handlers_that_run() -> nether::Result<()> {
    let (system, desk) = office(1024).await?;
    let other = System::builder().isolated().start().await?;
    let office = other.attach(Office(Arc::clone(&desk))).await?;
    let ctx = other.context();
    ctx.process(Store).await?;
    settled().await;
    let detaching = tokio::spawn(async move { other.detach(office).await });
    settled().await;
    assert!(!detaching.is_finished());
    assert!(matches!(ctx.send(Store).await, Err(CallError::NoRoute(_))));
    desk.gate.add_permits(1);
    detaching.await?;
    assert_eq!(desk.stored.load(Ordering::SeqCst), 1);
    system.shutdown().await;
    Ok(())
}

#[tokio::test]
async fn a_waiter_that_gives_up_leaves_nothing_behind() -> nether::Result<()> {
    let (system, desk) = office(1).await?;
    let ctx = system.context();
    ctx.process(Store).await?;
    {
        let mut waiting = std::pin::pin!(ctx.process(Store));
        std::future::poll_fn(|cx| {
            assert!(
                waiting.as_mut().poll(cx).is_pending(),
                "one runs, and that is the bound"
            );
            std::task::Poll::Ready(())
        })
        .await;
    }
    desk.gate.add_permits(2);
    assert_eq!(ctx.close().await?.handled, 1);
    assert_eq!(system.shutdown().await.dead_letters, []);
    assert_eq!(desk.stored.load(Ordering::SeqCst), 1);
    Ok(())
}
