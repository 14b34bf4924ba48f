//! The operations, each done `rounds` times. What is opened for all rounds together is opened once.

use std::hint::black_box;

use nether::{Result, System};

use crate::program::{Add, Added, Begin, SharedTotal, Total};

/// How many messages one round of [`process`] hands over. A mailbox has room for all of them.
pub(crate) const BATCH: u64 = 1000;

/// Hands over a batch, and waits until it is handled.
pub(crate) async fn process(system: System, rounds: u64) -> Result<()> {
    for _ in 0..rounds {
        let ctx = system.context();
        for number in 0..BATCH {
            ctx.process(Add(black_box(number))).await?;
        }
        ctx.close().await?;
    }
    Ok(())
}

pub(crate) async fn send(system: System, rounds: u64) -> Result<()> {
    let ctx = system.context();
    for number in 0..rounds {
        ctx.send(Add(black_box(number))).await?;
    }
    ctx.close().await?;
    Ok(())
}

pub(crate) async fn ask(system: System, rounds: u64) -> Result<()> {
    let ctx = system.context();
    for _ in 0..rounds {
        black_box(ctx.ask(Total).await?);
    }
    ctx.close().await?;
    Ok(())
}

pub(crate) async fn ask_shared(system: System, rounds: u64) -> Result<()> {
    let ctx = system.context();
    for _ in 0..rounds {
        black_box(ctx.ask(SharedTotal).await?);
    }
    ctx.close().await?;
    Ok(())
}

/// Full mailboxes hold the publisher back, so each round pays for the handling too.
pub(crate) async fn publish(system: System, rounds: u64) -> Result<()> {
    let ctx = system.context();
    for number in 0..rounds {
        ctx.publish(Added(black_box(number))).await?;
    }
    ctx.close().await?;
    Ok(())
}

pub(crate) async fn context(system: System, rounds: u64) -> Result<()> {
    for _ in 0..rounds {
        black_box(system.context().close().await?);
    }
    Ok(())
}

/// A unit of work as in real life: one command, and what it causes in turn.
pub(crate) async fn cascade(system: System, rounds: u64) -> Result<()> {
    for number in 0..rounds {
        let ctx = system.context();
        ctx.send(Begin(black_box(number))).await?;
        ctx.close().await?;
    }
    Ok(())
}
