//! Shared streams of a unit of work: who gets which item, who waits for whom, and how a stream ends.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt};
use nether::PushError;
use nether::prelude::*;
use nether_tests::ready;
use tokio::sync::mpsc;
use tokio::time::timeout;

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

struct Hands;

#[module(handles = [Push, Produce, Break, Take], manual)]
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
async fn a_watcher_can_learn_what_it_missed_and_delays_no_other() -> nether::Result<()> {
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
async fn a_pusher_waits_for_room() -> nether::Result<()> {
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
async fn a_waiter_for_room_gets_it_in_turn_and_may_give_up() -> nether::Result<()> {
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

/// A consumer that has waited as a `Stream` is kept, and not polled again.
#[tokio::test(start_paused = true)]
async fn an_item_that_woke_one_who_does_not_come_back_goes_to_another() -> nether::Result<()> {
    let system = system().await?;
    let ctx = system.context();
    let numbers = ctx.stream::<u32>();
    let mut kept: Vec<_> = (0..3).map(|_| numbers.join()).collect();
    for waits_as_stream in [true, false] {
        for consumer in &mut kept {
            assert!(ready(&mut Box::pin(consumer.next())).await.is_none());
        }
        let other = ctx.clone();
        let waiting = tokio::spawn(async move {
            let mut numbers = other.stream::<u32>().join();
            if waits_as_stream {
                numbers.next().await.transpose()
            } else {
                numbers.pull().await
            }
        });
        tokio::task::yield_now().await; // It sleeps.
        numbers.push(1).await?;
        let taken = timeout(Duration::from_secs(1), waiting).await?;
        assert_eq!(taken??, Some(1), "as a stream: {waits_as_stream}");
    }
    Ok(())
}

#[tokio::test]
async fn a_stream_ends_with_its_last_producer() -> nether::Result<()> {
    let system = system().await?;
    let ctx = system.context();
    let numbers = ctx.stream::<u32>();
    let (first, second) = (numbers.produce(), numbers.produce());
    let joined = numbers.join();
    first.push(1).await?;
    first.finish();
    second.push(2).await?;
    second.finish();
    assert_eq!(joined.try_collect::<Vec<_>>().await?, [1, 2]);
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
async fn a_first_consumer_that_may_miss_items_lets_those_go_on_who_wait_for_room()
-> nether::Result<()> {
    let system = system().await?;
    let ctx = system.context();
    let numbers = ctx.stream::<u32>().with_capacity(1);
    numbers.push(0).await?;
    let waiting = ctx.clone();
    let pushed = tokio::spawn(async move { waiting.stream::<u32>().push(1).await });
    tokio::task::yield_now().await; // It waits.
    let mut lossy = numbers.watch_lossy();
    pushed.await??;
    assert_eq!((lossy.pull().await?, lossy.missed()), (Some(1), 1));
    Ok(())
}

/// An item that cannot be dropped quietly.
#[derive(Clone)]
struct Loud;

impl Drop for Loud {
    fn drop(&mut self) {
        panic!("dropped");
    }
}

#[tokio::test]
async fn items_that_panic_when_they_are_given_up_keep_nothing_from_its_end() -> nether::Result<()> {
    let system = system().await?;
    let ctx = system.context();
    ctx.stream::<Loud>().push(Loud).await?;
    ctx.stream::<Loud>().push(Loud).await?;
    let within = ctx.nested();
    let mut numbers = ctx.stream::<u32>().join();
    ctx.cancel();
    assert!(numbers.pull().await.is_err());
    assert!(within.is_cancelled());
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
async fn streams_are_distinguished_by_context_type_and_name() -> nether::Result<()> {
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
