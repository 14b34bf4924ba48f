//! One producer publishes to many, until the last of them has handled the last. What counts is deliveries.

use crate::contract::{Audience, Audiences};
use crate::load::{Load, Sample, sum_to};

pub async fn publish(contestant: impl Audiences, members: usize, load: Load) -> Sample {
    let mut audience = contestant.audience(members).await;
    let each = |deliveries: u64| deliveries.div_ceil(members as u64);
    show(&mut audience, each(load.warm)).await;
    let before = (load.probe)();
    show(&mut audience, each(load.operations)).await;
    let after = (load.probe)();
    let expected = sum_to(each(load.warm)) + sum_to(each(load.operations));
    assert_eq!(audience.totals().await, vec![expected; members]);
    Sample::between(before, after, each(load.operations) * members as u64)
}

async fn show(audience: &mut impl Audience, last: u64) {
    for number in 1..=last {
        audience.publish(number).await;
    }
    audience.settle().await;
}
