//! How a handler ended is in its span, in exclusive and in shared modules.

use std::time::Duration;

use nether::prelude::*;
use serde::{Deserialize, Serialize};
use tracing::Level;

use crate::recorder::Recorder;

/// What a handler is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Way {
    Return,
    Refuse,
    Fail,
    Panic,
    Hang,
    Heed,
}

#[derive(Debug, thiserror::Error, nether::Problem)]
pub enum Trouble {
    #[error("that is not allowed")]
    #[problem(status = 409)]
    Refused,
    #[error("something broke")]
    #[problem(status = 500)]
    Broken,
}

#[command(error = Trouble, name = "go")]
pub struct Go(Way);

#[command(error = Trouble, name = "go_beside")]
pub struct GoBeside(Way);

#[query(error = Trouble, name = "look")]
pub struct Look(Way);

/// Fails at the first attempt.
#[command(error = Trouble, name = "insist")]
#[derive(Clone)]
pub struct Insist;

#[command(error = Trouble, name = "insist_beside")]
#[derive(Clone)]
pub struct InsistBeside;

async fn go<S: nether::Caller>(way: Way, ctx: &QueryContext<S>) -> Result<(), Trouble> {
    match way {
        Way::Return => Ok(()),
        Way::Refuse => Err(Trouble::Refused),
        Way::Fail => Err(Trouble::Broken),
        Way::Panic => panic!("as asked"),
        Way::Hang => std::future::pending().await,
        Way::Heed => {
            ctx.cancelled().await;
            Err(Trouble::Broken)
        }
    }
}

#[derive(Debug, Default)]
pub struct Alone {
    attempts: u32,
}

#[module(handles = [Go, Insist], manual)]
impl Alone {
    #[handler(timeout = "1s")]
    async fn go(&mut self, Go(way): Go, ctx: &Context<Self>) -> Result<(), Trouble> {
        self.attempts += 0;
        go(way, ctx).await
    }

    #[handler(retry = 1)]
    async fn insist(&mut self, _: Insist) -> Result<(), Trouble> {
        self.attempts += 1;
        match self.attempts {
            1 => Err(Trouble::Broken),
            _ => Ok(()),
        }
    }
}

#[derive(Debug, Default)]
pub struct Beside {
    attempts: std::sync::atomic::AtomicU32,
}

#[module(handles = [GoBeside, Look, InsistBeside], manual)]
impl Beside {
    #[handler(timeout = "1s")]
    async fn go(&self, GoBeside(way): GoBeside, ctx: &Context<Self>) -> Result<(), Trouble> {
        go(way, ctx).await
    }

    async fn look(&self, Look(way): Look, ctx: &QueryContext<Self>) -> Result<(), Trouble> {
        go(way, ctx).await
    }

    #[handler(retry = 1)]
    async fn insist(&self, _: InsistBeside) -> Result<(), Trouble> {
        match self
            .attempts
            .fetch_add(1, std::sync::atomic::Ordering::SeqCst)
        {
            0 => Err(Trouble::Broken),
            _ => Ok(()),
        }
    }
}

async fn started() -> System {
    let system = System::builder().isolated().start().await.unwrap();
    system.attach(Alone::default()).await.unwrap();
    system.attach(Beside::default()).await.unwrap();
    system
}

#[tokio::test(start_paused = true)]
async fn a_span_says_how_its_handler_ended() {
    for (way, outcome, status) in [
        (Way::Return, "ok", ""),
        (Way::Refuse, "refused", ""),
        (Way::Fail, "failed", "error"),
        (Way::Panic, "panicked", "error"),
        (Way::Hang, "timed_out", "error"),
    ] {
        let (recorder, _guard) = Recorder::of_this_thread(Level::DEBUG);
        let system = started().await;
        let ctx = system.context();
        let gone = ctx.send(Go(way)).await;
        let beside = ctx.send(GoBeside(way)).await;
        assert_eq!(
            (gone.is_ok(), beside.is_ok()),
            (outcome == "ok", outcome == "ok")
        );
        let _ = ctx.close().await;
        system.shutdown().await;
        for name in ["go", "go_beside"] {
            let span = recorder.span(name);
            let recorded = (
                span.get("outcome"),
                span.get("otel.status_code"),
                span.closed,
            );
            assert_eq!(recorded, (outcome, status, true), "{way:?}: {span:?}");
            // What is logged of its failure is in it.
            if way == Way::Fail {
                assert_eq!(recorder.place_of(&format!("\"{name}\"")), name);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_ends_because_its_unit_of_work_does_is_cancelled() {
    let (recorder, _guard) = Recorder::of_this_thread(Level::DEBUG);
    let system = started().await;
    let ctx = system.context();
    ctx.process(Go(Way::Heed)).await.unwrap();
    ctx.process(GoBeside(Way::Heed)).await.unwrap();
    tokio::time::sleep(Duration::from_millis(1)).await;
    ctx.cancel();
    let _ = ctx.close().await;
    for name in ["go", "go_beside"] {
        let span = recorder.span(name);
        assert_eq!(
            (span.get("outcome"), span.closed),
            ("cancelled", true),
            "{span:?}"
        );
        assert_eq!(span.get("otel.status_code"), "");
    }
    system.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_query_whose_caller_leaves_is_cancelled() {
    let (recorder, _guard) = Recorder::of_this_thread(Level::DEBUG);
    let system = started().await;
    let ctx = system.context();
    let asking = ctx.ask(Look(Way::Hang));
    assert!(
        tokio::time::timeout(Duration::from_secs(1), asking)
            .await
            .is_err()
    );
    let span = recorder.span("look");
    assert_eq!((span.get("outcome"), span.closed), ("cancelled", true));
    ctx.close().await.unwrap();
    system.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_a_stop_cuts_off_is_cancelled() {
    let (recorder, _guard) = Recorder::of_this_thread(Level::DEBUG);
    let builder = System::builder()
        .isolated()
        .shutdown_timeout(Duration::from_millis(10));
    let system = builder.start().await.unwrap();
    system.attach(Alone::default()).await.unwrap();
    let ctx = system.context();
    ctx.process(Go(Way::Hang)).await.unwrap();
    system.shutdown().await;
    let span = recorder.span("go");
    assert_eq!(
        (span.get("outcome"), span.closed),
        ("cancelled", true),
        "{span:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn each_attempt_has_a_span() {
    let (recorder, _guard) = Recorder::of_this_thread(Level::DEBUG);
    let system = started().await;
    let ctx = system.context();
    ctx.send(Insist).await.unwrap();
    ctx.send(InsistBeside).await.unwrap();
    ctx.close().await.unwrap();
    system.shutdown().await;
    for name in ["insist", "insist_beside"] {
        let spans = recorder.all(name);
        let attempts = spans
            .iter()
            .map(|span| (span.get("attempt"), span.get("outcome")));
        assert_eq!(attempts.collect::<Vec<_>>(), [("1", "failed"), ("2", "ok")]);
        let parents = spans
            .iter()
            .map(|span| (span.parent, span.get("parent_span_id")));
        assert!(
            parents.into_iter().all(|parent| parent == (None, "")),
            "{spans:#?}"
        );
    }
}
