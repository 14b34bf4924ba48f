//! An error that its caller does not take is a failure of the unit of work.

use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use nether::prelude::*;
use nether::{FailureKind, HandlerFailed};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

const SHORT: Duration = Duration::from_millis(10);

#[command(reply = u32)]
struct Fail(u32);

#[command]
struct Explode;

#[command(local)]
struct Hold(Arc<Semaphore>);

#[command(reply = u32)]
struct Succeed;

/// Is not made anew when it crashes.
struct Worker(u32);

#[module(handles = [Fail, Explode, Hold, Succeed], manual)]
impl Worker {
    async fn fail(&mut self, Fail(number): Fail) -> nether::Result<u32> {
        Err(nether::Error::msg(format_args!("failure {number}")))
    }

    async fn explode(&mut self, _: Explode) {
        panic!("as asked");
    }

    async fn hold(&mut self, Hold(gate): Hold) {
        gate.acquire().await.expect("never closed").forget();
        panic!("after all");
    }

    async fn succeed(&mut self, _: Succeed) -> u32 {
        self.0 += 1;
        self.0
    }
}

#[command(reply = u32)]
struct FailBeside(u32);

struct Beside;

#[module(handles = FailBeside, manual)]
impl Beside {
    async fn fail(&self, FailBeside(number): FailBeside) -> nether::Result<u32> {
        tokio::task::yield_now().await;
        Err(nether::Error::msg(format_args!("failure {number}")))
    }
}

async fn system() -> nether::Result<System> {
    let system = System::builder().isolated().start().await?;
    system.attach(Worker(0)).await?;
    system.attach(Beside).await?;
    Ok(system)
}

/// Polls a future once, and leaves it for a while.
async fn begin<F: Future>(future: F) {
    let mut future = pin!(future);
    let polled = std::future::poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await;
    assert!(polled.is_pending());
    sleep(SHORT).await;
}

/// The texts of what closing lists.
async fn closed(ctx: Context) -> Vec<String> {
    match ctx.close().await {
        Ok(_) => Vec::new(),
        Err(error) => error
            .failures
            .iter()
            .map(|it| it.kind.to_string())
            .collect(),
    }
}

async fn of_two_that_fail_one_is_taken() -> nether::Result<()> {
    let system = system().await?;
    let mut told = system.subscribe::<HandlerFailed>();
    let ctx = system.context();
    let joined = tokio::try_join!(ctx.send(Fail(1)), ctx.send(Fail(2)));
    let taken = joined.expect_err("both failed").to_string();
    let mut all = closed(ctx).await;
    assert_eq!(all.len(), 1, "{all:?}");
    all.push(taken);
    all.sort();
    assert_eq!(all, ["failure 1", "failure 2"]);
    assert!(told.next().await.is_some() && told.next().await.is_some());
    Ok(())
}

#[tokio::test]
async fn an_error_that_lies_unread_is_a_failure() -> nether::Result<()> {
    of_two_that_fail_one_is_taken().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_error_is_taken_or_a_failure_on_several_threads() -> nether::Result<()> {
    let system = system().await?;
    for number in 0..200 {
        let ctx = system.context();
        let sent = timeout(Duration::from_micros(number % 40), ctx.send(Fail(7))).await;
        let failures = closed(ctx).await;
        match sent {
            Ok(sent) => assert!(sent.is_err() && failures.is_empty()),
            Err(_) => assert_eq!(failures, ["failure 7"]),
        }
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_call_that_was_dropped_leaves_its_failure_behind() -> nether::Result<()> {
    let system = system().await?;
    let ctx = system.context();
    begin(ctx.send(Fail(1))).await; // The error lies there.
    begin(ctx.send(FailBeside(2))).await;
    begin(ctx.send(Succeed)).await; // That is no failure.
    begin(ctx.send(Explode)).await; // The module is stopped with it.
    let failures = closed(ctx).await;
    assert_eq!(failures, ["failure 1", "failure 2", "panicked: as asked"]);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn an_error_that_was_taken_is_not_listed() -> nether::Result<()> {
    let system = system().await?;
    let ctx = system.context();
    assert!(ctx.send(Fail(1)).await.is_err());
    assert!(ctx.send(FailBeside(1)).await.is_err());
    assert!(ctx.try_send(Fail(2)).map_err(|it| it.error)?.await.is_err());
    ctx.close().await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn an_error_that_comes_with_the_deadline_is_taken_or_listed() -> nether::Result<()> {
    let system = system().await?;
    let ctx = system.context().with_timeout(SHORT / 2);
    begin(ctx.send(Fail(1))).await;
    assert_eq!(closed(ctx).await, ["failure 1"]);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_dead_letter_whose_caller_has_gone_is_a_failure() -> nether::Result<()> {
    for waits in [false, true] {
        let system = system().await?;
        let gate = Arc::new(Semaphore::new(0));
        let (busy, ctx) = (system.context(), system.context());
        busy.process(Hold(Arc::clone(&gate))).await?;
        if waits {
            // Its caller is there when the module is stopped, and leaves without the reason.
            let call = ctx.send(Succeed);
            let mut call = pin!(call);
            let polled = std::future::poll_fn(|cx| Poll::Ready(call.as_mut().poll(cx))).await;
            assert!(polled.is_pending());
            gate.add_permits(1);
            sleep(SHORT).await;
        } else {
            begin(ctx.send(Succeed)).await;
            gate.add_permits(1);
            sleep(SHORT).await;
        }
        let error = ctx.close().await.expect_err("it was not handled");
        assert!(matches!(error.failures[..], [ref it] if matches!(it.kind, FailureKind::Stopped)));
        assert_eq!(closed(busy).await, ["panicked: after all"]);
        let report = system.shutdown().await;
        assert_eq!((report.handled, report.failed), (0, 1));
        assert_eq!(report.dead_letters[0].count, 1);
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_waits_gets_the_reason_of_a_dead_letter_and_closing_does_not()
-> nether::Result<()> {
    let system = system().await?;
    let gate = Arc::new(Semaphore::new(0));
    let (busy, ctx) = (system.context(), system.context());
    busy.process(Hold(Arc::clone(&gate))).await?;
    let opening = async {
        sleep(SHORT).await;
        gate.add_permits(1);
    };
    let (sent, ()) = tokio::join!(ctx.send(Succeed), opening);
    assert!(matches!(sent, Err(CallError::Stopped { .. })));
    ctx.close().await?;
    Ok(())
}

#[tokio::test]
async fn failures_beyond_the_first_thousand_are_counted() -> nether::Result<()> {
    let system = system().await?;
    let ctx = system.context();
    for number in 0..2_500 {
        ctx.process(Fail(number)).await?;
    }
    let error = ctx.close().await.expect_err("all of them failed");
    assert_eq!((error.failures.len(), error.unlisted), (1_000, 1_500));
    assert_eq!(error.failures[999].kind.to_string(), "failure 999");
    let text = error.to_string();
    assert!(text.starts_with("2500 messages failed, first "), "{text}");
    assert!(text.ends_with(", and 2479 more"), "{text}");
    Ok(())
}
