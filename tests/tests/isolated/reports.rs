//! Reports of the framework reach modules outside of what they are about, and cause no further reports.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use nether::prelude::*;
use nether::{DeadLetter, HandlerFailed, Transaction};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

const LONG: Duration = Duration::from_secs(60);

fn error(text: &str) -> nether::Error {
    nether::Error::msg(text)
}

#[command]
struct Start;

#[command]
struct Job;

/// Fails at its job.
struct Worker;

#[module(handles = [Start, Job], manual)]
impl Worker {
    async fn start(&mut self, _: Start, ctx: &Context<Self>) -> nether::Result<()> {
        ctx.process(Job).await?;
        Ok(())
    }

    async fn job(&mut self, _: Job) -> nether::Result<()> {
        Err(error("the job failed"))
    }
}

#[command]
struct Mail;

#[command]
struct Chat;

#[event]
struct Cry;

/// The network is down: one at a time, and concurrently.
struct Network;

#[module(handles = [Mail, Cry], manual)]
impl Network {
    async fn mail(&mut self, _: Mail) -> nether::Result<()> {
        Err(error("unreachable"))
    }

    async fn cry(&mut self, _: &Cry) -> nether::Result<()> {
        Err(error("unheard"))
    }
}

struct Wireless;

#[module(handles = [Chat, Cry], manual)]
impl Wireless {
    async fn chat(&self, _: Chat) -> nether::Result<()> {
        Err(error("unreachable"))
    }

    async fn cry(&self, _: &Cry) -> nether::Result<()> {
        Err(error("unheard"))
    }
}

#[derive(Clone, Default)]
struct Counts {
    alarms: Arc<AtomicU64>,
    deepest: Arc<AtomicU32>,
}

impl Counts {
    fn count(&self, depth: u32) {
        self.deepest.fetch_max(depth, Ordering::SeqCst);
        self.alarms.fetch_add(1, Ordering::SeqCst);
    }

    fn alarms(&self) -> u64 {
        self.alarms.load(Ordering::SeqCst)
    }
}

/// Raises an alarm by all means there are.
struct Alarm(Counts);

#[module(handles = [HandlerFailed, DeadLetter], manual)]
impl Alarm {
    async fn failed(&mut self, _: &HandlerFailed, ctx: &Context<Self>) -> nether::Result<()> {
        self.0.count(ctx.depth());
        ctx.process(Mail).await?;
        ctx.process(Chat).await?;
        ctx.publish(Cry).await?;
        ctx.send(Chat).await?;
        Ok(())
    }

    async fn died(&mut self, _: &DeadLetter, ctx: &Context<Self>) -> nether::Result<()> {
        self.0.count(ctx.depth());
        ctx.process(Mail).await?;
        Ok(())
    }
}

/// The same, but concurrently.
struct SharedAlarm(Counts);

#[module(handles = HandlerFailed, manual)]
impl SharedAlarm {
    async fn failed(&self, _: &HandlerFailed, ctx: &Context<Self>) -> nether::Result<()> {
        self.0.count(ctx.depth());
        ctx.process(Mail).await?;
        ctx.process(Chat).await?;
        Err(error("and fails"))
    }
}

async fn raise_alarms() -> nether::Result<()> {
    for is_shared in [false, true] {
        let system = System::builder().isolated().start().await?;
        let counts = Counts::default();
        system.attach(Worker).await?;
        system.attach(Network).await?;
        system.attach(Wireless).await?;
        if is_shared {
            system.attach(SharedAlarm(counts.clone())).await?;
        } else {
            system.attach(Alarm(counts.clone())).await?;
        }
        // The depth of what fails is even in one and odd in the other.
        for (round, depth) in [(1, 1), (2, 2)] {
            let ctx = system.context();
            if round == 1 {
                ctx.process(Job).await?;
            } else {
                ctx.process(Start).await?;
            }
            let closed = ctx.close().await.expect_err("the job failed");
            assert_eq!(closed.failures.len(), 1, "{closed}");
            while counts.alarms() < round {
                tokio::task::yield_now().await;
            }
            assert!(counts.deepest.load(Ordering::SeqCst) > depth);
        }
        let report = system.shutdown().await;
        assert_eq!(counts.alarms(), 2, "{report}");
        assert!(report.cut_off.is_empty(), "{report}");
    }
    Ok(())
}

#[tokio::test]
async fn an_alarm_that_cannot_be_sent_is_raised_once() -> nether::Result<()> {
    raise_alarms().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_alarm_that_cannot_be_sent_is_raised_once_on_several_threads() -> nether::Result<()> {
    raise_alarms().await
}

#[query(reply = u32)]
struct Price;

#[command]
struct Order;

struct Prices(u32);

#[module(handles = [Price, Order], manual)]
impl Prices {
    async fn price(&self, _: Price) -> nether::Result<u32> {
        Err(error("not in stock"))
    }

    async fn order(&mut self, _: Order) {
        self.0 += 1;
    }
}

/// Cannot write down what it sees.
struct Monitor;

#[module(handles = HandlerFailed, manual)]
impl Monitor {
    async fn failed(&mut self, _: &HandlerFailed) -> nether::Result<()> {
        Err(error("the disk of the monitor is full"))
    }
}

struct SharedMonitor;

#[module(handles = HandlerFailed, manual)]
impl SharedMonitor {
    async fn failed(&self, _: &HandlerFailed) -> nether::Result<()> {
        panic!("the monitor panics");
    }
}

struct Ledger;

impl Transaction for Ledger {
    async fn commit(self) -> nether::Result<()> {
        Ok(())
    }

    async fn rollback(self) -> nether::Result<()> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_monitor_that_fails_rolls_nothing_back() -> nether::Result<()> {
    let system = System::builder().isolated().start().await?;
    system.attach(Prices(0)).await?;
    system.attach(Monitor).await?;
    system.attach(SharedMonitor).await?;
    let ctx = system.context();
    ctx.enlist(Ledger)
        .map_err(|_| error("the context is open"))?;
    assert_eq!(ctx.ask(Price).await.unwrap_or(10), 10); // The caller can do without it.
    ctx.send(Order).await?;
    let outcome = ctx.close().await?;
    assert_eq!((outcome.handled, outcome.committed), (2, 1));
    Ok(())
}

struct Hanging(Arc<Semaphore>);

#[module(handles = [HandlerFailed, DeadLetter], manual)]
impl Hanging {
    async fn failed(&mut self, _: &HandlerFailed) {
        self.0.acquire().await.expect("never closed").forget();
    }

    async fn died(&mut self, _: &DeadLetter) {}
}

#[tokio::test(start_paused = true)]
async fn closing_does_not_wait_for_a_monitor() -> nether::Result<()> {
    let system = System::builder().isolated().start().await?;
    let gate = Arc::new(Semaphore::new(0));
    system.attach(Worker).await?;
    system.attach(Hanging(Arc::clone(&gate))).await?;
    let ctx = system.context();
    let mut seen = ctx.subscribe::<HandlerFailed>();
    let mut all = system.subscribe_any();
    let id = ctx.correlation_id();
    ctx.process(Job).await?;
    let closed = timeout(LONG, ctx.close()).await?;
    assert_eq!(closed.expect_err("the job failed").failures.len(), 1);
    let report = seen.next().await.expect("subscribers get it");
    assert_eq!((report.context, report.sequence), (id, 0));
    assert!(seen.next().await.is_none());
    let seen = all.next().await.expect("it was published");
    assert_eq!((seen.context, seen.sequence), (id, None));
    gate.add_permits(1);
    let report = system.shutdown().await;
    assert!(report.cut_off.is_empty());
    Ok(())
}

/// Does everything that may fail later.
struct Restless(Counts);

#[module(handles = HandlerFailed, manual)]
impl Restless {
    async fn failed(&mut self, _: &HandlerFailed, ctx: &Context<Self>) -> nether::Result<()> {
        self.0.count(ctx.depth());
        ctx.spawn(async |ctx| {
            ctx.process(Mail).await?;
            Err(error("a spawned task failed"))
        })?;
        let nested = ctx.nested();
        nested.process(Mail).await?;
        let deeper = nested.nested();
        deeper.process(Job).await?;
        assert!(deeper.close().await.is_err());
        drop(nested); // What it has begun is lost.
        let cancelled = ctx.nested();
        cancelled.process(Mail).await?;
        cancelled.cancel(); // A dead letter.
        let loose = ctx.clone();
        tokio::spawn(async move {
            tokio::task::yield_now().await;
            let _ = loose.process(Mail).await;
            let _ = loose.send(Chat).await;
        });
        panic!("and crashes");
    }
}

#[tokio::test(start_paused = true)]
async fn no_consequence_of_a_report_is_reported() -> nether::Result<()> {
    let system = System::builder().isolated().start().await?;
    let counts = Counts::default();
    system.attach(Worker).await?;
    system.attach(Network).await?;
    system.attach(Wireless).await?;
    system.attach(Restless(counts.clone())).await?;
    let mut failed = system.subscribe::<HandlerFailed>();
    let mut letters = system.dead_letters();
    let ctx = system.context();
    ctx.process(Job).await?;
    assert_eq!(ctx.close().await.expect_err("it failed").failures.len(), 1);
    sleep(LONG).await;
    system.shutdown().await;
    assert_eq!(counts.alarms(), 1);
    assert!(failed.next().await.is_some());
    assert!(failed.next().await.is_none());
    assert!(letters.next().await.is_none());
    Ok(())
}

#[command]
struct Descend(u32);

/// Fails at the end of a chain.
struct Stairs;

#[module(handles = Descend, manual)]
impl Stairs {
    async fn descend(
        &mut self,
        Descend(steps): Descend,
        ctx: &Context<Self>,
    ) -> nether::Result<()> {
        match steps {
            0 => Err(error("the cellar")),
            steps => Ok(ctx.process(Descend(steps - 1)).await?),
        }
    }
}

/// How deep a report was handled, and whether it could send something.
#[derive(Default)]
struct Depths(Arc<std::sync::Mutex<Vec<(u32, bool)>>>);

#[module(handles = HandlerFailed, manual)]
impl Depths {
    async fn failed(&mut self, _: &HandlerFailed, ctx: &Context<Self>) {
        let sent = ctx.process(Descend(0)).await;
        let seen = (ctx.depth(), sent.is_ok());
        self.0.lock().expect("not poisoned").push(seen);
    }
}

#[tokio::test(start_paused = true)]
async fn the_chain_of_causes_goes_on_across_a_report() -> nether::Result<()> {
    let system = System::builder().isolated().max_depth(8).start().await?;
    let seen = Arc::default();
    system.attach(Stairs).await?;
    system.attach(Depths(Arc::clone(&seen))).await?;
    for steps in [0, 7] {
        let ctx = system.context();
        ctx.process(Descend(steps)).await?;
        assert!(ctx.close().await.is_err());
    }
    system.shutdown().await;
    let seen = seen.lock().expect("not poisoned").clone();
    // The report of a failure at the limit is delivered; what its handler sends is refused.
    let depths: Vec<_> = seen.iter().map(|(depth, _)| depth - seen[0].0).collect();
    assert_eq!(depths, [0, 7]);
    assert_eq!((seen[0].1, seen[1].1), (true, false));
    Ok(())
}

#[command(name = "nether.orders.place")]
struct Place;

#[event(name = "nether.handler_failed.mine")]
struct Placed;

struct Orders;

#[module(handles = [Place, Placed], manual)]
impl Orders {
    async fn place(&mut self, _: Place, ctx: &Context<Self>) -> nether::Result<()> {
        ctx.publish(Placed).await?;
        Err(error("sold out"))
    }

    async fn placed(&mut self, _: &Placed) -> nether::Result<()> {
        Err(error("sold out"))
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_named_like_the_frameworks_is_reported() -> nether::Result<()> {
    let system = System::builder().isolated().start().await?;
    let mut failed = system.subscribe::<HandlerFailed>();
    let mut letters = system.dead_letters();
    system.attach(Orders).await?;
    let ctx = system.context();
    ctx.process(Place).await?;
    assert_eq!(ctx.close().await.expect_err("it failed").failures.len(), 2);
    let ctx = system.context();
    ctx.process(Place).await?;
    ctx.cancel();
    assert!(ctx.close().await.is_err());
    system.shutdown().await;
    let names =
        [failed.next().await, failed.next().await].map(|it| it.expect("told").message.clone());
    assert_eq!(names, ["nether.orders.place", "nether.handler_failed.mine"]);
    let letter = letters.next().await.expect("it was cancelled");
    assert_eq!(letter.message, "nether.orders.place");
    Ok(())
}
