//! A handler that closes a unit of work from inside, and is what that waits for, gets an error, whatever lies
//! in between.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join;
use nether::prelude::*;
use nether::{ContextError, WaitEdge};
use tokio::sync::{Notify, mpsc};
use tokio::time::{sleep, timeout};

/// Who works in the unit of work that is closed.
#[derive(Debug, Clone, Copy, serde::Serialize, serde::Deserialize)]
enum Who {
    Exclusive,
    Shared,
    Task,
}

/// What that does, for which the module is needed that closes.
#[derive(Debug, Clone, Copy, serde::Serialize, serde::Deserialize)]
enum Does {
    Ask,
    AskInNested,
    AskInRoot,
    CloseNested,
    CloseRoot,
}

const WHO: [Who; 3] = [Who::Exclusive, Who::Shared, Who::Task];

const DOES: [Does; 5] = [
    Does::Ask,
    Does::AskInNested,
    Does::AskInRoot,
    Does::CloseNested,
    Does::CloseRoot,
];

/// What needs the module that closes. A macro, because the contexts differ in whose they are.
macro_rules! need_closer {
    ($told:expr, $system:expr, $does:expr, $ctx:expr) => {{
        // The module closes before it is needed.
        sleep(Duration::from_millis(1)).await;
        match $does {
            Does::Ask => $told.call($ctx.send(Poke).await),
            Does::AskInNested => {
                let nested = $ctx.nested();
                let called = $told.call(nested.send(Poke).await);
                nested.close().await?;
                called
            }
            Does::AskInRoot => {
                let root = $system.context();
                let called = $told.call(root.send(Poke).await);
                root.close().await?;
                called
            }
            Does::CloseNested => {
                let nested = $ctx.nested();
                nested.process(Poke).await?;
                $told.close(nested.close().await)
            }
            Does::CloseRoot => {
                let root = $system.context();
                root.process(Poke).await?;
                $told.close(root.close().await)
            }
        }
    }};
}

/// Notes the error of a circle.
#[derive(Clone)]
struct Told(mpsc::UnboundedSender<Vec<WaitEdge>>);

impl Told {
    fn call<T>(&self, called: Result<T, CallError<nether::Error>>) -> nether::Result<()> {
        if let Err(CallError::Deadlock(deadlock)) = &called {
            self.0.send(deadlock.cycle.clone())?;
        }
        called?;
        Ok(())
    }

    fn close<T>(&self, closed: Result<T, ContextError>) -> nether::Result<()> {
        if let Some(deadlock) = closed
            .as_ref()
            .err()
            .and_then(|error| error.deadlock.as_ref())
        {
            self.0.send(deadlock.cycle.clone())?;
        }
        closed?;
        Ok(())
    }
}

#[command]
struct CloseWhat(Who, Does);

#[command]
struct CloseTwo {
    is_late_one_first: bool,
}

#[command(local)]
struct CloseOwn(Context);

#[command]
struct Poke;

struct Closer(Told);

#[module(handles = [CloseWhat, CloseTwo, CloseOwn, Poke], manual)]
impl Closer {
    async fn close_what(
        &mut self,
        CloseWhat(who, does): CloseWhat,
        ctx: &Context<Self>,
    ) -> nether::Result<()> {
        let nested = ctx.nested();
        match who {
            Who::Exclusive => nested.process(InExclusive(does)).await?,
            Who::Shared => nested.process(InShared(does)).await?,
            Who::Task => nested.process(InTask(does)).await?,
        }
        let _told = self.0.close(nested.close().await);
        Ok(())
    }

    async fn close_two(&mut self, how: CloseTwo, ctx: &Context<Self>) {
        let (late, soon) = (ctx.nested(), ctx.nested());
        late.spawn(async |ctx| {
            sleep(Duration::from_millis(30)).await;
            ctx.process(Poke).await?;
            Ok(())
        })
        .expect("the module is at work");
        soon.spawn(async |_| {
            sleep(Duration::from_millis(60)).await;
            Ok(())
        })
        .expect("the module is at work");
        let (late, soon) = (late.close(), soon.close());
        let (late, soon) = if how.is_late_one_first {
            join(late, soon).await
        } else {
            let (soon, late) = join(soon, late).await;
            (late, soon)
        };
        soon.expect("nothing of it waits");
        let _told = self.0.close(late);
    }

    async fn close_own(&mut self, CloseOwn(own): CloseOwn) {
        let _told = self.0.close(own.close().await);
    }

    async fn poke(&mut self, _: Poke) {}
}

#[command]
struct InExclusive(Does);

#[command]
struct InShared(Does);

#[command]
struct InTask(Does);

#[command(local)]
struct CloseOwnShared(Context);

struct Exclusive(Told, System);

#[module(handles = [InExclusive, InTask], manual)]
impl Exclusive {
    async fn does(
        &mut self,
        InExclusive(does): InExclusive,
        ctx: &Context<Self>,
    ) -> nether::Result<()> {
        need_closer!(self.0, self.1, does, ctx)
    }

    async fn in_task(&mut self, InTask(does): InTask, ctx: &Context<Self>) -> nether::Result<()> {
        let (told, system) = (self.0.clone(), self.1.clone());
        ctx.spawn(async move |ctx| need_closer!(told, system, does, &ctx))?;
        Ok(())
    }
}

struct Shares(Told, System);

#[module(handles = [InShared, CloseOwnShared], manual)]
impl Shares {
    async fn does(&self, InShared(does): InShared, ctx: &Context<Self>) -> nether::Result<()> {
        need_closer!(self.0, self.1, does, ctx)
    }

    async fn close_own(&self, CloseOwnShared(own): CloseOwnShared) {
        let _told = self.0.close(own.close().await);
    }
}

/// A system with all modules, and the errors that they get.
async fn start() -> nether::Result<(System, mpsc::UnboundedReceiver<Vec<WaitEdge>>)> {
    let system = System::builder().isolated().start().await?;
    let (told, is_told) = mpsc::unbounded_channel();
    let told = Told(told);
    system.attach(Closer(told.clone())).await?;
    system
        .attach(Exclusive(told.clone(), system.clone()))
        .await?;
    system.attach(Shares(told.clone(), system.clone())).await?;
    Ok((system, is_told))
}

/// Long enough for each circle to be found.
async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    let ended = timeout(Duration::from_secs(9), future).await;
    ended.unwrap_or_else(|_| panic!("{what} waits for ever"))
}

async fn every_way_round_is_found() -> nether::Result<()> {
    for (who, does) in WHO.into_iter().flat_map(|who| DOES.map(|does| (who, does))) {
        let (system, mut is_told) = start().await?;
        let ctx = system.context();
        let what = format!("{who:?}, {does:?}");
        soon(&what, ctx.send(CloseWhat(who, does))).await?;
        let cycle = is_told.recv().await.expect("somebody is told");
        let first = cycle.first().expect("a circle has steps");
        let last = cycle.last().expect("a circle has steps");
        assert_eq!(last.handler, first.module, "{what}: {cycle:?}");
        let _failed = soon(&what, ctx.close()).await;
        system.shutdown().await;
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_closes_what_needs_it_gets_an_error_on_one_thread() -> nether::Result<()> {
    every_way_round_is_found().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_that_closes_what_needs_it_gets_an_error_on_several_threads() -> nether::Result<()>
{
    every_way_round_is_found().await
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_closes_its_own_unit_of_work_gets_an_error() -> nether::Result<()> {
    let (system, mut is_told) = start().await?;
    for how in 0..4 {
        let ctx = system.context();
        let own = ctx.clone();
        let what = format!("way {how}");
        match how {
            0 => drop(soon(&what, ctx.send(CloseOwn(own))).await),
            1 => ctx.process(CloseOwn(own)).await?,
            2 => drop(soon(&what, ctx.send(CloseOwnShared(own))).await),
            _ => ctx.process(CloseOwnShared(own)).await?,
        }
        let cycle = soon(&what, is_told.recv()).await.expect("it is told");
        assert_eq!(cycle.len(), 1, "{cycle:?}");
        assert_eq!(cycle[0].message, "Context::close");
        assert!(soon(&what, ctx.close()).await.is_err(), "it was cancelled");
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn of_two_closed_at_once_the_one_that_waits_for_its_closer_gets_an_error()
-> nether::Result<()> {
    for is_late_one_first in [true, false] {
        let (system, mut is_told) = start().await?;
        let ctx = system.context();
        soon("both", ctx.send(CloseTwo { is_late_one_first })).await?;
        assert!(is_told.recv().await.is_some());
        let _failed = soon("the context", ctx.close()).await;
    }
    Ok(())
}

/// Asks the closer.
#[command]
struct Narrow;

/// Closes what has a task that waits for room for `Narrow`.
#[command(local, reply = Option<Vec<WaitEdge>>)]
struct CloseBehindNeck(Arc<Notify>);

struct Neck;

#[module(handles = Narrow, manual, mailbox = 1)]
impl Neck {
    async fn narrow(&mut self, _: Narrow, ctx: &Context<Self>) -> nether::Result<()> {
        Ok(ctx.send(PokeNeck).await?)
    }
}

#[command]
struct PokeNeck;

struct BehindNeck;

#[module(handles = [CloseBehindNeck, PokeNeck], manual)]
impl BehindNeck {
    async fn close(
        &mut self,
        CloseBehindNeck(is_full): CloseBehindNeck,
        ctx: &Context<Self>,
    ) -> nether::Result<Option<Vec<WaitEdge>>> {
        let nested = ctx.nested();
        nested.spawn(async move |ctx| {
            is_full.notified().await;
            ctx.process(Narrow).await?;
            Ok(())
        })?;
        let closed = nested.close().await;
        Ok(closed.err().and_then(|error| Some(error.deadlock?.cycle)))
    }

    async fn poke(&mut self, _: PokeNeck) {}
}

#[tokio::test(start_paused = true)]
async fn a_task_that_waits_for_room_keeps_its_unit_of_work_from_its_end() -> nether::Result<()> {
    let system = System::builder().isolated().start().await?;
    system.attach(Neck).await?;
    system.attach(BehindNeck).await?;
    let (closing, others) = (system.context(), system.context());
    let is_full = Arc::new(Notify::new());
    let closed = closing.send(CloseBehindNeck(Arc::clone(&is_full)));
    let fill = async {
        // One that asks the closer, and one that waits behind it, of another unit of work.
        others.process(Narrow).await?;
        tokio::task::yield_now().await;
        others.process(Narrow).await?;
        sleep(Duration::from_millis(1)).await;
        is_full.notify_one();
        Ok(())
    };
    let (closed, filled): (_, nether::Result<()>) = soon("the closer", join(closed, fill)).await;
    filled?;
    let cycle = closed?.expect("it is told");
    let through: Vec<_> = cycle.iter().map(|edge| edge.message).collect();
    assert!(through[0].ends_with("close"), "{through:?}");
    assert!(
        through.iter().any(|message| message.contains("Narrow")),
        "{through:?}"
    );
    soon("the others", others.close()).await?;
    Ok(())
}

/// Waits for two, and then gives one of them away.
#[command(reply = String)]
struct GiveAway;

#[command]
struct Long;

#[command]
struct AskGiver;

#[command]
struct Given;

struct Giver;

#[module(handles = [GiveAway, Given], manual)]
impl Giver {
    async fn give_away(&mut self, _: GiveAway, ctx: &Context<Self>) -> String {
        let (loose, mut back) = (ctx.clone(), Box::pin(ctx.send(AskGiver)));
        let mut long = Box::pin(async move {
            let _cut_off = loose.send(Long).await;
        });
        // Both are waited for, and while one may end there is a way out.
        let both = join(&mut long, &mut back);
        assert!(timeout(Duration::from_millis(10), both).await.is_err());
        tokio::spawn(long);
        match back.await {
            Err(CallError::Deadlock(deadlock)) => deadlock.to_string(),
            other => panic!("{other:?}"),
        }
    }

    async fn given(&mut self, _: Given) {}
}

struct Gets;

#[module(handles = [AskGiver], manual)]
impl Gets {
    async fn ask(&mut self, _: AskGiver, ctx: &Context<Self>) -> nether::Result<()> {
        Ok(ctx.send(Given).await?)
    }
}

struct Lasts;

#[module(handles = Long, manual)]
impl Lasts {
    async fn long(&mut self, _: Long) {
        std::future::pending().await
    }
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_another_task_takes_over_is_no_way_out() -> nether::Result<()> {
    let builder = System::builder().isolated();
    let system = builder
        .shutdown_timeout(Duration::from_secs(1))
        .start()
        .await?;
    system.attach(Giver).await?;
    system.attach(Gets).await?;
    system.attach(Lasts).await?;
    let told = soon("the giver", system.context().send(GiveAway)).await;
    assert!(told?.contains("AskGiver"));
    Ok(())
}
