//! `try_send` and `try_process`: now, or not at all, and nothing is lost.

use std::sync::Arc;

use nether::prelude::*;
use nether::{SendError, TrySendError};
use tokio::sync::Semaphore;

/// A message that cannot be copied: what comes back is what was given.
#[command(reply = String)]
struct Print(String);

#[command]
struct Relay(u64);

#[command(reply = u64)]
struct Share(u64);

#[command]
struct ByNobody;

struct Printer {
    gate: Arc<Semaphore>,
}

#[module(handles = [Print, Relay], mailbox = 2, manual)]
impl Printer {
    async fn print(&mut self, Print(text): Print) -> String {
        self.gate.acquire().await.expect("never closed").forget();
        text
    }

    /// Sends its own module more than its mailbox holds.
    async fn relay(&mut self, Relay(count): Relay, ctx: &Context<Self>) -> nether::Result<()> {
        for _ in 0..count {
            ctx.try_process(Print(String::new()))?;
        }
        Ok(())
    }
}

struct Sharer {
    gate: Arc<Semaphore>,
}

#[module(handles = Share, mailbox = 2, manual)]
impl Sharer {
    async fn share(&self, Share(number): Share) -> u64 {
        self.gate.acquire().await.expect("never closed").forget();
        number
    }
}

struct Absent;

#[module(handles = ByNobody, manual)]
impl Absent {
    async fn nobody(&mut self, _: ByNobody) {}
}

async fn start() -> nether::Result<(System, Arc<Semaphore>)> {
    let gate = Arc::new(Semaphore::new(0));
    let system = System::builder().isolated().start().await?;
    let [printer, sharer] = [&gate, &gate].map(Arc::clone);
    system.attach(Printer { gate: printer }).await?;
    system.attach(Sharer { gate: sharer }).await?;
    Ok((system, gate))
}

fn is_full<M>(refused: &TrySendError<M>) -> bool {
    matches!(refused.error, SendError::Full { .. })
}

#[tokio::test]
async fn a_full_mailbox_hands_the_message_back() -> nether::Result<()> {
    let (system, gate) = start().await?;
    let ctx = system.context();
    let first = ctx.try_send(Print("first".into()))?;
    ctx.try_process(Print("second".into()))?;
    let refused = ctx.try_send(Print("third".into())).expect_err("it is full");
    assert!(is_full(&refused));
    assert_eq!(refused.message.0, "third");
    let refused = ctx.try_process(refused.message).expect_err("it still is");
    assert!(
        refused
            .to_string()
            .contains("no room for `isolated::trying::Print`"),
        "{refused}"
    );
    gate.add_permits(3);
    assert_eq!(first.await?, "first");
    // The second has started by then, or will not wait: there is room.
    assert_eq!(ctx.try_send(refused.message)?.await?, "third");
    assert_eq!(ctx.close().await?.handled, 3);
    Ok(())
}

#[tokio::test]
async fn a_waiter_for_room_comes_first() -> nether::Result<()> {
    let (system, gate) = start().await?;
    let ctx = system.context();
    for _ in 0..2 {
        ctx.try_process(Print("early".into()))?;
    }
    let waiting = {
        let ctx = ctx.clone();
        tokio::spawn(async move { ctx.process(Print("waiting".into())).await })
    };
    tokio::task::yield_now().await;
    gate.add_permits(1);
    // However the tasks take turns, until the one who waits has had its room there is none for this one.
    loop {
        match ctx.try_process(Print("late".into())) {
            Err(refused) => assert!(is_full(&refused)),
            Ok(()) => break assert!(waiting.is_finished()),
        }
        gate.add_permits(1);
        tokio::task::yield_now().await;
    }
    gate.add_permits(4);
    assert_eq!(ctx.close().await?.handled, 4);
    Ok(())
}

#[tokio::test]
async fn a_call_that_is_not_awaited_is_made_all_the_same() -> nether::Result<()> {
    let (system, gate) = start().await?;
    let ctx = system.context();
    drop(ctx.try_send(Print("unread".into()))?);
    drop(ctx.try_send(Share(1))?);
    gate.add_permits(2);
    assert_eq!(ctx.close().await?.handled, 2);
    Ok(())
}

#[tokio::test]
async fn for_what_a_handler_causes_there_is_always_room() -> nether::Result<()> {
    let (system, gate) = start().await?;
    let ctx = system.context();
    gate.add_permits(100);
    ctx.send(Relay(100)).await?;
    assert_eq!(ctx.close().await?.handled, 101);
    Ok(())
}

#[tokio::test]
async fn a_shared_module_runs_as_many_handlers_as_it_may() -> nether::Result<()> {
    let (system, gate) = start().await?;
    let ctx = system.context();
    let first = ctx.try_send(Share(1))?;
    ctx.try_process(Share(2))?;
    let refused = ctx.try_send(Share(3)).expect_err("two are running");
    assert!(is_full(&refused));
    let refused = ctx
        .try_process(refused.message)
        .expect_err("they still are");
    gate.add_permits(3);
    assert_eq!(first.await?, 1);
    assert_eq!(ctx.try_send(refused.message)?.await?, 3);
    assert_eq!(ctx.close().await?.handled, 3);
    Ok(())
}

#[tokio::test]
async fn every_refusal_hands_the_message_back() -> nether::Result<()> {
    let (system, _gate) = start().await?;
    let ctx = system.context();
    let refused = ctx.try_process(ByNobody).expect_err("it is not attached");
    assert!(matches!(refused.error, SendError::NoRoute(_)));
    let other = ctx.clone();
    ctx.close().await?;
    let refused = other
        .try_send(Print("too late".into()))
        .expect_err("closed");
    assert!(matches!(refused.error, SendError::Closed { .. }));
    assert_eq!(refused.message.0, "too late");
    let ctx = system.context();
    system.shutdown().await;
    let refused = ctx.try_process(Share(1)).expect_err("it has stopped");
    assert!(matches!(refused.error, SendError::Stopping { .. }));
    assert_eq!(refused.message.0, 1);
    Ok(())
}
