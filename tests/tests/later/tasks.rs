//! Tasks of a unit of work that its owner cancels have not failed.

use nether::prelude::*;
use nether::{FailureKind, HandlerFailed};

use crate::SECOND;

#[command(name = "tasks.begin")]
struct Begin {
    panics: bool,
}

#[command(name = "tasks.next")]
struct Next;

struct Sleeper;

#[module(handles = [Begin, Next], manual)]
impl Sleeper {
    async fn begin(&mut self, Begin { panics }: Begin, ctx: &Context<Self>) -> nether::Result<()> {
        for _ in 0..10 {
            ctx.spawn(async move |ctx| {
                tokio::time::sleep(SECOND).await;
                assert!(!panics, "a panic");
                Ok(ctx.process(Next).await?)
            })?;
        }
        Ok(())
    }

    async fn next(&mut self, _: Next) {}
}

async fn cancelled(panics: bool) -> nether::Result<(usize, usize)> {
    let system = System::builder().isolated().start().await?;
    let mut failed = system.subscribe::<HandlerFailed>();
    system.attach(Sleeper).await?;
    let ctx = system.context();
    ctx.send(Begin { panics }).await?;
    ctx.cancel();
    let error = ctx.close().await.expect_err("it was cancelled");
    assert!(error.cancelled);
    let is_panic = |kind: &FailureKind| matches!(kind, FailureKind::Panicked(_));
    assert!(error.failures.iter().all(|failure| is_panic(&failure.kind)));
    system.shutdown().await;
    let mut reports = 0;
    while failed.next().await.is_some() {
        reports += 1;
    }
    Ok((error.failures.len(), reports))
}

#[tokio::test(start_paused = true)]
async fn tasks_whose_owner_cancels_them_have_not_failed() -> nether::Result<()> {
    assert_eq!(cancelled(false).await?, (0, 0));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn tasks_that_panic_have_failed_also_if_they_are_cancelled() -> nether::Result<()> {
    assert_eq!(cancelled(true).await?, (10, 10));
    Ok(())
}

/// The caller drops its context, as `system.context().send(..).await` does, and cancels nothing.
#[tokio::test(start_paused = true)]
async fn tasks_of_a_context_that_was_dropped_have_failed() -> nether::Result<()> {
    let system = System::builder().isolated().start().await?;
    let mut failed = system.subscribe::<HandlerFailed>();
    system.attach(Sleeper).await?;
    system.context().send(Begin { panics: false }).await?;
    system.shutdown().await;
    let mut reports = 0;
    while failed.next().await.is_some() {
        reports += 1;
    }
    assert_eq!(reports, 10);
    Ok(())
}
