//! What a saga concludes from a store that fails: whether its command was handled, was not, or may have been.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nether::eventstore::{
    Aggregates, Direction, Position, SagaHandle, SagaStuck, Sagas, Step, Store,
};
use nether::prelude::*;
use serde::{Deserialize, Serialize, Serializer};
use tokio::time::sleep;

use crate::unsteady::{Unsteady, bad_file};

#[event(name = "saga_outcomes.asked")]
pub struct RefundAsked {
    pub refund: u32,
    pub is_broken: bool,
}

#[event(name = "saga_outcomes.refunded")]
pub struct Refunded {
    pub amount: u32,
}

/// Cannot be written down.
#[event(name = "saga_outcomes.tallied")]
pub struct Tallied {
    #[serde(serialize_with = "broken")]
    pub by_place: BTreeMap<u32, u32>,
}

/// A map whose keys are no texts.
fn broken<S: Serializer>(map: &BTreeMap<u32, u32>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(map.iter().map(|(key, value)| ((key, key), value)))
}

#[command(name = "saga_outcomes.refund", key = till)]
pub struct Refund {
    pub till: u32,
}

#[command(name = "saga_outcomes.tally", key = till)]
pub struct Tally {
    pub till: u32,
}

#[derive(Default)]
pub struct Till;

#[aggregate(handles = [Refund, Tally], events = [Refunded, Tallied])]
impl Till {
    fn refund(&self, _: Refund) -> Refunded {
        Refunded { amount: 1 }
    }

    fn tally(&self, _: Tally) -> Tallied {
        Tallied {
            by_place: [(1, 1)].into(),
        }
    }

    fn refunded(&mut self, _: &Refunded) {}

    fn tallied(&mut self, _: &Tallied) {}
}

#[command(name = "saga_outcomes.apologise")]
pub struct Apologise;

#[command(name = "saga_outcomes.regret")]
pub struct Regret;

#[derive(Default, Serialize, Deserialize)]
pub struct Refunding {}

#[saga(
    key = refund,
    handles = [RefundAsked],
    starts = [RefundAsked],
    sends = [Apologise, Regret, Refund, Tally]
)]
impl Refunding {
    fn asked(&mut self, event: &RefundAsked, step: &mut Step<Self>) {
        step.send(Apologise).compensate_with(Regret);
        match event.is_broken {
            true => step.send(Tally { till: 1 }),
            false => step.send(Refund { till: 1 }),
        };
    }
}

type Said = Arc<Mutex<Vec<&'static str>>>;

/// An entry that makes `regret` fail.
const NO_REGRETS: &str = "no regrets";

pub struct Clerk {
    said: Said,
}

#[module(handles = [Apologise, Regret])]
impl Clerk {
    #[init]
    fn new(said: Resource<Said>) -> Self {
        Clerk {
            said: Arc::clone(&said),
        }
    }

    async fn apologise(&self, _: Apologise) {
        self.said.lock().unwrap().push("sorry");
    }

    async fn regret(&self, _: Regret) -> nether::Result<()> {
        let mut said = self.said.lock().unwrap();
        if said.contains(&NO_REGRETS) {
            return Err(nether::Error::msg(NO_REGRETS));
        }
        said.push("not so");
        Ok(())
    }
}

async fn started(store: &Store, said: &Said, with_till: bool) -> (System, SagaHandle<Refunding>) {
    let mut builder = System::builder()
        .isolated()
        .with::<Sagas<Refunding>>()
        .with::<Clerk>();
    if with_till {
        builder = builder.with::<Aggregates<Till>>();
    }
    let builder = builder.provide(store.clone()).provide(Arc::clone(said));
    (builder.start().await.unwrap(), store.saga().unwrap())
}

async fn ask(store: &Store, is_broken: bool) -> Position {
    let asked = [RefundAsked {
        refund: 1,
        is_broken,
    }];
    let asked = store.append_events("refund/1", asked).await.unwrap();
    asked.position
}

#[tokio::test(start_paused = true)]
async fn a_command_whose_append_failed_for_good_may_have_been_handled_and_is_sent_again() {
    let ((store, unsteady), said) = (Unsteady::open(), Said::default());
    let (system, saga) = started(&store, &said, true).await;
    ask(&store, false).await;
    unsteady.fail_appends(|| Some(bad_file()));
    sleep(Duration::from_secs(60)).await;
    let active = saga.active();
    assert!(active[0].repeated.is_some(), "{active:?}");
    assert_eq!(*said.lock().unwrap(), ["sorry"], "nothing is compensated");
    unsteady.recover();
    saga.settled().await.unwrap();
    let till = store.read_stream(&"till/1".into(), 1, Direction::Forwards, 9);
    let till = till.await.unwrap();
    assert_eq!(till.len(), 1, "once");
    assert_eq!(*said.lock().unwrap(), ["sorry"]);
    system.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_command_that_can_never_succeed_fails_the_saga_also_after_a_restart() {
    let (store, said) = (Store::memory(), Said::default());
    let (system, saga) = started(&store, &said, false).await;
    ask(&store, true).await;
    sleep(Duration::from_secs(5)).await;
    assert!(saga.active()[0].repeated.is_some(), "nobody handles it");
    system.shutdown().await;
    let (system, saga) = started(&store, &said, true).await;
    saga.settled().await.unwrap();
    assert_eq!(*said.lock().unwrap(), ["sorry", "not so"]);
    assert!(saga.active().is_empty());
    system.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_saga_whose_command_is_sent_in_vain_is_ended_by_hand() {
    let (store, said) = (Store::memory(), Said::default());
    let (system, saga) = started(&store, &said, false).await;
    ask(&store, true).await;
    sleep(Duration::from_secs(60)).await;
    assert!(saga.end("1").await.unwrap());
    saga.settled().await.unwrap();
    assert!(saga.active().is_empty());
    assert_eq!(*said.lock().unwrap(), ["sorry"]);
    system.shutdown().await;
    let (system, saga) = started(&store, &said, true).await;
    saga.settled().await.unwrap();
    assert!(saga.active().is_empty(), "also in the store");
    system.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_saga_that_is_stuck_is_announced_once_also_if_the_sagas_are_read_again() {
    let (store, said) = (Store::memory(), Said::default());
    said.lock().unwrap().push(NO_REGRETS);
    let (system, saga) = started(&store, &said, true).await;
    let mut announced = system.subscribe::<SagaStuck>();
    let asked = ask(&store, true).await;
    saga.settled().await.unwrap();
    assert_eq!(announced.next().await.unwrap().key, "1");
    let other = RefundAsked {
        refund: 1,
        is_broken: false,
    };
    // The states may know what the event was: with the next one, the sagas are read from the store.
    let redacted = store.redact(asked, other, "olga", "it was not broken");
    redacted.await.unwrap();
    for held in 1..=3 {
        saga.wait_for(ask(&store, true).await).await.unwrap();
        assert_eq!(saga.active()[0].held, held);
    }
    system.shutdown().await;
    assert!(announced.next().await.is_none());
}
