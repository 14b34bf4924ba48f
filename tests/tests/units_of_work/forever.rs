//! `Duration::MAX` says "as long as it takes", wherever a duration is asked for.

use std::time::Duration;

use nether::prelude::*;
use nether_tests::ready;
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context as LayerContext, SubscriberExt};

const FOREVER: Duration = Duration::MAX;

#[command]
struct Work;

#[command]
struct Fail;

/// What an attribute can say at most.
#[derive(Default)]
struct Patient;

#[module(
    handles = [Work, Fail],
    timeout = "18446744073709551615ms",
    retry = 1,
    backoff = "1ms..18446744073709551615ms",
    max_restarts = "5 in 18446744073709551615ms",
    breaker = "2 in 18446744073709551615ms, probe after 18446744073709551615ms"
)]
impl Patient {
    async fn work(&mut self, _: Work) {}

    async fn fail(&mut self, _: Fail) -> nether::Result<()> {
        Err(nether::Error::msg("out of luck"))
    }
}

/// The same, shared.
#[command]
struct WorkTogether;

#[derive(Default)]
struct PatientTogether;

#[module(handles = WorkTogether, timeout = "18446744073709551615ms")]
impl PatientTogether {
    async fn work(&self, _: WorkTogether) {}
}

async fn patient() -> nether::Result<System> {
    let builder = System::builder()
        .isolated()
        .with::<Patient>()
        .with::<PatientTogether>()
        .slow_handler(FOREVER - Duration::from_nanos(1))
        .shutdown_timeout(FOREVER);
    Ok(builder.start().await?)
}

#[tokio::test]
async fn a_context_may_have_for_ever() -> nether::Result<()> {
    let system = patient().await?;
    let ctx = system.context().with_timeout(FOREVER);
    ctx.send(Work).await?;
    ctx.send(WorkTogether).await?;
    let nested = ctx.nested().with_timeout(FOREVER);
    nested.send(Work).await?;
    nested.close().await?;
    ctx.close().await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn policies_may_say_for_ever() -> nether::Result<()> {
    let system = patient().await?;
    let ctx = system.context();
    for _ in 0..2 {
        assert!(matches!(ctx.send(Fail).await, Err(CallError::Handler(_))));
    }
    let refused = ctx.send(Work).await;
    assert!(
        matches!(refused, Err(CallError::BreakerOpen { .. })),
        "{refused:?}"
    );
    ctx.close().await?;
    Ok(())
}

async fn a_system_that_may_take_for_ever_stops() -> nether::Result<()> {
    let system = patient().await?;
    let ctx = system.context();
    ctx.send(Work).await?;
    let (first, second) = tokio::join!(system.shutdown(), system.shutdown());
    assert_eq!((first.handled, &first), (1, &second));
    Ok(())
}

#[tokio::test]
async fn a_stop_may_take_for_ever_on_one_thread() -> nether::Result<()> {
    a_system_that_may_take_for_ever_stops().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_may_take_for_ever_on_several_threads() -> nether::Result<()> {
    a_system_that_may_take_for_ever_stops().await
}

/// Panics when the stop of a system is logged.
struct PanickingLog;

impl<S: tracing::Subscriber> Layer<S> for PanickingLog {
    fn on_event(&self, event: &tracing::Event<'_>, _: LayerContext<'_, S>) {
        assert!(
            event.metadata().fields().field("report").is_none(),
            "the log is broken"
        );
    }
}

#[tokio::test]
async fn a_stop_that_panics_is_reported_to_all_who_wait_for_it() -> nether::Result<()> {
    let _log = tracing::subscriber::set_default(tracing_subscriber::registry().with(PanickingLog));
    let system = patient().await?;
    system.context().send(Work).await?;
    let mut second = Box::pin(system.shutdown());
    assert!(ready(&mut second).await.is_none());
    assert_eq!(system.shutdown().await.handled, 1);
    assert_eq!(second.await.handled, 1);
    Ok(())
}
