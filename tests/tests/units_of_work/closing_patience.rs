//! What only outsiders could end: closing waits for them for a while, ends the stream, and names it.

use std::time::Duration;

use futures_util::future::join;
use nether::prelude::*;
use nether::{ContextError, FailureKind, Streaming};
use tokio::time::{Instant, sleep};

/// Takes numbers until there are no more.
#[command(reply = u32)]
struct Take;

struct Hands;

#[module(handles = Take, manual)]
impl Hands {
    async fn take(&self, _: Take, ctx: &Context<Self>) -> nether::Result<u32> {
        let mut numbers = ctx.stream::<u32>().join();
        let mut taken = 0;
        while numbers.pull().await?.is_some() {
            taken += 1;
        }
        Ok(taken)
    }
}

/// Takes numbers until there are no more, and does something else each time that none has come for so long.
#[command]
struct TakeWithHeartbeat(Duration);

struct Heart;

#[module(handles = TakeWithHeartbeat, manual)]
impl Heart {
    async fn take(
        &self,
        TakeWithHeartbeat(every): TakeWithHeartbeat,
        ctx: &Context<Self>,
    ) -> nether::Result<()> {
        let mut numbers = ctx.stream::<u32>().join();
        loop {
            tokio::select! {
                number = numbers.pull() => {
                    if number?.is_none() {
                        return Ok(());
                    }
                }
                () = sleep(every) => tokio::task::yield_now().await,
            }
        }
    }
}

/// Replies with a stream of so many numbers.
#[command(reply = Streaming<u32, u32>)]
struct Export(u32);

struct Exporter;

#[module(handles = Export, manual)]
impl Exporter {
    async fn export(
        &mut self,
        Export(count): Export,
        ctx: &Context<Self>,
    ) -> nether::Result<Streaming<u32, u32>> {
        let reply = ctx.streaming(count, async move |out| {
            for number in 0..count {
                out.push(number).await?;
            }
            out.finish();
            Ok(())
        })?;
        Ok(reply)
    }
}

/// The streams that closing has ended by itself.
fn held(error: &ContextError) -> Vec<String> {
    let kinds = error.failures.iter().map(|failure| &failure.kind);
    let held = kinds.filter_map(|kind| match kind {
        FailureKind::HeldStream(held) => Some(held.to_string()),
        _ => None,
    });
    held.collect()
}

#[tokio::test(start_paused = true)]
async fn items_that_are_not_taken_end_with_the_patience_of_closing() -> nether::Result<()> {
    let system = System::builder().isolated().start().await?;
    system.attach(Exporter).await?;
    let ctx = system.context();
    let (count, _items) = ctx.send_streaming(Export(1000)).await?;
    assert_eq!(count, 1000);
    let began = Instant::now();
    let error = ctx.close().await.expect_err("the stream was held");
    assert_eq!(began.elapsed(), Duration::from_secs(5));
    let [held] = held(&error).try_into().expect("one stream");
    let expected = "the stream of `u32` was ended after 5s: handlers wait for room in it, and a consumer outside of \
                    handlers takes nothing; take its items, or drop it, before `close`";
    assert_eq!(held, expected);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_producer_that_is_held_ends_with_the_patience_of_closing() -> nether::Result<()> {
    let patience = Duration::from_secs(60);
    let system = System::builder()
        .isolated()
        .close_patience(patience)
        .start()
        .await?;
    system.attach(Hands).await?;
    let ctx = system.context();
    let holder = ctx.clone();
    let named = holder.stream_named::<u8>("progress").produce();
    let producer = holder.stream::<u32>().produce();
    ctx.process(Take).await?;
    let began = Instant::now();
    let pushed = async {
        for number in 0..3 {
            sleep(Duration::from_secs(50)).await;
            producer.push(number).await.expect("there is room");
        }
    };
    let (closed, ()) = join(ctx.close(), pushed).await;
    // It begins anew with each item.
    assert_eq!(began.elapsed(), Duration::from_secs(3 * 50 + 60));
    let error = closed.expect_err("the stream was held");
    assert!(
        held(&error)[0].contains("the stream of `u32` was ended after 60s"),
        "{error}"
    );
    assert_eq!(
        held(&error).len(),
        1,
        "at the other one nothing waits: {error}"
    );
    drop((named, producer));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_consumer_with_a_heartbeat_does_not_make_closing_patient_for_ever() -> nether::Result<()>
{
    let system = System::builder().isolated().start().await?;
    system.attach(Heart).await?;
    // One that is shorter than the patience of closing, and one that is longer.
    for every in [Duration::from_millis(30), Duration::from_secs(60)] {
        let ctx = system.context();
        let holder = ctx.clone();
        let producer = holder.stream::<u32>().produce();
        ctx.process(TakeWithHeartbeat(every)).await?;
        let began = Instant::now();
        let pushed = async {
            sleep(Duration::from_secs(3)).await;
            producer.push(1).await.expect("there is room");
        };
        let (closed, ()) = join(ctx.close(), pushed).await;
        assert_eq!(held(&closed.expect_err("the stream was held")).len(), 1);
        // It begins anew with the item.
        assert_eq!(began.elapsed(), Duration::from_secs(3 + 5), "{every:?}");
        drop(producer);
    }
    Ok(())
}

/// What moves in another stream does not matter, nor how long a handler works in between.
#[tokio::test(start_paused = true)]
async fn patience_runs_while_all_wait_and_nothing_moves_where_they_do() -> nether::Result<()> {
    let system = System::builder().isolated().start().await?;
    system.attach(Hands).await?;
    system.attach(Heart).await?;
    let ctx = system.context();
    let holder = ctx.clone();
    let producer = holder.stream::<u32>().produce();
    let telemetry = holder.stream::<u64>();
    let _reader = telemetry.watch_lossy();
    ctx.process(Take).await?;
    let began = Instant::now();
    let pushed = async {
        while telemetry.push(1).await.is_ok() {
            sleep(Duration::from_secs(1)).await;
        }
    };
    let (closed, ()) = join(ctx.close(), pushed).await;
    assert_eq!(held(&closed.expect_err("the stream was held")).len(), 1);
    assert!(
        began.elapsed() <= Duration::from_secs(6),
        "{:?}",
        began.elapsed()
    );
    drop(producer);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn closing_has_no_patience_limit_if_it_is_the_longest_duration() -> nether::Result<()> {
    let system = System::builder()
        .isolated()
        .close_patience(Duration::MAX)
        .start()
        .await?;
    system.attach(Hands).await?;
    let ctx = system.context();
    let holder = ctx.clone();
    let producer = holder.stream::<u32>().produce();
    ctx.process(Take).await?;
    let closing = tokio::spawn(ctx.close());
    sleep(Duration::from_secs(60 * 60 * 24)).await;
    assert!(!closing.is_finished());
    producer.finish();
    closing.await??;
    Ok(())
}
