//! What mailboxes take of memory. One test, for it looks at all that the process has in use.

use nether::prelude::*;
use nether_tests::in_use;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<std::alloc::System> = &INSTRUMENTED_SYSTEM;

const BURST: u64 = 200_000;

#[command]
struct Burst;

#[command]
struct Item([u64; 16]);

struct Source;

#[module(handles = Burst, manual)]
impl Source {
    async fn burst(&mut self, _: Burst, ctx: &Context<Self>) -> nether::Result<()> {
        for number in 0..BURST {
            ctx.try_process(Item([number; 16]))?;
        }
        Ok(())
    }
}

#[derive(Default)]
struct Sink(u64);

#[module(handles = Item, manual)]
impl Sink {
    async fn item(&mut self, Item([number, ..]): Item) {
        self.0 += number;
    }
}

async fn a_burst_leaves_its_memory_in_time() -> nether::Result<()> {
    let system = System::builder().isolated().start().await?;
    system.attach(Source).await?;
    system.attach(Sink::default()).await?;
    let before = in_use();
    for _ in 0..2 {
        let ctx = system.context();
        ctx.process(Burst).await?;
        ctx.close().await?;
        let ctx = system.context();
        for number in 0..5000 {
            ctx.send(Item([number; 16])).await?;
        }
        ctx.close().await?;
        let left = in_use() - before;
        assert!(left < 256 * 1024, "{left} bytes are left of a burst");
    }
    system.shutdown().await;
    Ok(())
}

#[test]
fn a_mailbox_gives_the_memory_of_a_burst_back() -> nether::Result<()> {
    let one = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    one.block_on(a_burst_leaves_its_memory_in_time())?;
    let several = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    several.block_on(a_burst_leaves_its_memory_in_time())
}
