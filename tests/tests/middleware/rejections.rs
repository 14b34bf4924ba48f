//! What becomes of a message that middleware does not let through.

use std::sync::atomic::{AtomicU32, Ordering};

use nether::prelude::*;
use nether::{
    Answer, AnswerError, Call, DeadLetter, FailureKind, HandlerFailed, Message, Next, Principal,
    Rejection,
};

/// Lets nothing through.
struct Closed;

#[nether::middleware]
impl Closed {
    async fn around<M: Message>(&self, call: Call<'_, M>, _: Next<'_, M>) -> Answer<M> {
        call.reject(Rejection::new(429, "closed today"))
    }
}

/// Lets nothing through, by `?`.
struct AlsoClosed;

#[nether::middleware]
impl AlsoClosed {
    async fn around<M: Message>(&self, call: Call<'_, M>, next: Next<'_, M>) -> Answer<M> {
        allowed(call.principal())?;
        next.run(call).await
    }
}

fn allowed(principal: Option<&Principal>) -> Result<(), Rejection> {
    principal.map_or_else(|| Err(Rejection::new(401, "who are you?")), |_| Ok(()))
}

#[command]
struct Push;

#[query(reply = u32)]
struct Pushed;

#[event]
struct Rang;

#[derive(Default)]
struct Door(u32);

#[module(handles = [Push, Pushed, Rang], breaker = "2 in 10s, probe after 30s", retry = 3, manual)]
impl Door {
    #[handler(with = Closed)]
    async fn push(&mut self, _: Push) {
        self.0 += 1;
    }

    async fn pushed(&self, _: Pushed) -> u32 {
        self.0
    }

    #[handler(with = Closed)]
    async fn rang(&mut self, _: &Rang) {
        self.0 += 1;
    }
}

#[command]
struct Knock;

#[event]
struct Knocked;

struct Window;

#[module(handles = [Knock, Knocked], with = AlsoClosed, manual)]
impl Window {
    async fn knock(&self, _: Knock) {}

    async fn knocked(&self, _: &Knocked) {}
}

async fn started() -> System {
    let system = System::builder()
        .isolated()
        .provide(Closed)
        .provide(AlsoClosed);
    let system = system.start().await.unwrap();
    system.attach(Door::default()).await.unwrap();
    system.attach(Window).await.unwrap();
    system
}

#[tokio::test]
async fn a_rejection_reaches_the_caller_and_the_handler_is_not_called() {
    let system = started().await;
    let ctx = system.context();
    let Err(CallError::Rejected(rejection)) = ctx.send(Push).await else {
        panic!("it was let through");
    };
    assert_eq!(
        (rejection.status(), rejection.detail()),
        (429, "closed today")
    );
    assert_eq!(ctx.ask(Pushed).await.unwrap(), 0);
    let Err(CallError::Rejected(rejection)) = ctx.send(Knock).await else {
        panic!("it was let through");
    };
    assert_eq!(rejection.status(), 401);
    // Its caller has it, so it is no failure of the unit of work.
    ctx.close().await.unwrap();
    let ctx = system.context().with_principal("ann");
    ctx.send(Knock).await.unwrap();
}

#[tokio::test]
async fn a_rejected_event_is_a_failure_of_its_unit_and_no_dead_letter() {
    let system = started().await;
    let mut letters = system.subscribe::<DeadLetter>();
    let mut failed = system.subscribe::<HandlerFailed>();
    for is_exclusive in [true, false] {
        let ctx = system.context();
        match is_exclusive {
            true => ctx.publish(Rang).await.unwrap(),
            false => ctx.publish(Knocked).await.unwrap(),
        }
        let error = ctx.close().await.unwrap_err();
        let [failure] = &error.failures[..] else {
            panic!("{error}");
        };
        assert!(matches!(failure.kind, FailureKind::Rejected(_)));
        assert!(!failure.kind.is_dead_letter());
        let event = failed.next().await.unwrap();
        assert!(event.error.starts_with("rejected: "), "{}", event.error);
        assert!(!event.crashed && event.json.is_some());
    }
    system.shutdown().await;
    assert!(letters.next().await.is_none());
}

#[tokio::test]
async fn a_rejected_command_that_no_caller_waits_for_is_a_failure_of_its_unit() {
    let system = started().await;
    let ctx = system.context();
    ctx.process(Push).await.unwrap();
    ctx.process(Knock).await.unwrap();
    let error = ctx.close().await.unwrap_err();
    assert_eq!(error.failures.len(), 2);
    let are_rejected = |kind: &FailureKind| matches!(kind, FailureKind::Rejected(_));
    assert!(
        error
            .failures
            .iter()
            .all(|failure| are_rejected(&failure.kind))
    );
}

#[tokio::test]
async fn rejections_do_not_open_a_breaker() {
    let system = started().await;
    let ctx = system.context();
    for _ in 0..5 {
        let error = ctx.send(Push).await.unwrap_err();
        assert!(matches!(error, CallError::Rejected(_)), "{error}");
    }
    let status = system.modules();
    let door = status.iter().find(|module| module.name.ends_with("Door"));
    let door = door.expect("it is attached");
    assert_eq!((door.failed, door.refused), (5, 5));
}

/// Rejects, and counts.
#[derive(Clone, Default)]
struct Counting(std::sync::Arc<AtomicU32>);

#[nether::middleware]
impl Counting {
    async fn around<M: Message>(&self, call: Call<'_, M>, _: Next<'_, M>) -> Answer<M> {
        self.0.fetch_add(1, Ordering::SeqCst);
        let rejection = Rejection::new(503, "not now");
        drop(call);
        Err(AnswerError::Rejected(rejection))
    }
}

#[command]
struct Repeated;

#[command]
struct RepeatedBeside;

#[derive(Default)]
struct Repeating;

#[module(handles = Repeated, retry = 3, with = Counting, manual)]
impl Repeating {
    async fn repeated(&mut self, _: Repeated) {}
}

struct RepeatingBeside;

#[module(handles = RepeatedBeside, retry = 3, with = Counting, manual)]
impl RepeatingBeside {
    async fn repeated(&self, _: RepeatedBeside) {}
}

#[tokio::test(start_paused = true)]
async fn a_rejection_is_final_and_not_tried_again() {
    let counting = Counting::default();
    let system = System::builder().isolated().provide(counting.clone());
    let system = system.start().await.unwrap();
    system.attach(Repeating).await.unwrap();
    system.attach(RepeatingBeside).await.unwrap();
    let ctx = system.context();
    assert!(ctx.send(Repeated).await.is_err());
    assert!(ctx.send(RepeatedBeside).await.is_err());
    assert_eq!(counting.0.load(Ordering::SeqCst), 2);
}

#[test]
#[should_panic(expected = "a message is rejected with a status from 400 to 599, not with 200")]
fn a_rejection_has_the_status_of_an_error() {
    let _ = Rejection::new(200, "all is well");
}
