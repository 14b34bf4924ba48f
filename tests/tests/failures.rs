//! What goes wrong in a handler: it reaches whom it concerns, and no other.

use std::sync::Mutex;

use nether::prelude::*;
use nether::{CallError, DeadLetter, FailureKind, HandlerFailed, SendError};

#[derive(Debug, thiserror::Error)]
enum CountError {
    #[error("{0} is odd")]
    Odd(u64),
    #[error("not counted")]
    Lost(#[source] std::num::ParseIntError),
}

#[command(reply = u64, error = CountError)]
struct Count(u64);

#[command]
struct Explode;

#[query(reply = u64)]
struct Counted;

#[event]
struct Tick(u64);

#[derive(Default)]
struct Counter {
    counted: u64,
}

#[module(handles = [Count, Explode, Counted, Tick])]
impl Counter {
    async fn count(&mut self, Count(number): Count) -> Result<u64, CountError> {
        if number % 2 == 1 {
            return Err(CountError::Odd(number));
        }
        if number == 100 {
            return Err(CountError::Lost("x".parse::<u64>().expect_err("no number")));
        }
        self.counted += 1;
        Ok(number)
    }

    async fn explode(&mut self, _: Explode) {
        panic!("as asked");
    }

    fn counted(&self, _: Counted) -> u64 {
        self.counted
    }

    async fn tick(&mut self, &Tick(number): &Tick) -> nether::Result<()> {
        if number % 2 == 1 {
            return Err(nether::Error::msg("odd tick"));
        }
        Ok(())
    }
}

/// All of it without `&mut self`: the same promises hold for shared modules.
#[derive(Default)]
struct Shared;

#[command(error = CountError)]
struct ShareCount(u64);

#[command]
struct ShareExplosion;

#[module(handles = [ShareCount, ShareExplosion])]
impl Shared {
    async fn count(&self, ShareCount(number): ShareCount) -> Result<(), CountError> {
        Err(CountError::Odd(number))
    }

    async fn explode(&self, _: ShareExplosion) {
        panic!("as asked");
    }
}

/// What was reported, as a module sees it.
#[derive(Default)]
struct Reporter {
    failures: Mutex<Vec<String>>,
}

#[query(reply = Vec<String>)]
struct Reports;

#[module(handles = [HandlerFailed, Reports])]
impl Reporter {
    async fn failed(&self, event: &HandlerFailed) {
        self.failures
            .lock()
            .unwrap()
            .push(format!("{}: {}", event.message, event.error));
    }

    async fn reports(&self, _: Reports) -> Vec<String> {
        self.failures.lock().unwrap().clone()
    }
}

#[nether::test]
async fn an_error_goes_to_the_caller_and_the_state_stays(system: System) -> nether::Result<()> {
    let ctx = system.context();
    ctx.send(Count(2)).await?;
    let error = ctx.send(Count(3)).await.expect_err("odd");
    assert!(matches!(error, CallError::Handler(CountError::Odd(3))));
    assert_eq!(error.to_string(), "3 is odd");
    assert_eq!(ctx.ask(Counted).await?, 1);
    // The caller got it, so closing has nothing to add.
    ctx.close().await?;
    Ok(())
}

#[nether::test]
async fn the_source_of_an_error_shines_through(system: System) -> nether::Result<()> {
    let ctx = system.context();
    let error = nether::Error::from(ctx.send(Count(100)).await.expect_err("lost"));
    let chain: Vec<String> = error.chain().map(ToString::to_string).collect();
    assert_eq!(chain, ["not counted", "invalid digit found in string"]);
    Ok(())
}

#[nether::test]
async fn a_failure_that_no_caller_waits_for_is_reported_by_closing(
    system: System,
) -> nether::Result<()> {
    let ctx = system.context();
    ctx.process(Count(5)).await?;
    ctx.publish(Tick(1)).await?;
    ctx.publish(Tick(2)).await?;
    ctx.process(ShareCount(7)).await?;
    let error = ctx.close().await.expect_err("three of them failed");
    let mut messages: Vec<_> = error
        .failures
        .iter()
        .map(|failure| (failure.message, failure.module))
        .collect();
    messages.sort_unstable();
    assert_eq!(
        messages,
        [
            ("failures::Count", Some("failures::Counter")),
            ("failures::ShareCount", Some("failures::Shared")),
            ("failures::Tick", Some("failures::Counter"))
        ]
    );
    let text = error.to_string();
    assert!(
        text.contains("5 is odd") && text.contains("odd tick") && text.contains("7 is odd"),
        "{text}"
    );
    Ok(())
}

#[nether::test]
async fn a_panic_is_caught_at_the_handler_and_the_module_goes_on(
    system: System,
) -> nether::Result<()> {
    let ctx = system.context();
    let Err(CallError::Panicked(panic)) = ctx.send(Explode).await else {
        panic!("it was asked to panic")
    };
    assert_eq!(
        (panic.message, panic.module),
        ("failures::Explode", "failures::Counter")
    );
    assert_eq!(panic.text, "as asked");
    assert!(matches!(
        ctx.send(ShareExplosion).await,
        Err(CallError::Panicked(_))
    ));
    ctx.process(Explode).await?;
    ctx.process(ShareExplosion).await?;
    assert_eq!(ctx.send(Count(2)).await?, 2);
    let error = ctx
        .close()
        .await
        .expect_err("nobody waited for two of the panics");
    assert_eq!(error.failures.len(), 2);
    assert!(
        error
            .failures
            .iter()
            .all(|failure| matches!(failure.kind, FailureKind::Panicked(_)))
    );
    Ok(())
}

#[nether::test]
async fn a_failure_stays_in_its_unit_of_work(system: System) -> nether::Result<()> {
    let (failing, other) = (system.context(), system.context());
    failing.process(Explode).await?;
    other.process(Count(2)).await?;
    assert!(failing.close().await.is_err());
    other.close().await?;
    Ok(())
}

#[nether::test]
async fn every_failure_is_an_event_that_a_module_may_handle(system: System) -> nether::Result<()> {
    let ctx = system.context();
    let mut seen = ctx.subscribe::<HandlerFailed>();
    let _ = ctx.send(Count(9)).await;
    let _ = ctx.send(Explode).await;
    ctx.close().await?;
    assert_eq!(seen.next().await.expect("published").error, "9 is odd");
    assert!(seen.next().await.expect("published").crashed);
    let reports = system.context().ask(Reports).await?;
    assert!(
        reports.contains(&"failures::Count: 9 is odd".to_owned()),
        "{reports:?}"
    );
    Ok(())
}

/// Tells of failures, and fails at it.
struct Gossip;

#[module(handles = [HandlerFailed, DeadLetter], manual)]
impl Gossip {
    async fn failed(&mut self, _: &HandlerFailed) -> nether::Result<()> {
        Err(nether::Error::msg("gossip failed"))
    }

    async fn died(&mut self, _: &DeadLetter) -> nether::Result<()> {
        Err(nether::Error::msg("gossip failed"))
    }
}

#[nether::test]
async fn a_failing_report_is_not_reported_for_ever(system: System) -> nether::Result<()> {
    system.attach(Gossip).await?;
    let ctx = system.context();
    let mut seen = ctx.subscribe::<HandlerFailed>();
    let _ = ctx.send(Count(9)).await;
    // What becomes of the report is not part of the unit of work.
    ctx.close().await?;
    assert!(seen.next().await.is_some());
    assert!(seen.next().await.is_none());
    Ok(())
}

#[nether::test]
async fn a_stopping_system_refuses_new_work(system: System) -> nether::Result<()> {
    let ctx = system.context();
    ctx.send(Count(2)).await?;
    system.shutdown().await;
    assert!(matches!(
        ctx.process(Explode).await,
        Err(SendError::Stopping {
            message: "failures::Explode"
        })
    ));
    let error = ctx
        .send(Count(2))
        .await
        .expect_err("the system has stopped");
    assert_eq!(
        error.to_string(),
        "the system is stopping and refused `failures::Count`"
    );
    Ok(())
}
