//! Reports of messages that were not handled, or whose handler failed: enough to send them again.

use std::sync::Arc;
use std::time::Duration;

use nether::prelude::*;
use nether::{DeadLetter, HandlerFailed};
use tokio::sync::Semaphore;

#[command]
struct Ship {
    order: u64,
    to: String,
}

/// Cannot leave the process.
#[command(local)]
struct Hold {
    gate: Arc<Semaphore>,
    begun: Arc<Semaphore>,
}

/// Causes a message that is not handled in time.
#[command]
struct Pack(u64);

#[command]
struct Refuse(u64);

#[event]
struct Arrived {
    order: u64,
}

#[derive(Default)]
struct Shipping;

#[module(handles = [Ship, Hold])]
impl Shipping {
    async fn ship(&mut self, _: Ship) {}

    async fn hold(&mut self, Hold { gate, begun }: Hold) {
        begun.add_permits(1);
        gate.acquire().await.expect("never closed").forget();
    }
}

#[derive(Default)]
struct Packing;

#[module(handles = [Pack, Refuse, Arrived], emits = Ship)]
impl Packing {
    async fn pack(&self, Pack(order): Pack, ctx: &Context<Self>) -> nether::Result<()> {
        let to = "Rome".to_owned();
        ctx.process(Ship { order, to }).await?;
        Ok(())
    }

    async fn refuse(&self, _: Refuse) -> nether::Result<()> {
        Err(nether::Error::msg("refused"))
    }

    async fn arrived(&self, _: &Arrived) -> nether::Result<()> {
        Err(nether::Error::msg("nobody is there"))
    }
}

/// A system whose shipping is held up.
async fn held_up() -> nether::Result<(System, Hold)> {
    let system = System::builder()
        .mailbox(5_000)
        .shutdown_timeout(Duration::from_secs(1))
        .start()
        .await?;
    let (gate, begun) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let [gate_too, begun_too] = [&gate, &begun].map(Arc::clone);
    let hold = Hold {
        gate: gate_too,
        begun: begun_too,
    };
    let ctx = system.context();
    tokio::spawn(async move {
        let _ = ctx.send(hold).await;
        let _ = ctx.close().await;
    });
    begun.acquire().await?.forget();
    Ok((system, Hold { gate, begun }))
}

#[tokio::test(start_paused = true)]
async fn a_dead_letter_says_what_it_was_and_why_it_died() -> nether::Result<()> {
    let (system, _hold) = held_up().await?;
    let mut letters = system.dead_letters();
    let ctx = system.context();
    ctx.send(Pack(7)).await?;
    let context = ctx.correlation_id();
    ctx.cancel();
    let stopping = tokio::spawn(async move { system.shutdown().await });
    let _ = ctx.close().await;
    stopping.await?;
    let mut told: Vec<Arc<DeadLetter>> = Vec::new();
    while let Some(letter) = letters.next().await {
        told.push(letter);
    }
    let shipped = told.iter().find(|letter| letter.message.ends_with("Ship"));
    let shipped = shipped.expect("it was not handled");
    assert_eq!(shipped.module, "dead_letters::Shipping");
    assert_eq!(shipped.context, context);
    assert_eq!((shipped.sequence, shipped.cause), (1, Some(0)));
    assert_eq!(shipped.json.as_deref(), Some(r#"{"order":7,"to":"Rome"}"#));
    assert!(
        shipped.reason.starts_with("not handled"),
        "{}",
        shipped.reason
    );
    // It can be sent again from that.
    let again: Ship = serde_json::from_str(shipped.json.as_deref().expect("it was there"))?;
    assert_eq!((again.order, again.to.as_str()), (7, "Rome"));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn what_was_cut_off_in_its_handler_is_a_dead_letter_too() -> nether::Result<()> {
    let (system, _hold) = held_up().await?;
    let mut letters = system.dead_letters();
    let report = system.shutdown().await;
    assert_eq!(report.dead_letters[0].message, "dead_letters::Hold");
    let letter = letters.next().await.expect("it was cut off");
    assert_eq!(letter.message, "dead_letters::Hold");
    assert_eq!(letter.json, None);
    assert!(letters.next().await.is_none());
    Ok(())
}

#[tokio::test]
async fn what_stays_in_the_process_is_reported_without_its_content() -> nether::Result<()> {
    let (system, hold) = held_up().await?;
    let mut letters = system.dead_letters();
    let ctx = system.context();
    let [gate, begun] = [&hold.gate, &hold.begun].map(Arc::clone);
    ctx.process(Hold { gate, begun }).await?;
    ctx.cancel();
    hold.gate.add_permits(1);
    let letter = letters.next().await.expect("it was cancelled");
    assert_eq!(
        (letter.message.as_str(), &letter.json),
        ("dead_letters::Hold", &None)
    );
    assert_eq!(letter.reason, "not handled: the context was cancelled");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_failure_says_what_it_was_as_far_as_that_is_known() -> nether::Result<()> {
    let system = System::start().await?;
    let mut failures = system.subscribe::<HandlerFailed>();
    let ctx = system.context();
    ctx.publish(Arrived { order: 3 }).await?;
    let failed = failures.next().await.expect("it fails");
    assert_eq!(failed.json.as_deref(), Some(r#"{"order":3}"#));
    assert_eq!((failed.context, failed.sequence), (ctx.correlation_id(), 0));
    // A command is its handler's.
    ctx.process(Refuse(1)).await?;
    let failed = failures.next().await.expect("it fails");
    assert_eq!(
        (failed.message.as_str(), &failed.json),
        ("dead_letters::Refuse", &None)
    );
    Ok(())
}

#[tokio::test]
async fn dead_letters_that_are_not_read_do_not_pile_up() -> nether::Result<()> {
    let (system, hold) = held_up().await?;
    let mut letters = system.dead_letters();
    let ctx = system.context();
    for order in 0..3_000 {
        let to = String::new();
        ctx.process(Ship { order, to }).await?;
    }
    ctx.cancel();
    hold.gate.add_permits(1);
    ctx.close().await.expect_err("it was cancelled");
    let mut read = 0;
    while letters.try_next().is_some() {
        read += 1;
    }
    assert_eq!((read, letters.missed()), (1_024, 1_976));
    Ok(())
}
