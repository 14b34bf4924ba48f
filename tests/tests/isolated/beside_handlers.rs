//! User code that panics beside a handler crashes the module in whose dispatch it ran, and no other.

use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;

use nether::prelude::*;
use nether::{DeadLetter, FailureKind, HandlerFailed, ModuleRestarted, ModuleState};
use tokio::time::sleep;

const SHORT: Duration = Duration::from_millis(10);
const LONG: Duration = Duration::from_secs(60);

/// Cannot be copied.
#[derive(Debug)]
struct Unique;

impl Clone for Unique {
    fn clone(&self) -> Self {
        panic!("there is but one");
    }
}

/// An error without a text.
#[derive(Debug)]
struct Mute;

impl fmt::Display for Mute {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("nothing to say");
    }
}

impl std::error::Error for Mute {}

/// Cannot be dropped.
#[derive(Debug)]
struct Sticky;

impl Drop for Sticky {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            panic!("does not go away");
        }
    }
}

#[command(local, reply = u32)]
struct Keep(Unique);

impl Clone for Keep {
    fn clone(&self) -> Self {
        Keep(self.0.clone())
    }
}

#[command(reply = u32, error = Mute)]
struct Speak;

#[command(local, reply = Sticky)]
struct Give;

#[event(local)]
struct Happened(Sticky);

#[command(reply = u64)]
struct Fine;

#[derive(Default)]
struct Alone(u64);

#[module(handles = [Keep, Speak, Give, Happened, Fine])]
impl Alone {
    #[handler(retry = 1)]
    async fn keep(&mut self, Keep(_): Keep) -> u32 {
        1
    }

    async fn speak(&mut self, _: Speak) -> Result<u32, Mute> {
        Err(Mute)
    }

    async fn give(&mut self, _: Give) -> Sticky {
        sleep(SHORT).await;
        Sticky
    }

    async fn happened(&mut self, _: &Happened) {}

    async fn fine(&mut self, _: Fine) -> u64 {
        self.0 += 1;
        self.0
    }
}

#[command(local, reply = u32)]
struct KeepBeside(Unique);

impl Clone for KeepBeside {
    fn clone(&self) -> Self {
        KeepBeside(self.0.clone())
    }
}

#[command(reply = u32, error = Mute)]
struct SpeakBeside;

#[command(local, reply = Sticky)]
struct GiveBeside;

#[event(local)]
struct HappenedBeside(Sticky);

#[command]
struct FineBeside;

#[derive(Default)]
struct Beside;

#[module(handles = [KeepBeside, SpeakBeside, GiveBeside, HappenedBeside, FineBeside])]
impl Beside {
    #[handler(retry = 1)]
    async fn keep(&self, KeepBeside(_): KeepBeside) -> u32 {
        1
    }

    async fn speak(&self, _: SpeakBeside) -> Result<u32, Mute> {
        sleep(SHORT).await;
        Err(Mute)
    }

    async fn give(&self, _: GiveBeside) -> Sticky {
        sleep(SHORT).await;
        Sticky
    }

    async fn happened(&self, _: &HappenedBeside) {}

    async fn fine(&self, _: FineBeside) {}
}

#[command(reply = String)]
struct Call;

/// Calls a module in which something panics.
#[derive(Default)]
struct Bystander(u32);

#[module(handles = Call)]
impl Bystander {
    async fn call(&mut self, _: Call, ctx: &Context<Self>) -> String {
        self.0 += 1;
        let kept = ctx.send(KeepBeside(Unique)).await.expect_err("it panics");
        let spoken = ctx.send(SpeakBeside).await.expect_err("it panics");
        let alone = ctx.send(Keep(Unique)).await.expect_err("it panics");
        assert!(matches!(kept, CallError::Panicked(_)), "{kept:?}");
        assert!(matches!(spoken, CallError::Panicked(_)), "{spoken:?}");
        assert!(matches!(alone, CallError::Panicked(_)), "{alone:?}");
        format!("call {}", self.0)
    }
}

async fn system() -> nether::Result<System> {
    let builder = System::builder().isolated();
    let builder = builder.with::<Alone>().with::<Beside>();
    Ok(builder.with::<Bystander>().start().await?)
}

/// All modules go on, and everything that was accepted has ended as one of the three.
async fn check(system: System, accepted: u64) {
    sleep(LONG).await;
    for module in system.modules() {
        assert_eq!(module.state, ModuleState::Running, "{}", module.name);
        assert_eq!(module.in_flight, 0, "{}", module.name);
    }
    let report = system.shutdown().await;
    let dead: u64 = report.dead_letters.iter().map(|it| it.count).sum();
    assert_eq!(report.handled + report.failed + dead, accepted, "{report}");
    assert!(report.cut_off.is_empty(), "{report}");
}

#[tokio::test(start_paused = true)]
async fn a_copy_that_panics_fails_its_message_and_no_other() -> nether::Result<()> {
    let system = system().await?;
    let mut restarted = system.subscribe::<ModuleRestarted>();
    let ctx = system.context();
    let (kept, fine, beside) = tokio::join!(
        ctx.send(Keep(Unique)),
        ctx.send(Fine), // Taken together with it.
        ctx.send(KeepBeside(Unique)),
    );
    assert!(
        matches!(&kept, Err(CallError::Panicked(it)) if it.text == "there is but one"),
        "{kept:?}"
    );
    assert!(matches!(&beside, Err(CallError::Panicked(_))), "{beside:?}");
    assert_eq!(fine?, 1);
    ctx.send(FineBeside).await?;
    ctx.close().await?;
    // The module is restarted, whatever else is.
    while !restarted
        .next()
        .await
        .expect("it is told")
        .module
        .ends_with("Alone")
    {}
    check(system, 4).await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn an_error_without_a_text_is_a_panic_of_its_handler_alone() -> nether::Result<()> {
    for is_told in [false, true] {
        let system = system().await?;
        let told = is_told.then(|| system.subscribe::<HandlerFailed>());
        let ctx = system.context();
        let (alone, beside) = (ctx.send(Speak).await, ctx.send(SpeakBeside).await);
        if let Some(mut told) = told {
            assert!(matches!(alone, Err(CallError::Panicked(_))), "{alone:?}");
            assert!(matches!(beside, Err(CallError::Panicked(_))), "{beside:?}");
            let report = told.next().await.expect("it is told");
            assert!(report.error.contains("nothing to say"), "{}", report.error);
        } else {
            // Whether its text was needed depends on who looks on.
            assert!(alone.is_err() && beside.is_err());
        }
        ctx.send(Fine).await?;
        ctx.send(FineBeside).await?;
        ctx.close().await?;
        check(system, 4).await;
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn what_is_not_taken_and_cannot_be_shown_is_a_failure_all_the_same() -> nether::Result<()> {
    let system = system().await?;
    let mut told = system.subscribe::<HandlerFailed>();
    let ctx = system.context();
    ctx.process(Speak).await?;
    {
        let mut call = pin!(ctx.send(SpeakBeside));
        let polled = std::future::poll_fn(|cx| Poll::Ready(call.as_mut().poll(cx))).await;
        assert!(polled.is_pending());
    }
    ctx.spawn(async |_| Err(Mute.into()))?;
    let failures = ctx.close().await.expect_err("three failed").failures;
    assert_eq!(failures.len(), 3);
    for _ in 0..3 {
        assert!(told.next().await.is_some());
    }
    check(system, 2).await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_dropped_crashes_no_caller() -> nether::Result<()> {
    let system = system().await?;
    let ctx = system.context();
    ctx.publish(Happened(Sticky)).await?;
    ctx.publish(HappenedBeside(Sticky)).await?;
    ctx.process(Give).await?; // Its reply is not taken.
    ctx.process(GiveBeside).await?;
    for is_beside in [false, true] {
        let mut alone = pin!(ctx.send(Give));
        let mut beside = pin!(ctx.send(GiveBeside));
        let _ = std::future::poll_fn(|cx| {
            let polled = if is_beside {
                beside.as_mut().poll(cx)
            } else {
                alone.as_mut().poll(cx)
            };
            Poll::Ready(polled.is_pending())
        })
        .await;
        sleep(LONG).await; // Its reply lies there, and is dropped with it.
    }
    assert_eq!(ctx.send(Fine).await?, 1);
    ctx.send(FineBeside).await?;
    let _ = ctx.close().await;
    check(system, 8).await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn an_event_that_no_module_handles_and_cannot_be_dropped_crashes_none() -> nether::Result<()>
{
    let system = System::builder().isolated().start().await?;
    let ctx = system.context();
    ctx.publish(Happened(Sticky)).await?;
    ctx.close().await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_module_that_calls_is_not_blamed_for_what_panics_elsewhere() -> nether::Result<()> {
    let system = system().await?;
    let _told = system.subscribe::<HandlerFailed>();
    let ctx = system.context();
    assert_eq!(ctx.send(Call).await?, "call 1");
    assert_eq!(ctx.send(Call).await?, "call 2");
    let bystander = system
        .modules()
        .into_iter()
        .find(|it| it.name.ends_with("Bystander"));
    assert_eq!(bystander.expect("it is there").restarts, 0);
    ctx.close().await?;
    check(system, 8).await;
    Ok(())
}

#[derive(Debug)]
struct Burden(Arc<AtomicU64>);

impl Drop for Burden {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
        panic!("does not let go");
    }
}

#[tokio::test(start_paused = true)]
async fn baggage_that_cannot_be_dropped_crashes_no_module() -> nether::Result<()> {
    let system = system().await?;
    let dropped = Arc::new(AtomicU64::new(0));
    let ctx = system.context().with(Burden(Arc::clone(&dropped)));
    ctx.process(Fine).await?;
    ctx.process(FineBeside).await?;
    ctx.close().await?;
    assert_eq!(dropped.load(Ordering::SeqCst), 1);
    let alone = system
        .modules()
        .into_iter()
        .find(|it| it.name.ends_with("Alone"));
    assert_eq!(alone.expect("it is there").restarts, 0);
    check(system, 2).await;
    Ok(())
}

#[derive(Debug)]
struct StickyError {
    _sticky: Sticky,
}

impl fmt::Display for StickyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sticks")
    }
}

impl std::error::Error for StickyError {}

#[command]
struct Stick;

#[command]
struct StickBeside;

#[derive(Default)]
struct Sticking(u32);

#[module(handles = Stick)]
impl Sticking {
    async fn stick(&mut self, _: Stick) -> nether::Result<()> {
        self.0 += 1;
        Err(StickyError { _sticky: Sticky }.into())
    }
}

#[derive(Default)]
struct StickingBeside;

#[module(handles = StickBeside)]
impl StickingBeside {
    async fn stick(&self, _: StickBeside) -> nether::Result<()> {
        Err(StickyError { _sticky: Sticky }.into())
    }
}

#[tokio::test(start_paused = true)]
async fn errors_of_a_context_that_is_dropped_crash_no_module() -> nether::Result<()> {
    let builder = System::builder().isolated().with::<Sticking>();
    let system = builder.with::<StickingBeside>().start().await?;
    for _ in 0..2 {
        let ctx = system.context();
        ctx.process(Stick).await?;
        ctx.process(StickBeside).await?;
        sleep(SHORT).await;
        drop(ctx); // With its failures.
    }
    assert!(system.modules().iter().all(|module| module.restarts == 0));
    check(system, 4).await;
    Ok(())
}

/// Not made anew: what waits for it becomes dead letters.
struct Once;

#[command(local)]
struct KeepOnce(Unique);

impl Clone for KeepOnce {
    fn clone(&self) -> Self {
        KeepOnce(self.0.clone())
    }
}

#[command]
struct After;

#[module(handles = [KeepOnce, After], manual)]
impl Once {
    #[handler(retry = 1)]
    async fn keep(&mut self, KeepOnce(_): KeepOnce) {}

    async fn after(&mut self, _: After) {}
}

#[tokio::test(start_paused = true)]
async fn a_module_that_is_not_restarted_ends_with_the_panic_and_all_is_reported()
-> nether::Result<()> {
    let system = System::builder().isolated().start().await?;
    system.attach(Once).await?;
    let mut letters = system.subscribe::<DeadLetter>();
    let ctx = system.context();
    ctx.process(KeepOnce(Unique)).await?;
    ctx.process(After).await?;
    let failures = ctx.close().await.expect_err("both failed").failures;
    let kinds: Vec<_> = failures.iter().map(|it| &it.kind).collect();
    assert!(
        matches!(kinds[..], [FailureKind::Panicked(_), FailureKind::Stopped]),
        "{kinds:?}"
    );
    assert!(
        letters
            .next()
            .await
            .expect("it is told")
            .message
            .ends_with("After")
    );
    assert_eq!(system.modules()[0].state, ModuleState::Stopped);
    let report = system.shutdown().await;
    assert_eq!((report.handled, report.failed), (0, 1));
    assert_eq!(report.dead_letters[0].count, 1);
    Ok(())
}
