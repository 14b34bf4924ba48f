//! When a delayed message is sent, and whether it is.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use nether::prelude::*;
use nether::{Delayed, HandlerFailed};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::Instant;

use crate::SECOND;

/// Delays a `Rang` so long.
#[command(name = "later.set")]
struct Set {
    after: Duration,
    number: u64,
}

/// Delays a `Rang`, and cancels it after so long.
#[command(name = "later.set_and_cancel", reply = bool)]
struct SetAndCancel {
    after: Duration,
    cancelled: Duration,
}

#[command(name = "later.rang", local)]
struct Rang {
    number: u64,
    /// When it was due at the earliest.
    due: Instant,
}

/// What a handler of `Rang` saw.
struct Seen {
    number: u64,
    at: Instant,
    due: Instant,
    depth: u32,
    has_cause: bool,
}

struct Alarm {
    seen: mpsc::UnboundedSender<Seen>,
    kept: Option<Delayed>,
}

#[module(handles = [Set, SetAndCancel, Rang], manual)]
impl Alarm {
    async fn set(&mut self, set: Set, ctx: &Context<Self>) {
        ctx.later(set.after, rang(set.number, set.after));
    }

    async fn set_and_cancel(&mut self, set: SetAndCancel, ctx: &Context<Self>) -> bool {
        let delayed = self.kept.insert(ctx.later(set.after, rang(0, set.after)));
        tokio::time::sleep(set.cancelled).await;
        let cancelled = delayed.cancel();
        assert!(!delayed.cancel(), "it is taken out once");
        cancelled
    }

    async fn rang(&mut self, rang: Rang, ctx: &Context<Self>) -> nether::Result<()> {
        let seen = Seen {
            number: rang.number,
            at: Instant::now(),
            due: rang.due,
            depth: ctx.depth(),
            has_cause: ctx.causation_id().is_some(),
        };
        Ok(self.seen.send(seen)?)
    }
}

fn rang(number: u64, after: Duration) -> Rang {
    let now = Instant::now();
    let due = now.checked_add(after).unwrap_or(now);
    Rang { number, due }
}

async fn alarm() -> nether::Result<(System, mpsc::UnboundedReceiver<Seen>)> {
    let system = System::builder().isolated().start().await?;
    let (seen, rings) = mpsc::unbounded_channel();
    system.attach(Alarm { seen, kept: None }).await?;
    Ok((system, rings))
}

#[tokio::test(start_paused = true)]
async fn a_delayed_message_is_sent_when_it_is_due_in_a_chain_of_its_own() -> nether::Result<()> {
    let (system, mut rings) = alarm().await?;
    let start = Instant::now();
    let ctx = system.context();
    let after = Duration::from_millis(1500);
    ctx.process(Set { after, number: 7 }).await?;
    ctx.close().await?; // Does not wait for it.
    assert_eq!(start.elapsed(), Duration::ZERO);
    let seen = rings.recv().await.expect("it rings");
    assert_eq!((seen.number, seen.at - start), (7, after));
    // As if it had come from outside: nothing caused it.
    assert_eq!((seen.depth, seen.has_cause), (1, false));
    system.shutdown().await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn delayed_messages_are_sent_in_the_order_in_which_they_are_due() -> nether::Result<()> {
    let (system, mut rings) = alarm().await?;
    let ctx = system.context();
    // Two that are due at one time are sent in the order in which they were delayed.
    for (number, seconds) in [(0, 3), (1, 1), (2, 2), (3, 1), (4, 0)] {
        let after = SECOND * seconds;
        ctx.process(Set { after, number }).await?;
    }
    ctx.close().await?;
    let mut order = Vec::new();
    for _ in 0..5 {
        order.push(rings.recv().await.expect("all ring").number);
    }
    assert_eq!(order, [4, 1, 3, 2, 0]);
    system.shutdown().await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_delay_that_is_longer_than_the_clock_can_count_never_ends() -> nether::Result<()> {
    let (system, mut rings) = alarm().await?;
    let ctx = system.context();
    ctx.send(Set {
        after: Duration::MAX,
        number: 1,
    })
    .await?;
    ctx.send(Set {
        after: SECOND,
        number: 2,
    })
    .await?;
    ctx.close().await?;
    assert_eq!(rings.recv().await.expect("it rings").number, 2);
    assert_eq!(system.shutdown().await.dead_letters[0].count, 1);
    assert!(rings.recv().await.is_none());
    Ok(())
}

/// On several threads, a hundred times each: none is lost, none comes early, and those of one delay come in
/// their order.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_delayed_message_is_lost_or_early_on_several_threads() -> nether::Result<()> {
    const MESSAGES: u64 = 2_000;
    const DELAYS: u64 = 20;
    let (system, mut rings) = alarm().await?;
    let ctx = system.context();
    for number in 0..MESSAGES {
        let after = Duration::from_millis(number % DELAYS);
        ctx.process(Set { after, number }).await?;
    }
    ctx.close().await?;
    let mut of_delay = vec![Vec::new(); DELAYS as usize];
    for _ in 0..MESSAGES {
        let seen = rings.recv().await.expect("all ring");
        assert!(seen.at >= seen.due, "{} is early", seen.number);
        of_delay[(seen.number % DELAYS) as usize].push(seen.number);
    }
    for (numbers, first) in of_delay.into_iter().zip(0..) {
        assert!(
            numbers
                .into_iter()
                .eq((first..MESSAGES).step_by(DELAYS as usize))
        );
    }
    let report = system.shutdown().await;
    assert!(report.dead_letters.is_empty(), "{report}");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_delayed_message_that_is_cancelled_is_not_sent_and_is_no_failure() -> nether::Result<()> {
    let (system, mut rings) = alarm().await?;
    let (mut failed, mut letters) = (system.subscribe::<HandlerFailed>(), system.dead_letters());
    let ctx = system.context();
    let in_time = SetAndCancel {
        after: SECOND * 2,
        cancelled: SECOND,
    };
    assert!(ctx.send(in_time).await?);
    let too_late = SetAndCancel {
        after: SECOND,
        cancelled: SECOND * 2,
    };
    assert!(!ctx.send(too_late).await?);
    ctx.close().await?;
    tokio::time::sleep(SECOND * 5).await;
    let report = system.shutdown().await;
    assert_eq!(
        rings
            .recv()
            .await
            .expect("the one that was too late")
            .number,
        0
    );
    assert!(rings.recv().await.is_none());
    assert!(failed.next().await.is_none() && letters.next().await.is_none());
    assert_eq!(report.failed, 0);
    assert!(report.dead_letters.is_empty(), "{report}");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_delayed_message_is_sent_though_its_unit_of_work_is_cancelled() -> nether::Result<()> {
    let (system, mut rings) = alarm().await?;
    let ctx = system.context();
    ctx.send(Set {
        after: SECOND,
        number: 1,
    })
    .await?;
    ctx.cancel();
    assert!(ctx.close().await.is_err());
    assert_eq!(rings.recv().await.expect("it rings").number, 1);
    system.shutdown().await;
    Ok(())
}

#[command(name = "later.block")]
struct Block;

#[command(name = "later.fleeting")]
struct Fleeting {
    number: u64,
}

#[event(name = "later.taken")]
struct Taken;

/// Handles nothing while its gate is closed.
struct Slow {
    gate: Arc<Semaphore>,
    taken: Arc<Mutex<Vec<Instant>>>,
}

#[module(handles = [Block, Fleeting, Taken], manual)]
impl Slow {
    async fn block(&mut self, _: Block, ctx: &Context<Self>) -> nether::Result<()> {
        ctx.later(SECOND, Fleeting { number: 2 }).expires(SECOND);
        ctx.later(SECOND, Taken).expires(SECOND * 60);
        ctx.apart()
            .expires(SECOND)
            .process(Fleeting { number: 1 })
            .await?;
        self.gate.acquire().await?.forget();
        Ok(())
    }

    async fn fleeting(&mut self, _: Fleeting) {
        self.taken
            .lock()
            .expect("not poisoned")
            .push(Instant::now());
    }

    async fn taken(&mut self, _: &Taken) {
        self.taken
            .lock()
            .expect("not poisoned")
            .push(Instant::now());
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_that_no_handler_takes_in_time_expires() -> nether::Result<()> {
    let system = System::builder().isolated().start().await?;
    let mut letters = system.dead_letters();
    let (gate, taken) = (Arc::new(Semaphore::new(0)), Arc::default());
    system
        .attach(Slow {
            gate: Arc::clone(&gate),
            taken: Arc::clone(&taken),
        })
        .await?;
    let ctx = system.context();
    ctx.process(Block).await?;
    tokio::time::sleep(SECOND * 10).await;
    gate.add_permits(1);
    ctx.close().await?; // They are no failures of it.
    for number in 1..=2 {
        let letter = letters.next().await.expect("both expire");
        assert_eq!(letter.message, "later.fleeting");
        assert_eq!(
            letter.reason,
            "not handled: it expired before its turn came"
        );
        assert_eq!(letter.json, Some(format!(r#"{{"number":{number}}}"#)));
    }
    let report = system.shutdown().await;
    assert_eq!(taken.lock().expect("not poisoned").len(), 1);
    assert_eq!(report.dead_letters[0].count, 2, "{report}");
    assert!(letters.next().await.is_none());
    Ok(())
}

#[command(name = "later.unhandled", local)]
struct Unhandled;

#[command(name = "later.lose", reply = ())]
struct Lose;

struct Loser;

#[module(handles = Lose, emits = Unhandled, manual)]
impl Loser {
    async fn lose(&mut self, _: Lose, ctx: &Context<Self>) {
        ctx.later(SECOND, Unhandled);
    }
}

#[tokio::test(start_paused = true)]
async fn a_delayed_message_that_no_module_handles_is_a_dead_letter_when_it_is_due()
-> nether::Result<()> {
    let system = System::builder().isolated().start().await?;
    let mut letters = system.dead_letters();
    system.attach(Loser).await?;
    let ctx = system.context();
    ctx.send(Lose).await?;
    ctx.close().await?;
    let letter = letters.next().await.expect("it is refused");
    assert_eq!(letter.message, "later.unhandled");
    assert!(letter.module.ends_with("Loser"), "{}", letter.module);
    assert!(
        letter.reason.contains("later.unhandled"),
        "{}",
        letter.reason
    );
    let report = system.shutdown().await;
    assert_eq!(report.dead_letters[0].count, 1, "{report}");
    Ok(())
}

/// Delays a `Long`, and says that it expires once a handler works on it.
#[command(name = "later.long_later")]
struct LongLater;

#[command(name = "later.long")]
struct Long;

#[command(name = "later.step", reply = u32)]
struct Step;

#[derive(Default)]
struct Worker;

#[module(handles = [LongLater, Long], manual)]
impl Worker {
    async fn long_later(&self, _: LongLater, ctx: &Context<Self>) -> nether::Result<()> {
        let delayed = ctx.later(SECOND, Long);
        ctx.spawn(async move |_| {
            tokio::time::sleep(SECOND + SECOND / 4).await;
            delayed.expires(SECOND / 2);
            Ok(())
        })?;
        Ok(())
    }

    async fn long(&self, _: Long, ctx: &Context<Self>) -> nether::Result<()> {
        tokio::time::sleep(SECOND).await;
        ctx.process(Step).await?;
        ctx.send(Step).await?;
        Ok(())
    }
}

#[derive(Default)]
struct Stepper(u32);

#[module(handles = Step, manual)]
impl Stepper {
    async fn step(&mut self, _: Step) -> u32 {
        self.0 += 1;
        self.0
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_handler_has_taken_expires_no_more() -> nether::Result<()> {
    let system = System::builder().isolated().start().await?;
    system.attach(Worker).await?;
    system.attach(Stepper::default()).await?;
    let ctx = system.context();
    ctx.send(LongLater).await?;
    ctx.close().await?;
    tokio::time::sleep(3 * SECOND).await;
    assert_eq!(system.context().send(Step).await?, 3);
    assert!(system.shutdown().await.dead_letters.is_empty());
    Ok(())
}
