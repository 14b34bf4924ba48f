//! The example's modules, under virtual time.

use std::time::Duration;

use nether::TestSystem;

use crate::{Consumer, ItemProduced, Producer, ProducerStopped, StopProducing};

#[nether::test(only = [])]
async fn the_producer_stops_when_a_consumer_has_enough(system: TestSystem) -> nether::Result<()> {
    system.attach(Consumer::new("ann")).await?;
    system.attach(Consumer::new("bob").with_enough(5)).await?;
    let mut stopped = system.subscribe::<ProducerStopped>();
    system.attach(Producer::default()).await?;
    assert_eq!(stopped.next().await.expect("it stops by itself").items, 5);
    system.settle().await;
    let items: Vec<u64> = system
        .published::<ItemProduced>()
        .iter()
        .map(|it| it.item)
        .collect();
    assert_eq!(items, [1, 2, 3, 4, 5]);
    let report = system.shutdown().await;
    // Five items for each of the consumers, and the one command.
    assert_eq!((report.handled, report.failed), (11, 0));
    Ok(())
}

#[nether::test(only = [], seeds = 0..20)]
async fn anyone_may_stop_the_producer(system: TestSystem) -> nether::Result<()> {
    system.attach(Producer::default()).await?;
    let ctx = system.context();
    ctx.send(StopProducing).await?;
    ctx.close().await?;
    // The producer looks up when it has slept.
    system.advance(Duration::from_secs(1)).await;
    assert!(system.published::<ProducerStopped>()[0].items <= 1);
    Ok(())
}
