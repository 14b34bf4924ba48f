//! What one operation costs, on both runtimes, for day-to-day work: `cargo bench -p nether`, or
//! `cargo bench -p nether -- 'send'` for those whose name has it. A test runs each once.
//!
//! Each includes the handling. Times differ from machine to machine and from run to run; what guards against
//! going backwards counts instructions instead (`benches/instructions`).

mod operations;
mod program;

use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use nether::System;
use tokio::runtime::{Builder, Runtime};

use self::operations as op;
use self::program::started;

criterion_group! {
    name = both_runtimes;
    config = Criterion::default()
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(3));
    targets = on_one_thread, on_many_threads
}
criterion_main!(both_runtimes);

fn on_one_thread(criterion: &mut Criterion) {
    let runtime = Builder::new_current_thread().enable_time().build();
    operations(criterion, "current_thread", &runtime.expect("a runtime"));
}

fn on_many_threads(criterion: &mut Criterion) {
    let runtime = Builder::new_multi_thread().enable_time().build();
    operations(criterion, "multi_thread", &runtime.expect("a runtime"));
}

fn operations(criterion: &mut Criterion, flavor: &str, runtime: &Runtime) {
    let mut measured = Measured {
        group: criterion.benchmark_group(flavor),
        runtime,
        system: runtime.block_on(started(1)),
    };
    measured.group.throughput(Throughput::Elements(op::BATCH));
    measured.add("process 1000", op::process);
    measured.group.throughput(Throughput::Elements(1));
    measured.add("send to an exclusive module", op::send);
    measured.add("ask an exclusive module", op::ask);
    measured.add("ask a shared module", op::ask_shared);
    measured.add("open and close a context", op::context);
    measured.add("a context with a cascade of three events", op::cascade);
    for listeners in [1, 10, 100] {
        measured.system = runtime.block_on(started(listeners));
        measured.add(&format!("publish to {listeners}"), op::publish);
    }
    measured.group.finish();
}

/// Operations of one system on one runtime.
struct Measured<'a> {
    group: criterion::BenchmarkGroup<'a, criterion::measurement::WallTime>,
    runtime: &'a Runtime,
    system: System,
}

impl Measured<'_> {
    /// Adds an operation: what does it as often as is asked. It runs in a task, as a program's work does.
    fn add<F>(&mut self, name: &str, operation: fn(System, u64) -> F)
    where
        F: Future<Output = nether::Result<()>> + Send + 'static,
    {
        let (runtime, system) = (self.runtime, &self.system);
        self.group.bench_function(name, |bencher| {
            bencher.iter_custom(|rounds| {
                let system = system.clone();
                runtime.block_on(async {
                    let begun = Instant::now();
                    let done = tokio::spawn(operation(system, rounds)).await;
                    done.expect("no panic").expect("nothing fails");
                    begun.elapsed()
                })
            });
        });
    }
}
