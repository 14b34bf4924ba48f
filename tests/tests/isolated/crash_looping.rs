//! Modules that crash too often: they are left alone, refuse meanwhile, and are built again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use nether::prelude::*;
use nether::{
    BreakerClosed, DeadLetter, FailureKind, ModuleCrashLooping, ModuleRestarted, ModuleState,
    ModuleStatus, SendError,
};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

/// How its module crashes.
#[derive(Debug, Clone, Copy)]
enum How {
    Panics,
    Hangs,
}

#[command(local)]
struct Crash(How);

#[command]
struct Work;

#[query(reply = u64)]
struct Look;

#[event]
struct News;

/// How often it was made, and what goes wrong then.
#[derive(Clone, Default)]
struct Trouble(Arc<TroubleState>);

#[derive(Default)]
struct TroubleState {
    made: AtomicU64,
    /// How often its `#[init]` panics, from now on.
    panics: AtomicU64,
    /// How often its `#[on_start]` fails.
    errors: AtomicU64,
    /// Whether its `Drop` panics.
    drops: AtomicU64,
}

/// Takes one, if there is one.
fn take(count: &AtomicU64) -> bool {
    let less = |count: u64| count.checked_sub(1);
    count
        .fetch_update(Ordering::SeqCst, Ordering::SeqCst, less)
        .is_ok()
}

struct Brittle(Trouble);

#[module(handles = [Crash, Work, Look, News], max_restarts = "1 in 2h", mailbox = 4, timeout = "10ms")]
impl Brittle {
    #[init]
    fn new(trouble: Resource<Trouble>) -> Self {
        trouble.0.made.fetch_add(1, Ordering::SeqCst);
        if take(&trouble.0.panics) {
            panic!("not made");
        }
        Brittle(Trouble::clone(&trouble))
    }

    #[on_start]
    async fn start(&mut self) -> nether::Result<()> {
        if take(&self.0.0.errors) {
            return Err(nether::Error::msg("not started"));
        }
        Ok(())
    }

    async fn crash(&mut self, Crash(how): Crash) {
        match how {
            How::Panics => panic!("as asked"),
            How::Hangs => std::future::pending().await,
        }
    }

    async fn work(&mut self, _: Work) {}

    async fn look(&self, _: Look) -> u64 {
        self.0.0.made.load(Ordering::SeqCst)
    }

    async fn news(&mut self, _: &News) {}
}

impl Drop for Brittle {
    fn drop(&mut self) {
        if take(&self.0.0.drops) && !std::thread::panicking() {
            panic!("as dropped");
        }
    }
}

async fn brittle() -> nether::Result<(System, Trouble)> {
    let trouble = Trouble::default();
    let builder = System::builder().isolated().with::<Brittle>();
    let system = builder.provide(trouble.clone()).start().await?;
    Ok((system, trouble))
}

fn status(system: &System) -> ModuleStatus {
    system.modules().remove(0)
}

/// Lets the module crash until it is left alone, and gives for how many milliseconds, and why.
async fn crash(system: &System, how: How) -> (u64, String) {
    let mut looping = system.subscribe::<ModuleCrashLooping>();
    let ctx = system.context();
    // The first time, the second crash is one too many.
    for _ in 0..2 {
        let _ = ctx.send(Crash(how)).await;
    }
    let told = looping.next().await.expect("it crashed too often");
    assert!(told.module.ends_with("Brittle"));
    (told.retry_in_millis, told.reason.clone())
}

/// Asserts that a call was refused by a module that is left alone for at most so long.
fn assert_refused<T: std::fmt::Debug, E: std::fmt::Debug>(
    reply: Result<T, CallError<E>>,
    longest: Duration,
) {
    let Err(CallError::CrashLooping(refused)) = reply else {
        panic!("{reply:?}")
    };
    assert!(refused.module.ends_with("Brittle"));
    assert!(refused.retry_in() <= longest, "{refused}");
    assert!(refused.next_try > Instant::now(), "{refused}");
}

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn a_module_that_crashes_too_often_refuses_at_once_until_it_is_built_again()
-> nether::Result<()> {
    for how in [How::Panics, How::Hangs] {
        let (system, trouble) = brittle().await?;
        let mut restarted = system.subscribe::<ModuleRestarted>();
        let mut dead = system.subscribe::<DeadLetter>();
        let (wait, reason) = crash(&system, how).await;
        assert_eq!(wait, 1000);
        assert!(reason.contains("Crash"), "{reason}");
        assert_eq!(restarted.next().await.expect("the first time").restarts, 1);
        assert_eq!(status(&system).state, ModuleState::CrashLooping);
        let ctx = system.context();
        let begun = Instant::now();
        assert_refused(ctx.send(Work).await, SECOND);
        assert_refused(ctx.ask(Look).await, SECOND);
        let refused = ctx.try_send(Work).map(drop).map_err(|it| it.error);
        assert!(matches!(refused, Err(SendError::CrashLooping(_))));
        let refused = ctx.try_process(Work).map_err(|it| it.error);
        assert!(matches!(refused, Err(SendError::CrashLooping(_))));
        let refused = ctx.process(Work).await;
        let Err(SendError::CrashLooping(refused)) = refused else {
            panic!("{refused:?}")
        };
        assert!(refused.message.ends_with("Work") && refused.retry_in() <= SECOND);
        ctx.publish(News).await?;
        let letter = dead.next().await.expect("nobody else is told");
        assert!(letter.message.ends_with("News"));
        assert!(letter.reason.contains("crashes again"), "{}", letter.reason);
        assert_eq!(begun.elapsed(), Duration::ZERO);
        let failures = ctx.close().await.expect_err("an event was lost").failures;
        assert_eq!(failures.len(), 1);
        assert!(matches!(failures[0].kind, FailureKind::CrashLooping(_)));
        assert!(failures[0].kind.is_dead_letter());
        // A module that handles the report may send at once.
        assert_eq!(restarted.next().await.expect("it is tried").restarts, 2);
        assert!(begun.elapsed() <= SECOND + Duration::from_millis(1));
        let ctx = system.context();
        assert_eq!(ctx.ask(Look).await?, 3);
        assert_eq!(trouble.0.made.load(Ordering::SeqCst), 3);
        assert_eq!(status(&system).state, ModuleState::Running);
        ctx.publish(News).await?;
        ctx.close().await?;
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_a_module_that_crashes_too_often_is_refused_too() -> nether::Result<()> {
    let (system, _) = brittle().await?;
    let ctx = system.context();
    let _ = ctx.send(Crash(How::Panics)).await;
    ctx.ask(Look).await?;
    // All of these are sent before the module has its turn: one more waits for room.
    let posts = system.context();
    posts.process(Crash(How::Panics)).await?;
    posts.process(Work).await?;
    posts.publish(News).await?;
    let waiting = tokio::spawn({
        let ctx = ctx.clone();
        async move { tokio::join!(ctx.send(Work), ctx.ask(Look), ctx.process(Work)) }
    });
    let (sent, asked, posted) = waiting.await?;
    assert_refused(sent, SECOND);
    assert_refused(asked, SECOND);
    assert!(
        matches!(posted, Err(SendError::CrashLooping(_))),
        "{posted:?}"
    );
    let failures = posts.close().await.expect_err("none was handled").failures;
    let mut kinds = failures.iter().map(|failure| &failure.kind);
    assert!(matches!(kinds.next(), Some(FailureKind::Panicked(_))));
    assert!(kinds.all(|kind| matches!(kind, FailureKind::CrashLooping(_))));
    assert_eq!(failures.len(), 3);
    ctx.close().await?;
    assert_eq!((status(&system).waiting, status(&system).in_flight), (0, 0));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn each_time_it_is_left_alone_twice_as_long_up_to_five_minutes() -> nether::Result<()> {
    let (system, _) = brittle().await?;
    let mut restarted = system.subscribe::<ModuleRestarted>();
    let mut waits = Vec::new();
    for _ in 0..11 {
        let left = Instant::now();
        let (wait, _) = crash(&system, How::Panics).await;
        waits.push(wait / 1000);
        // The first time it was restarted before, within milliseconds.
        while left.elapsed() < Duration::from_millis(wait) {
            restarted.next().await.expect("it is tried again");
        }
        assert!(left.elapsed() < Duration::from_millis(wait + 100));
        // It runs for less than ten minutes.
        sleep(Duration::from_secs(9 * 60)).await;
    }
    assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_module_that_has_run_for_ten_minutes_begins_anew() -> nether::Result<()> {
    let (system, _) = brittle().await?;
    for expected in [1000, 2000, 4000] {
        assert_eq!(crash(&system, How::Panics).await.0, expected);
        sleep(Duration::from_secs(5)).await;
    }
    sleep(Duration::from_secs(10 * 60)).await;
    assert_eq!(crash(&system, How::Panics).await.0, 1000);
    // Past the time of `max_restarts` as well, one crash is not too often.
    sleep(Duration::from_secs(2 * 60 * 60)).await;
    let ctx = system.context();
    assert!(ctx.send(Crash(How::Panics)).await.is_err());
    ctx.send(Work).await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_crash_of_init_or_an_error_of_on_start_counts_and_nothing_is_accepted_before()
-> nether::Result<()> {
    let (system, trouble) = brittle().await?;
    let mut looping = system.subscribe::<ModuleCrashLooping>();
    crash(&system, How::Panics).await;
    trouble.0.panics.store(2, Ordering::SeqCst);
    trouble.0.errors.store(1, Ordering::SeqCst);
    let mut told = Vec::new();
    for _ in 0..4 {
        let looping = looping.next().await.expect("it is told each time");
        told.push((looping.retry_in_millis, looping.reason.clone()));
        let refused = system.context().send(Work).await;
        assert!(matches!(refused, Err(CallError::CrashLooping(_))));
    }
    let reasons = ["Crash", "not made", "not made", "not started"];
    for ((wait, reason), (expected, text)) in told.iter().zip([1, 2, 4, 8].iter().zip(reasons)) {
        assert_eq!(*wait, expected * 1000);
        assert!(reason.contains(text), "{reason}");
    }
    sleep(Duration::from_secs(9)).await;
    system.context().send(Work).await?;
    assert_eq!(status(&system).restarts, 2);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_value_that_panics_when_it_is_dropped_is_replaced_all_the_same() -> nether::Result<()> {
    let (system, trouble) = brittle().await?;
    trouble.0.drops.store(2, Ordering::SeqCst);
    assert_eq!(crash(&system, How::Panics).await.0, 1000);
    sleep(Duration::from_secs(2)).await;
    system.context().send(Work).await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_system_that_stops_does_not_wait_for_the_next_try() -> nether::Result<()> {
    let (system, _) = brittle().await?;
    while crash(&system, How::Panics).await.0 < 64_000 {
        sleep(Duration::from_secs(70)).await;
    }
    let begun = Instant::now();
    let report = system.shutdown().await;
    assert_eq!(begun.elapsed(), Duration::ZERO);
    assert!(report.cut_off.is_empty() && report.dead_letters.is_empty());
    assert_eq!(status(&system).state, ModuleState::Stopped);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_module_is_not_waited_for_by_a_system_that_is_dropped() -> nether::Result<()> {
    let (system, trouble) = brittle().await?;
    crash(&system, How::Panics).await;
    let made = Arc::clone(&trouble.0);
    drop(trouble);
    drop(system);
    sleep(Duration::from_secs(600)).await;
    // What would make it once more is gone, and was not used.
    assert_eq!(made.made.load(Ordering::SeqCst), 2);
    assert_eq!(Arc::strong_count(&made), 1);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_pause_holds_it_up_once_it_is_built_again() -> nether::Result<()> {
    let (system, _) = brittle().await?;
    crash(&system, How::Panics).await;
    system.pause::<Brittle>()?;
    assert_eq!(status(&system).state, ModuleState::CrashLooping);
    assert_refused(system.context().send(Work).await, SECOND);
    sleep(2 * SECOND).await;
    assert_eq!(status(&system).state, ModuleState::Paused);
    let ctx = system.context();
    ctx.process(Work).await?;
    tokio::task::yield_now().await;
    assert_eq!(status(&system).waiting, 1);
    system.resume::<Brittle>()?;
    ctx.close().await?;
    Ok(())
}

#[command]
struct Fall;

#[derive(Default)]
struct Guarded;

#[module(handles = Fall, max_restarts = "1 in 2h", breaker = "2 in 1h, probe after 3s")]
impl Guarded {
    async fn fall(&mut self, _: Fall) {
        static FALLS: AtomicU64 = AtomicU64::new(0);
        if FALLS.fetch_add(1, Ordering::SeqCst) < 2 {
            panic!("as asked");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_module_with_an_open_breaker_spends_no_probe_while_it_is_left_alone() -> nether::Result<()>
{
    let builder = System::builder().isolated().with::<Guarded>();
    let system = builder.start().await?;
    let mut closed = system.subscribe::<BreakerClosed>();
    let mut looping = system.subscribe::<ModuleCrashLooping>();
    let ctx = system.context();
    for _ in 0..2 {
        let crashed = ctx.send(Fall).await;
        assert!(matches!(crashed, Err(CallError::Panicked(_))));
    }
    looping.next().await.expect("it crashed too often");
    for _ in 0..10 {
        let refused = ctx.send(Fall).await;
        assert!(
            matches!(refused, Err(CallError::CrashLooping(_))),
            "{refused:?}"
        );
        sleep(Duration::from_millis(90)).await;
    }
    sleep(SECOND).await;
    let refused = ctx.send(Fall).await;
    assert!(
        matches!(refused, Err(CallError::BreakerOpen { .. })),
        "{refused:?}"
    );
    sleep(2 * SECOND).await;
    ctx.send(Fall).await?;
    closed.next().await.expect("the probe was handled");
    ctx.close().await?;
    Ok(())
}

async fn senders_are_all_answered() -> nether::Result<()> {
    let (system, _) = brittle().await?;
    let mut senders = JoinSet::new();
    for sender in 0..8 {
        let system = system.clone();
        senders.spawn(async move {
            for message in 0..50 {
                let ctx = system.context();
                if (sender + message) % 7 == 0 {
                    let _ = ctx.send(Crash(How::Panics)).await;
                } else {
                    let _ = ctx.process(Work).await;
                    let _ = ctx.publish(News).await;
                    let _ = ctx.ask(Look).await;
                }
                let _ = ctx.close().await;
            }
        });
    }
    senders.join_all().await;
    let report = system.shutdown().await;
    let letters = report.dead_letters.iter().map(|letters| letters.count);
    let status = status(&system);
    assert_eq!(status.in_flight, 0);
    assert_eq!(
        (status.handled, status.failed),
        (report.handled, report.failed)
    );
    assert!(report.failed > 0 && letters.sum::<u64>() > 0, "{report}");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_sender_to_a_module_that_crashes_too_often_is_answered() -> nether::Result<()> {
    senders_are_all_answered().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn senders_to_it_from_several_threads_are_answered() -> nether::Result<()> {
    senders_are_all_answered().await
}
