//! What closing sees of waits that are not plain: kept and not polled, one of several, taken over, or one
//! step further away.

use std::pin::pin;
use std::time::Duration;

use futures_util::future::{join, select};
use nether::prelude::*;
use nether_tests::ready;
use tokio::time::{sleep, timeout};

const WORK: Duration = Duration::from_millis(100);
const LONG: Duration = Duration::from_secs(3600);

/// Takes the items of the stream until that ends; nothing else is done meanwhile.
#[command]
struct Take;

#[query(reply = u32)]
struct Taken;

#[command]
struct Touch;

#[derive(Default)]
struct Taker(u32);

#[module(handles = [Take, Taken, Touch], mailbox = 1, manual)]
impl Taker {
    async fn take(&mut self, _: Take, ctx: &Context<Self>) -> nether::Result<()> {
        let mut items = ctx.stream::<u32>().join();
        while items.pull().await?.is_some() {
            self.0 += 1;
        }
        Ok(())
    }

    async fn taken(&self, _: Taken) -> u32 {
        self.0
    }

    async fn touch(&mut self, _: Touch) {}
}

#[command]
struct Slow;

struct Slowly;

#[module(handles = Slow, manual)]
impl Slowly {
    async fn slow(&mut self, _: Slow) {
        sleep(WORK).await;
    }
}

/// Waits for one of two, and then for the other, in a call of its own.
#[command]
struct SelectThenAsk;

/// Holds a call that it does not poll, and works on.
#[command]
struct HoldAndWork;

/// Closes a context in which a caller waits for the taker.
#[command]
struct CloseAnother;

#[command]
struct AskTaker;

struct Elsewhere(System);

#[module(handles = [SelectThenAsk, HoldAndWork, CloseAnother], manual)]
impl Elsewhere {
    async fn select(&mut self, _: SelectThenAsk) -> nether::Result<()> {
        let root = self.0.context();
        select(pin!(root.send(Slow)), pin!(root.ask(Taken))).await;
        root.ask(Taken).await?;
        root.close().await?;
        Ok(())
    }

    async fn hold(&mut self, _: HoldAndWork) -> nether::Result<()> {
        let root = self.0.context();
        let mut held = Box::pin(root.ask(Taken));
        assert!(ready(&mut held).await.is_none(), "the taker takes");
        sleep(WORK).await;
        drop(held);
        Ok(())
    }

    async fn close(&mut self, _: CloseAnother) -> nether::Result<()> {
        let root = self.0.context();
        root.process(AskTaker).await?;
        root.close().await?;
        Ok(())
    }
}

struct Asker(System);

#[module(handles = AskTaker, manual)]
impl Asker {
    async fn ask(&mut self, _: AskTaker) -> nether::Result<()> {
        let root = self.0.context();
        root.ask(Taken).await?;
        root.close().await?;
        Ok(())
    }
}

#[command]
struct WorkThenPush;

#[command]
struct AskInNested;

/// Gives up a call in which the command waits that it is for.
#[command]
struct GiveUp;

/// Waits in its own task for the handler that does so.
#[command]
struct GiveUpInside;

struct Hands;

#[module(handles = [WorkThenPush, AskInNested, GiveUp, GiveUpInside], manual)]
impl Hands {
    async fn work(&self, _: WorkThenPush, ctx: &Context<Self>) -> nether::Result<()> {
        sleep(WORK).await;
        Ok(ctx.stream::<u32>().push(7).await?)
    }

    async fn ask(&self, _: AskInNested, ctx: &Context<Self>) -> nether::Result<()> {
        let nested = ctx.nested();
        nested.ask(Taken).await?;
        nested.close().await?;
        Ok(())
    }

    async fn give_up(&self, _: GiveUp, ctx: &Context<Self>) {
        let _ = timeout(Duration::from_millis(2), ctx.send(AskInNested)).await;
    }

    async fn give_up_inside(&self, _: GiveUpInside, ctx: &Context<Self>) -> nether::Result<()> {
        Ok(ctx.send(GiveUp).await?)
    }
}

/// Waits for a handler that works and pushes, and for one that waits elsewhere, both in its own task.
#[command]
struct Both;

/// Waits for a module elsewhere, then pushes.
#[command]
struct SendThenPush;

#[command]
struct SendClose;

/// Fills a mailbox elsewhere in a task.
#[command]
struct WaitForRoom;

struct Front(System);

#[module(handles = [Both, SendThenPush, SendClose, WaitForRoom], manual)]
impl Front {
    async fn both(&mut self, _: Both, ctx: &Context<Self>) -> nether::Result<()> {
        let (worked, asked) = join(ctx.send(WorkThenPush), ctx.send(AskInNested)).await;
        worked?;
        Ok(asked?)
    }

    async fn send(&mut self, _: SendThenPush, ctx: &Context<Self>) -> nether::Result<()> {
        let root = self.0.context();
        root.send(HoldAndWork).await?;
        Ok(ctx.stream::<u32>().push(7).await?)
    }

    async fn send_close(&mut self, _: SendClose) -> nether::Result<()> {
        let root = self.0.context();
        Ok(root.send(CloseAnother).await?)
    }

    async fn room(&mut self, _: WaitForRoom, ctx: &Context<Self>) -> nether::Result<()> {
        let system = self.0.clone();
        ctx.spawn(async move |_| {
            let root = system.context();
            for _ in 0..3 {
                root.process(Touch).await?;
            }
            root.close().await?;
            Ok(())
        })?;
        Ok(())
    }
}

async fn start() -> nether::Result<System> {
    let system = System::builder().isolated().start().await?;
    system.attach(Taker::default()).await?;
    system.attach(Slowly).await?;
    system.attach(Elsewhere(system.clone())).await?;
    system.attach(Asker(system.clone())).await?;
    system.attach(Hands).await?;
    system.attach(Front(system.clone())).await?;
    Ok(system)
}

/// Closes a context in which the taker takes and this is handled. How many items it has taken. A macro,
/// because the routes of messages differ.
macro_rules! taken_when_closed_with {
    ($message:expr) => {{
        let system = start().await?;
        let ctx = system.context();
        ctx.process(Take).await?;
        tokio::task::yield_now().await;
        ctx.process($message).await?;
        timeout(LONG, ctx.close()).await??;
        system.context().ask(Taken).await?
    }};
}

#[tokio::test(start_paused = true)]
async fn closing_sees_a_wait_that_begins_after_another_has_ended() -> nether::Result<()> {
    assert_eq!(taken_when_closed_with!(SelectThenAsk), 0);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn closing_sees_a_wait_for_room_in_another_context() -> nether::Result<()> {
    assert_eq!(taken_when_closed_with!(WaitForRoom), 0);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn closing_sees_through_a_module_that_closes_another_context() -> nether::Result<()> {
    assert_eq!(taken_when_closed_with!(SendClose), 0);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn closing_sees_what_a_command_waits_for_whose_caller_gave_up() -> nether::Result<()> {
    assert_eq!(taken_when_closed_with!(GiveUp), 0);
    assert_eq!(taken_when_closed_with!(GiveUpInside), 0);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn who_works_beside_one_that_waits_elsewhere_may_still_push() -> nether::Result<()> {
    assert_eq!(taken_when_closed_with!(Both), 1);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_one_that_holds_a_call_and_works_may_still_push() -> nether::Result<()> {
    assert_eq!(taken_when_closed_with!(SendThenPush), 1);
    Ok(())
}
