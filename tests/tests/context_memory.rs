//! What units of work take of memory. One test, for it looks at all that the process has in use.

use nether::prelude::*;
use nether_tests::in_use;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<std::alloc::System> = &INSTRUMENTED_SYSTEM;

#[derive(Debug)]
struct TenantId(#[expect(dead_code, reason = "it is only carried")] u64);

#[event]
struct Noticed;

/// Uses all that a unit of work may have.
async fn use_all(ctx: &Context, number: u64) -> nether::Result<()> {
    let ctx = ctx.clone().with(TenantId(number)).with_principal("ann");
    let mut events = ctx.subscribe::<Noticed>();
    ctx.publish(Noticed).await?;
    assert!(events.next().await.is_some());
    let numbers = ctx.stream::<u64>();
    let (mut join, mut watch) = (numbers.join(), numbers.watch());
    numbers.push(number).await?;
    assert_eq!(join.pull().await?, Some(number));
    assert_eq!(watch.pull().await?, Some(number));
    let within = ctx.nested();
    within.publish(Noticed).await?;
    within.close().await?;
    Ok(())
}

#[tokio::test]
async fn contexts_leave_nothing_behind_and_open_ones_are_small() -> nether::Result<()> {
    const CONTEXTS: u64 = 1_000_000;
    const OPEN: i64 = 100_000;
    let system = System::builder().isolated().start().await?;
    let open_and_close = async |range: std::ops::Range<u64>| {
        for number in range {
            let ctx = system.context();
            if number % 100 == 0 {
                use_all(&ctx, number).await?;
            }
            ctx.close().await?;
        }
        Ok::<(), nether::Error>(())
    };
    open_and_close(0..1000).await?; // What is made once is made.
    let before = in_use();
    open_and_close(0..CONTEXTS).await?;
    let left = in_use() - before;
    assert!(left < 4096, "{left} bytes are left of {CONTEXTS} contexts");

    let before = in_use();
    let open: Vec<Context> = (0..OPEN).map(|_| system.context()).collect();
    let each = (in_use() - before) / OPEN;
    assert!(each < 1024, "an open context takes {each} bytes");
    drop(open);

    // Also one that has a stream, baggage and an id.
    let before = in_use();
    let open: Vec<Context> = (0..OPEN as u64 / 10)
        .map(|number| {
            let ctx = system.context().with(TenantId(number));
            ctx.correlation_id();
            ctx.stream::<u64>();
            ctx
        })
        .collect();
    let each = (in_use() - before) / (OPEN / 10);
    assert!(
        each < 2048,
        "an open context with all that takes {each} bytes"
    );
    drop(open);
    Ok(())
}
