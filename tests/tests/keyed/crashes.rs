//! A crash takes the value of one key, and no more.

use std::time::Duration;

use nether::prelude::*;
use nether::{CallError, KeyCrashed, SendError};

#[command(key = name, reply = u64)]
struct Add {
    name: String,
}

#[command(key = name)]
struct Crash {
    name: String,
}

#[command(key = name)]
struct Hang {
    name: String,
}

#[command(key = name, reply = u64)]
struct Waver {
    name: String,
    fails: u64,
}

struct Counter {
    count: u64,
}

#[module(handles = [Add, Crash, Hang, Waver], per = name, max_restarts = "2 in 10s")]
impl Counter {
    #[init]
    fn new(name: &String) -> Self {
        assert_ne!(name, "unmakeable", "it cannot be made");
        Counter { count: 0 }
    }

    async fn add(&mut self, _: Add) -> u64 {
        self.count += 1;
        self.count
    }

    async fn crash(&mut self, _: Crash) {
        self.count = 1000;
        panic!("as asked");
    }

    #[handler(timeout = "1s")]
    async fn hang(&mut self, _: Hang) {
        self.count = 1000;
        std::future::pending().await
    }

    #[handler(retry = 3, backoff = "1ms..1ms")]
    async fn waver(&mut self, waver: Waver) -> nether::Result<u64> {
        self.count += 1;
        match self.count <= waver.fails {
            true => Err(nether::Error::msg("not yet")),
            false => Ok(self.count),
        }
    }
}

fn add(name: &str) -> Add {
    let name = name.to_owned();
    Add { name }
}

fn crash(name: &str) -> Crash {
    let name = name.to_owned();
    Crash { name }
}

async fn counters() -> nether::Result<System> {
    let builder = System::builder().isolated().with::<Counter>();
    Ok(builder.start().await?)
}

#[tokio::test(start_paused = true)]
async fn a_panic_takes_one_value_and_the_next_message_makes_another() -> nether::Result<()> {
    let system = counters().await?;
    let mut crashed = system.subscribe::<KeyCrashed>();
    let ctx = system.context();
    for _ in 0..3 {
        ctx.send(add("left")).await?;
        ctx.send(add("right")).await?;
    }
    let panicked = ctx.send(crash("left")).await;
    assert!(matches!(panicked, Err(CallError::Panicked(_))));
    let event = crashed.next().await.expect("the crash is published");
    assert!(event.module.ends_with("Counter"));
    assert_eq!(event.key, "left");
    assert!(event.reason.contains("Crash"), "{}", event.reason);
    assert_eq!(event.retry_in_millis, None);
    assert_eq!(ctx.send(add("left")).await?, 1);
    assert_eq!(ctx.send(add("right")).await?, 4);
    ctx.close().await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn what_waits_behind_a_crash_is_handled_by_another_value() -> nether::Result<()> {
    let system = counters().await?;
    let ctx = system.context();
    ctx.send(add("one")).await?;
    ctx.process(crash("one")).await?;
    ctx.process(add("one")).await?;
    assert_eq!(ctx.send(add("one")).await?, 2);
    let failures = ctx.close().await.expect_err("one message failed").failures;
    assert_eq!(failures.len(), 1);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_takes_too_long_takes_the_value_of_its_key() -> nether::Result<()> {
    let system = counters().await?;
    let ctx = system.context();
    let name = "slow".to_owned();
    ctx.send(add("slow")).await?;
    let late = ctx.send(Hang { name }).await;
    assert!(matches!(late, Err(CallError::TimedOut(_))));
    assert_eq!(ctx.send(add("slow")).await?, 1);
    ctx.close().await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn an_error_is_tried_again_with_the_same_value() -> nether::Result<()> {
    let system = counters().await?;
    let ctx = system.context();
    let name = "wavering".to_owned();
    assert_eq!(ctx.send(Waver { name, fails: 2 }).await?, 3);
    assert_eq!(ctx.send(add("wavering")).await?, 4);
    ctx.close().await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn an_init_that_panics_is_a_crash_of_its_key() -> nether::Result<()> {
    let system = counters().await?;
    let mut crashed = system.subscribe::<KeyCrashed>();
    let ctx = system.context();
    let panicked = ctx.send(add("unmakeable")).await;
    assert!(
        matches!(panicked, Err(CallError::Panicked(_))),
        "{panicked:?}"
    );
    let event = crashed.next().await.expect("the crash is published");
    assert_eq!(event.key, "unmakeable");
    ctx.close().await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_key_that_crashes_too_often_is_left_alone_for_a_while() -> nether::Result<()> {
    let system = counters().await?;
    let mut crashed = system.subscribe::<KeyCrashed>();
    let ctx = system.context();
    for _ in 0..3 {
        let panicked = ctx.send(crash("bad")).await;
        assert!(matches!(panicked, Err(CallError::Panicked(_))));
    }
    let mut waits = Vec::new();
    for _ in 0..3 {
        let event = crashed.next().await.expect("the crash is published");
        waits.push(event.retry_in_millis);
    }
    assert_eq!(waits, [None, None, Some(1000)]);
    let refused = ctx.send(add("bad")).await;
    assert!(
        matches!(refused, Err(CallError::CrashLooping(_))),
        "{refused:?}"
    );
    let refused = ctx.process(add("bad")).await;
    assert!(matches!(refused, Err(SendError::CrashLooping(_))));
    // The other keys go on.
    assert_eq!(ctx.send(add("good")).await?, 1);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(ctx.send(add("bad")).await?, 1);
    // It is still one that crashes too often, and is left alone for longer.
    let panicked = ctx.send(crash("bad")).await;
    assert!(matches!(panicked, Err(CallError::Panicked(_))));
    let event = crashed.next().await.expect("the crash is published");
    assert_eq!(event.retry_in_millis, Some(2000));
    ctx.close().await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_a_key_that_crashes_too_often_is_a_dead_letter() -> nether::Result<()> {
    let system = counters().await?;
    let ctx = system.context();
    for _ in 0..3 {
        ctx.process(crash("bad")).await?;
    }
    ctx.process(add("bad")).await?;
    let failures = ctx.close().await.expect_err("all fail").failures;
    let kinds: Vec<_> = failures.iter().map(|it| it.kind.to_string()).collect();
    assert_eq!(failures.len(), 4, "{kinds:?}");
    assert!(matches!(
        failures[3].kind,
        nether::FailureKind::CrashLooping(_)
    ));
    Ok(())
}
