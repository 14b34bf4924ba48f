//! Shared streams of a unit of work: who gets which item, who waits for whom, and how a stream ends.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt};
use nether::prelude::*;
use nether::{ContextError, PushError, StreamError};
use tokio::sync::mpsc;

/// Pushes the numbers from 0.
#[command]
struct Push(u32);

/// Produces the numbers from 0, and finishes.
#[command]
struct Produce(u32);

/// Produces one number, and then fails to finish.
#[command(local)]
struct Break(How);

#[derive(PartialEq)]
enum How {
    Panic,
    Err,
    Fail,
}

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

#[module(handles = [Push, Produce, Break, Take, TakeOne, Double, TakeDoubled, Count], manual)]
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

    async fn break_off(&self, Break(how): Break, ctx: &Context<Self>) -> nether::Result<()> {
        let numbers = ctx.stream::<u32>().produce();
        numbers.push(7).await?;
        match how {
            How::Panic => panic!("out of numbers"),
            How::Err => Err(nether::Error::msg("out of numbers")),
            How::Fail => {
                numbers.fail(nether::Error::msg("no more"));
                Ok(())
            }
        }
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
async fn each_item_goes_to_one_of_those_who_join() -> nether::Result<()> {
    let system = system().await?;
    let ctx = system.context();
    let (seen, mut all) = mpsc::unbounded_channel();
    for consumer in 0..1000 {
        let (ctx, seen) = (ctx.clone(), seen.clone());
        tokio::spawn(async move {
            let mut numbers = ctx.stream::<u32>().join();
            while let Ok(Some(number)) = numbers.pull().await {
                seen.send((consumer, number)).expect("the test listens");
            }
        });
    }
    drop(seen);
    tokio::task::yield_now().await; // Now all of them have joined.
    ctx.send(Produce(10_000)).await?;
    let mut numbers = BTreeSet::new();
    let mut consumers = BTreeSet::new();
    while let Some((consumer, number)) = all.recv().await {
        assert!(numbers.insert(number), "{number} went to two");
        consumers.insert(consumer);
    }
    assert!(numbers.into_iter().eq(0..10_000));
    assert!(consumers.len() > 1, "they share the work");
    ctx.close().await?;
    Ok(())
}

#[tokio::test]
async fn those_who_watch_see_every_item_in_order() -> nether::Result<()> {
    let system = system().await?;
    let ctx = system.context();
    let watchers: Vec<_> = (0..1000)
        .map(|_| {
            let ctx = ctx.clone();
            tokio::spawn(async move {
                let watch = ctx.stream::<u32>().with_capacity(8).watch();
                watch.try_collect::<Vec<_>>().await
            })
        })
        .collect();
    tokio::task::yield_now().await; // Now all of them watch.
    ctx.send(Produce(100)).await?;
    for watcher in watchers {
        assert!(watcher.await??.into_iter().eq(0..100));
    }
    ctx.close().await?;
    Ok(())
}

#[tokio::test]
async fn items_are_shared_and_watched_at_once() -> nether::Result<()> {
    let system = system().await?;
    let ctx = system.context();
    {
        let numbers = ctx.stream::<u32>();
        let (mut left, mut right, mut watch) = (numbers.join(), numbers.join(), numbers.watch());
        for number in 1..=3 {
            numbers.push(number).await?;
        }
        assert_eq!(left.pull().await?, Some(1));
        assert_eq!(watch.pull().await?, Some(1));
        assert_eq!(right.pull().await?, Some(2));
        numbers.close();
        assert_eq!(left.pull().await?, Some(3));
        assert_eq!(right.pull().await?, None);
        assert_eq!(watch.pull().await?, Some(2));
        assert_eq!(watch.pull().await?, Some(3));
        assert_eq!(watch.pull().await?, None);
    }
    ctx.close().await?;
    Ok(())
}

#[tokio::test]
async fn one_who_watches_can_be_told_what_it_missed_and_holds_nobody_back() -> nether::Result<()> {
    let system = system().await?;
    let ctx = system.context();
    let numbers = ctx.stream::<u32>().with_capacity(4);
    let mut lossy = numbers.watch_lossy();
    for number in 0..10 {
        numbers.try_push(number)?;
    }
    numbers.close();
    let mut seen = Vec::new();
    while let Some(number) = lossy.pull().await? {
        seen.push(number);
    }
    assert_eq!((seen, lossy.missed()), (vec![6, 7, 8, 9], 6));
    Ok(())
}

#[tokio::test]
async fn whoever_pushes_waits_for_room() -> nether::Result<()> {
    let system = system().await?;
    let ctx = system.context();
    let numbers = ctx.stream::<u32>().with_capacity(2);
    let mut slow = numbers.watch();
    let mut joined = numbers.join();
    numbers.push(0).await?;
    numbers.push(1).await?;
    let refused = numbers.try_push(2).unwrap_err();
    assert_eq!((refused.item, refused.error), (2, PushError::Full));
    let mut push = Box::pin(numbers.push(2));
    assert!(ready(&mut push).await.is_none());
    // What one consumer has taken the other still needs.
    assert_eq!(joined.pull().await?, Some(0));
    assert!(ready(&mut push).await.is_none());
    assert_eq!(slow.pull().await?, Some(0));
    push.await?;
    assert_eq!(joined.pull().await?, Some(1));
    assert_eq!(joined.pull().await?, Some(2));
    assert_eq!(slow.missed(), 0);
    Ok(())
}

#[tokio::test]
async fn whoever_waits_for_room_gets_it_in_turn_and_may_give_up() -> nether::Result<()> {
    let system = system().await?;
    let ctx = system.context();
    let numbers = ctx.stream::<u32>().with_capacity(1);
    let mut joined = numbers.join();
    numbers.push(0).await?;
    let (mut first, mut second, mut third) = (
        Box::pin(numbers.push(1)),
        Box::pin(numbers.push(2)),
        Box::pin(numbers.push(3)),
    );
    assert!(ready(&mut first).await.is_none());
    assert!(ready(&mut second).await.is_none());
    assert!(ready(&mut third).await.is_none());
    assert_eq!(joined.pull().await?, Some(0));
    // The room is for the first; when it gives up, for the second.
    drop(first);
    second.await?;
    assert_eq!(joined.pull().await?, Some(2));
    third.await?;
    assert_eq!(joined.pull().await?, Some(3));
    Ok(())
}

#[tokio::test]
async fn an_item_that_was_for_one_who_gave_up_goes_to_another() -> nether::Result<()> {
    let system = system().await?;
    let ctx = system.context();
    let numbers = ctx.stream::<u32>();
    let (mut first, mut second) = (numbers.join(), numbers.join());
    let mut given_up = Box::pin(first.pull());
    let other = ctx.clone();
    assert!(ready(&mut given_up).await.is_none());
    let mut waiting = Box::pin(second.pull());
    assert!(ready(&mut waiting).await.is_none());
    other.stream::<u32>().push(1).await?; // Wakes the first.
    drop(given_up);
    assert_eq!(waiting.await?, Some(1));
    Ok(())
}

#[tokio::test]
async fn a_stream_ends_with_its_last_producer() -> nether::Result<()> {
    let system = system().await?;
    let ctx = system.context();
    let numbers = ctx.stream::<u32>();
    let (first, second) = (numbers.produce(), numbers.produce());
    let mut joined = numbers.join();
    first.push(1).await?;
    first.finish();
    second.push(2).await?;
    second.finish();
    assert_eq!(joined.by_ref().try_collect::<Vec<_>>().await?, [1, 2]);
    let late = numbers.push(3).await.unwrap_err();
    assert_eq!((late.item, late.error), (3, PushError::Ended));
    Ok(())
}

#[tokio::test]
async fn a_producer_that_does_not_finish_ends_the_stream_with_an_error() -> nether::Result<()> {
    for (how, told) in [
        (
            How::Panic,
            "a producer of the stream was dropped before it called `finish`",
        ),
        (
            How::Err,
            "a producer of the stream was dropped before it called `finish`",
        ),
        (How::Fail, "no more"),
    ] {
        let system = system().await?;
        let ctx = system.context();
        let is_broken = how != How::Fail;
        ctx.process(Break(how)).await?;
        {
            let mut numbers = ctx.stream::<u32>().join();
            assert_eq!(numbers.pull().await?, Some(7));
            let error = numbers.pull().await.unwrap_err();
            assert!(error.to_string().starts_with(told), "{error}");
            assert_eq!(numbers.pull().await?, None);
        }
        assert_eq!(ctx.close().await.is_err(), is_broken);
    }
    Ok(())
}

#[tokio::test]
async fn a_stream_without_consumers_says_so() -> nether::Result<()> {
    let system = system().await?;
    let ctx = system.context();
    let numbers = ctx.stream::<u32>().with_capacity(1);
    numbers.push(0).await?; // There may be one to come.
    let joined = numbers.join();
    let mut push = Box::pin(numbers.push(1));
    assert!(ready(&mut push).await.is_none());
    drop(joined);
    let unwanted = push.await.unwrap_err();
    assert_eq!((unwanted.item, unwanted.error), (1, PushError::Unwanted));
    Ok(())
}

#[tokio::test]
async fn what_is_pushed_before_there_is_a_consumer_is_kept_for_the_first() -> nether::Result<()> {
    let system = system().await?;
    let ctx = system.context();
    ctx.send(Push(5)).await?;
    ctx.process(Take).await?;
    let numbers = ctx.stream::<u32>();
    let watch = numbers.watch();
    numbers.close();
    let seen: Vec<u32> = watch.try_collect().await?;
    assert_eq!(seen, [0, 1, 2, 3, 4]);
    Ok(())
}

#[tokio::test]
async fn streams_are_told_apart_by_context_type_and_name() -> nether::Result<()> {
    let system = system().await?;
    let (ctx, other) = (system.context(), system.context());
    ctx.stream::<u32>().push(1).await?;
    ctx.stream::<u64>().push(2).await?;
    ctx.stream_named::<u32>("left").push(3).await?;
    other.stream::<u32>().push(4).await?;
    assert_eq!(ctx.stream::<u32>().join().pull().await?, Some(1));
    assert_eq!(ctx.stream::<u64>().join().pull().await?, Some(2));
    assert_eq!(
        ctx.stream_named::<u32>("left").join().pull().await?,
        Some(3)
    );
    assert_eq!(other.stream::<u32>().join().pull().await?, Some(4));
    let mut right = ctx.stream_named::<u32>("right").join();
    assert!(ready(&mut Box::pin(right.pull())).await.is_none());
    Ok(())
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

#[tokio::test]
async fn closing_does_not_wait_for_a_push_that_nobody_takes() -> nether::Result<()> {
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
    let producer = _held.stream::<u32>().produce(); // It never finishes, and nobody knows whose it is.
    let asked = ctx.clone();
    let taken = tokio::spawn(async move { asked.send(TakeOne).await });
    ctx.process(Take).await?;
    let error: ContextError = ctx.close().await.unwrap_err();
    assert!(error.unfinished > 0);
    drop(producer);
    assert!(taken.await?.is_err());
    Ok(())
}

/// Answers with a number at once, and with as many items after it.
#[command(reply = nether::Streaming<u32, u32>)]
struct Export(u32);

/// The same, and it breaks off.
#[command(reply = nether::Streaming<(), u32>)]
struct ExportBadly;

struct Exporter;

#[module(handles = [Export, ExportBadly], manual)]
impl Exporter {
    async fn export(
        &mut self,
        Export(count): Export,
        ctx: &Context<Self>,
    ) -> nether::Result<nether::Streaming<u32, u32>> {
        let streaming = ctx.streaming(count, async move |out| {
            for number in 0..count {
                out.push(number).await?;
            }
            out.finish();
            Ok(())
        });
        Ok(streaming?)
    }

    async fn export_badly(
        &mut self,
        _: ExportBadly,
        ctx: &Context<Self>,
    ) -> nether::Result<nether::Streaming<(), u32>> {
        let streaming = ctx.streaming((), async |out| {
            out.push(1).await?;
            Err(nether::Error::msg("the disk is gone"))
        });
        Ok(streaming?)
    }
}

#[tokio::test]
async fn a_command_answers_with_a_stream_that_goes_on_after_the_reply() -> nether::Result<()> {
    let system = system().await?;
    system.attach(Exporter).await?;
    let ctx = system.context();
    // Two at once do not mix, and more than a stream holds goes through.
    let (count, few) = ctx.send_streaming(Export(3)).await?;
    let (_, many) = ctx.send_streaming(Export(100_000)).await?;
    assert_eq!(count, 3);
    assert_eq!(many.try_fold(0, async |sum, _| Ok(sum + 1)).await?, 100_000);
    assert_eq!(few.try_collect::<Vec<_>>().await?, [0, 1, 2]);
    ctx.close().await?;

    let ctx = system.context();
    let ((), mut items) = ctx.send_streaming(ExportBadly).await?;
    assert_eq!(items.pull().await?, Some(1));
    assert!(matches!(items.pull().await, Err(StreamError::Unfinished)));
    let error = ctx.close().await.unwrap_err();
    assert_eq!(error.failures.len(), 1);
    assert!(error.to_string().ends_with("the disk is gone"), "{error}");

    // Whoever is not interested in the rest ends it.
    let ctx = system.context();
    let (_, items) = ctx.send_streaming(Export(100_000)).await?;
    drop(items);
    let error = ctx.close().await.unwrap_err();
    assert!(
        error.to_string().contains("consumers are all gone"),
        "{error}"
    );
    Ok(())
}

/// What the future gives back, if it is ready now.
async fn ready<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    std::future::poll_fn(|cx| {
        std::task::Poll::Ready(match std::pin::Pin::new(&mut *future).poll(cx) {
            std::task::Poll::Ready(output) => Some(output),
            std::task::Poll::Pending => None,
        })
    })
    .await
}
