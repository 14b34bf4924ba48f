//! How a shared stream ends with its unit of work: closed, cancelled, dropped, or too late.

use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt};
use nether::prelude::*;
use nether::{ContextError, PushError, StreamError};
use nether_tests::ready;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// Pushes the numbers from 0.
#[command]
struct Push(u32);

/// Produces the numbers from 0, and finishes.
#[command]
struct Produce(u32);

/// Takes what there is, and tells.
#[command(reply = Vec<u32>)]
struct Take;

/// Takes one item.
#[command(reply = Option<u32>)]
struct TakeOne;

/// Doubles what it takes.
#[command]
struct Double;

/// Takes what is doubled.
#[command(reply = Vec<u64>)]
struct TakeDoubled;

/// Waits for the reply of one who takes.
#[command(reply = usize)]
struct Count;

struct Hands;

#[module(handles = [Push, Produce, Take, TakeOne, Double, TakeDoubled, Count], manual)]
impl Hands {
    async fn push(&self, Push(count): Push, ctx: &Context<Self>) -> nether::Result<()> {
        let numbers = ctx.stream::<u32>();
        for number in 0..count {
            numbers.push(number).await?;
        }
        Ok(())
    }

    async fn produce(&self, Produce(count): Produce, ctx: &Context<Self>) -> nether::Result<()> {
        let numbers = ctx.stream::<u32>().produce();
        for number in 0..count {
            numbers.push(number).await?;
        }
        numbers.finish();
        Ok(())
    }

    async fn take(&self, _: Take, ctx: &Context<Self>) -> nether::Result<Vec<u32>> {
        Ok(ctx.stream::<u32>().join().try_collect().await?)
    }

    async fn take_one(&self, _: TakeOne, ctx: &Context<Self>) -> nether::Result<Option<u32>> {
        Ok(ctx.stream::<u32>().join().pull().await?)
    }

    async fn double(&self, _: Double, ctx: &Context<Self>) -> nether::Result<()> {
        let doubled = ctx.stream::<u64>().produce();
        let mut numbers = ctx.stream::<u32>().join();
        while let Some(number) = numbers.pull().await? {
            doubled.push(u64::from(number) * 2).await?;
        }
        doubled.finish();
        Ok(())
    }

    async fn take_doubled(&self, _: TakeDoubled, ctx: &Context<Self>) -> nether::Result<Vec<u64>> {
        Ok(ctx.stream::<u64>().join().try_collect().await?)
    }

    async fn count(&self, _: Count, ctx: &Context<Self>) -> nether::Result<usize> {
        Ok(ctx.send(Take).await?.len())
    }
}

async fn system() -> nether::Result<System> {
    let system = System::builder().isolated().start().await?;
    system.attach(Hands).await?;
    Ok(system)
}

#[tokio::test]
async fn closing_ends_a_stream_when_only_consumers_are_left() -> nether::Result<()> {
    let system = system().await?;
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0], [2, 0, 1]] {
        let ctx = system.context();
        for step in order {
            match step {
                0 => ctx.process(Push(1000)).await?,
                _ => ctx.process(Take).await?,
            }
        }
        assert_eq!(ctx.close().await?.handled, 3);
    }
    Ok(())
}

#[tokio::test]
async fn closing_ends_a_line_of_streams_one_after_the_other() -> nether::Result<()> {
    let system = system().await?;
    let ctx = system.context();
    let asked = ctx.clone();
    let doubled = tokio::spawn(async move { asked.send(TakeDoubled).await });
    tokio::task::yield_now().await; // It has asked.
    ctx.process(Double).await?;
    ctx.process(Push(1000)).await?;
    ctx.close().await?;
    let doubled = doubled.await??;
    assert!(doubled.into_iter().eq((0..1000).map(|number| number * 2)));
    Ok(())
}

#[tokio::test]
async fn closing_ends_what_a_handler_waits_for_who_waits_for_a_consumer() -> nether::Result<()> {
    let system = system().await?;
    let ctx = system.context();
    ctx.process(Push(10)).await?;
    ctx.process(Count).await?;
    assert_eq!(ctx.close().await?.handled, 3);
    Ok(())
}

/// Takes what there is.
#[command]
struct Work;

/// It is exclusive: of two who ask it to work, one waits for the other.
#[derive(Default)]
struct Worker {
    taken: u32,
}

#[module(handles = Work, manual)]
impl Worker {
    async fn work(&mut self, _: Work, ctx: &Context<Self>) -> nether::Result<()> {
        let mut numbers = ctx.stream::<u32>().join();
        while numbers.pull().await?.is_some() {
            self.taken += 1;
        }
        Ok(())
    }
}

#[tokio::test]
async fn closing_ends_what_keeps_a_module_busy_for_which_others_wait_in_line() -> nether::Result<()>
{
    let system = system().await?;
    system.attach(Worker::default()).await?;
    // One, and several, in its mailbox, and taken from it together.
    for (before, after) in [(1, 0), (1, 1), (2, 0), (2, 3), (0, 2)] {
        let ctx = system.context();
        for _ in 0..before {
            ctx.process(Work).await?;
        }
        ctx.process(Push(1000)).await?;
        tokio::task::yield_now().await;
        for _ in 0..after {
            ctx.process(Work).await?;
        }
        assert_eq!(ctx.close().await?.handled, before + after + 1);
    }
    Ok(())
}

/// Waits for the reply of one who takes, and keeps its module busy.
#[command]
struct Report;

struct Reporter;

#[module(handles = Report, manual)]
impl Reporter {
    async fn report(&mut self, _: Report, ctx: &Context<Self>) -> nether::Result<()> {
        ctx.send(Take).await?;
        Ok(())
    }
}

#[tokio::test]
async fn closing_sees_who_waits_in_line_for_one_who_waits_for_a_consumer() -> nether::Result<()> {
    let system = system().await?;
    system.attach(Reporter).await?;
    let ctx = system.context();
    ctx.stream::<u32>();
    ctx.process(Report).await?;
    ctx.process(Report).await?;
    ctx.process(Push(10)).await?;
    assert_eq!(ctx.close().await?.handled, 5);
    Ok(())
}

/// Two modules handle it, and both take.
#[event]
struct Started;

struct Left;

#[module(handles = Started, manual)]
impl Left {
    async fn take(&mut self, _: &Started, ctx: &Context<Self>) -> nether::Result<()> {
        while ctx.stream::<u32>().join().pull().await?.is_some() {}
        Ok(())
    }
}

struct Right;

#[module(handles = Started, manual)]
impl Right {
    async fn take(&self, _: &Started, ctx: &Context<Self>) -> nether::Result<()> {
        let mut numbers = ctx.stream::<u32>().join();
        while numbers.pull().await?.is_some() {}
        Ok(())
    }
}

#[tokio::test]
async fn closing_ends_what_several_handlers_of_one_event_wait_for() -> nether::Result<()> {
    let system = system().await?;
    system.attach(Left).await?;
    system.attach(Right).await?;
    let ctx = system.context();
    ctx.publish(Started).await?;
    ctx.process(Push(100)).await?;
    assert_eq!(ctx.close().await?.handled, 3);
    Ok(())
}

/// Consumes, and works on what it gets for a while before it pushes.
#[command]
struct Forward;

struct Forwarder;

#[module(handles = Forward, manual)]
impl Forwarder {
    async fn forward(&self, _: Forward, ctx: &Context<Self>) -> nether::Result<()> {
        let mut numbers = ctx.stream::<u32>().join();
        while let Some(number) = numbers.pull().await? {
            tokio::time::sleep(Duration::from_secs(1)).await;
            ctx.stream::<u64>().push(u64::from(number) * 2).await?;
        }
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_consumer_that_works_on_an_item_does_not_count_as_one_who_waits() -> nether::Result<()> {
    let system = system().await?;
    system.attach(Forwarder).await?;
    let ctx = system.context();
    // The stream that it pushes to is the older one.
    let asked = ctx.clone();
    let doubled = tokio::spawn(async move { asked.send(TakeDoubled).await });
    tokio::task::yield_now().await;
    ctx.process(Push(10)).await?;
    ctx.process(Forward).await?;
    tokio::time::sleep(Duration::from_millis(1)).await;
    ctx.close().await?;
    assert_eq!(doubled.await??.len(), 10);
    Ok(())
}

#[tokio::test]
async fn closing_does_not_wait_for_a_push_that_is_not_taken() -> nether::Result<()> {
    let system = system().await?;
    for produced in [false, true] {
        let ctx = system.context();
        match produced {
            true => ctx.process(Produce(1000)).await?,
            false => ctx.process(Push(1000)).await?,
        }
        let error = ctx.close().await.unwrap_err();
        let [failure] = error.failures.as_slice() else {
            panic!("{error}");
        };
        assert_eq!(failure.kind.to_string(), "the stream has ended");
    }
    Ok(())
}

#[tokio::test]
async fn cancelling_ends_a_stream_at_once() -> nether::Result<()> {
    let system = system().await?;
    let ctx = system.context();
    {
        let numbers = ctx.stream::<u32>().with_capacity(1);
        let (mut joined, mut watch) = (numbers.join(), numbers.watch());
        numbers.push(0).await?;
        let mut push = Box::pin(numbers.push(1));
        assert!(ready(&mut push).await.is_none());
        ctx.cancel();
        assert_eq!(push.await.unwrap_err().error, PushError::Cancelled);
        let error = joined.pull().await.unwrap_err();
        assert!(matches!(error, StreamError::Cancelled), "{error}");
        assert!(matches!(watch.pull().await, Err(StreamError::Cancelled)));
        let mut late = ctx.stream_named::<u32>("late").join();
        assert!(matches!(late.pull().await, Err(StreamError::Cancelled)));
    }
    assert!(ctx.close().await.unwrap_err().cancelled);
    Ok(())
}

#[tokio::test]
async fn a_context_that_is_dropped_ends_its_streams() -> nether::Result<()> {
    let system = system().await?;
    let ctx = system.context();
    let (told, mut end) = mpsc::unbounded_channel();
    system.attach(Listener(told)).await?;
    ctx.process(Listen).await?;
    ctx.stream::<u32>().push(1).await?;
    assert_eq!(end.recv().await.as_deref(), Some("item 1"));
    drop(ctx);
    let told = end.recv().await;
    assert_eq!(told.as_deref(), Some("the stream's context was cancelled"));
    Ok(())
}

/// Tells what it takes, and the end.
#[command]
struct Listen;

struct Listener(mpsc::UnboundedSender<String>);

#[module(handles = Listen, manual)]
impl Listener {
    async fn listen(&mut self, _: Listen, ctx: &Context<Self>) {
        let mut numbers = ctx.stream::<u32>().join();
        let told = loop {
            match numbers.pull().await {
                Ok(Some(number)) => self.0.send(format!("item {number}")),
                Ok(None) => break self.0.send("the end".into()),
                Err(error) => break self.0.send(error.to_string()),
            }
            .expect("the test listens");
        };
        told.expect("the test listens");
    }
}

#[tokio::test(start_paused = true)]
async fn a_deadline_ends_the_wait_for_room_and_for_items() -> nether::Result<()> {
    let system = system().await?;
    let ctx = system.context().with_timeout(Duration::from_secs(5));
    {
        let numbers = ctx.stream::<u32>().with_capacity(1);
        numbers.push(0).await?;
        let refused = numbers.push(1).await.unwrap_err();
        assert_eq!(
            (refused.item, refused.error),
            (1, PushError::DeadlineExceeded)
        );
        let mut letters = ctx.stream::<char>().watch();
        let error = letters.pull().await.unwrap_err();
        assert!(matches!(error, StreamError::DeadlineExceeded), "{error}");
        let error = StreamExt::next(&mut ctx.stream::<char>().join()).await;
        assert!(matches!(error, Some(Err(StreamError::DeadlineExceeded))));
    }
    ctx.close().await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_deadline_ends_consumers_that_closing_waits_for() -> nether::Result<()> {
    let system = system().await?;
    let ctx = system.context().with_timeout(Duration::from_secs(5));
    let _held = ctx.clone();
    let producer = _held.stream::<u32>().produce(); // It never finishes, and nothing says whose it is.
    let asked = ctx.clone();
    let taken = tokio::spawn(async move { asked.send(TakeOne).await });
    ctx.process(Take).await?;
    let began = Instant::now();
    let error: ContextError = ctx.close().await.unwrap_err();
    assert_eq!(began.elapsed(), Duration::from_secs(5));
    // Whichever is first: it passes for the handler too.
    assert!(
        error.unfinished > 0 || error.to_string().contains("deadline"),
        "{error}"
    );
    drop(producer);
    assert!(taken.await?.is_err());
    Ok(())
}
