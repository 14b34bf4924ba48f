//! Many callers call one counter at once, each one call at a time.

use crate::contract::{Counter, Counters};
use crate::load::{Load, Sample, sum_to};

pub async fn callers(contestant: impl Counters, callers: usize, load: Load) -> Sample {
    let counter = contestant.counter().await;
    let each = |operations: u64| operations.div_ceil(callers as u64);
    call(&counter, callers, each(load.warm), load).await;
    let sample = call(&counter, callers, each(load.operations), load).await;
    let expected = callers as u64 * (sum_to(each(load.warm)) + sum_to(each(load.operations)));
    assert_eq!(counter.read(0).await, expected);
    counter.close().await;
    sample
}

async fn call<C: Counter>(counter: &C, callers: usize, each: u64, load: Load) -> Sample {
    let handles: Vec<C> = (0..callers).map(|_| counter.another()).collect();
    let mut tasks = Vec::with_capacity(callers);
    let before = (load.probe)();
    for handle in handles {
        tasks.push(tokio::spawn(async move {
            for number in 1..=each {
                handle.call(number).await;
            }
            handle
        }));
    }
    let mut handles = Vec::with_capacity(callers);
    for task in tasks {
        handles.push(task.await.expect("a caller does not panic"));
    }
    let after = (load.probe)();
    for handle in handles {
        handle.close().await;
    }
    Sample::between(before, after, callers as u64 * each)
}
