//! One producer hands over to one counter, until the last is handled.

use crate::contract::{Counter, Counters};
use crate::load::{Load, Sample, sum_to};

pub async fn process(contestant: impl Counters, load: Load) -> Sample {
    let counter = contestant.counter().await;
    tell(&counter, load.warm).await;
    let before = (load.probe)();
    let total = tell(&counter, load.operations).await;
    let after = (load.probe)();
    assert_eq!(total, sum_to(load.warm) + sum_to(load.operations));
    counter.close().await;
    Sample::between(before, after, load.operations)
}

async fn tell(counter: &impl Counter, last: u64) -> u64 {
    for number in 1..=last {
        counter.tell(number).await;
    }
    counter.read(0).await
}
