//! What is not awaited is part of the tree too: events, what is handed over, spawned tasks, nested contexts.

use nether::prelude::*;
use tracing::Level;

use crate::recorder::{Recorder, paths};

#[command(name = "tasks.begin")]
pub struct Begin;

#[command(name = "tasks.alone")]
pub struct OnItsOwn;

#[event(name = "tasks.begun")]
pub struct Begun;

#[command(name = "tasks.left")]
pub struct Left;

#[command(name = "tasks.right")]
pub struct Right;

#[derive(Debug, Default)]
pub struct Starter;

#[module(handles = Begin, manual)]
impl Starter {
    async fn begin(&mut self, _: Begin, ctx: &Context<Self>) -> nether::Result<()> {
        ctx.publish(Begun).await?;
        ctx.spawn(async |ctx| {
            tracing::info!("in the task");
            let nested = ctx.nested();
            nested.process(OnItsOwn).await?;
            nested.close().await?;
            Ok(())
        })?;
        Ok(())
    }
}

#[derive(Debug, Default)]
pub struct LeftHand;

#[module(handles = [Begun, Left], manual)]
impl LeftHand {
    async fn begun(&mut self, _: &Begun, ctx: &Context<Self>) -> nether::Result<()> {
        tokio::task::yield_now().await;
        ctx.process(Left).await?;
        Ok(())
    }

    async fn left(&mut self, _: Left) {}
}

#[derive(Debug, Default)]
pub struct RightHand;

#[module(handles = [Begun, Right, OnItsOwn], manual)]
impl RightHand {
    async fn begun(&self, _: &Begun, ctx: &Context<Self>) -> nether::Result<()> {
        tokio::task::yield_now().await;
        ctx.send(Right).await?;
        Ok(())
    }

    async fn right(&self, _: Right) {}

    async fn alone(&self, _: OnItsOwn) {}
}

#[tokio::test(start_paused = true)]
async fn what_is_not_awaited_is_part_of_the_tree() {
    let (recorder, _guard) = Recorder::of_this_thread(Level::DEBUG);
    let system = System::builder().isolated().start().await.unwrap();
    system.attach(Starter).await.unwrap();
    system.attach(LeftHand).await.unwrap();
    system.attach(RightHand).await.unwrap();
    let ctx = system.context();
    ctx.send(Begin).await.unwrap();
    ctx.close().await.unwrap();
    system.shutdown().await;
    let spans = recorder.spans();
    let mut paths = paths(&spans);
    paths.sort();
    let expected = [
        "tasks.begin",
        "tasks.begin > Context::spawn",
        "tasks.begin > Context::spawn > tasks.alone",
        "tasks.begin > tasks.begun",
        "tasks.begin > tasks.begun",
        "tasks.begin > tasks.begun > tasks.left",
        "tasks.begin > tasks.begun > tasks.right",
    ];
    assert_eq!(paths, expected);
    // The spans are nested in the process just so.
    for span in &spans {
        let parent = span
            .parent
            .map_or("", |parent| spans[parent].get("span_id"));
        assert_eq!(parent, span.get("parent_span_id"), "{span:?}");
    }
    assert!(
        spans
            .iter()
            .all(|span| span.closed && span.get("outcome") == "ok"),
        "{spans:#?}"
    );
    assert_eq!(recorder.place_of("in the task"), "Context::spawn");
    for (name, kind) in [
        ("tasks.begin", "internal"),
        ("Context::spawn", "internal"),
        ("tasks.begun", "consumer"),
        ("tasks.left", "consumer"),
        ("tasks.right", "internal"),
    ] {
        assert_eq!(recorder.span(name).get("otel.kind"), kind, "{name}");
    }
}

#[tokio::test]
async fn a_task_that_the_program_spawns_has_a_span_of_the_same_kind() {
    let (recorder, _guard) = Recorder::of_this_thread(Level::DEBUG);
    let system = System::builder().isolated().start().await.unwrap();
    let ctx = system.context();
    ctx.spawn(async |_| Ok(())).unwrap();
    ctx.close().await.unwrap();
    system.shutdown().await;
    let span = recorder.span("Context::spawn");
    assert_eq!(span.get("otel.kind"), "internal");
}
