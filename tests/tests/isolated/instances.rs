//! Several instances of one module: order per key, side by side across keys.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use nether::prelude::*;
use nether::{ModuleRestarted, ModuleState};
use tokio::sync::Barrier;

const INSTANCES: usize = 4;

/// Of each account, which instance handled which message, in that order.
type Entries = BTreeMap<u64, Vec<(usize, u64)>>;

/// What the instances have in common in one test.
#[derive(Clone)]
struct Common {
    made: Arc<AtomicUsize>,
    together: Arc<Barrier>,
    entries: Arc<Mutex<Entries>>,
    /// Which instances saw an event.
    seen: Arc<Mutex<Vec<usize>>>,
}

#[command(key = account)]
struct Enter {
    account: u64,
    number: u64,
}

/// Without a key: an instance that is free takes it.
#[command(reply = usize)]
struct Meet;

#[command]
struct Fall;

/// Goes on to another instance so many times.
#[command(reply = u64)]
struct Pass(u64);

/// The same, but always to the same instance.
#[command(reply = bool, key = key)]
struct PassBack {
    key: u64,
    again: bool,
}

#[event(key = account)]
struct Closed {
    account: u64,
}

#[event]
struct Noticed;

struct Ledger {
    index: usize,
    common: Common,
}

#[module(handles = [Enter, Meet, Fall, Pass, PassBack, Closed, Noticed], instances = 4)]
impl Ledger {
    #[init]
    fn new(common: Resource<Common>) -> Self {
        Ledger {
            index: common.made.fetch_add(1, Ordering::SeqCst),
            common: Common::clone(&common),
        }
    }

    async fn enter(&mut self, Enter { account, number }: Enter) {
        if number % 7 == 0 {
            tokio::task::yield_now().await;
        }
        let mut entries = self.common.entries.lock().expect("sound");
        entries
            .entry(account)
            .or_default()
            .push((self.index, number));
    }

    async fn meet(&mut self, _: Meet) -> usize {
        self.common.together.wait().await;
        self.index
    }

    async fn fall(&mut self, _: Fall) {
        panic!("as asked");
    }

    async fn pass(&mut self, Pass(times): Pass, ctx: &Context<Self>) -> nether::Result<u64> {
        match times {
            0 => Ok(0),
            times => Ok(ctx.send(Pass(times - 1)).await? + 1),
        }
    }

    async fn pass_back(&mut self, PassBack { key, again }: PassBack, ctx: &Context<Self>) -> bool {
        let back = PassBack { key, again: false };
        !again || matches!(ctx.send(back).await, Err(CallError::Deadlock(_)))
    }

    async fn closed(&mut self, _: &Closed) {
        self.common.seen.lock().expect("sound").push(self.index);
    }

    async fn noticed(&mut self, _: &Noticed) {
        self.common.seen.lock().expect("sound").push(self.index);
    }
}

/// Starts once all instances of the ledger have.
struct Auditor;

#[module(handles = [], after = Ledger)]
impl Auditor {
    #[init]
    fn new(common: Resource<Common>) -> Self {
        assert_eq!(common.made.load(Ordering::SeqCst), INSTANCES);
        Auditor
    }
}

async fn start() -> nether::Result<(System, Common)> {
    let common = Common {
        made: Arc::default(),
        together: Arc::new(Barrier::new(INSTANCES)),
        entries: Arc::default(),
        seen: Arc::default(),
    };
    let system = System::builder()
        .isolated()
        .with::<Ledger>()
        .with::<Auditor>()
        .provide(common.clone())
        .start()
        .await?;
    Ok((system, common))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn messages_of_one_key_are_handled_in_order_by_one_instance() -> nether::Result<()> {
    let (system, common) = start().await?;
    let mut senders = Vec::new();
    for account in 0..32 {
        let system = system.clone();
        senders.push(tokio::spawn(async move {
            let ctx = system.context();
            for number in 0..200 {
                ctx.process(Enter { account, number }).await?;
            }
            ctx.close().await?;
            nether::Result::<()>::Ok(())
        }));
    }
    for sender in senders {
        sender.await??;
    }
    let entries = common.entries.lock().expect("sound");
    assert_eq!(entries.len(), 32);
    let mut busy = BTreeSet::new();
    for (account, entries) in entries.iter() {
        let (instance, _) = entries[0];
        busy.insert(instance);
        let expected: Vec<_> = (0..200).map(|number| (instance, number)).collect();
        assert_eq!(*entries, expected, "account {account}");
    }
    assert_eq!(
        busy.len(),
        INSTANCES,
        "32 accounts keep every instance busy"
    );
    Ok(())
}

#[tokio::test]
async fn messages_without_a_key_are_handled_side_by_side() -> nether::Result<()> {
    let (system, _) = start().await?;
    let ctx = system.context();
    // None of them ends before all have begun.
    let (a, b, c, d) = tokio::join!(
        ctx.send(Meet),
        ctx.send(Meet),
        ctx.send(Meet),
        ctx.send(Meet)
    );
    let met = BTreeSet::from([a?, b?, c?, d?]);
    assert_eq!(met, BTreeSet::from([0, 1, 2, 3]));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn one_that_crashes_is_made_anew_while_the_others_go_on() -> nether::Result<()> {
    let (system, _) = start().await?;
    let mut restarted = system.subscribe::<ModuleRestarted>();
    let ctx = system.context();
    ctx.send(Fall).await.expect_err("it panics");
    restarted.next().await.expect("it is made anew");
    let modules = system.modules();
    let ledgers: Vec<_> = modules
        .iter()
        .filter(|it| it.name.ends_with("Ledger"))
        .collect();
    assert!(ledgers.iter().all(|it| it.state == ModuleState::Running));
    let indices: Vec<usize> = ledgers.iter().map(|it| it.instance).collect();
    assert_eq!(indices, [0, 1, 2, 3]);
    assert_eq!(ledgers.iter().map(|it| it.restarts).sum::<u64>(), 1);
    let (a, b, c, d) = tokio::join!(
        ctx.send(Meet),
        ctx.send(Meet),
        ctx.send(Meet),
        ctx.send(Meet)
    );
    a.and(b).and(c).and(d)?;
    Ok(())
}

#[tokio::test]
async fn an_instance_may_call_another_but_not_itself() -> nether::Result<()> {
    let (system, _) = start().await?;
    let ctx = system.context();
    assert_eq!(ctx.send(Pass(3)).await?, 3);
    assert!(matches!(
        ctx.send(Pass(4)).await,
        Err(CallError::Handler(_))
    ));
    assert!(
        ctx.send(PassBack {
            key: 5,
            again: true
        })
        .await?
    );
    Ok(())
}

#[tokio::test]
async fn an_event_is_handled_by_one_instance() -> nether::Result<()> {
    let (system, common) = start().await?;
    let ctx = system.context();
    for _ in 0..8 {
        ctx.publish(Closed { account: 3 }).await?;
    }
    ctx.close().await?;
    let seen = std::mem::take(&mut *common.seen.lock().expect("sound"));
    assert_eq!(seen, [seen[0]; 8], "one key, one instance");
    let ctx = system.context();
    ctx.publish(Noticed).await?;
    assert_eq!(ctx.close().await?.handled, 1);
    assert_eq!(common.seen.lock().expect("sound").len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_stopping_system_counts_what_all_instances_did() -> nether::Result<()> {
    let (system, _) = start().await?;
    let ctx = system.context();
    for account in 0..100 {
        ctx.process(Enter { account, number: 1 }).await?;
    }
    assert_eq!(system.shutdown().await.handled, 100);
    Ok(())
}

/// Waits for `Ask`.
#[command]
struct Job;

/// Keeps an instance busy for a while.
#[command]
struct Busy;

/// Answered by any instance.
#[query(reply = u32)]
struct Small;

/// Asks the instances `Small`, through so many modules.
#[command(reply = u32)]
struct Ask(u32);

#[derive(Default)]
struct Pair;

#[module(handles = [Job, Busy, Small], instances = 2)]
impl Pair {
    async fn job(&mut self, _: Job, ctx: &Context<Self>) -> nether::Result<()> {
        assert_eq!(ctx.send(Ask(1)).await?, 7);
        Ok(())
    }

    async fn busy(&mut self, _: Busy) {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }

    async fn small(&self, _: Small) -> u32 {
        7
    }
}

struct Asker;

#[module(handles = Ask, manual)]
impl Asker {
    async fn ask(&mut self, _: Ask, ctx: &Context<Self>) -> nether::Result<u32> {
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        Ok(ctx.ask(Small).await?)
    }
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_waits_for_the_sender_is_not_picked() -> nether::Result<()> {
    let system = System::builder().isolated().with::<Pair>().start().await?;
    system.attach(Asker).await?;
    for _ in 0..20 {
        let ctx = system.context();
        let asks = ctx.clone();
        let job = tokio::spawn(async move { asks.send(Job).await });
        tokio::task::yield_now().await;
        ctx.process(Busy).await?; // It goes to the other one, which could answer after that.
        job.await??;
        ctx.close().await?;
    }
    Ok(())
}
