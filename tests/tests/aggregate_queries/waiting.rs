//! Queries wait for commands, and commands for queries, but queries not for each other. A query that fails
//! changes nothing.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context as TaskContext, Poll, Waker};
use std::time::Duration;

use nether::eventstore::{Aggregates, Store};
use nether::prelude::*;
use tokio::sync::{Barrier, Semaphore};

/// What the methods of [`Gate`] wait for.
#[derive(Clone)]
pub struct Doors {
    decided: Arc<Semaphore>,
    answered: Arc<Semaphore>,
    both: Arc<Barrier>,
}

impl Default for Doors {
    fn default() -> Self {
        Doors {
            decided: Arc::new(Semaphore::new(0)),
            answered: Arc::new(Semaphore::new(0)),
            both: Arc::new(Barrier::new(2)),
        }
    }
}

#[command(key = gate)]
pub struct Pass {
    pub gate: u8,
}

#[query(key = gate, reply = u32)]
pub struct Passed {
    pub gate: u8,
    pub waits: Waits,
}

#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub enum Waits {
    Never,
    ForADoor,
    ForAnother,
    Panics,
    TwoPanics,
    ForEver,
}

#[event(name = "gate.passed")]
pub struct HasPassed;

#[derive(Default)]
pub struct Gate {
    passed: u32,
    panics: AtomicU32,
}

#[aggregate(
    handles = [Pass, Passed],
    events = [HasPassed],
    timeout = "5s",
    retry = 2,
    backoff = "1ms..1ms"
)]
impl Gate {
    async fn pass(&self, _: Pass, doors: Resource<Doors>) -> HasPassed {
        doors.decided.acquire().await.unwrap().forget();
        HasPassed
    }

    async fn passed(&self, query: Passed, doors: Resource<Doors>) -> u32 {
        match query.waits {
            Waits::Never => {}
            Waits::ForADoor => {
                doors.answered.acquire().await.unwrap().forget();
            }
            Waits::ForAnother => {
                doors.both.wait().await;
            }
            Waits::Panics => panic!("it is closed"),
            Waits::TwoPanics => {
                let panics = self.panics.fetch_add(1, Ordering::SeqCst);
                assert!(panics >= 2, "it is closed");
            }
            Waits::ForEver => std::future::pending().await,
        }
        self.passed
    }

    fn has_passed(&mut self, _: &HasPassed) {
        self.passed += 1;
    }
}

fn passed(waits: Waits) -> Passed {
    Passed { gate: 1, waits }
}

async fn gated(store: &Store) -> (System, Doors) {
    let doors = Doors::default();
    let builder = System::builder()
        .isolated()
        .with::<Aggregates<Gate>>()
        .provide(store.clone())
        .provide(doors.clone());
    (builder.start().await.unwrap(), doors)
}

/// Polls it once, which it has to wait behind.
fn begin<F: Future>(future: Pin<&mut F>) {
    let mut cx = TaskContext::from_waker(Waker::noop());
    assert!(matches!(future.poll(&mut cx), Poll::Pending));
}

#[tokio::test(start_paused = true)]
async fn a_query_waits_for_the_commands_before_it() {
    let (system, doors) = gated(&Store::memory()).await;
    let ctx = system.context();
    let mut pass = pin!(ctx.send(Pass { gate: 1 }));
    begin(pass.as_mut());
    let mut ask = pin!(ctx.ask(passed(Waits::Never)));
    begin(ask.as_mut());
    doors.decided.add_permits(1);
    let (passed, answer) = tokio::join!(pass, ask);
    passed.unwrap();
    assert_eq!(answer.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_command_waits_for_the_queries_before_it() {
    let (system, doors) = gated(&Store::memory()).await;
    doors.decided.add_permits(2);
    let ctx = system.context();
    ctx.send(Pass { gate: 1 }).await.unwrap();
    let mut ask = pin!(ctx.ask(passed(Waits::ForADoor)));
    begin(ask.as_mut());
    let mut pass = pin!(ctx.send(Pass { gate: 1 }));
    begin(pass.as_mut());
    doors.answered.add_permits(1);
    let (answer, passed_on) = tokio::join!(ask, pass);
    assert_eq!(
        answer.unwrap(),
        1,
        "what it reads does not change meanwhile"
    );
    passed_on.unwrap();
    assert_eq!(ctx.ask(passed(Waits::Never)).await.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn queries_of_one_aggregate_are_answered_side_by_side() {
    let (system, _doors) = gated(&Store::memory()).await;
    let ctx = system.context();
    let first = ctx.ask(passed(Waits::ForAnother));
    let second = ctx.ask(passed(Waits::ForAnother));
    let (first, second) = tokio::join!(first, second);
    assert_eq!((first.unwrap(), second.unwrap()), (0, 0));
}

/// None of them is in memory at first, so that both queries find nothing, and one of them reads the store.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn queries_of_an_aggregate_that_is_not_in_memory_are_answered_side_by_side() {
    let (system, _doors) = gated(&Store::memory()).await;
    let system = Arc::new(system);
    for gate in 0..200 {
        let asked = [(); 2].map(|()| {
            let system = Arc::clone(&system);
            let waits = Waits::ForAnother;
            tokio::spawn(async move { system.context().ask(Passed { gate, waits }).await })
        });
        for answer in asked {
            assert_eq!(answer.await.unwrap().unwrap(), 0);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_query_that_fails_leaves_the_aggregate_as_it_was() {
    let (system, doors) = gated(&Store::memory()).await;
    doors.decided.add_permits(1);
    let ctx = system.context();
    ctx.send(Pass { gate: 1 }).await.unwrap();
    let panicked = ctx.ask(passed(Waits::Panics)).await;
    assert!(matches!(panicked, Err(CallError::Panicked { .. })));
    let late = ctx.ask(passed(Waits::ForEver)).await;
    assert!(matches!(late, Err(CallError::TimedOut { .. })), "{late:?}");
    let short = system.context().with_timeout(Duration::from_millis(5));
    let late = short.ask(passed(Waits::ForEver)).await;
    assert!(matches!(late, Err(CallError::DeadlineExceeded { .. })));
    // It is answered again as often as `retry` says.
    assert_eq!(ctx.ask(passed(Waits::TwoPanics)).await.unwrap(), 1);
    assert_eq!(ctx.ask(passed(Waits::Never)).await.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_is_gone_frees_the_aggregate() {
    let (system, doors) = gated(&Store::memory()).await;
    doors.decided.add_permits(1);
    let ctx = system.context();
    {
        let mut ask = pin!(ctx.ask(passed(Waits::ForEver)));
        begin(ask.as_mut());
    }
    ctx.send(Pass { gate: 1 }).await.unwrap();
    assert_eq!(ctx.ask(passed(Waits::Never)).await.unwrap(), 1);
}
