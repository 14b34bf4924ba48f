//! The example's modules, under paused time.

use nether::System;

use crate::{Consumer, ItemProduced, Producer, ProducerStopped, StopProducing};

#[tokio::test(start_paused = true)]
async fn the_producer_stops_when_a_consumer_has_enough() -> nether::Result<()> {
    let system = System::builder().isolated().start().await?;
    let mut items = system.subscribe::<ItemProduced>();
    let mut stopped = system.subscribe::<ProducerStopped>();
    system.attach(Consumer::new("ann")).await?;
    system.attach(Consumer::new("bob").with_enough(5)).await?;
    system.attach(Producer::default()).await?;
    assert_eq!(stopped.next().await.expect("it stops by itself").items, 5);
    for item in 1..=5 {
        assert_eq!(items.next().await.expect("produced").item, item);
    }
    let report = system.shutdown().await;
    // Five items for each of the consumers, and the one command.
    assert_eq!((report.handled, report.failed), (11, 0));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn anyone_may_stop_the_producer() -> nether::Result<()> {
    let system = System::builder().isolated().start().await?;
    let mut stopped = system.subscribe::<ProducerStopped>();
    system.attach(Producer::default()).await?;
    system
        .scope(async |ctx| Ok(ctx.send(StopProducing).await?))
        .await?;
    assert!(stopped.next().await.expect("it was told to stop").items <= 1);
    Ok(())
}
