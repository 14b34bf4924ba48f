//! Errors that are for the sender to do better.

use nether::prelude::*;

/// The sender asked for what there is not.
#[derive(Debug, thiserror::Error, nether::Problem)]
enum Outcome {
    #[error("there is none")]
    #[problem(status = 404)]
    Refused,
    #[error("it is broken")]
    #[problem(status = 502)]
    Failed,
}

#[command(error = Outcome)]
struct Fetch(&'static str);

#[command(error = Outcome)]
struct Look(&'static str);

fn outcome(what: &str) -> Result<(), Outcome> {
    match what {
        "refused" => Err(Outcome::Refused),
        "failed" => Err(Outcome::Failed),
        _ => Ok(()),
    }
}

struct Fetcher;

#[module(handles = Fetch, manual, breaker = "2 in 1h, probe after 30s")]
impl Fetcher {
    async fn fetch(&mut self, Fetch(what): Fetch) -> Result<(), Outcome> {
        outcome(what)
    }
}

/// The same, shared.
struct Looker;

#[module(handles = Look, manual, breaker = "2 in 1h, probe after 30s")]
impl Looker {
    async fn look(&self, Look(what): Look) -> Result<(), Outcome> {
        outcome(what)
    }
}

/// Sends what comes to each outcome.
async fn each_kind(system: &System, what: &'static str) -> [Result<(), CallError<Outcome>>; 2] {
    let ctx = system.context();
    let sent = [ctx.send(Fetch(what)).await, ctx.send(Look(what)).await];
    let _ = ctx.close().await;
    sent
}

#[tokio::test(start_paused = true)]
async fn a_breaker_counts_no_refusals() -> nether::Result<()> {
    let system = System::builder().isolated().start().await?;
    system.attach(Fetcher).await?;
    system.attach(Looker).await?;
    for _ in 0..5 {
        for refused in each_kind(&system, "refused").await {
            assert!(matches!(refused, Err(CallError::Handler(Outcome::Refused))));
        }
    }
    for _ in 0..2 {
        for failed in each_kind(&system, "failed").await {
            assert!(matches!(failed, Err(CallError::Handler(Outcome::Failed))));
        }
    }
    for kept in each_kind(&system, "fine").await {
        assert!(matches!(kept, Err(CallError::BreakerOpen { .. })));
    }
    // One that is refused is a probe that shows that the module works.
    tokio::time::advance(std::time::Duration::from_secs(31)).await;
    for refused in each_kind(&system, "refused").await {
        assert!(matches!(refused, Err(CallError::Handler(Outcome::Refused))));
    }
    for handled in each_kind(&system, "fine").await {
        assert!(handled.is_ok());
    }
    system.shutdown().await;
    Ok(())
}
