//! Prints what every contestant allocates, as JSON: [`suite::extras::Memory`].
//!
//! Its allocator counts, which takes time, so nothing is timed here.

use std::alloc::System;
use std::time::Instant;

use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use suite::contestants::{self, Contestant};
use suite::extras::{Allocations, Memory};
use suite::load::{Load, Reading, Sample};
use suite::runtime::Flavour;
use suite::scenario::Scenario;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const OPERATIONS: u64 = 20_000;
const IDLE: usize = 1000;
const LISTENERS: usize = 10;

fn main() {
    let memory = Memory {
        contestants: contestants::ALL.iter().map(allocations).collect(),
        open_context: contestants::ALL
            .iter()
            .find_map(|contestant| sample(contestant, Scenario::OpenContexts))
            .map_or(0.0, |sample| sample.live),
    };
    let text = serde_json::to_string_pretty(&memory).expect("it is plain data");
    println!("{text}");
}

fn allocations(contestant: &Contestant) -> Allocations {
    let each = |scenario| sample(contestant, scenario).map(|it| (it.allocations, it.bytes));
    let publish = each(Scenario::Publish(LISTENERS));
    let listeners = LISTENERS as f64;
    Allocations {
        contestant: contestant.id.into(),
        process: each(Scenario::Process),
        send: each(Scenario::Send),
        ask: each(Scenario::Ask),
        shared_ask: each(Scenario::AskShared),
        publish: publish.map(|(count, bytes)| (count * listeners, bytes * listeners)),
        context: each(Scenario::Contexts),
        idle: sample(contestant, Scenario::Idle(IDLE)).map(|it| it.live),
    }
}

/// On the current thread, so that nothing else allocates in between.
fn sample(contestant: &Contestant, scenario: Scenario) -> Option<Sample> {
    let load = Load {
        warm: OPERATIONS,
        operations: OPERATIONS,
        probe,
    };
    let drive = (contestant.run)(scenario, Flavour::Current, load).ok()?;
    contestant.engine.run(Flavour::Current, drive).ok()
}

fn probe() -> Reading {
    let stats = ALLOCATOR.stats();
    Reading {
        at: Instant::now(),
        allocations: (stats.allocations + stats.reallocations) as u64,
        bytes: stats.bytes_allocated as u64,
        live: (stats.bytes_allocated - stats.bytes_deallocated) as u64,
    }
}
