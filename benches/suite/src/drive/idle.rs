//! Many who do nothing, after one message each: what they take up.

use crate::contract::{Audience, Audiences};
use crate::load::{Load, Sample};

pub async fn idle(contestant: impl Audiences, members: usize, load: Load) -> Sample {
    let before = (load.probe)();
    let mut audience = contestant.audience(members).await;
    audience.publish(1).await;
    audience.settle().await;
    let after = (load.probe)();
    assert_eq!(audience.totals().await, vec![1; members]);
    Sample::between(before, after, members as u64)
}
