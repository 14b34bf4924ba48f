//! `#[handler(all)]`: each value handles the event by itself, as a message of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use nether::prelude::*;
use nether::{KeyCrashed, Result};
use tokio::runtime::Handle;
use tokio::time::timeout;

const SECOND: Duration = Duration::from_secs(1);

#[command(key = id, reply = usize)]
struct Touch {
    id: u64,
}

#[event]
#[derive(Clone)]
struct Tested;

#[event]
struct Met;

#[event]
struct Counted;

#[derive(Default)]
struct Seen {
    attempts: AtomicUsize,
    met: AtomicUsize,
    most_tasks: AtomicUsize,
    crashes: AtomicUsize,
}

struct Tester {
    id: u64,
    touches: usize,
    seen: Resource<Arc<Seen>>,
}

#[module(handles = [Touch, Tested, Met, Counted, KeyCrashed], per = id)]
impl Tester {
    #[init]
    fn new(id: &u64, seen: Resource<Arc<Seen>>) -> Self {
        Tester {
            id: *id,
            touches: 0,
            seen,
        }
    }

    async fn touch(&mut self, _: Touch) -> usize {
        self.touches += 1;
        self.touches
    }

    /// The value 1 fails once, and 2 panics once.
    #[handler(all, retry = 2, backoff = "1ms..1ms")]
    async fn tested(&mut self, _: &Tested) -> Result<()> {
        let is_first = self.touches == 1;
        self.touches += 1;
        self.seen.attempts.fetch_add(1, Ordering::SeqCst);
        assert!(self.id != 2 || !is_first, "as asked");
        match self.id == 1 && is_first {
            true => Err(nether::Error::msg("as asked")),
            false => Ok(()),
        }
    }

    /// The values 1 and 2 call each other.
    #[handler(all)]
    async fn met(&mut self, _: &Met, ctx: &Context<Self>) -> Result<()> {
        tokio::task::yield_now().await;
        let id = 3 - self.id;
        ctx.send(Touch { id }).await?;
        self.seen.met.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    #[handler(all)]
    async fn counted(&mut self, _: &Counted) {
        let tasks = Handle::current().metrics().num_alive_tasks();
        self.seen.most_tasks.fetch_max(tasks, Ordering::SeqCst);
        self.touches += 1;
    }

    #[handler(all)]
    async fn crashed(&mut self, _: &KeyCrashed) {
        self.seen.crashes.fetch_add(1, Ordering::SeqCst);
    }
}

async fn testers(ids: impl IntoIterator<Item = u64>) -> Result<(System, Arc<Seen>)> {
    let seen = Arc::<Seen>::default();
    let builder = System::builder().isolated().with::<Tester>();
    let system = builder.provide(Arc::clone(&seen)).start().await?;
    for id in ids {
        system.context().send(Touch { id }).await?;
    }
    Ok((system, seen))
}

#[tokio::test(start_paused = true)]
async fn each_value_tries_it_again_by_itself_and_a_crashed_one_with_another() -> Result<()> {
    let (system, seen) = testers(1..=3).await?;
    let ctx = system.context();
    ctx.publish(Tested).await?;
    assert_eq!(ctx.close().await?.handled, 3);
    assert_eq!(seen.attempts.load(Ordering::SeqCst), 5);
    let ctx = system.context();
    for (id, touches) in [(1, 4), (2, 2), (3, 3)] {
        assert_eq!(ctx.send(Touch { id }).await?, touches, "value {id}");
    }
    // The report of the crash reached the two others, and the one that was made meanwhile or none.
    assert!(seen.crashes.load(Ordering::SeqCst) >= 2);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn values_that_wait_for_each_other_in_it_do_not_wait_for_ever() -> Result<()> {
    let (system, seen) = testers([1, 2]).await?;
    let ctx = system.context();
    ctx.publish(Met).await?;
    let closed = timeout(30 * SECOND, ctx.close()).await?;
    let error = closed.expect_err("one was refused").to_string();
    assert!(error.contains("a deadlock"), "{error}");
    for (from, to) in [(1, 2), (2, 1)] {
        let waits = format!("(key `{from}`) waits for `keyed::each_alone::Touch` in");
        let to = format!("(key `{to}`)");
        let rest = error.split(&waits).nth(1).expect("it names the key");
        assert!(rest.contains(&to), "{error}");
    }
    assert_eq!(seen.met.load(Ordering::SeqCst), 1, "the other one goes on");
    Ok(())
}

#[tokio::test]
async fn handlers_that_do_not_wait_need_no_task_for_each_value() -> Result<()> {
    const VALUES: u64 = 5_000;
    let (system, seen) = testers(0..VALUES).await?;
    let before = Handle::current().metrics().num_alive_tasks();
    let ctx = system.context();
    ctx.publish(Counted).await?;
    assert_eq!(ctx.close().await?.handled, VALUES);
    let most = seen.most_tasks.load(Ordering::SeqCst);
    assert!(most <= before + 2, "{most} tasks, {before} before");
    Ok(())
}
