//! What handlers send later or apart waits for nothing: no full mailbox, no paused module, no busy key.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use nether::prelude::*;
use tokio::sync::Semaphore;

use crate::SECOND;

const MESSAGES: u64 = 5;

/// Sends each message so often, later and apart.
#[command(name = "later.fullness.begin")]
struct Begin;

#[event(name = "later.fullness.happened", key = id)]
struct Happened {
    id: u64,
}

#[command(name = "later.fullness.work")]
struct Work;

#[command(name = "later.fullness.shared_work")]
struct SharedWork;

#[command(name = "later.fullness.keyed_work", key = id)]
struct KeyedWork {
    id: u64,
}

/// What holds handlers up, and how many messages they have handled.
#[derive(Clone)]
struct Gate {
    open: Arc<Semaphore>,
    handled: Arc<AtomicU64>,
    /// How many messages the sender has got rid of.
    sent: Arc<AtomicU64>,
}

impl Gate {
    async fn pass(&self) {
        let _permit = self.open.acquire().await.expect("it is not closed");
        self.handled.fetch_add(1, Ordering::SeqCst);
    }
}

/// Shared: its handlers run in tasks of their own.
struct Sender(Gate);

#[module(handles = Begin)]
impl Sender {
    #[init]
    fn new(gate: Resource<Gate>) -> Self {
        Sender(Gate::clone(&gate))
    }

    async fn begin(&self, _: Begin, ctx: &Context<Self>) -> nether::Result<()> {
        for id in 0..MESSAGES {
            ctx.later(SECOND, Happened { id });
            ctx.later(SECOND, Work);
            ctx.later(SECOND, SharedWork);
            ctx.later(SECOND, KeyedWork { id: id % 2 });
            let apart = ctx.apart();
            apart.publish(Happened { id }).await?;
            apart.process(Work).await?;
            apart.process(SharedWork).await?;
            apart.process(KeyedWork { id: id % 2 }).await?;
            self.0.sent.fetch_add(1, Ordering::SeqCst);
        }
        Ok(())
    }
}

struct Narrow(Gate);

#[module(handles = [Happened, Work], mailbox = 1)]
impl Narrow {
    #[init]
    fn new(gate: Resource<Gate>) -> Self {
        Narrow(Gate::clone(&gate))
    }

    async fn happened(&mut self, _: &Happened) {
        self.0.pass().await;
    }

    async fn work(&mut self, _: Work) {
        self.0.pass().await;
    }
}

struct NarrowShared(Gate);

#[module(handles = [Happened, SharedWork], mailbox = 1)]
impl NarrowShared {
    #[init]
    fn new(gate: Resource<Gate>) -> Self {
        NarrowShared(Gate::clone(&gate))
    }

    async fn happened(&self, _: &Happened) {
        self.0.pass().await;
    }

    async fn shared_work(&self, _: SharedWork) {
        self.0.pass().await;
    }
}

struct NarrowKeyed(Gate);

#[module(handles = [Happened, KeyedWork], per = id, mailbox = 1)]
impl NarrowKeyed {
    #[init]
    fn new(id: &u64, gate: Resource<Gate>) -> Self {
        assert!(*id < MESSAGES);
        NarrowKeyed(Gate::clone(&gate))
    }

    async fn happened(&mut self, _: &Happened) {
        self.0.pass().await;
    }

    async fn keyed_work(&mut self, _: KeyedWork) {
        self.0.pass().await;
    }
}

async fn nothing_waits(is_paused: bool) -> nether::Result<()> {
    let gate = Gate {
        open: Arc::new(Semaphore::new(0)),
        handled: Arc::default(),
        sent: Arc::default(),
    };
    let system = System::builder()
        .isolated()
        .provide(gate.clone())
        .with::<Sender>()
        .with::<Narrow>()
        .with::<NarrowShared>()
        .with::<NarrowKeyed>()
        .start()
        .await?;
    if is_paused {
        system.pause::<Narrow>()?;
        system.pause::<NarrowShared>()?;
        system.pause::<NarrowKeyed>()?;
    }
    let ctx = system.context();
    ctx.process(Begin).await?;
    ctx.close().await?; // Its handler has ended, though no message of its is handled.
    assert_eq!(gate.sent.load(Ordering::SeqCst), MESSAGES);
    tokio::time::sleep(SECOND * 2).await;
    assert_eq!(gate.handled.load(Ordering::SeqCst), 0);
    gate.open.add_permits(1);
    let report = system.shutdown().await; // Handles what is in flight, also of paused modules.
    assert!(report.dead_letters.is_empty(), "{report}");
    // Three modules handle the event, and each has a command; later and apart.
    assert_eq!(gate.handled.load(Ordering::SeqCst), MESSAGES * 6 * 2);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn what_is_sent_later_or_apart_does_not_wait_for_room() -> nether::Result<()> {
    nothing_waits(false).await
}

#[tokio::test(start_paused = true)]
async fn what_is_sent_later_or_apart_does_not_wait_for_modules_that_are_paused()
-> nether::Result<()> {
    nothing_waits(true).await
}
