//! A call is refused only if no way out remains; and a handler never waits for what waits for its own module.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::{Either, join, select};
use futures_util::stream::FuturesUnordered;
use nether::WaitEdge;
use nether::prelude::*;
use tokio::sync::{Notify, mpsc};
use tokio::time::{sleep, timeout};

/// Ways to wait for two replies at once.
#[derive(Debug, Clone, Copy, serde::Serialize, serde::Deserialize)]
enum AtOnce {
    /// Goes on with the first.
    Select,
    /// Waits for both.
    Join,
    /// Takes them as they come.
    Unordered,
}

/// Waits for `Back` and for `Work` at once.
#[command(reply = Vec<String>)]
struct AskBoth(AtOnce);

/// Answered by the module that waits for both.
#[query(reply = u8)]
struct Ping;

/// Asks it `Ping`.
#[command(reply = String)]
struct Back;

/// Is done after a while.
#[command(reply = String)]
struct Work;

struct Asker;

#[module(handles = [AskBoth, Ping], manual)]
impl Asker {
    async fn ask_both(&mut self, AskBoth(how): AskBoth, ctx: &Context<Self>) -> Vec<String> {
        let back = Box::pin(async { reply(ctx.send(Back).await) });
        let work = Box::pin(async { reply(ctx.send(Work).await) });
        match how {
            AtOnce::Select => vec![select(back, work).await.factor_first().0],
            AtOnce::Join => <[String; 2]>::from(join(back, work).await).to_vec(),
            AtOnce::Unordered => {
                let calls: [Pin<Box<dyn Future<Output = String> + Send>>; 2] = [back, work];
                FuturesUnordered::from_iter(calls).collect().await
            }
        }
    }

    async fn ping(&self, _: Ping) -> u8 {
        7
    }
}

fn reply(reply: Result<String, CallError<nether::Error>>) -> String {
    match reply {
        Ok(reply) => reply,
        Err(CallError::Deadlock(_)) => "a deadlock".into(),
        Err(other) => panic!("{other}"),
    }
}

struct Caller(mpsc::UnboundedSender<Option<u8>>);

#[module(handles = Back, manual)]
impl Caller {
    async fn back(&mut self, _: Back, ctx: &Context<Self>) -> String {
        sleep(Duration::from_millis(1)).await;
        let pong = ctx.ask(Ping).await.ok();
        self.0.send(pong).expect("the test listens");
        "back".into()
    }
}

struct Worker;

#[module(handles = Work, manual)]
impl Worker {
    async fn work(&mut self, _: Work) -> String {
        sleep(Duration::from_millis(50)).await;
        "work".into()
    }
}

#[tokio::test(start_paused = true)]
async fn a_module_that_waits_for_two_replies_is_stuck_only_if_neither_can_arrive()
-> nether::Result<()> {
    let (answer, mut answered) = mpsc::unbounded_channel();
    let system = System::builder().isolated().start().await?;
    system.attach(Asker).await?;
    system.attach(Caller(answer)).await?;
    system.attach(Worker).await?;
    for (how, expected) in [
        (AtOnce::Select, &["work"][..]),
        (AtOnce::Join, &["a deadlock", "work"]),
        (AtOnce::Unordered, &["work", "a deadlock"]),
    ] {
        let ctx = system.context();
        let replies = timeout(Duration::from_secs(9), ctx.send(AskBoth(how))).await;
        let replies = replies.unwrap_or_else(|_| panic!("{how:?} waits for ever"))?;
        assert_eq!(replies, expected, "{how:?}");
        assert_eq!(
            answered.recv().await,
            Some(Some(7)),
            "{how:?}: the module goes on and answers"
        );
        ctx.close().await?;
    }
    Ok(())
}

/// Calls `Through`, and gives up after 50 ms.
#[command]
struct GiveUp;

/// Given up by the time-out of its handler, after 50 ms.
#[command]
struct CutOff;

/// Asks the module that is given up on, through shared modules.
#[command]
struct Through(u8);

/// Asks the one that gives up, as soon as it has.
#[command(reply = u8)]
struct AskBack;

/// Answered by the module that gives up.
#[query(reply = u8)]
struct Pong;

struct Impatient(Arc<Notify>);

#[module(handles = [GiveUp, CutOff, Pong], restart = "resume", manual)]
impl Impatient {
    async fn give_up(&mut self, _: GiveUp, ctx: &Context<Self>) {
        for depth in 0..3 {
            let call = Box::pin(ctx.send(Through(depth)));
            let Either::Right((_, call)) =
                select(call, Box::pin(sleep(Duration::from_millis(50)))).await
            else {
                panic!("the module is busy");
            };
            if depth == 2 {
                self.0.notify_one(); // The other one is the next to run: before any task that is begun now.
            }
            drop(call);
        }
    }

    #[handler(timeout = "50ms")]
    async fn cut_off(&mut self, _: CutOff, ctx: &Context<Self>) -> nether::Result<()> {
        ctx.send(Through(1)).await?;
        Ok(())
    }

    async fn pong(&self, _: Pong) -> u8 {
        7
    }
}

struct Between;

#[module(handles = Through, manual)]
impl Between {
    async fn through(&self, Through(depth): Through, ctx: &Context<Self>) -> nether::Result<()> {
        match depth {
            0 => drop(ctx.send(Quick).await?),
            depth => ctx.send(Through(depth - 1)).await?,
        }
        Ok(())
    }
}

/// Waits in line behind `AskBack`.
#[command]
struct Quick;

struct Slow(Arc<Notify>);

#[module(handles = [AskBack, Quick], manual)]
impl Slow {
    async fn ask_back(&mut self, _: AskBack, ctx: &Context<Self>) -> nether::Result<u8> {
        let _given_up = timeout(Duration::from_millis(200), self.0.notified()).await;
        Ok(ctx.ask(Pong).await?)
    }

    async fn quick(&mut self, _: Quick) {}
}

#[tokio::test(start_paused = true)]
async fn a_module_that_gave_up_waits_no_more() -> nether::Result<()> {
    let system = System::builder().isolated().start().await?;
    let gave_up = Arc::new(Notify::new());
    system.attach(Impatient(Arc::clone(&gave_up))).await?;
    system.attach(Between).await?;
    system.attach(Slow(gave_up)).await?;
    let ctx = system.context();
    let (asked, gave_up) = join(ctx.send(AskBack), ctx.send(GiveUp)).await;
    assert_eq!((asked?, gave_up?), (7, ()));
    ctx.close().await?;

    let ctx = system.context();
    let (asked, cut_off) = join(ctx.send(AskBack), ctx.send(CutOff)).await;
    assert_eq!(asked?, 7);
    assert!(matches!(cut_off, Err(CallError::TimedOut(_))));
    ctx.close().await?;
    Ok(())
}

/// How a handler closes a context of its own.
#[derive(Debug, Clone, Copy, serde::Serialize, serde::Deserialize)]
enum Closes {
    Nested,
    Root,
    ThroughAnother,
    ThroughAnotherThatNests,
    BehindAnother,
    TakenWithAnother,
}

#[command(local, reply = Option<Vec<WaitEdge>>)]
struct CloseOwn(Closes);

#[command]
struct ToOwner;

/// What the other module does.
#[derive(Debug, Clone, Copy, serde::Serialize, serde::Deserialize)]
enum Does {
    Nothing,
    Wait,
    Ask,
    AskNested,
}

#[command]
struct ToOther(Does);

struct Owner(System);

#[module(handles = [CloseOwn, ToOwner], manual)]
impl Owner {
    async fn close_own(
        &mut self,
        CloseOwn(how): CloseOwn,
        ctx: &Context<Self>,
    ) -> nether::Result<Option<Vec<WaitEdge>>> {
        let closed = match how {
            Closes::Nested => {
                let nested = ctx.nested();
                nested.process(ToOwner).await?;
                nested.close().await
            }
            Closes::Root => {
                let root = self.0.context();
                root.process(ToOwner).await?;
                root.close().await
            }
            how => {
                let nested = ctx.nested();
                let does = match how {
                    Closes::ThroughAnother => Does::Ask,
                    Closes::ThroughAnotherThatNests => Does::AskNested,
                    _ => Does::Nothing,
                };
                nested.process(ToOther(does)).await?;
                nested.close().await
            }
        };
        Ok(closed.err().and_then(|error| Some(error.deadlock?.cycle)))
    }

    async fn owner(&mut self, _: ToOwner) {}
}

struct Other;

#[module(handles = ToOther, manual)]
impl Other {
    async fn other(&mut self, ToOther(does): ToOther, ctx: &Context<Self>) -> nether::Result<()> {
        match does {
            Does::Nothing => Ok(()),
            Does::Wait => {
                sleep(Duration::from_millis(10)).await;
                Ok(())
            }
            Does::Ask => Ok(ctx.send(ToOwner).await?),
            Does::AskNested => {
                let nested = ctx.nested();
                let asked = nested.send(ToOwner).await;
                let _closed = nested.close().await;
                Ok(asked?)
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_closes_what_waits_for_its_own_module_gets_an_error() -> nether::Result<()> {
    let system = System::builder().isolated().start().await?;
    system.attach(Owner(system.clone())).await?;
    system.attach(Other).await?;
    for how in [
        Closes::Nested,
        Closes::Root,
        Closes::ThroughAnother,
        Closes::ThroughAnotherThatNests,
        Closes::BehindAnother,
        Closes::TakenWithAnother,
    ] {
        let ctx = system.context();
        let other = system.context();
        match how {
            // It is busy when the message comes, and waits for the one who closes.
            Closes::BehindAnother => other.process(ToOther(Does::Ask)).await?,
            Closes::TakenWithAnother => {
                other.process(ToOther(Does::Wait)).await?;
                tokio::task::yield_now().await;
                other.process(ToOther(Does::Ask)).await?;
            }
            _ => {}
        }
        let sent = timeout(Duration::from_secs(9), ctx.send(CloseOwn(how))).await;
        let cycle = sent.unwrap_or_else(|_| panic!("{how:?} waits for ever"))?;
        match how {
            Closes::Nested | Closes::Root => {
                let [edge] = cycle.expect("a deadlock").try_into().expect("one step");
                assert_eq!(edge.message, "Context::close");
                assert_eq!(edge.module, edge.handler);
            }
            // The call of the other one is refused, or this one gets the error.
            _ => {}
        }
        let _failed = timeout(Duration::from_secs(9), ctx.close())
            .await
            .expect("it ends");
        let _failed = timeout(Duration::from_secs(9), other.close())
            .await
            .expect("it ends");
    }
    system.shutdown().await;
    Ok(())
}

/// Sends so many messages to its own full mailbox, with a context that it has from elsewhere.
#[command]
struct Flood(u32);

#[command]
struct Drip;

struct Flooded {
    system: System,
    drops: u32,
}

#[module(handles = [Flood, Drip], mailbox = 1, manual)]
impl Flooded {
    async fn flood(&mut self, Flood(drops): Flood) -> nether::Result<()> {
        let ctx = self.system.context();
        for _ in 0..drops {
            ctx.process(Drip).await?;
        }
        Ok(())
    }

    async fn drip(&mut self, _: Drip) {
        self.drops += 1;
    }
}

#[tokio::test(start_paused = true)]
async fn a_handler_never_waits_for_room_whatever_context_it_uses() -> nether::Result<()> {
    for limit in [None, Some(2)] {
        let mut builder = System::builder().isolated();
        if let Some(limit) = limit {
            builder = builder.max_in_flight(limit);
        }
        let system = builder.start().await?;
        system
            .attach(Flooded {
                system: system.clone(),
                drops: 0,
            })
            .await?;
        let ctx = system.context();
        let sent = timeout(Duration::from_secs(9), ctx.send(Flood(5))).await;
        sent.expect("it does not wait for ever")?;
        ctx.close().await?;
        system.shutdown().await;
    }
    Ok(())
}
