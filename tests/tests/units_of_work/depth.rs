//! Chains and nestings that are as deep as a program lets them be: nothing walks down them on the stack, and
//! nothing takes longer the more there are.

use std::time::{Duration, Instant};

use nether::Principal;
use nether::prelude::*;

/// Far more than fit on the stack of a thread, one on top of the other.
const DEEP: u32 = 200_000;

#[command]
struct Next(u32);

#[derive(Debug)]
struct Carried;

struct Chain;

#[module(handles = Next, manual)]
impl Chain {
    async fn next(&mut self, Next(left): Next, ctx: &Context<Self>) -> nether::Result<()> {
        if left > 0 {
            ctx.process(Next(left - 1)).await?;
        }
        Ok(())
    }
}

async fn a_long_chain_is_handled_and_dropped() -> nether::Result<()> {
    let system = System::builder().isolated().max_depth(DEEP).start().await?;
    system.attach(Chain).await?;
    let ctx = system.context();
    ctx.process(Next(DEEP - 1)).await?;
    assert_eq!(ctx.close().await?.handled, u64::from(DEEP));
    // One that is too long has all its causes in its error.
    let ctx = system.context();
    ctx.process(Next(DEEP)).await?;
    assert!(ctx.close().await.is_err());
    Ok(())
}

#[tokio::test]
async fn a_chain_of_causes_may_be_long_on_the_only_thread() -> nether::Result<()> {
    a_long_chain_is_handled_and_dropped().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_chain_of_causes_may_be_long_on_a_worker() -> nether::Result<()> {
    tokio::spawn(a_long_chain_is_handled_and_dropped()).await?
}

#[tokio::test]
async fn contexts_may_be_nested_deep() -> nether::Result<()> {
    let system = System::builder().isolated().start().await?;
    let ctx = system.context().with_principal("ann").with(Carried);
    let ctx = ctx.with_timeout(Duration::from_secs(3600));
    let mut innermost = ctx.nested();
    for _ in 1..DEEP {
        innermost = innermost.nested();
    }
    assert_eq!(innermost.principal().map(Principal::id), Some("ann"));
    assert!(innermost.baggage::<Carried>().is_some());
    assert_eq!(innermost.deadline(), ctx.deadline());
    ctx.cancel();
    assert!(innermost.is_cancelled());
    drop(ctx);
    drop(innermost); // The last that holds all the others.
    Ok(())
}

/// How long it takes to have so many nested contexts open at once.
async fn time_to_nest(ctx: &Context, count: usize) -> nether::Result<Duration> {
    let began = Instant::now();
    let nested: Vec<_> = (0..count).map(|_| ctx.nested()).collect();
    let time = began.elapsed();
    for one in nested {
        one.close().await?;
    }
    Ok(time)
}

#[tokio::test]
async fn many_contexts_are_nested_in_one_in_a_time_that_grows_with_their_number()
-> nether::Result<()> {
    let system = System::builder().isolated().start().await?;
    let ctx = system.context();
    let mut times = Vec::new();
    // Other programs may take the processor away meanwhile, so there is more than one try.
    for _ in 0..5 {
        let few = time_to_nest(&ctx, 2_000).await?;
        let many = time_to_nest(&ctx, 40_000).await?;
        // Twenty times as many; to look at all of them for each would take four hundred times as long.
        if many < few * 80 {
            ctx.close().await?;
            return Ok(());
        }
        times.push((few, many));
    }
    panic!("{times:?}");
}
