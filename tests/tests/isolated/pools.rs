//! Several instances, of which one handles nothing: messages without a key go to the others.

use std::time::Duration;

use nether::prelude::*;
use nether::{BreakerClosed, ModuleState, ModuleStatus, SendError};
use tokio::task::JoinSet;
use tokio::time::sleep;

const INSTANCES: usize = 4;
const SENDERS: u64 = 16;
const EACH: u64 = 25;
const AN_HOUR: Duration = Duration::from_secs(60 * 60);

#[command(key = key)]
struct Crash {
    key: u64,
}

#[command(key = key)]
struct Fail {
    key: u64,
}

#[command(key = key)]
struct KeyedWork {
    key: u64,
}

#[command]
struct Work;

#[query(reply = u8)]
struct Look;

#[event]
struct Happened;

/// Sends to the other instances.
#[command(key = key)]
struct Relay {
    key: u64,
}

#[derive(Default)]
struct Pool;

#[module(
    handles = [Crash, Fail, KeyedWork, Work, Look, Happened, Relay],
    instances = 4,
    max_restarts = "1 in 2h",
    breaker = "5 in 2h, probe after 1h"
)]
impl Pool {
    async fn crash(&mut self, _: Crash) {
        panic!("as asked");
    }

    async fn fail(&mut self, _: Fail) -> nether::Result<()> {
        Err(nether::Error::msg("as asked"))
    }

    async fn keyed_work(&mut self, _: KeyedWork) {}

    async fn work(&mut self, _: Work) {
        sleep(Duration::from_millis(2)).await;
    }

    async fn look(&self, _: Look) -> u8 {
        sleep(Duration::from_millis(2)).await;
        1
    }

    async fn happened(&mut self, _: &Happened) {
        sleep(Duration::from_millis(2)).await;
    }

    async fn relay(&mut self, _: Relay, ctx: &Context<Self>) -> nether::Result<()> {
        ctx.send(Work).await?;
        ctx.ask(Look).await?;
        ctx.process(Work).await?;
        ctx.publish(Happened).await?;
        Ok(())
    }
}

/// Why one of the instances handles nothing.
#[derive(Debug, Clone, Copy)]
enum Why {
    CrashLooping,
    BreakerOpen,
}

async fn pool() -> nether::Result<System> {
    Ok(System::builder().isolated().with::<Pool>().start().await?)
}

/// A pool whose first instance handles nothing.
async fn broken(why: Why) -> nether::Result<System> {
    let system = pool().await?;
    let key = key_of(&system, 0).await?;
    break_instance(&system, why, 0, key).await;
    Ok(system)
}

/// A key whose messages go to that instance.
async fn key_of(system: &System, instance: usize) -> nether::Result<u64> {
    let handled = || system.modules()[instance].handled;
    let mut key = 0;
    loop {
        let before = handled();
        let ctx = system.context();
        if ctx.process(KeyedWork { key }).await.is_ok() {
            ctx.close().await?;
        }
        if handled() > before {
            return Ok(key);
        }
        key += 1;
    }
}

/// A key for each instance.
async fn keys(system: &System) -> nether::Result<Vec<u64>> {
    let mut keys = Vec::new();
    for instance in 0..INSTANCES {
        keys.push(key_of(system, instance).await?);
    }
    Ok(keys)
}

async fn break_instance(system: &System, why: Why, instance: usize, key: u64) {
    let ctx = system.context();
    // Until what has its key is refused, and goes to no other instance: a caller may learn of a failure a
    // moment before that is counted.
    loop {
        for _ in 0..5 {
            // The second crash is one too many.
            let _ = match why {
                Why::CrashLooping => ctx.send(Crash { key }).await,
                Why::BreakerOpen => ctx.send(Fail { key }).await,
            };
        }
        match (ctx.send(KeyedWork { key }).await, why) {
            (Ok(()), _) => tokio::task::yield_now().await,
            (Err(CallError::CrashLooping(_)), Why::CrashLooping) => break,
            (Err(CallError::BreakerOpen { .. }), Why::BreakerOpen) => break,
            (Err(error), _) => panic!("{why:?}: {error}"),
        }
    }
    if let Why::CrashLooping = why {
        assert_eq!(system.modules()[instance].state, ModuleState::CrashLooping);
    }
}

/// Sends each kind of message, and is refused none.
async fn each_verb_reaches_one_that_works(system: &System) -> nether::Result<()> {
    let key = key_of(system, 1).await?;
    let ctx = system.context();
    for _ in 0..EACH {
        ctx.send(Work).await?;
        ctx.ask(Look).await?;
        ctx.process(Work).await?;
        ctx.try_process(Work)?;
        ctx.try_send(Work)?.await?;
        ctx.publish(Happened).await?;
        ctx.send(Relay { key }).await?;
    }
    ctx.close().await?; // It lists refusals of events, and dead letters.
    Ok(())
}

/// Many send at once.
async fn many_at_once_reach_those_that_work(system: &System) -> nether::Result<()> {
    let mut senders = JoinSet::new();
    for _ in 0..SENDERS {
        let system = system.clone();
        senders.spawn(async move {
            let ctx = system.context();
            for _ in 0..EACH {
                ctx.send(Work).await?;
                ctx.publish(Happened).await?;
            }
            ctx.close().await?;
            nether::Result::<()>::Ok(())
        });
    }
    for sent in senders.join_all().await {
        sent?;
    }
    Ok(())
}

async fn nothing_goes_to_the_one_that_handles_nothing() -> nether::Result<()> {
    for why in [Why::CrashLooping, Why::BreakerOpen] {
        let system = broken(why).await?;
        each_verb_reaches_one_that_works(&system).await?;
        many_at_once_reach_those_that_work(&system).await?;
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn messages_without_a_key_avoid_an_instance_that_handles_nothing() -> nether::Result<()> {
    nothing_goes_to_the_one_that_handles_nothing().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_without_a_key_avoid_such_an_instance_on_several_threads() -> nether::Result<()> {
    nothing_goes_to_the_one_that_handles_nothing().await
}

fn restarting(system: &System) -> Option<ModuleStatus> {
    let mut modules = system.modules().into_iter();
    modules.find(|module| module.state == ModuleState::Restarting)
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_is_restarted_gets_nothing_while_others_run() -> nether::Result<()> {
    let system = pool().await?;
    let ctx = system.context();
    let _ = ctx.send(Crash { key: 0 }).await;
    while restarting(&system).is_none() {
        tokio::task::yield_now().await;
    }
    // Time stands still, as long as this does not wait: the restart comes later.
    for _ in 0..100 {
        ctx.process(Work).await?;
        ctx.publish(Happened).await?;
    }
    assert_eq!(restarting(&system).expect("time stands still").waiting, 0);
    ctx.close().await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn an_open_breaker_lets_a_message_without_a_key_pass_as_its_probe() -> nether::Result<()> {
    let system = broken(Why::BreakerOpen).await?;
    let mut closed = system.subscribe::<BreakerClosed>();
    sleep(AN_HOUR).await;
    let ctx = system.context();
    for _ in 0..INSTANCES {
        ctx.process(Work).await?;
    }
    ctx.close().await?;
    assert!(closed.next().await.is_some());
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn one_whose_breaker_is_open_is_preferred_to_none_and_says_so() -> nether::Result<()> {
    let system = pool().await?;
    let keys = keys(&system).await?;
    break_instance(&system, Why::BreakerOpen, 0, keys[0]).await;
    for (instance, key) in keys.iter().enumerate().skip(1) {
        break_instance(&system, Why::CrashLooping, instance, *key).await;
    }
    let refused = system.context().process(Work).await;
    assert!(
        matches!(refused, Err(SendError::BreakerOpen { .. })),
        "{refused:?}"
    );
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_pool_that_is_crash_looping_refuses() -> nether::Result<()> {
    let system = pool().await?;
    for (instance, key) in keys(&system).await?.into_iter().enumerate() {
        break_instance(&system, Why::CrashLooping, instance, key).await;
    }
    let refused = system.context().send(Work).await;
    assert!(
        matches!(refused, Err(CallError::CrashLooping(_))),
        "{refused:?}"
    );
    Ok(())
}

#[command]
struct Toil;

#[command(key = key)]
struct Die {
    key: u64,
}

/// Instances that crash once.
#[derive(Default)]
struct Mortals;

#[module(handles = [Toil, Die], instances = 3, restart = "never")]
impl Mortals {
    async fn toil(&mut self, _: Toil) {}

    async fn die(&mut self, _: Die) {
        panic!("as asked");
    }
}

#[tokio::test(start_paused = true)]
async fn messages_without_a_key_avoid_an_instance_that_was_stopped() -> nether::Result<()> {
    let builder = System::builder().isolated().with::<Mortals>();
    let system = builder.start().await?;
    let ctx = system.context();
    let left = || {
        let modules = system.modules().into_iter();
        modules
            .filter(|module| module.state != ModuleState::Stopped)
            .count()
    };
    for key in 0.. {
        let _ = ctx.send(Die { key }).await;
        tokio::task::yield_now().await;
        for _ in 0..10 {
            if left() > 0 {
                ctx.send(Toil).await?;
            }
        }
        if left() == 0 {
            break;
        }
    }
    let refused = ctx.send(Toil).await;
    assert!(matches!(refused, Err(CallError::Stopped { .. })));
    ctx.close().await?;
    Ok(())
}
