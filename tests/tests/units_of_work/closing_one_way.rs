//! Handlers that close units of work, and wait only in one direction, never get an error of a circle.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join;
use nether::prelude::*;
use nether_tests::ready;
use tokio::time::sleep;

/// How many handlers lie below the one of this message; each module calls the next one, never back.
#[command]
struct First(u64);

#[command]
struct Second(u64);

#[command]
struct Third(u64);

struct One;
struct Two;
struct Three;

/// What a handler does with a message for the next module, in ways that all end.
macro_rules! hand_on {
    ($ctx:expr, $message:expr, $way:expr) => {{
        let nested = $ctx.nested();
        match $way % 4 {
            0 => nested.process($message).await?,
            1 => nested.send($message).await?,
            2 => nested.spawn(async move |ctx| Ok(ctx.send($message).await?))?,
            _ => {
                let (one, other) = join(nested.send($message), $ctx.send($message)).await;
                one.and(other)?;
            }
        }
        nested.close().await?;
        Ok(())
    }};
}

#[module(handles = First, manual)]
impl One {
    async fn first(&mut self, First(way): First, ctx: &Context<Self>) -> nether::Result<()> {
        hand_on!(ctx, Second(way / 4), way)
    }
}

#[module(handles = Second, manual)]
impl Two {
    async fn second(&mut self, Second(way): Second, ctx: &Context<Self>) -> nether::Result<()> {
        hand_on!(ctx, Third(way / 4), way)
    }
}

#[module(handles = Third, manual)]
impl Three {
    async fn third(&mut self, Third(way): Third) {
        if way.is_multiple_of(3) {
            sleep(Duration::from_millis(11)).await;
        }
    }
}

/// Many close what waits for others, at once, some for so long that they look for a circle.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closers_in_one_direction_never_get_an_error_of_a_circle() -> nether::Result<()> {
    let system = System::builder().isolated().start().await?;
    system.attach(One).await?;
    system.attach(Two).await?;
    system.attach(Three).await?;
    let refused = Arc::new(AtomicUsize::new(0));
    let callers: Vec<_> = (0..8)
        .map(|caller| {
            let (system, refused) = (system.clone(), Arc::clone(&refused));
            tokio::spawn(async move {
                for round in 0..40 {
                    let ctx = system.context();
                    let sent = ctx.send(First(caller * 40 + round)).await;
                    let closed = ctx.close().await;
                    if sent.is_err() || closed.is_err() {
                        eprintln!("{sent:?} {closed:?}");
                        refused.fetch_add(1, Ordering::Relaxed);
                    }
                }
            })
        })
        .collect();
    for caller in callers {
        caller.await?;
    }
    assert_eq!(refused.load(Ordering::Relaxed), 0);
    Ok(())
}

#[command]
struct Close;

#[command]
struct Poke;

#[command]
struct HoldClose;

/// Closes what waits for a handler that holds a `close` of what waits for this one.
struct Closer(System);

#[module(handles = [Close, Poke], manual)]
impl Closer {
    async fn close(&mut self, _: Close) -> nether::Result<()> {
        let root = self.0.context();
        root.process(HoldClose).await?;
        root.close().await?;
        Ok(())
    }

    async fn poke(&mut self, _: Poke) {}
}

struct Holder(System);

#[module(handles = HoldClose, manual)]
impl Holder {
    async fn hold(&mut self, _: HoldClose) -> nether::Result<()> {
        let root = self.0.context();
        root.process(Poke).await?;
        let mut held = Box::pin(root.close());
        assert!(ready(&mut held).await.is_none(), "the module closes");
        sleep(Duration::from_secs(3)).await;
        drop(held);
        Ok(())
    }
}

/// It works on, and does not wait for the end of what it began to close.
#[tokio::test(start_paused = true)]
async fn who_holds_a_close_and_works_on_is_in_no_circle() -> nether::Result<()> {
    let system = System::builder().isolated().start().await?;
    system.attach(Closer(system.clone())).await?;
    system.attach(Holder(system.clone())).await?;
    let ctx = system.context();
    ctx.send(Close).await?;
    ctx.close().await?;
    Ok(())
}
