//! What it costs to attach and detach modules, beside few others and beside many. One test, for it looks at
//! all that the process allocates: what is copied is allocated.

use nether::{Attached, prelude::*};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<std::alloc::System> = &INSTRUMENTED_SYSTEM;

#[event]
struct Rang;

#[event]
struct Closed;

struct Ears;

#[module(handles = [Rang, Closed], manual)]
impl Ears {
    async fn rang(&mut self, _: &Rang) {}

    async fn closed(&mut self, _: &Closed) {}
}

/// So many at a time, so that what grows now and then, by doubling, does not grow in between.
const AT_A_TIME: usize = 50;

async fn attach(system: &System, count: usize) -> Vec<Attached<Ears>> {
    let mut attached = Vec::with_capacity(count);
    for _ in 0..count {
        attached.push(system.attach(Ears).await.expect("events are for all"));
    }
    attached
}

/// The bytes that one `attach` allocates, and one `detach`.
async fn costs(system: &System) -> [usize; 2] {
    let attaching = Region::new(ALLOCATOR);
    let attached = attach(system, AT_A_TIME).await;
    let attaching = attaching.change().bytes_allocated / AT_A_TIME;
    let detaching = Region::new(ALLOCATOR);
    for attached in attached {
        system.detach(attached).await;
    }
    let detaching = detaching.change().bytes_allocated / AT_A_TIME;
    [attaching, detaching]
}

#[tokio::test]
async fn attach_and_detach_cost_the_same_beside_many_modules_as_beside_few() -> nether::Result<()> {
    let system = System::builder().isolated().start().await?;
    let _few = attach(&system, 200).await;
    let beside_few = costs(&system).await;
    let _many = attach(&system, 4_800).await;
    let beside_many = costs(&system).await;
    // A copy of all handlers of both events would be 320,000 bytes.
    for (many, few) in beside_many.into_iter().zip(beside_few) {
        assert!(
            many <= few * 2,
            "{beside_many:?} bytes beside 5,000 modules, {beside_few:?} beside 200"
        );
    }
    // Each is still there for the event, in whatever part of the table it is.
    let ctx = system.context();
    ctx.publish(Rang).await?;
    assert_eq!(ctx.close().await?.handled, 5_000);
    Ok(())
}
