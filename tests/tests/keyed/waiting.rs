//! What waits for the turn of a key: it is seen, cut off, and never waits for itself.

use std::sync::Arc;
use std::time::Duration;

use nether::prelude::*;
use nether::{CallError, DeadLetter};
use tokio::time::timeout;

use crate::support::Gate;

/// Lets the key `to` be asked by the key `from`, which asks `then` if there is one.
#[command(key = from)]
struct Call {
    from: u64,
    path: Vec<u64>,
}

/// Waits at the gate, in the handler of its key.
#[command(key = from)]
struct Stop {
    from: u64,
}

#[command(key = from)]
struct CloseOwn {
    from: u64,
}

/// Reads a stream to its end.
#[command(key = from)]
struct Listen {
    from: u64,
}

#[query(reply = u64, key = from)]
struct Count {
    from: u64,
}

struct Caller {
    calls: u64,
    gate: Resource<Arc<Gate>>,
}

#[module(handles = [Call, Stop, CloseOwn, Listen, Count], per = from, mailbox = 2)]
impl Caller {
    #[init]
    fn new(_from: &u64, gate: Resource<Arc<Gate>>) -> Self {
        Caller { calls: 0, gate }
    }

    async fn call(&mut self, mut call: Call, ctx: &Context<Self>) -> nether::Result<()> {
        self.calls += 1;
        if call.path.is_empty() {
            return Ok(());
        }
        let from = call.path.remove(0);
        let path = call.path;
        Ok(ctx.send(Call { from, path }).await?)
    }

    async fn stop(&mut self, _: Stop) {
        self.gate.pass().await;
    }

    async fn close_own(&mut self, close: CloseOwn, ctx: &Context<Self>) -> nether::Result<()> {
        let nested = ctx.nested();
        let (from, path) = (close.from, Vec::new());
        nested.process(Call { from, path }).await?;
        nested.close().await?;
        Ok(())
    }

    async fn listen(&mut self, _: Listen, ctx: &Context<Self>) -> nether::Result<()> {
        let mut numbers = ctx.stream::<u64>().join();
        while let Some(number) = numbers.pull().await? {
            self.calls += number;
        }
        Ok(())
    }

    async fn count(&self, _: Count) -> u64 {
        self.calls
    }
}

async fn callers() -> nether::Result<(System, Arc<Gate>)> {
    let gate = Arc::<Gate>::default();
    let builder = System::builder().isolated().with::<Caller>();
    let system = builder.provide(Arc::clone(&gate)).start().await?;
    Ok((system, gate))
}

fn call(path: &[u64]) -> Call {
    Call {
        from: path[0],
        path: path[1..].to_vec(),
    }
}

/// Whether an error says, in itself or in what caused it, that it would wait for ever.
fn is_deadlock<T>(result: &Result<T, CallError<nether::Error>>) -> bool {
    let error = result.as_ref().err();
    error.is_some_and(|error| error.to_string().contains("a deadlock"))
}

#[tokio::test(start_paused = true)]
async fn a_key_may_call_others() -> nether::Result<()> {
    let (system, _) = callers().await?;
    let ctx = system.context();
    ctx.send(call(&[1, 2, 3])).await?;
    ctx.process(call(&[1, 2, 3])).await?;
    ctx.close().await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_deadlock_names_modules_and_keys() -> nether::Result<()> {
    let (system, _) = callers().await?;
    let waits = |from: u64, to: u64| {
        let module = "keyed::waiting::Caller";
        let message = "keyed::waiting::Call";
        format!("`{module}` (key `{from}`) waits for `{message}` in `{module}` (key `{to}`)")
    };
    // The handlers that are called run in the task of the one that waits in the end.
    for (path, key) in [(&[1, 1][..], 1), (&[1, 2, 1], 1), (&[1, 2, 3, 2], 2)] {
        let circle = format!("a deadlock: {};", waits(key, key));
        for is_sent in [true, false] {
            let ctx = system.context();
            let text = match is_sent {
                true => ctx.send(call(path)).await.map_err(|it| it.to_string()),
                false => {
                    ctx.process(call(path)).await?;
                    ctx.close().await.map(drop).map_err(|it| it.to_string())
                }
            };
            let text = text.expect_err("it would wait for ever");
            assert!(text.contains(&circle), "{path:?}: {text}");
        }
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_circle_of_keys_is_a_deadlock_at_once() -> nether::Result<()> {
    let (system, _) = callers().await?;
    for path in [&[1, 1][..], &[1, 2, 1], &[1, 2, 3, 2]] {
        let ctx = system.context();
        let began = tokio::time::Instant::now();
        let refused = ctx.send(call(path)).await;
        assert!(is_deadlock(&refused), "{path:?}: {refused:?}");
        ctx.close().await?;
        let ctx = system.context();
        ctx.process(call(path)).await?;
        ctx.close().await.expect_err("the innermost is refused");
        assert_eq!(began.elapsed(), Duration::ZERO, "{path:?}");
    }
    Ok(())
}

/// The same circle, closed by two handlers in tasks of their own.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_keys_that_call_each_other_at_once_do_not_wait_for_ever() -> nether::Result<()> {
    let (system, _) = callers().await?;
    for _ in 0..300 {
        let (left, right) = (system.context(), system.context());
        left.process(call(&[1, 2])).await?;
        right.process(call(&[2, 1])).await?;
        for ctx in [left, right] {
            let closed = timeout(Duration::from_secs(30), ctx.close()).await?;
            // Both go well, or one is refused, or both.
            if let Err(error) = closed {
                assert!(error.to_string().contains("a deadlock"), "{error}");
            }
        }
    }
    system.context().send(call(&[1, 2, 3])).await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_closes_what_waits_for_it_gets_an_error() -> nether::Result<()> {
    let (system, _) = callers().await?;
    let ctx = system.context();
    let closed = ctx.send(CloseOwn { from: 1 }).await;
    assert!(is_deadlock(&closed), "it would wait for itself: {closed:?}");
    ctx.close().await?;
    system.context().send(call(&[1])).await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_a_key_ends_with_its_unit_of_work() -> nether::Result<()> {
    let (system, gate) = callers().await?;
    let mut letters = system.subscribe::<DeadLetter>();
    let holding = system.context();
    holding.process(Stop { from: 1 }).await?;
    gate.arrived(1).await;
    let ctx = system.context();
    ctx.process(call(&[1])).await?;
    ctx.cancel();
    let letter = letters.next().await.expect("it is reported");
    assert!(letter.message.ends_with("Call"), "{letter:?}");
    let late = system.context().with_timeout(Duration::from_secs(1));
    let refused = late.send(call(&[1])).await;
    assert!(
        matches!(refused, Err(CallError::DeadlineExceeded { .. })),
        "{refused:?}"
    );
    gate.open(1);
    holding.close().await?;
    assert_eq!(system.context().ask(Count { from: 1 }).await?, 0);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_command_whose_caller_leaves_is_handled_and_a_query_is_not() -> nether::Result<()> {
    let (system, gate) = callers().await?;
    let holding = system.context();
    holding.process(Stop { from: 1 }).await?;
    gate.arrived(1).await;
    let ctx = system.context();
    let second = Duration::from_secs(1);
    let left = timeout(second, ctx.ask(Count { from: 1 })).await;
    assert!(left.is_err());
    let left = timeout(second, ctx.send(call(&[1]))).await;
    assert!(left.is_err());
    gate.open(1);
    holding.close().await?;
    assert_eq!(ctx.ask(Count { from: 1 }).await?, 1);
    ctx.close().await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn what_handlers_cause_never_waits_for_a_place() -> nether::Result<()> {
    let (system, gate) = callers().await?;
    // One of the two places is the key's that waits, the other that of a message of the same key.
    let ctx = system.context();
    ctx.process(Stop { from: 1 }).await?;
    gate.arrived(1).await;
    ctx.process(call(&[1, 2])).await?;
    let mut third = Box::pin(ctx.process(call(&[3])));
    let waits = timeout(Duration::from_secs(1), &mut third).await;
    assert!(waits.is_err(), "there are two places");
    gate.open(1);
    third.await?;
    ctx.close().await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_paused_module_begins_nothing_and_keeps_the_order() -> nether::Result<()> {
    let (system, _) = callers().await?;
    system.pause::<Caller>()?;
    let ctx = system.context();
    ctx.process(call(&[1])).await?;
    let mut asked = Box::pin(ctx.ask(Count { from: 1 }));
    let waits = timeout(Duration::from_secs(1), &mut asked).await;
    assert!(waits.is_err(), "it is paused");
    system.resume::<Caller>()?;
    assert_eq!(asked.await?, 1);
    drop(system);
    ctx.close().await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_though_messages_wait_for_the_key_that_reads_it() -> nether::Result<()> {
    let (system, _) = callers().await?;
    let ctx = system.context();
    let numbers = ctx.stream::<u64>();
    ctx.process(Listen { from: 1 }).await?;
    for number in 1..=3 {
        numbers.push(number).await?;
    }
    ctx.process(call(&[1])).await?;
    drop(numbers);
    // What is left waits for the stream, or for the handler that does.
    assert_eq!(ctx.close().await?.handled, 2);
    assert_eq!(system.context().ask(Count { from: 1 }).await?, 7);
    Ok(())
}
