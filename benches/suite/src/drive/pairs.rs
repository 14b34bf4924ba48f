//! As many producers as counters, each producer going round all of them.

use crate::contract::{Crowd, Crowds};
use crate::load::{Load, Sample};

pub async fn pairs(contestant: impl Crowds, pairs: usize, load: Load) -> Sample {
    let crowd = contestant.crowd(pairs).await;
    let rounds = |operations: u64| operations.div_ceil((pairs * pairs) as u64);
    produce(&crowd, pairs, rounds(load.warm), load).await;
    let sample = produce(&crowd, pairs, rounds(load.operations), load).await;
    let expected = pairs as u64 * (rounds(load.warm) + rounds(load.operations));
    for member in 0..pairs {
        assert_eq!(crowd.total(member).await, expected);
    }
    crowd.close().await;
    sample
}

async fn produce<C: Crowd>(crowd: &C, pairs: usize, rounds: u64, load: Load) -> Sample {
    let handles: Vec<C> = (0..pairs).map(|_| crowd.another()).collect();
    let mut tasks = Vec::with_capacity(pairs);
    let before = (load.probe)();
    for (producer, handle) in handles.into_iter().enumerate() {
        tasks.push(tokio::spawn(async move {
            for _ in 0..rounds {
                for step in 0..pairs {
                    handle.tell((producer + step) % pairs, 1).await;
                }
            }
            handle
        }));
    }
    let mut handles = Vec::with_capacity(pairs);
    for task in tasks {
        handles.push(task.await.expect("a producer does not panic"));
    }
    for member in 0..pairs {
        crowd.total(member).await;
    }
    let after = (load.probe)();
    for handle in handles {
        handle.close().await;
    }
    Sample::between(before, after, (pairs * pairs) as u64 * rounds)
}
