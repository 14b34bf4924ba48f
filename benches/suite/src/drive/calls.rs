//! One caller calls one counter, each time when the call before is answered.

use std::time::Instant;

use crate::contract::{Counter, Counters};
use crate::load::{Load, Sample, sum_to};

/// So many calls share two readings of the clock, which would otherwise be most of what a direct call takes.
const BLOCK: u64 = 32;

/// What is called.
pub trait Verb: Send + 'static {
    /// Calls, and gives what the reply says the sum was or would be.
    fn of(counter: &impl Counter, number: u64) -> impl Future<Output = u64> + Send;

    /// The last reply to the numbers up to `last`, if the sum was `sum` before.
    fn last_reply(sum: u64, last: u64) -> u64;

    /// The sum after the numbers up to `last`.
    fn sum(sum: u64, last: u64) -> u64;
}

/// The number is added.
pub struct Sent;

impl Verb for Sent {
    fn of(counter: &impl Counter, number: u64) -> impl Future<Output = u64> + Send {
        counter.call(number)
    }

    fn last_reply(sum: u64, last: u64) -> u64 {
        sum + sum_to(last)
    }

    fn sum(sum: u64, last: u64) -> u64 {
        sum + sum_to(last)
    }
}

/// The sum is asked for.
pub struct Asked;

impl Verb for Asked {
    fn of(counter: &impl Counter, number: u64) -> impl Future<Output = u64> + Send {
        counter.read(number)
    }

    fn last_reply(sum: u64, last: u64) -> u64 {
        sum + last
    }

    fn sum(sum: u64, _: u64) -> u64 {
        sum
    }
}

/// The median is of blocks of calls, the p99 of calls timed one by one in a second pass.
pub async fn calls<V: Verb>(contestant: impl Counters, load: Load) -> Sample {
    let counter = contestant.counter().await;
    let operations = load.operations.next_multiple_of(BLOCK);
    let mut times = Vec::with_capacity(operations as usize);
    one_by_one::<V>(&counter, load.warm, &mut times).await;
    times.clear();
    let before = (load.probe)();
    let reply = in_blocks::<V>(&counter, operations, &mut times).await;
    let after = (load.probe)();
    let sum = V::sum(0, load.warm);
    assert_eq!(reply, V::last_reply(sum, operations));
    let median = percentile(&mut times, 50) / BLOCK as f64;
    times.clear();
    one_by_one::<V>(&counter, operations, &mut times).await;
    let expected = V::sum(V::sum(sum, operations), operations);
    assert_eq!(counter.read(0).await, expected);
    counter.close().await;
    Sample {
        nanos: median,
        p99: Some(percentile(&mut times, 99)),
        ..Sample::between(before, after, operations)
    }
}

async fn in_blocks<V: Verb>(counter: &impl Counter, last: u64, times: &mut Vec<u64>) -> u64 {
    let mut reply = 0;
    for block in 0..last / BLOCK {
        let begun = Instant::now();
        for number in 1..=BLOCK {
            reply = V::of(counter, block * BLOCK + number).await;
        }
        times.push(begun.elapsed().as_nanos() as u64);
    }
    reply
}

async fn one_by_one<V: Verb>(counter: &impl Counter, last: u64, times: &mut Vec<u64>) {
    for number in 1..=last {
        let begun = Instant::now();
        V::of(counter, number).await;
        times.push(begun.elapsed().as_nanos() as u64);
    }
}

fn percentile(times: &mut [u64], percent: usize) -> f64 {
    let at = times.len() * percent / 100;
    *times.select_nth_unstable(at).1 as f64
}
