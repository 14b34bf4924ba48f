//! Sagas that cannot begin, and those that do not go on without an operator: their callers do not wait for
//! that.

use std::cell::RefCell;
use std::fmt::Debug;
use std::time::Duration;

use nether::CallError;
use nether::eventstore::{CommandId, DocumentChange, SagaFailed, Sagas, Step, StepFailed, Store};
use nether::http::Server;
use nether::prelude::*;
use nether_tests::http::{JSON, open, request};
use serde::{Deserialize, Serialize};

#[command(name = "yard.build", key = ship, reply = Built, error = YardError, http = "POST /ships")]
pub struct Build {
    pub ship: String,
    pub plan: Plan,
}

/// A plan. Some can be read once, which is when they are stored, and not again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Plan(String);

impl TryFrom<String> for Plan {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        let is_first = !READ.with_borrow(|read| read.contains(&text));
        READ.with_borrow_mut(|read| read.push(text.clone()));
        match &*text {
            "torn" if !is_first => Err("the plan is torn"),
            "burning" if !is_first => panic!("the plan burns"),
            _ => Ok(Plan(text)),
        }
    }
}

thread_local! {
    /// The plans that were read.
    static READ: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

impl From<Plan> for String {
    fn from(plan: Plan) -> String {
        plan.0
    }
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Built {
    pub plan: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{kind}: {reason}")]
pub struct YardError {
    kind: String,
    reason: String,
}

#[event(name = "yard.launched")]
pub struct Launched {
    pub ship: String,
    pub by: String,
}

#[event(name = "yard.ordered")]
pub struct Ordered {
    pub ship: String,
}

#[command(name = "yard.lay")]
pub struct Lay {}

#[command(name = "yard.rig")]
pub struct Rig {}

#[command(name = "yard.scrap")]
pub struct Scrap {}

#[derive(Default, Serialize, Deserialize)]
pub struct Building {
    plan: String,
}

#[saga(
    key = ship,
    starts = [Build, Ordered],
    handles = [Launched, Ordered],
    ends = [Launched],
    sends = [Lay, Rig, Scrap],
    retry = 0,
    from = "now"
)]
impl Building {
    fn begin(&mut self, build: &Build, step: &mut Step<Self>) {
        self.plan = build.plan.0.clone();
        if self.plan == "leaking" {
            step.send(Lay {}).compensate_with(Scrap {});
            step.send(Rig {});
        }
    }

    fn ordered(&mut self, _: &Ordered) {
        panic!("no timber");
    }

    fn launched(&mut self, launched: &Launched) {
        assert_eq!(launched.by, "the mayor");
    }

    fn answer(&self, failed: &StepFailed) -> YardError {
        YardError {
            kind: format!("{:?}", failed.kind()),
            reason: failed.reason().to_owned(),
        }
    }
}

impl From<&Building> for Built {
    fn from(building: &Building) -> Self {
        let plan = building.plan.clone();
        Built { plan }
    }
}

#[derive(Default)]
pub struct Dock;

#[module(handles = [Lay, Rig, Scrap])]
impl Dock {
    async fn lay(&self, _: Lay) {}

    async fn rig(&self, _: Rig) -> nether::Result<()> {
        Err(nether::Error::msg("no mast"))
    }

    async fn scrap(&self, _: Scrap) {
        panic!("it sinks");
    }
}

#[command(name = "yard.dig", key = pit)]
pub struct Dig {
    pub pit: u32,
}

/// A saga that has no first state.
#[derive(Serialize, Deserialize)]
pub struct Pit {}

impl Default for Pit {
    fn default() -> Self {
        panic!("no ground")
    }
}

#[saga(key = pit, starts = [Dig], sends = [Lay])]
impl Pit {
    fn dig(&mut self, _: &Dig, step: &mut Step<Self>) {
        step.end();
    }
}

async fn started(store: &Store) -> System {
    let builder = System::builder()
        .isolated()
        .with::<Sagas<Building>>()
        .with::<Sagas<Pit>>()
        .with::<Dock>()
        .provide(store.clone());
    builder.start().await.unwrap()
}

fn build(ship: &str, plan: &str) -> Build {
    Build {
        ship: ship.to_owned(),
        plan: Plan(plan.to_owned()),
    }
}

/// The answer to a command, which does not wait for an operator.
async fn soon<T>(answer: impl Future<Output = T>) -> T {
    let answer = tokio::time::timeout(Duration::from_secs(3600), answer);
    answer.await.expect("it is answered")
}

/// Why there is no answer.
fn unavailable<T: Debug, E: Debug>(answer: Result<T, CallError<E>>) -> String {
    match answer {
        Err(CallError::Unavailable(unavailable)) => unavailable.error.to_string(),
        answer => panic!("{answer:?}"),
    }
}

fn error(answer: Result<Built, CallError<YardError>>) -> YardError {
    answer.unwrap_err().into_handler_error().unwrap()
}

/// Replaces what is stored of the saga of a ship.
async fn rewrite(store: &Store, ship: &str, rewritten: impl FnOnce(&str) -> String) {
    let document = store.document("saga/building", ship).await.unwrap();
    let document = String::from_utf8(document.unwrap()).unwrap();
    let changed = DocumentChange {
        collection: "saga/building".into(),
        key: ship.into(),
        content: Some(rewritten(&document).into_bytes()),
    };
    let changed = store.change_documents(vec![changed], Vec::new());
    changed.await.unwrap();
}

/// Launches a ship, and waits until its saga has seen that.
async fn launch(store: &Store, ship: &str, by: &str) {
    let (ship, by) = (ship.to_owned(), by.to_owned());
    let launched = store.append_events("sea/1", [Launched { ship, by }]).await;
    let saga = store.saga::<Building>().unwrap();
    saga.wait_for(launched.unwrap().position).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_saga_whose_first_state_cannot_be_made_answers_and_has_failed() {
    let store = Store::memory();
    let system = started(&store).await;
    let mut failures = system.subscribe::<SagaFailed>();
    let ctx = system.context();
    let text = unavailable(soon(ctx.send(Dig { pit: 1 })).await);
    assert!(
        text.contains("`yard.dig`") && text.contains("panicked: no ground"),
        "{text}"
    );
    let failed = failures.next().await.unwrap();
    assert_eq!(
        (&*failed.name, &*failed.key, &*failed.reason),
        ("pit", "1", "panicked: no ground")
    );
    ctx.process(Dig { pit: 2 }).await.unwrap();
    assert_eq!(failures.next().await.unwrap().key, "2");
    let saga = store.saga::<Pit>().unwrap();
    assert!(saga.active().is_empty() && saga.parked().is_empty());
    system.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_command_that_cannot_be_read_again_is_answered_as_refused() {
    let store = Store::memory();
    let system = started(&store).await;
    let ctx = system.context();
    let torn = error(soon(ctx.send(build("a", "torn"))).await);
    assert_eq!(torn.kind, "Refused");
    assert!(torn.reason.contains("the plan is torn"), "{torn}");
    let burning = error(soon(ctx.send(build("a", "burning"))).await);
    assert_eq!(burning.kind, "Panicked");
    assert!(burning.reason.contains("the plan burns"), "{burning}");
    let saga = store.saga::<Building>().unwrap();
    assert!(saga.active().is_empty() && saga.parked().is_empty());
    system.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn the_caller_of_a_saga_that_cannot_be_read_is_told_and_answered_when_it_is_ended() {
    let store = Store::memory();
    for is_document in [true, false] {
        let ship = if is_document { "a" } else { "b" };
        let system = started(&store).await;
        let first = system.context().with(CommandId::new(1));
        first.process(build(ship, "slow")).await.unwrap();
        let saga = store.saga::<Building>().unwrap();
        saga.settled().await.unwrap();
        first.close().await.unwrap();
        system.shutdown().await;
        rewrite(&store, ship, |document| match is_document {
            true => "no".to_owned(),
            false => document.replace(r#"{"plan":"slow"}"#, r#"{"plan":3}"#),
        })
        .await;
        let system = started(&store).await;
        let saga = store.saga::<Building>().unwrap();
        if !is_document {
            // That its state cannot be read shows with the next event.
            launch(&store, ship, "the mayor").await;
        }
        let first = system.context().with(CommandId::new(1));
        let text = unavailable(soon(first.send(build(ship, "slow"))).await);
        assert!(
            text.starts_with(&format!(
                "the saga `building` with the key `{ship}` does not go on before an operator sees to it: "
            )),
            "{text}"
        );
        // Another command is refused, also behind the parked event.
        for event in 0..2 {
            let second = error(soon(system.context().send(build(ship, "other"))).await);
            assert_eq!(second.kind, "UnderWay", "{event}");
            launch(&store, ship, "the mayor").await;
        }
        assert_eq!(saga.parked()[0].key, ship);
        assert!(saga.end(ship).await.unwrap());
        let ended = error(soon(first.send(build(ship, "slow"))).await);
        assert_eq!(ended.kind, "Ended");
        assert!(saga.skip_parked(ship).await.unwrap());
        saga.settled().await.unwrap();
        // What was refused starts nothing when the events before it are gone.
        assert!(saga.active().is_empty() && saga.parked().is_empty());
        drop(first.close().await);
        system.shutdown().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_caller_does_not_wait_for_an_event_that_is_parked_and_gets_the_answer_later() {
    let store = Store::memory();
    let system = started(&store).await;
    let ctx = system.context().with(CommandId::new(1));
    let saga = store.saga::<Building>().unwrap();
    let launched = async {
        let stored = store
            .wait_for_new(nether::eventstore::Position::START)
            .await;
        saga.wait_for(stored.unwrap()).await.unwrap();
        launch(&store, "a", "a sailor").await;
    };
    let (answer, ()) = tokio::join!(soon(ctx.send(build("a", "slow"))), launched);
    let text = unavailable(answer);
    assert!(text.contains("is parked: panicked"), "{text}");
    assert!(saga.skip_parked("a").await.unwrap());
    let answer = soon(ctx.send(build("a", "slow")));
    let launched = launch(&store, "a", "the mayor");
    let (answer, ()) = tokio::join!(answer, launched);
    let plan = "slow".to_owned();
    assert_eq!(answer.unwrap(), Built { plan });
    system.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_command_behind_a_parked_event_is_told_and_begins_when_that_is_skipped() {
    let store = Store::memory();
    let system = started(&store).await;
    let ship = "a".to_owned();
    store
        .append_events("sea/1", [Ordered { ship }])
        .await
        .unwrap();
    let ctx = system.context().with(CommandId::new(1));
    let text = unavailable(soon(ctx.send(build("a", "slow"))).await);
    assert!(text.contains("parked: panicked: no timber"), "{text}");
    let saga = store.saga::<Building>().unwrap();
    assert!(saga.skip_parked("a").await.unwrap());
    let launched = launch(&store, "a", "the mayor");
    let (answer, ()) = tokio::join!(soon(ctx.send(build("a", "slow"))), launched);
    answer.unwrap();
    system.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn the_caller_of_a_stuck_saga_is_told_and_gets_the_error_of_the_step_when_it_is_ended() {
    let store = Store::memory();
    let system = started(&store).await;
    let ctx = system.context().with(CommandId::new(1));
    let text = unavailable(soon(ctx.send(build("a", "leaking"))).await);
    assert!(
        text.contains("its compensation `yard.scrap` has failed too"),
        "{text}"
    );
    let saga = store.saga::<Building>().unwrap();
    assert!(saga.end("a").await.unwrap());
    let failed = error(soon(ctx.send(build("a", "leaking"))).await);
    assert_eq!(failed.kind, "Error");
    assert!(failed.reason.contains("no mast"), "{failed}");
    system.shutdown().await;
}

#[tokio::test]
async fn a_request_for_a_saga_that_waits_for_an_operator_may_come_again() {
    let store = Store::memory();
    let system = started(&store).await;
    let address = open(&system, Server::new(&system)).await;
    let headers = [JSON, ("idempotency-key", "a")];
    let body = r#"{"ship":"a","plan":"leaking"}"#;
    let blocked = request(&address, "POST /ships", &headers, body).await;
    assert_eq!(blocked.status, 503, "{}", blocked.body);
    assert!(
        blocked.body.contains("before an operator sees to it"),
        "{}",
        blocked.body
    );
    let saga = store.saga::<Building>().unwrap();
    assert!(saga.end("a").await.unwrap());
    let failed = request(&address, "POST /ships", &headers, body).await;
    assert_eq!(failed.status, 500, "{}", failed.body);
    system.shutdown().await;
}
