//! Tasks that are part of a unit of work.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use nether::FailureKind;
use nether::prelude::*;
use nether_tests::ready;
use tokio::sync::Semaphore;

/// Spawns a task that waits for the gate.
#[command(local)]
struct Spawn(Ending);

enum Ending {
    Ends,
    Fails,
    Panics,
    Hangs,
}

#[event]
struct Done;

struct Spawner {
    gate: Arc<Semaphore>,
    done: Arc<AtomicU64>,
}

#[module(handles = [Spawn, Done], manual)]
impl Spawner {
    async fn spawn(&mut self, Spawn(how): Spawn, ctx: &Context<Self>) -> nether::Result<()> {
        let gate = Arc::clone(&self.gate);
        ctx.spawn(async move |ctx| {
            gate.acquire().await?.forget();
            match how {
                Ending::Ends => Ok(ctx.publish(Done).await?),
                Ending::Fails => Err(nether::Error::msg("it failed")),
                Ending::Panics => panic!("it panicked"),
                Ending::Hangs => std::future::pending().await,
            }
        })?;
        Ok(())
    }

    async fn done(&mut self, _: &Done) {
        self.done.fetch_add(1, Ordering::SeqCst);
    }
}

async fn spawner() -> nether::Result<(System, Arc<Semaphore>, Arc<AtomicU64>)> {
    let system = System::builder().isolated().start().await?;
    let (gate, done) = (Arc::new(Semaphore::new(0)), Arc::default());
    let spawner = Spawner {
        gate: Arc::clone(&gate),
        done: Arc::clone(&done),
    };
    system.attach(spawner).await?;
    Ok((system, gate, done))
}

#[tokio::test]
async fn closing_waits_for_what_was_spawned_and_for_what_it_sends() -> nether::Result<()> {
    let (system, gate, done) = spawner().await?;
    let ctx = system.context();
    ctx.send(Spawn(Ending::Ends)).await?;
    let mut closing = Box::pin(ctx.close());
    assert!(ready(&mut closing).await.is_none());
    gate.add_permits(1);
    closing.await?;
    assert_eq!(done.load(Ordering::SeqCst), 1);
    Ok(())
}

#[tokio::test]
async fn a_spawned_task_that_fails_is_a_failure_of_the_context_and_reported() -> nether::Result<()>
{
    let (system, gate, _) = spawner().await?;
    gate.add_permits(2);
    let mut told = system.subscribe::<nether::HandlerFailed>();
    for (how, text, crashed) in [
        (Ending::Fails, "it failed", false),
        (Ending::Panics, "panicked: it panicked", true),
    ] {
        let ctx = system.context();
        ctx.send(Spawn(how)).await?;
        let error = ctx.close().await.unwrap_err();
        assert_eq!(error.failures[0].message, "Context::spawn");
        assert!(
            error.failures[0]
                .module
                .is_some_and(|name| name.ends_with("Spawner"))
        );
        assert_eq!(error.failures[0].kind.to_string(), text);
        let told = told.next().await.expect("it is published");
        assert_eq!((told.error.as_str(), told.crashed), (text, crashed));
        assert_eq!(told.cause, Some(0));
    }
    Ok(())
}

#[tokio::test]
async fn a_context_that_is_over_spawns_nothing() -> nether::Result<()> {
    let (system, _, _) = spawner().await?;
    let ctx = system.context();
    let late = ctx.clone();
    ctx.close().await?;
    let refused = late.spawn(async |_| Ok(())).unwrap_err();
    assert!(refused.to_string().contains("Context::spawn"), "{refused}");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_system_that_stops_waits_for_what_was_spawned_and_then_cuts_it_off() -> nether::Result<()>
{
    let (system, gate, done) = spawner().await?;
    let ctx = system.context();
    ctx.send(Spawn(Ending::Ends)).await?;
    ctx.send(Spawn(Ending::Hangs)).await?;
    let stopping = system.clone();
    let stopped = tokio::spawn(async move { stopping.shutdown().await });
    tokio::task::yield_now().await;
    assert!(!stopped.is_finished());
    gate.add_permits(2);
    let report = stopped.await?;
    assert_eq!(done.load(Ordering::SeqCst), 1);
    assert_eq!(report.tasks_cut_off, 1);
    assert!(report.to_string().ends_with("1 tasks cut off"), "{report}");
    let error = ctx.close().await.unwrap_err();
    assert!(matches!(error.failures[0].kind, FailureKind::Stopped));
    Ok(())
}
