//! A task that never has to wait lets others have the thread all the same.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use nether::prelude::*;
use nether_tests::ready;
use tokio::task;

/// More than a task may send in one turn.
const MANY: u64 = 20_000;

#[command]
struct Take;

#[event]
struct Shown;

#[query(reply = u64)]
struct Read;

#[command(reply = u64)]
struct Count;

/// Sends many of that kind, from inside a handler.
#[command(local)]
struct Flood(Verb);

#[derive(Debug, Clone, Copy)]
enum Verb {
    Process,
    Publish,
    Ask,
    Send,
    TrySend,
    ProcessUnhandled,
    SendUnhandled,
}

const VERBS: [Verb; 7] = [
    Verb::Process,
    Verb::Publish,
    Verb::Ask,
    Verb::Send,
    Verb::TrySend,
    Verb::ProcessUnhandled,
    Verb::SendUnhandled,
];

/// Handled by a module that is attached nowhere.
#[command]
struct Unhandled;

struct Absent;

#[module(handles = Unhandled, manual)]
impl Absent {
    async fn unhandled(&mut self, _: Unhandled) {}
}

struct Flooding;

#[module(handles = Flood, manual)]
impl Flooding {
    async fn flood(&mut self, Flood(verb): Flood, ctx: &Context<Self>) -> nether::Result<()> {
        for _ in 0..MANY {
            match verb {
                Verb::Process => ctx.process(Take).await?,
                Verb::Publish => ctx.publish(Shown).await?,
                Verb::Ask => drop(ctx.ask(Read).await?),
                Verb::Send => drop(ctx.send(Count).await?),
                Verb::TrySend => drop(ctx.try_send(Count)?.await?),
                Verb::ProcessUnhandled => assert!(ctx.process(Unhandled).await.is_err()),
                Verb::SendUnhandled => assert!(ctx.send(Unhandled).await.is_err()),
            }
        }
        Ok(())
    }
}

struct Sink;

#[module(handles = [Take, Shown], manual)]
impl Sink {
    async fn take(&mut self, _: Take) {}

    async fn shown(&mut self, _: &Shown) {}
}

struct Counter;

#[module(handles = [Read, Count], manual)]
impl Counter {
    async fn read(&self, _: Read) -> u64 {
        1
    }

    async fn count(&self, _: Count) -> u64 {
        1
    }
}

async fn flooded() -> nether::Result<System> {
    let system = System::builder().isolated().start().await?;
    system.attach(Flooding).await?;
    system.attach(Sink).await?;
    system.attach(Counter).await?;
    Ok(system)
}

/// Counts the turns that another task of the same thread has.
fn turns() -> Arc<AtomicU64> {
    let turns = Arc::new(AtomicU64::new(0));
    let counted = Arc::downgrade(&turns);
    tokio::spawn(async move {
        while let Some(turns) = counted.upgrade() {
            turns.fetch_add(1, Ordering::SeqCst);
            drop(turns);
            task::yield_now().await;
        }
    });
    turns
}

async fn a_handler_that_floods_lets_others_run() -> nether::Result<()> {
    let system = flooded().await?;
    for verb in VERBS {
        let (ctx, turns) = (system.context(), turns());
        task::yield_now().await;
        let before = turns.load(Ordering::SeqCst);
        ctx.send(Flood(verb)).await?;
        let (after, waiting) = (turns.load(Ordering::SeqCst), system.modules()[1].waiting);
        assert!(after - before >= 10, "{verb:?}: {before} .. {after}");
        // The module that is sent to is among the others.
        assert!(waiting < MANY as usize * 9 / 10, "{verb:?}: {waiting} wait");
        ctx.close().await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_handler_that_sends_without_end_lets_others_run_on_the_only_thread() -> nether::Result<()>
{
    a_handler_that_floods_lets_others_run().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_handler_that_sends_without_end_lets_others_run_on_a_worker() -> nether::Result<()> {
    task::spawn(a_handler_that_floods_lets_others_run()).await?
}

#[tokio::test]
async fn a_task_that_asks_without_end_lets_others_run() -> nether::Result<()> {
    let system = flooded().await?;
    let ctx = system.context();
    let turns = turns();
    for _ in 0..MANY {
        ctx.ask(Read).await?;
    }
    assert!(turns.load(Ordering::SeqCst) >= 10);
    ctx.close().await?;
    Ok(())
}

#[tokio::test]
async fn what_is_given_up_when_the_turn_was_over_has_not_been_sent() -> nether::Result<()> {
    let builder = System::builder().isolated().mailbox(MANY as usize);
    let system = builder.start().await?;
    system.attach(Sink).await?;
    let ctx = system.context();
    let mut accepted = 0;
    // There is room for all, so that nothing but the end of the turn makes one wait.
    while ready(&mut ctx.process(Take)).await.is_some() {
        accepted += 1;
    }
    assert!(accepted < MANY, "{accepted} in one turn");
    assert_eq!(ctx.close().await?.handled, accepted);
    Ok(())
}

/// Computes for a millisecond.
#[command]
struct Compute;

/// How many `Compute` were handled.
#[derive(Default)]
struct Busy(Arc<AtomicU64>);

#[module(handles = Compute, manual)]
impl Busy {
    async fn compute(&mut self, _: Compute) {
        let began = Instant::now();
        while began.elapsed() < Duration::from_millis(1) {}
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// The most messages that a module handles between two turns of another task on its thread.
async fn handled_between_turns() -> nether::Result<u64> {
    let system = System::builder().isolated().start().await?;
    let handled = Arc::new(AtomicU64::new(0));
    system.attach(Busy(Arc::clone(&handled))).await?;
    let ctx = system.context();
    for _ in 0..100 {
        ctx.try_process(Compute)?;
    }
    let (mut before, mut most) = (0, 0);
    while before < 100 {
        task::yield_now().await;
        let now = handled.load(Ordering::SeqCst);
        most = most.max(now - before);
        before = now;
    }
    ctx.close().await?;
    Ok(most)
}

#[tokio::test]
async fn a_module_that_computes_lets_others_run_after_few_messages_on_the_only_thread()
-> nether::Result<()> {
    assert!(handled_between_turns().await? <= 8);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_module_that_computes_lets_others_run_after_few_messages_on_a_worker()
-> nether::Result<()> {
    assert!(task::spawn(handled_between_turns()).await?? <= 8);
    Ok(())
}
