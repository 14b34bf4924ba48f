//! What attributes say of a module holds for one with a value for each key too: middleware, breakers,
//! `restart`, hooks that fail, background tasks; and what `System::modules` says of it.

use std::sync::Arc;
use std::time::Duration;

use nether::prelude::*;
use nether::{
    Answer, BreakerOpened, Call, CallError, DeadLetter, HandlerFailed, KeyCrashed, KeyedStatus,
    Message, Next, Result,
};
use tokio::time::{sleep, timeout};

use crate::support::{Diary, Gate};

const SECOND: Duration = Duration::from_secs(1);

/// Notes what runs within it.
struct Around(Arc<Diary>);

#[nether::middleware]
impl Around {
    async fn around<M: Message>(&self, call: Call<'_, M>, next: Next<'_, M>) -> Answer<M> {
        self.0.note("around begins");
        let answer = next.run(call).await;
        self.0.note(match &answer {
            Ok(_) => "around ends",
            Err(_) => "around fails",
        });
        answer
    }
}

#[command(key = id)]
struct Work {
    id: u64,
}

#[command(key = id)]
struct Fail {
    id: u64,
}

#[command(key = id)]
struct Panic {
    id: u64,
}

struct Worker {
    id: u64,
    diary: Resource<Arc<Diary>>,
}

#[module(
    handles = [Work, Fail, Panic, Rung],
    per = id,
    with = Around,
    breaker = "3 in 10s, probe after 1s",
)]
impl Worker {
    #[init]
    fn new(id: &u64, diary: Resource<Arc<Diary>>) -> Self {
        diary.note(format!("made {id}"));
        Worker { id: *id, diary }
    }

    async fn work(&mut self, _: Work) {
        let id = self.id;
        self.diary.note(format!("{id} begins"));
        sleep(SECOND / 10).await;
        self.diary.note(format!("{id} ends"));
    }

    async fn fail(&mut self, _: Fail) -> Result<()> {
        Err(nether::Error::msg("as asked"))
    }

    async fn panic(&mut self, _: Panic) {
        panic!("as asked");
    }

    #[handler(all)]
    async fn rung(&mut self, _: &Rung) {
        self.diary.note(format!("{} rang", self.id));
    }
}

#[event]
struct Rung;

async fn workers() -> Result<(System, Arc<Diary>)> {
    let diary = Arc::<Diary>::default();
    let builder = System::builder().isolated().with::<Worker>();
    let builder = builder.provide(Around(Arc::clone(&diary)));
    let system = builder.provide(Arc::clone(&diary)).start().await?;
    Ok((system, diary))
}

#[tokio::test(start_paused = true)]
async fn middleware_stands_around_the_handlers_of_each_key_in_their_turn() -> Result<()> {
    let (system, diary) = workers().await?;
    let ctx = system.context();
    ctx.process(Work { id: 1 }).await?;
    ctx.process(Work { id: 1 }).await?;
    ctx.close().await?;
    // The value is there before its first message goes through middleware.
    let once = ["around begins", "1 begins", "1 ends", "around ends"];
    let expected: Vec<_> = ["made 1"].into_iter().chain(once).chain(once).collect();
    assert_eq!(diary.take(), expected);
    let ctx = system.context();
    ctx.publish(Rung).await?;
    ctx.close().await?;
    assert_eq!(diary.take(), ["around begins", "1 rang", "around ends"]);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_breaker_counts_the_failures_of_all_keys_and_refuses_an_event_for_all_as_one()
-> Result<()> {
    let (system, diary) = workers().await?;
    let mut opened = system.subscribe::<BreakerOpened>();
    let mut letters = system.subscribe::<DeadLetter>();
    for id in 1..=3 {
        let failed = system.context().send(Fail { id }).await;
        assert!(matches!(failed, Err(CallError::Handler(_))), "{failed:?}");
    }
    let event = opened.next().await.expect("it is reported");
    assert_eq!(event.failures, 3);
    diary.take();
    let refused = system.context().send(Work { id: 4 }).await;
    assert!(matches!(refused, Err(CallError::BreakerOpen { .. })));
    let ctx = system.context();
    ctx.publish(Rung).await?;
    ctx.close().await.expect_err("it is a dead letter");
    let letter = letters.next().await.expect("it is reported");
    assert!(letter.message.ends_with("Rung"), "{letter:?}");
    assert!(diary.is_empty(), "nothing begins");
    sleep(SECOND).await;
    // A probe is due: the event is none, and takes none away.
    let ctx = system.context();
    ctx.publish(Rung).await?;
    ctx.close().await.expect_err("it is a dead letter");
    assert!(diary.is_empty(), "nothing begins");
    system.context().send(Work { id: 4 }).await?;
    diary.take();
    let ctx = system.context();
    ctx.publish(Rung).await?;
    ctx.close().await?;
    assert!(!diary.is_empty(), "the breaker is closed");
    let report = system.shutdown().await;
    let count: u64 = report.dead_letters.iter().map(|it| it.count).sum();
    assert_eq!(count, 2, "{report}");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_panic_within_middleware_takes_the_value_of_its_key() -> Result<()> {
    let (system, diary) = workers().await?;
    let mut crashed = system.subscribe::<KeyCrashed>();
    let ctx = system.context();
    let panicked = ctx.send(Panic { id: 1 }).await;
    assert!(matches!(panicked, Err(CallError::Panicked(_))));
    assert_eq!(crashed.next().await.expect("it is reported").key, "1");
    diary.take();
    ctx.send(Work { id: 1 }).await?;
    assert_eq!(diary.take().first().map(String::as_str), Some("made 1"));
    Ok(())
}

#[command(key = id, reply = u64)]
struct Add {
    id: u64,
}

#[command(key = id)]
struct Crack {
    id: u64,
}

struct Tough {
    count: u64,
}

#[module(handles = [Add, Crack], per = id, restart = "resume")]
impl Tough {
    #[init]
    fn new(_id: &u64) -> Self {
        Tough { count: 0 }
    }

    async fn add(&mut self, _: Add) -> u64 {
        self.count += 1;
        self.count
    }

    async fn crack(&mut self, _: Crack) {
        self.count += 10;
        panic!("as asked");
    }
}

#[tokio::test(start_paused = true)]
async fn a_value_that_resumes_stays_as_its_crashes_left_it() -> Result<()> {
    let system = System::builder().isolated().with::<Tough>();
    let system = system.start().await?;
    let mut crashed = system.subscribe::<KeyCrashed>();
    let ctx = system.context();
    assert_eq!(ctx.send(Add { id: 1 }).await?, 1);
    for _ in 0..3 {
        let panicked = ctx.send(Crack { id: 1 }).await;
        assert!(matches!(panicked, Err(CallError::Panicked(_))));
    }
    assert_eq!(ctx.send(Add { id: 1 }).await?, 32);
    ctx.close().await?;
    system.shutdown().await;
    assert!(crashed.next().await.is_none(), "no value is gone");
    Ok(())
}

#[command(key = id, reply = u64)]
struct Visit {
    id: u64,
}

struct Guest {
    id: u64,
    visits: u64,
}

#[module(handles = Visit, per = id)]
impl Guest {
    #[init]
    fn new(id: &u64) -> Self {
        Guest { id: *id, visits: 0 }
    }

    async fn visit(&mut self, _: Visit, ctx: &Context<Self>) -> u64 {
        ctx.forget();
        self.visits += 1;
        self.visits
    }

    #[on_idle]
    async fn leave(self) -> Result<()> {
        assert_ne!(self.id, 2, "as asked");
        Err(nether::Error::msg("as asked"))
    }
}

#[tokio::test(start_paused = true)]
async fn an_on_idle_that_fails_is_reported_and_its_key_goes_on() -> Result<()> {
    let system = System::builder().isolated().with::<Guest>();
    let system = system.start().await?;
    let mut failed = system.subscribe::<HandlerFailed>();
    let mut crashed = system.subscribe::<KeyCrashed>();
    let ctx = system.context();
    for (id, panics) in [(1, false), (2, true)] {
        for _ in 0..2 {
            assert_eq!(ctx.send(Visit { id }).await?, 1);
            let report = failed.next().await.expect("it is reported");
            assert_eq!(report.message, "#[on_idle]");
            assert!(report.module.ends_with("Guest"), "{report:?}");
            assert_eq!(report.crashed, panics, "{report:?}");
        }
    }
    ctx.close().await?;
    system.shutdown().await;
    assert!(crashed.next().await.is_none(), "the values had left");
    Ok(())
}

#[command(key = id)]
struct Tick {
    id: u64,
}

struct Clock {
    diary: Resource<Arc<Diary>>,
}

#[module(handles = Tick, per = id)]
impl Clock {
    #[init]
    fn new(_id: &u64, diary: Resource<Arc<Diary>>) -> Self {
        Clock { diary }
    }

    /// Belongs to the module, and not to a value.
    #[background]
    async fn run(ctx: Context<Self>) -> Result<()> {
        for id in 1.. {
            tokio::select! {
                () = sleep(SECOND) => ctx.process(Tick { id }).await?,
                () = ctx.cancelled() => break,
            }
        }
        Ok(())
    }

    async fn tick(&mut self, tick: Tick) {
        self.diary.note(format!("{} ticked", tick.id));
    }
}

#[tokio::test(start_paused = true)]
async fn a_background_task_is_the_modules_and_sends_to_its_keys() -> Result<()> {
    let diary = Arc::<Diary>::default();
    let builder = System::builder().isolated().with::<Clock>();
    let system = builder.provide(Arc::clone(&diary)).start().await?;
    diary.has(3).await;
    assert_eq!(diary.take(), ["1 ticked", "2 ticked", "3 ticked"]);
    let report = timeout(10 * SECOND, system.shutdown()).await?;
    assert!(!report.has_cut_off(), "{report}");
    Ok(())
}

#[command(key = id)]
struct Stay {
    id: u64,
}

#[command(key = id)]
struct Drift {
    id: u64,
}

struct Boat {
    gate: Resource<Arc<Gate>>,
}

#[module(handles = [Stay, Drift], per = id, max_restarts = "0 in 1m")]
impl Boat {
    #[init]
    fn new(_id: &u64, gate: Resource<Arc<Gate>>) -> Self {
        Boat { gate }
    }

    async fn stay(&mut self, stay: Stay) {
        assert_ne!(stay.id, 13, "as asked");
        self.gate.pass().await;
    }

    async fn drift(&mut self, _: Drift, ctx: &Context<Self>) {
        ctx.forget();
    }

    #[on_idle]
    async fn leave(self) {
        self.gate.pass().await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_status_of_a_module_says_how_many_values_it_has() -> Result<()> {
    let gate = Arc::<Gate>::default();
    let builder = System::builder().isolated().with::<Boat>();
    let system = builder.provide(Arc::clone(&gate)).start().await?;
    let status = || {
        let modules = system.modules();
        let keyed = modules.first().and_then(|module| module.keyed);
        let keyed: KeyedStatus = keyed.expect("it has a value for each key");
        (keyed.in_memory, keyed.crash_looping)
    };
    assert_eq!(status(), (0, 0));
    let ctx = system.context();
    for id in 1..=3 {
        ctx.process(Stay { id }).await?;
    }
    gate.arrived(3).await;
    assert_eq!(status(), (3, 0));
    gate.open(3);
    ctx.close().await?;
    assert_eq!(status(), (3, 0));
    let ctx = system.context();
    let panicked = ctx.send(Stay { id: 13 }).await;
    assert!(matches!(panicked, Err(CallError::Panicked(_))));
    assert_eq!(status(), (3, 1));
    sleep(2 * SECOND).await;
    assert_eq!(status(), (3, 0), "it may be tried again");
    ctx.send(Drift { id: 1 }).await?;
    gate.arrived(1).await;
    assert_eq!(status(), (3, 0), "one is leaving");
    gate.open(1);
    sleep(SECOND).await;
    assert_eq!(status(), (2, 0));
    gate.open(2);
    ctx.close().await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_value_whose_on_idle_is_cut_off_does_not_count_any_more() -> Result<()> {
    let gate = Arc::<Gate>::default();
    let builder = System::builder().isolated().with::<Boat>();
    let builder = builder.shutdown_timeout(SECOND);
    let system = builder.provide(Arc::clone(&gate)).start().await?;
    let in_memory = || {
        let modules = system.modules();
        let keyed = modules.first().and_then(|module| module.keyed);
        keyed.expect("it has a value for each key").in_memory
    };
    system.context().send(Drift { id: 1 }).await?;
    gate.arrived(1).await;
    let ctx = system.context();
    ctx.process(Stay { id: 2 }).await?;
    gate.arrived(1).await;
    assert_eq!(in_memory(), 2);
    let report = system.clone().shutdown().await;
    assert!(report.has_cut_off(), "{report}");
    assert_eq!(in_memory(), 1, "the value whose handler was cut off");
    Ok(())
}
