//! Interceptors of a whole program: each message is shown to them before and after.

use std::sync::Arc;
use std::time::Duration;

use nether::eventstore::{Aggregates, Projections, Store};
use nether::prelude::*;
use nether::{Ended, Interceptor, MessageInfo, Principal, Rejection, SystemBuilder};
use tokio::sync::Notify;
use tokio::time::sleep;

use crate::notes::{Inner, Notes, Outer, noting};

/// Notes all that it sees.
struct Watching(&'static str, Notes);

impl Interceptor for Watching {
    fn before(&self, info: &MessageInfo<'_>) -> Result<(), Rejection> {
        let Watching(name, notes) = self;
        notes.add(format!("{name} before {}", short(info.message())));
        if info.principal().map(Principal::id) == Some(name) {
            return Err(Rejection::new(403, format!("not for {name}")));
        }
        Ok(())
    }

    fn after(&self, info: &MessageInfo<'_>, ended: &Ended<'_>) {
        let Watching(name, notes) = self;
        let error = ended.error.map(ToString::to_string).unwrap_or_default();
        let (message, how) = (short(info.message()), ended.how);
        let attempt = info.attempt();
        notes.add(format!("{name} after {message} {attempt}: {how:?} {error}"));
    }
}

fn short(name: &'static str) -> &'static str {
    name.rsplit("::").next().unwrap_or(name)
}

/// Falls over everything.
struct Clumsy {
    before: bool,
}

impl Interceptor for Clumsy {
    fn before(&self, _: &MessageInfo<'_>) -> Result<(), Rejection> {
        assert!(!self.before, "it fell before");
        Ok(())
    }

    fn after(&self, _: &MessageInfo<'_>, _: &Ended<'_>) {
        panic!("it fell after");
    }
}

#[command]
struct Go;

#[command]
struct Stop;

#[event]
struct Went;

#[derive(Default)]
struct Car;

#[module(handles = [Go, Stop, Went], with = [Outer, Inner], emits = [Went, Go], manual)]
impl Car {
    async fn go(&mut self, _: Go, ctx: &Context<Self>) -> nether::Result<()> {
        Ok(ctx.publish(Went).await?)
    }

    async fn stop(&mut self, _: Stop) -> nether::Result<()> {
        Err(nether::Error::msg("the brakes"))
    }

    async fn went(&mut self, _: &Went) {}
}

async fn car(system: SystemBuilder) -> System {
    let system = system.start().await.unwrap();
    system.attach(Car).await.unwrap();
    system
}

#[tokio::test]
async fn the_first_interceptor_is_called_first_and_notified_last_around_all_middleware() {
    let notes = Notes::default();
    let system = noting(&notes);
    let system = system.intercept(Watching("a", notes.clone()));
    let system = system.intercept(Watching("b", notes.clone()));
    let system = car(system).await;
    system.context().send(Stop).await.unwrap_err();
    let expected = [
        "a before Stop",
        "b before Stop",
        "outer begins",
        "inner begins",
        "inner fails",
        "outer fails",
        "b after Stop 1: Failed the brakes",
        "a after Stop 1: Failed the brakes",
    ];
    assert_eq!(notes.take(), expected);
}

#[tokio::test]
async fn an_interceptor_lets_no_message_through_that_it_rejects() {
    let notes = Notes::default();
    let system = noting(&notes);
    let system = system.intercept(Watching("a", notes.clone()));
    let system = system.intercept(Watching("b", notes.clone()));
    let system = system.intercept(Watching("c", notes.clone()));
    let system = car(system).await;
    let ctx = system.context().with_principal("b");
    let Err(CallError::Rejected(rejection)) = ctx.send(Go).await else {
        panic!("it was let through");
    };
    assert_eq!((rejection.status(), rejection.detail()), (403, "not for b"));
    let expected = [
        "a before Go",
        "b before Go",
        "a after Go 1: Rejected rejected: not for b",
    ];
    assert_eq!(notes.take(), expected);
    ctx.publish(Went).await.unwrap();
    let error = ctx.close().await.unwrap_err();
    assert_eq!(error.failures.len(), 1);
}

#[tokio::test]
async fn a_panic_before_a_message_rejects_it_and_one_after_it_is_contained() {
    for before in [true, false] {
        let notes = Notes::default();
        let system = noting(&notes).intercept(Watching("a", notes.clone()));
        let system = car(system.intercept(Clumsy { before })).await;
        let went = system.context().send(Go).await;
        match before {
            true => {
                let Err(CallError::Rejected(rejection)) = went else {
                    panic!("it was let through");
                };
                assert_eq!(rejection.status(), 500);
            }
            false => went.unwrap(),
        }
        let seen = notes.take();
        assert_eq!(seen[0], "a before Go");
        let how = if before { "Rejected" } else { "Handled" };
        assert!(
            seen.iter()
                .any(|note| note.starts_with(&format!("a after Go 1: {how}")))
        );
        assert!(system.modules().iter().all(|module| module.restarts == 0));
    }
}

#[derive(Debug, thiserror::Error, nether::Problem)]
#[error("no more")]
#[problem(status = 409)]
struct NoMore;

#[command(error = NoMore)]
struct Buy;

#[command]
struct Fall;

#[command]
struct Dawdle;

#[query]
struct Wait;

struct Shop(Arc<Notify>);

#[module(handles = [Buy, Fall, Dawdle, Wait], manual)]
impl Shop {
    async fn buy(&self, _: Buy) -> Result<(), NoMore> {
        Err(NoMore)
    }

    #[handler(retry = 1)]
    async fn fall(&self, _: Fall) {
        panic!("it fell");
    }

    #[handler(timeout = "1s")]
    async fn dawdle(&self, _: Dawdle) {
        sleep(Duration::from_secs(2)).await;
    }

    async fn wait(&self, _: Wait) {
        self.0.notify_one();
        sleep(Duration::from_secs(2)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn they_are_notified_how_each_attempt_ended() {
    let notes = Notes::default();
    let system = System::builder().isolated();
    let system = system.intercept(Watching("a", notes.clone()));
    let system = system.start().await.unwrap();
    let begun = Arc::new(Notify::new());
    system.attach(Shop(begun.clone())).await.unwrap();
    let ctx = system.context();
    ctx.send(Buy).await.unwrap_err();
    assert_eq!(
        notes.take(),
        ["a before Buy", "a after Buy 1: Refused no more"]
    );
    ctx.send(Fall).await.unwrap_err();
    let expected = [
        "a before Fall",
        "a after Fall 1: Panicked ",
        "a before Fall",
        "a after Fall 2: Panicked ",
    ];
    assert_eq!(notes.take(), expected);
    ctx.send(Dawdle).await.unwrap_err();
    assert_eq!(
        notes.take(),
        ["a before Dawdle", "a after Dawdle 1: TimedOut "]
    );
    tokio::select! {
        biased;
        _ = ctx.ask(Wait) => panic!("it takes two seconds"),
        () = begun.notified() => {}
    }
    assert_eq!(notes.take(), ["a before Wait", "a after Wait 1: CutOff "]);
}

#[command(key = number, error = Taken)]
struct Register {
    number: u32,
}

#[derive(Debug, thiserror::Error)]
#[error("it is taken")]
struct Taken;

#[event(name = "plates.registered")]
struct Registered {
    number: u32,
}

#[derive(Default, serde::Serialize, serde::Deserialize)]
struct Plate {
    is_taken: bool,
}

#[aggregate(handles = Register, events = Registered)]
impl Plate {
    fn register(&self, register: Register) -> Result<Registered, Taken> {
        match self.is_taken {
            true => Err(Taken),
            false => Ok(Registered {
                number: register.number,
            }),
        }
    }

    fn registered(&mut self, _: &Registered) {
        self.is_taken = true;
    }
}

#[query(reply = u32)]
struct Plates;

#[derive(Default)]
struct PlateCount(u32);

#[projection(handles = [Registered, Plates])]
impl PlateCount {
    fn registered(&mut self, _: &Registered) {
        self.0 += 1;
    }

    fn plates(&self, _: Plates) -> u32 {
        self.0
    }
}

#[tokio::test]
async fn they_see_the_commands_of_aggregates_and_the_queries_of_projections() {
    let notes = Notes::default();
    let system = System::builder().isolated().provide(Store::memory());
    let system = system
        .with::<Aggregates<Plate>>()
        .with::<Projections<PlateCount>>();
    let system = system.intercept(Watching("a", notes.clone()));
    let system = system.start().await.unwrap();
    let ctx = system.context();
    ctx.send(Register { number: 7 }).await.unwrap();
    ctx.send(Register { number: 7 }).await.unwrap_err();
    ctx.ask(Plates).await.unwrap();
    let expected = [
        "a before Register",
        "a after Register 1: Handled ",
        "a before Register",
        "a after Register 1: Failed it is taken",
        "a before Plates",
        "a after Plates 1: Handled ",
    ];
    assert_eq!(notes.take(), expected);
    let ctx = system.context().with_principal("a");
    let error = ctx.send(Register { number: 8 }).await.unwrap_err();
    assert!(matches!(error, CallError::Rejected(_)), "{error}");
    let error = ctx.ask(Plates).await.unwrap_err();
    assert!(matches!(error, CallError::Rejected(_)), "{error}");
}
