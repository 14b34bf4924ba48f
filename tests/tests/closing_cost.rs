//! What streams and closing cost: no more for each stream, and for each poll of a handler, however many
//! streams there are, and however many consumers wait.
//!
//! Each test compares how long two things take that would differ a hundredfold if the cost grew. The best of
//! several attempts counts, so that what else the machine does matters little.

use std::time::{Duration, Instant};

use nether::prelude::*;

const ATTEMPTS: usize = 5;

/// Takes numbers until there are no more.
#[command]
struct Take;

/// Lets others run so often.
#[command]
struct Work(u32);

struct Hands;

#[module(handles = [Take, Work], mailbox = 100_000, manual)]
impl Hands {
    async fn take(&self, _: Take, ctx: &Context<Self>) -> nether::Result<()> {
        let mut numbers = ctx.stream::<u32>().join();
        while numbers.pull().await?.is_some() {}
        Ok(())
    }

    async fn work(&self, Work(turns): Work) {
        for _ in 0..turns {
            tokio::task::yield_now().await;
        }
    }
}

async fn system() -> nether::Result<System> {
    let system = System::builder().isolated().start().await?;
    system.attach(Hands).await?;
    Ok(system)
}

/// How long it takes to find so many streams by their names, each once.
fn find_streams(system: &System, count: u32) -> Duration {
    let ctx = system.context();
    let names: Vec<_> = (0..count).map(|number| number.to_string()).collect();
    let find_all = || {
        names
            .iter()
            .for_each(|name| drop(ctx.stream_named::<u32>(name)))
    };
    find_all(); // They are made.
    let began = Instant::now();
    find_all();
    began.elapsed()
}

/// How long it takes to close a context while so many consumers wait and a handler lets others run so often.
async fn close(system: &System, consumers: u32, turns: u32) -> nether::Result<Duration> {
    let mut best = Duration::MAX;
    for _ in 0..ATTEMPTS {
        let ctx = system.context();
        for _ in 0..consumers {
            ctx.process(Take).await?;
        }
        tokio::task::yield_now().await; // They wait.
        ctx.process(Work(turns)).await?;
        let began = Instant::now();
        ctx.close().await?;
        best = best.min(began.elapsed());
    }
    Ok(best)
}

#[tokio::test]
async fn a_stream_is_found_as_fast_among_many_as_among_few() -> nether::Result<()> {
    let system = system().await?;
    let best = |count| (0..ATTEMPTS).map(|_| find_streams(&system, count)).min();
    let (few, many) = (best(100), best(4000));
    // 40 times as many. A search among all of them would take more than a thousand times as long.
    assert!(many <= few.map(|few| few * 400), "{few:?}, {many:?}");
    Ok(())
}

#[tokio::test]
async fn a_handler_that_works_costs_closing_no_more_if_many_wait() -> nether::Result<()> {
    let system = system().await?;
    let idle = close(&system, 2000, 0).await?;
    let alone = close(&system, 0, 2000).await?;
    let both = close(&system, 2000, 2000).await?;
    assert!(both <= (idle + alone) * 8, "{idle:?}, {alone:?}, {both:?}");
    Ok(())
}
