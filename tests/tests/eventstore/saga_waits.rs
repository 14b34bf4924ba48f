//! What the failures of a store, and errors that panic, leave of a saga and of those that wait for it.

use std::fmt;
use std::sync::Arc;

use nether::CallError;
use nether::eventstore::{CommandId, NotRunning, Position, Sagas, Step};
use nether::prelude::*;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

use crate::unsteady::{Unsteady, bad_file};

#[command(name = "saga_waits.brew", key = pot)]
pub struct Brew {
    pub pot: u32,
}

#[event(name = "saga_waits.ordered")]
pub struct Ordered {
    pub pot: u32,
}

#[command(name = "saga_waits.heat")]
pub struct Heat;

#[command(name = "saga_waits.drop")]
pub struct DropPot;

#[derive(Default, Serialize, Deserialize)]
pub struct Brewing {}

#[saga(key = pot, handles = [Ordered], starts = [Brew, Ordered], sends = [Heat, DropPot])]
impl Brewing {
    fn begin(&mut self, _: &Brew, step: &mut Step<Self>) {
        step.send(Heat);
        step.end();
    }

    fn ordered(&mut self, _: &Ordered, step: &mut Step<Self>) {
        step.send(DropPot);
        step.end();
    }
}

/// An error whose `Drop` panics.
#[derive(Debug)]
struct Shards;

impl fmt::Display for Shards {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the pot is broken")
    }
}

impl std::error::Error for Shards {}

impl Drop for Shards {
    fn drop(&mut self) {
        panic!("cut");
    }
}

pub struct Stove {
    gas: Arc<Semaphore>,
}

#[module(handles = [Heat, DropPot])]
impl Stove {
    #[init]
    fn new(gas: Resource<Arc<Semaphore>>) -> Self {
        Stove {
            gas: Arc::clone(&gas),
        }
    }

    async fn heat(&self, _: Heat) {
        self.gas.acquire().await.unwrap().forget();
    }

    async fn drop_pot(&self, _: DropPot) -> nether::Result<()> {
        Err(Shards.into())
    }
}

async fn started(store: &nether::eventstore::Store, gas: &Arc<Semaphore>) -> System {
    let builder = System::builder()
        .isolated()
        .with::<Sagas<Brewing>>()
        .with::<Stove>()
        .provide(store.clone());
    builder.provide(Arc::clone(gas)).start().await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_caller_is_answered_when_the_runner_of_its_saga_fails_and_gets_the_answer_later() {
    let ((store, unsteady), gas) = (Unsteady::open(), Arc::new(Semaphore::new(0)));
    let system = started(&store, &gas).await;
    let ctx = system.context().with(CommandId::new(1));
    let failing = async {
        let stored = store.wait_for_new(Position::START).await.unwrap();
        let saga = store.saga::<Brewing>().unwrap();
        saga.wait_for(stored).await.unwrap();
        unsteady.fail_changes(|| Some(bad_file()));
        gas.add_permits(1);
    };
    let (answer, ()) = tokio::join!(ctx.send(Brew { pot: 1 }), failing);
    let Err(CallError::Unavailable(unavailable)) = answer else {
        panic!("{answer:?}");
    };
    let error: &NotRunning = unavailable.error.downcast_ref().unwrap();
    assert_eq!(error.name, "brewing");
    unsteady.recover();
    gas.add_permits(1);
    ctx.send(Brew { pot: 1 }).await.unwrap();
    system.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn an_error_of_a_step_that_panics_when_it_is_dropped_fails_its_saga_alone() {
    let ((store, _), gas) = (Unsteady::open(), Arc::new(Semaphore::new(1)));
    let system = started(&store, &gas).await;
    for pot in 1..=5 {
        let ordered = [Ordered { pot }];
        store.append_events("shop/1", ordered).await.unwrap();
    }
    let saga = store.saga::<Brewing>().unwrap();
    saga.settled().await.unwrap();
    assert!(saga.active().is_empty());
    system.context().send(Brew { pot: 1 }).await.unwrap();
    assert_eq!(
        system.modules().iter().map(|it| it.restarts).sum::<u64>(),
        0
    );
    system.shutdown().await;
}
