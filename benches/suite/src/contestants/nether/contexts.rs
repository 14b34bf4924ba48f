//! Units of work: a command whose handler publishes an event, whose handler publishes another, and a third.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use nether::prelude::*;
use tokio::sync::Notify;

use crate::contestants::nether::empty;
use crate::load::{Load, Sample, sum_to};

#[command(local)]
struct Place(u64);

#[event(local)]
struct Placed(u64);

#[event(local)]
struct Paid(u64);

#[event(local)]
struct Shipped(u64);

struct Orders;

#[module(handles = Place, emits = Placed, manual)]
impl Orders {
    async fn place(&mut self, Place(number): Place, ctx: &Context<Self>) -> nether::Result<()> {
        Ok(ctx.publish(Placed(number)).await?)
    }
}

struct Payments;

#[module(handles = Placed, emits = Paid, manual)]
impl Payments {
    async fn placed(&mut self, placed: &Placed, ctx: &Context<Self>) -> nether::Result<()> {
        Ok(ctx.publish(Paid(placed.0)).await?)
    }
}

struct Shipping;

#[module(handles = Paid, emits = Shipped, manual)]
impl Shipping {
    async fn paid(&mut self, paid: &Paid, ctx: &Context<Self>) -> nether::Result<()> {
        Ok(ctx.publish(Shipped(paid.0)).await?)
    }
}

/// What the last handler leaves behind.
#[derive(Default)]
struct Shipments {
    sum: AtomicU64,
    arrived: Notify,
}

struct Journal {
    shipments: Arc<Shipments>,
    tells: bool,
}

#[module(handles = Shipped, manual)]
impl Journal {
    async fn shipped(&mut self, shipped: &Shipped) {
        self.shipments.sum.fetch_add(shipped.0, Ordering::Relaxed);
        if self.tells {
            self.shipments.arrived.notify_one();
        }
    }
}

/// How the commands are divided into units of work.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Work {
    ContextEach,
    OneContext,
    /// Like a context for each, the next command is not sent before the last event of this one is handled.
    OneContextAwaited,
}

pub(super) async fn contexts(work: Work, load: Load) -> Sample {
    let system = empty().await;
    let shipments = Arc::<Shipments>::default();
    let journal = Journal {
        shipments: Arc::clone(&shipments),
        tells: work == Work::OneContextAwaited,
    };
    system.attach(Orders).await.expect("it is alone");
    system.attach(Payments).await.expect("events are for all");
    system.attach(Shipping).await.expect("events are for all");
    system.attach(journal).await.expect("events are for all");
    commands(work, &system, &shipments, load.warm).await;
    let before = (load.probe)();
    commands(work, &system, &shipments, load.operations).await;
    let after = (load.probe)();
    let expected = sum_to(load.warm) + sum_to(load.operations);
    assert_eq!(shipments.sum.load(Ordering::Relaxed), expected);
    Sample::between(before, after, load.operations)
}

async fn commands(work: Work, system: &System, shipments: &Shipments, last: u64) {
    if work == Work::ContextEach {
        for number in 1..=last {
            let ctx = system.context();
            ctx.send(Place(number)).await.expect("replied");
            ctx.close().await.expect("nothing fails");
        }
        return;
    }
    let ctx = system.context();
    for number in 1..=last {
        ctx.send(Place(number)).await.expect("replied");
        if work == Work::OneContextAwaited {
            shipments.arrived.notified().await;
        }
    }
    ctx.close().await.expect("nothing fails");
}

/// Contexts that are open and idle, all at once.
pub(super) async fn open(load: Load) -> Sample {
    let system = empty().await;
    let mut open = Vec::with_capacity(load.operations as usize);
    let before = (load.probe)();
    for _ in 0..load.operations {
        open.push(system.context());
    }
    let after = (load.probe)();
    for ctx in open {
        ctx.close().await.expect("nothing was sent in it");
    }
    Sample::between(before, after, load.operations)
}
