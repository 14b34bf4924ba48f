//! What attributes say of handlers: how long they may take, how often they are tried, and when a module is
//! left alone.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use nether::prelude::*;
use nether::{
    BreakerClosed, BreakerOpened, DeadLetter, FailureKind, HandlerFailed, ModuleRestarted,
    SendError,
};
use tokio::time::{Instant, sleep};

use Attempt::{Fails, Hangs, Panics, Succeeds};

/// How an attempt goes.
#[derive(Clone, Copy)]
enum Attempt {
    Succeeds,
    Fails,
    Panics,
    Hangs,
}

/// What the modules of a test are to do, and did. A resource, so that a module that is made anew has it too.
#[derive(Clone, Default)]
struct Script {
    /// How each next attempt goes; once they are over, attempts succeed.
    attempts: Arc<Mutex<Vec<Attempt>>>,
    journal: Arc<Mutex<Vec<String>>>,
}

impl Script {
    fn then(&self, attempts: &[Attempt]) {
        self.attempts.lock().expect("sound").extend(attempts);
    }

    fn journal(&self) -> Vec<String> {
        std::mem::take(&mut *self.journal.lock().expect("sound"))
    }

    async fn attempt(&self, what: &str) -> nether::Result<()> {
        self.journal.lock().expect("sound").push(what.to_owned());
        let next = {
            let mut attempts = self.attempts.lock().expect("sound");
            if attempts.is_empty() {
                Succeeds
            } else {
                attempts.remove(0)
            }
        };
        match next {
            Succeeds => Ok(()),
            Fails => Err(nether::Error::msg("out of luck")),
            Panics => panic!("fell"),
            Hangs => std::future::pending().await,
        }
    }
}

#[command]
struct Take(Duration);

#[command]
struct TakeLonger(Duration);

/// A module whose handlers have no more than two seconds, but for one.
#[derive(Default)]
struct Hurried;

#[module(handles = [Take, TakeLonger], timeout = "2s")]
impl Hurried {
    async fn take(&mut self, Take(time): Take) {
        sleep(time).await;
    }

    #[handler(timeout = "1m")]
    async fn take_longer(&mut self, TakeLonger(time): TakeLonger) {
        sleep(time).await;
    }
}

#[command]
struct Fetch(&'static str);

#[command]
struct FetchOnce(&'static str);

#[event]
struct Arrived;

struct Fetcher(Script);

#[module(handles = [Fetch, FetchOnce, Arrived], retry = 2, backoff = "100ms..150ms", timeout = "10s", max_restarts = "100 in 1s")]
impl Fetcher {
    #[init]
    fn new(script: Resource<Script>) -> Self {
        Fetcher(Script::clone(&script))
    }

    async fn fetch(&mut self, Fetch(what): Fetch) -> nether::Result<()> {
        self.0.attempt(what).await
    }

    #[handler(retry = 0)]
    async fn fetch_once(&mut self, FetchOnce(what): FetchOnce) -> nether::Result<()> {
        self.0.attempt(what).await
    }

    async fn arrived(&mut self, _: &Arrived) -> nether::Result<()> {
        self.0.attempt("arrived").await
    }
}

#[command]
struct Look(&'static str);

struct Looker(Script);

#[module(handles = Look)]
impl Looker {
    #[init]
    fn new(script: Resource<Script>) -> Self {
        Looker(Script::clone(&script))
    }

    #[handler(retry = 3, timeout = "1s")]
    async fn look(&self, Look(what): Look) -> nether::Result<()> {
        self.0.attempt(what).await
    }
}

#[command]
struct Dial(&'static str);

#[event]
struct Rung;

struct Phone(Script);

#[module(handles = [Dial, Rung], breaker = "3 in 10s, probe after 30s", restart = "resume")]
impl Phone {
    #[init]
    fn new(script: Resource<Script>) -> Self {
        Phone(Script::clone(&script))
    }

    async fn dial(&mut self, Dial(what): Dial) -> nether::Result<()> {
        self.0.attempt(what).await
    }

    async fn rung(&mut self, _: &Rung) -> nether::Result<()> {
        self.0.attempt("rung").await
    }
}

#[command]
struct Page(&'static str);

/// The same, shared.
struct Pager(Script);

#[module(handles = Page, breaker = "3 in 10s, probe after 30s", restart = "resume")]
impl Pager {
    #[init]
    fn new(script: Resource<Script>) -> Self {
        Pager(Script::clone(&script))
    }

    async fn page(&self, Page(what): Page) -> nether::Result<()> {
        self.0.attempt(what).await
    }
}

async fn start() -> nether::Result<(System, Script)> {
    let script = Script::default();
    let system = System::builder()
        .isolated()
        .with::<Hurried>()
        .with::<Fetcher>()
        .with::<Looker>()
        .with::<Phone>()
        .with::<Pager>()
        .provide(script.clone())
        .start()
        .await?;
    Ok((system, script))
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_takes_too_long_is_cut_off_and_its_module_made_anew() -> nether::Result<()> {
    let (system, _) = start().await?;
    let mut restarted = system.subscribe::<ModuleRestarted>();
    let ctx = system.context();
    ctx.send(Take(seconds(1))).await?;
    let began = Instant::now();
    let error = ctx
        .send(Take(seconds(3)))
        .await
        .expect_err("it takes too long");
    assert_eq!(began.elapsed(), seconds(2));
    assert!(matches!(error, CallError::TimedOut(_)));
    assert_eq!(
        error.to_string(),
        "`isolated::policies::Hurried` took longer than 2s to handle `isolated::policies::Take`"
    );
    ctx.send(Take(seconds(1))).await?;
    let restart = restarted.next().await.expect("it was made anew");
    assert_eq!(
        restart.reason,
        "the handler of `isolated::policies::Take` took too long"
    );
    ctx.process(Take(seconds(3))).await?;
    let failures = ctx.close().await.expect_err("it takes too long").failures;
    assert!(matches!(failures[0].kind, FailureKind::TimedOut(_)));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn what_a_handler_says_goes_before_what_its_module_says() -> nether::Result<()> {
    let (system, _) = start().await?;
    let ctx = system.context();
    ctx.send(TakeLonger(seconds(59))).await?;
    let error = ctx
        .send(TakeLonger(seconds(61)))
        .await
        .expect_err("it takes too long");
    assert!(matches!(error, CallError::TimedOut(timed_out) if timed_out.limit == seconds(60)));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_fails_is_tried_again_after_a_while() -> nether::Result<()> {
    let (system, script) = start().await?;
    script.then(&[Fails, Fails, Succeeds]);
    let ctx = system.context();
    ctx.process(Fetch("first")).await?;
    let began = Instant::now();
    ctx.send(Fetch("second")).await?;
    let waited = began.elapsed();
    // 50 to 100 ms before the second attempt, and 75 to 150 ms before the third.
    assert!((125..=250).contains(&waited.as_millis()), "{waited:?}");
    assert_eq!(script.journal(), ["first", "first", "first", "second"]);
    let outcome = ctx.close().await?;
    assert_eq!(outcome.handled, 2);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn the_last_failure_is_the_one_that_counts() -> nether::Result<()> {
    let (system, script) = start().await?;
    let mut failed = system.subscribe::<HandlerFailed>();
    script.then(&[Fails, Panics, Fails]);
    let ctx = system.context();
    let error = ctx
        .send(Fetch("it"))
        .await
        .expect_err("it is tried three times");
    assert_eq!(error.to_string(), "out of luck");
    ctx.process(FetchOnce("end")).await?;
    ctx.close().await?;
    assert_eq!(script.journal(), ["it", "it", "it", "end"]);
    assert_eq!(
        failed.try_next().map(|failed| failed.error.clone()),
        Some("out of luck".to_owned())
    );
    assert!(failed.try_next().is_none());
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_message_whose_handler_crashed_is_tried_again_by_the_new_module_before_what_waits()
-> nether::Result<()> {
    let (system, script) = start().await?;
    script.then(&[Panics, Hangs, Succeeds]);
    let ctx = system.context();
    let (first, second) = tokio::join!(ctx.send(Fetch("first")), ctx.send(Fetch("second")));
    first?;
    second?;
    assert_eq!(script.journal(), ["first", "first", "first", "second"]);
    let status = system.modules();
    let fetcher = status
        .iter()
        .find(|module| module.name.ends_with("Fetcher"));
    let fetcher = fetcher.expect("it runs");
    assert_eq!(
        (fetcher.restarts, fetcher.handled, fetcher.failed),
        (2, 2, 0)
    );
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_handler_without_retries_in_a_module_with_them_is_tried_once() -> nether::Result<()> {
    let (system, script) = start().await?;
    script.then(&[Fails]);
    let ctx = system.context();
    ctx.send(FetchOnce("it")).await.expect_err("it fails");
    assert_eq!(script.journal(), ["it"]);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn the_handler_of_an_event_is_tried_again_too() -> nether::Result<()> {
    let (system, script) = start().await?;
    script.then(&[Fails, Succeeds]);
    let ctx = system.context();
    ctx.publish(Arrived).await?;
    ctx.close().await?;
    assert_eq!(script.journal(), ["arrived", "arrived"]);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn the_handler_of_a_shared_module_is_tried_again_too() -> nether::Result<()> {
    let (system, script) = start().await?;
    script.then(&[Fails, Panics, Hangs, Succeeds, Fails, Fails, Fails, Hangs]);
    let ctx = system.context();
    ctx.send(Look("it")).await?;
    assert_eq!(script.journal(), ["it"; 4]);
    let error = ctx.send(Look("that")).await.expect_err("four times");
    assert!(matches!(error, CallError::TimedOut(_)));
    assert_eq!(script.journal(), ["that"; 4]);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn nothing_is_tried_again_for_a_unit_of_work_that_is_cancelled() -> nether::Result<()> {
    let (system, script) = start().await?;
    script.then(&[Fails, Fails, Fails, Fails]);
    let ctx = system.context();
    ctx.process(Fetch("it")).await?;
    while script.journal.lock().expect("sound").is_empty() {
        tokio::task::yield_now().await;
    }
    ctx.cancel();
    let began = Instant::now();
    let failures = ctx.close().await.expect_err("it was cancelled").failures;
    assert_eq!(began.elapsed(), Duration::ZERO);
    assert!(matches!(failures[0].kind, FailureKind::Cancelled));
    assert_eq!(script.journal(), ["it"]);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_module_that_only_fails_is_left_alone_until_a_probe_succeeds() -> nether::Result<()> {
    let (system, script) = start().await?;
    let mut opened = system.subscribe::<BreakerOpened>();
    let mut closed = system.subscribe::<BreakerClosed>();
    script.then(&[Fails, Panics, Fails, Fails]);
    let ctx = system.context();
    for _ in 0..3 {
        ctx.send(Dial("it")).await.expect_err("it fails");
    }
    assert_eq!(opened.next().await.expect("too often").failures, 3);
    let error = ctx.send(Dial("that")).await.expect_err("it is left alone");
    assert!(matches!(error, CallError::BreakerOpen { .. }));
    let error = ctx
        .process(Dial("that"))
        .await
        .expect_err("it is left alone");
    assert!(matches!(error, SendError::BreakerOpen { .. }));
    let refused = ctx.try_send(Dial("that")).expect_err("it is left alone");
    assert_eq!(refused.message.0, "that");
    assert_eq!(script.journal(), ["it"; 3]);

    sleep(seconds(30)).await;
    let error = ctx.send(Dial("probe")).await.expect_err("the probe fails");
    assert!(matches!(error, CallError::Handler(_)));
    let error = ctx
        .send(Dial("that"))
        .await
        .expect_err("it is left alone again");
    assert!(matches!(error, CallError::BreakerOpen { .. }));

    sleep(seconds(30)).await;
    ctx.send(Dial("probe")).await?;
    assert!(closed.next().await.is_some());
    ctx.send(Dial("that")).await?;
    assert_eq!(script.journal(), ["probe", "probe", "that"]);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn failures_that_are_far_apart_do_not_open_the_breaker() -> nether::Result<()> {
    let (system, script) = start().await?;
    script.then(&[Fails; 6]);
    let ctx = system.context();
    for _ in 0..6 {
        ctx.send(Dial("it")).await.expect_err("it fails");
        sleep(seconds(5)).await;
    }
    ctx.send(Dial("it")).await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn what_is_published_to_a_module_that_is_left_alone_is_a_dead_letter() -> nether::Result<()> {
    let (system, script) = start().await?;
    let mut letters = system.subscribe::<DeadLetter>();
    script.then(&[Fails; 3]);
    let ctx = system.context();
    for _ in 0..3 {
        ctx.send(Dial("it")).await.expect_err("it fails");
    }
    ctx.publish(Rung).await?;
    let letter = letters.next().await.expect("nobody handles it");
    assert_eq!(letter.reason, "not handled: the module's breaker is open");
    let failures = ctx.close().await.expect_err("it was not handled").failures;
    assert!(matches!(failures[0].kind, FailureKind::BreakerOpen));
    let report = system.shutdown().await;
    assert_eq!((report.failed, report.dead_letters[0].count), (3, 1));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_shared_module_that_only_fails_is_left_alone_too() -> nether::Result<()> {
    let (system, script) = start().await?;
    script.then(&[Fails, Fails, Panics]);
    let ctx = system.context();
    for _ in 0..3 {
        ctx.send(Page("it")).await.expect_err("it fails");
    }
    let error = ctx.send(Page("that")).await.expect_err("it is left alone");
    assert!(matches!(error, CallError::BreakerOpen { .. }));
    let error = ctx
        .process(Page("that"))
        .await
        .expect_err("it is left alone");
    assert!(matches!(error, SendError::BreakerOpen { .. }));
    sleep(seconds(30)).await;
    ctx.send(Page("probe")).await?;
    ctx.send(Page("that")).await?;
    assert_eq!(script.journal(), ["it", "it", "it", "probe", "that"]);
    Ok(())
}
