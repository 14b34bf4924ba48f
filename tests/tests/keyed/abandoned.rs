//! What callers leave behind: in a wait before the next attempt, in the line of a key, and at a stop.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use nether::prelude::*;
use nether::{KeyCrashed, Result};
use tokio::sync::Barrier;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

const SECOND: Duration = Duration::from_secs(1);

/// A key that has the same hash as all others. A copy of key 14 panics when it is dropped.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
struct Key {
    number: u64,
    is_copy: bool,
}

impl Key {
    fn new(number: u64) -> Self {
        let is_copy = false;
        Key { number, is_copy }
    }
}

impl Clone for Key {
    fn clone(&self) -> Self {
        Key {
            number: self.number,
            is_copy: true,
        }
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl Eq for Key {}

impl Hash for Key {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.number)
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        assert!(!self.is_copy || self.number != 14, "as asked");
    }
}

/// Adds what is pushed, until the stream ends.
#[command(key = key)]
struct Listen {
    key: Key,
}

#[command(key = key)]
struct Hold {
    key: Key,
}

#[command(key = key)]
struct Push {
    key: Key,
}

#[command(key = key)]
struct Forget {
    key: Key,
}

#[query(key = key, reply = u64)]
struct Look {
    key: Key,
    order: u64,
}

#[derive(Default)]
struct Seen(AtomicUsize);

struct Listener {
    seen: Resource<Arc<Seen>>,
}

#[module(handles = [Listen, Hold, Push, Forget, Look], per = key)]
impl Listener {
    #[init]
    fn new(_key: &Key, seen: Resource<Arc<Seen>>) -> Self {
        Listener { seen }
    }

    async fn listen(&mut self, _: Listen, ctx: &Context<Self>) -> Result<()> {
        let mut numbers = ctx.stream::<usize>().join();
        while let Some(number) = numbers.pull().await? {
            self.seen.0.fetch_add(number, Ordering::SeqCst);
        }
        Ok(())
    }

    async fn hold(&mut self, _: Hold) {
        sleep(SECOND).await;
    }

    async fn push(&mut self, _: Push, ctx: &Context<Self>) -> Result<()> {
        ctx.stream::<usize>().push(7).await?;
        Ok(())
    }

    async fn forget(&mut self, _: Forget, ctx: &Context<Self>) {
        ctx.forget();
    }

    /// The replies say in which order the messages came.
    async fn look(&self, look: Look) -> u64 {
        let before = self.seen.0.swap(look.order as usize, Ordering::SeqCst);
        before as u64
    }
}

async fn listeners() -> Result<(System, Arc<Seen>)> {
    let seen = Arc::<Seen>::default();
    let builder = System::builder().isolated().with::<Listener>();
    let system = builder.provide(Arc::clone(&seen)).start().await?;
    Ok((system, seen))
}

#[tokio::test(start_paused = true)]
async fn keys_of_one_hash_do_not_stand_for_each_other() -> Result<()> {
    let (system, seen) = listeners().await?;
    let holding = system.context();
    let (first, second) = (|| Key::new(1), || Key::new(2));
    holding.process(Hold { key: second() }).await?;
    let ctx = system.context();
    ctx.process(Listen { key: first() }).await?;
    ctx.process(Push { key: second() }).await?;
    // What pushes waits for a key that goes on by itself, so the stream does not end before.
    timeout(10 * SECOND, ctx.close()).await??;
    assert_eq!(seen.0.load(Ordering::SeqCst), 7);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_key_that_panics_when_dropped_does_not_reach_the_caller() -> Result<()> {
    let (system, _) = listeners().await?;
    let ctx = system.context();
    for _ in 0..2 {
        let key = Key::new(14);
        ctx.send(Forget { key }).await?;
    }
    timeout(10 * SECOND, ctx.close()).await??;
    Ok(())
}

/// Panics, and is tried again later.
#[query(key = key, reply = u64)]
#[derive(Clone)]
struct Flaky {
    key: u64,
}

/// The number of the value.
#[query(key = key, reply = usize)]
struct Which {
    key: u64,
}

/// Never ends.
#[command(key = key)]
struct Hang {
    key: u64,
}

#[command(key = key, reply = usize)]
struct Touch {
    key: u64,
}

struct Numbered {
    number: usize,
}

#[module(handles = [Flaky, Which, Hang, Touch], per = key)]
impl Numbered {
    #[init]
    fn new(_key: &u64, made: Resource<Arc<Seen>>) -> Self {
        let number = made.0.fetch_add(1, Ordering::SeqCst);
        Numbered { number }
    }

    #[handler(retry = 3, backoff = "2s..2s")]
    async fn flaky(&self, _: Flaky) -> u64 {
        panic!("as asked")
    }

    async fn which(&self, _: Which) -> usize {
        self.number
    }

    async fn hang(&mut self, _: Hang) {
        std::future::pending().await
    }

    async fn touch(&mut self, _: Touch) -> usize {
        self.number
    }
}

async fn numbered() -> Result<(System, Arc<Seen>)> {
    let made = Arc::<Seen>::default();
    let builder = System::builder().isolated().shutdown_timeout(SECOND);
    let builder = builder.provide(Arc::clone(&made)).with::<Numbered>();
    Ok((builder.start().await?, made))
}

#[tokio::test(start_paused = true)]
async fn a_value_that_crashed_is_gone_also_if_the_caller_leaves_before_the_next_attempt()
-> Result<()> {
    let (system, _) = numbered().await?;
    let mut crashed = system.subscribe::<KeyCrashed>();
    let ctx = system.context();
    assert_eq!(ctx.ask(Which { key: 1 }).await?, 0);
    let left = timeout(SECOND / 2, ctx.ask(Flaky { key: 1 })).await;
    assert!(left.is_err(), "it waits before the next attempt");
    assert_eq!(ctx.ask(Which { key: 1 }).await?, 1);
    let event = timeout(SECOND, crashed.next()).await?.expect("it is told");
    assert_eq!(event.key, "1");
    ctx.close().await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn what_waits_in_the_tasks_of_callers_does_not_begin_after_a_stop_that_was_cut_off()
-> Result<()> {
    let (system, made) = numbered().await?;
    let ctx = system.context();
    ctx.process(Hang { key: 1 }).await?;
    tokio::task::yield_now().await;
    let (asking, sending) = (system.context(), system.context());
    let asked = tokio::spawn(async move { asking.ask(Which { key: 1 }).await.is_ok() });
    let sent = tokio::spawn(async move { sending.send(Touch { key: 1 }).await.is_ok() });
    sleep(SECOND).await;
    let report = system.shutdown().await;
    assert!(
        !timeout(SECOND, asked).await??,
        "there is no module: {report}"
    );
    assert!(
        !timeout(SECOND, sent).await??,
        "there is no module: {report}"
    );
    assert_eq!(made.0.load(Ordering::SeqCst), 1, "no other value is made");
    Ok(())
}

/// How long a stop that was cut off waits for callers to notice.
const NOTICE: Duration = Duration::from_millis(100);

#[tokio::test(start_paused = true)]
async fn the_report_of_a_stop_that_was_cut_off_has_what_waited_in_the_tasks_of_callers()
-> Result<()> {
    const CALLERS: u64 = 50;
    let (system, _) = numbered().await?;
    let ctx = system.context();
    assert_eq!(ctx.ask(Which { key: 1 }).await?, 0);
    ctx.process(Hang { key: 1 }).await?;
    let mut callers = JoinSet::new();
    let waiting = Arc::new(Barrier::new(CALLERS as usize + 2));
    // They poll their calls again just in time, and the last one too late.
    for caller in 0..=CALLERS {
        let later = match caller < CALLERS {
            true => NOTICE * 9 / 10,
            false => NOTICE * 11 / 10,
        };
        let (ctx, waiting) = (system.context(), Arc::clone(&waiting));
        callers.spawn(async move {
            let mut sent = std::pin::pin!(ctx.send(Touch { key: 1 }));
            tokio::select! {
                biased;
                replied = &mut sent => panic!("the key is held: {replied:?}"),
                _ = waiting.wait() => {}
            }
            sleep(SECOND + later).await;
            sent.await.is_err()
        });
    }
    waiting.wait().await;
    let begun = Instant::now();
    let report = system.shutdown().await;
    let letters = report.dead_letters.iter();
    let touches = letters.filter(|letters| letters.message.ends_with("Touch"));
    let touches: u64 = touches.map(|letters| letters.count).sum();
    assert_eq!(touches, CALLERS, "{report}");
    assert_eq!(begun.elapsed(), SECOND + NOTICE);
    while let Some(was_refused) = callers.join_next().await {
        assert!(was_refused?);
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn those_who_wait_are_handled_in_order_however_many_leave() -> Result<()> {
    let (system, _) = listeners().await?;
    let ctx = system.context();
    ctx.process(Hold { key: Key::new(1) }).await?;
    let mut stayed = Vec::new();
    for order in 1..=200 {
        let key = Key::new(1);
        let mut asked = Box::pin(ctx.ask(Look { key, order }));
        tokio::select! {
            biased;
            answered = &mut asked => panic!("the key is held: {answered:?}"),
            () = std::future::ready(()) => {}
        }
        if order % 50 == 0 {
            stayed.push(asked);
        }
    }
    for (asked, before) in stayed.into_iter().zip([0, 50, 100, 150]) {
        assert_eq!(timeout(10 * SECOND, asked).await??, before);
    }
    timeout(10 * SECOND, ctx.close()).await??;
    Ok(())
}
