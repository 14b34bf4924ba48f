//! How much is asked of a contestant, and what it took.

use std::pin::Pin;
use std::time::Instant;

/// The work of one contestant in one round.
pub type Drive = Pin<Box<dyn Future<Output = Sample> + Send>>;

/// How much is asked.
#[derive(Clone, Copy)]
pub struct Load {
    /// Operations before the clock is read.
    pub warm: u64,
    /// Operations that count.
    pub operations: u64,
    /// Reads the clock, and, if it is asked for, the allocator.
    pub probe: fn() -> Reading,
}

impl Load {
    /// So much on the clock, a quarter of it before: enough to fill every mailbox once.
    pub fn timed(operations: u64) -> Self {
        Load {
            warm: operations.div_ceil(4),
            operations,
            probe: Reading::clock,
        }
    }
}

/// What was read before and after.
#[derive(Clone, Copy)]
pub struct Reading {
    pub at: Instant,
    pub allocations: u64,
    pub bytes: u64,
    /// The bytes that are allocated now.
    pub live: u64,
}

impl Reading {
    pub fn clock() -> Self {
        Reading {
            at: Instant::now(),
            allocations: 0,
            bytes: 0,
            live: 0,
        }
    }
}

/// What one operation took.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    pub nanos: f64,
    /// The slowest but one in a hundred, where operations are timed one by one.
    pub p99: Option<f64>,
    pub allocations: f64,
    pub bytes: f64,
    /// Bytes that it left allocated.
    pub live: f64,
}

impl Sample {
    pub fn between(before: Reading, after: Reading, operations: u64) -> Self {
        let operations = operations as f64;
        Sample {
            nanos: (after.at - before.at).as_nanos() as f64 / operations,
            p99: None,
            allocations: (after.allocations - before.allocations) as f64 / operations,
            bytes: (after.bytes - before.bytes) as f64 / operations,
            live: (after.live as f64 - before.live as f64) / operations,
        }
    }
}

/// The sum of the numbers up to the last: what a handle that was given all of them has.
pub fn sum_to(last: u64) -> u64 {
    last * (last + 1) / 2
}
