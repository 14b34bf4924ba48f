//! What a module sends apart from the unit of work that it works in.

use std::sync::{Arc, Mutex};

use nether::prelude::*;
use nether::{ContextId, HandlerFailed, Transaction};
use tokio::sync::Semaphore;

use crate::SECOND;

#[command(name = "apart.work", reply = ContextId, local)]
struct Work(bool);

/// Waits for the gate, and fails.
#[event(name = "apart.aside")]
struct Aside;

struct Worker;

#[module(handles = Work, emits = Aside, manual)]
impl Worker {
    async fn work(
        &mut self,
        Work(is_apart): Work,
        ctx: &Context<Self>,
    ) -> nether::Result<ContextId> {
        if is_apart {
            ctx.apart().publish(Aside).await?;
        } else {
            ctx.publish(Aside).await?;
        }
        Ok(ctx.correlation_id())
    }
}

/// What a handler saw of its context.
#[derive(Debug, Clone, PartialEq)]
struct Seen {
    correlation: ContextId,
    depth: u32,
    has_cause: bool,
    is_cancelled: bool,
    deadline: bool,
    principal: bool,
    baggage: bool,
    takes_transactions: bool,
}

struct Listener {
    gate: Arc<Semaphore>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

struct Nothing;

impl Transaction for Nothing {
    async fn commit(self) -> nether::Result<()> {
        Ok(())
    }

    async fn rollback(self) -> nether::Result<()> {
        Ok(())
    }
}

#[module(handles = Aside, manual)]
impl Listener {
    async fn aside(&self, _: &Aside, ctx: &Context<Self>) -> nether::Result<()> {
        self.gate.acquire().await?.forget();
        let enlisted = ctx.enlist(Nothing);
        let seen = Seen {
            correlation: ctx.correlation_id(),
            depth: ctx.depth(),
            has_cause: ctx.causation_id().is_some(),
            is_cancelled: ctx.is_cancelled(),
            deadline: ctx.deadline().is_some(),
            principal: ctx.principal().is_some(),
            baggage: ctx.baggage::<u8>().is_some(),
            takes_transactions: enlisted.is_ok(),
        };
        self.seen.lock().expect("not poisoned").push(seen);
        Err(nether::Error::msg("it failed"))
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_sent_apart_is_not_part_of_the_unit_of_work() -> nether::Result<()> {
    let system = System::builder().isolated().start().await?;
    let mut failed = system.subscribe::<HandlerFailed>();
    let (gate, seen) = (Arc::new(Semaphore::new(0)), Arc::default());
    system
        .attach(Listener {
            gate: Arc::clone(&gate),
            seen: Arc::clone(&seen),
        })
        .await?;
    system.attach(Worker).await?;
    let ctx = system
        .context()
        .with_timeout(SECOND)
        .with_principal("ann")
        .with(7_u8);
    let own = ctx.send(Work(true)).await?;
    ctx.close().await?; // Neither waits for it, nor fails with it.
    gate.add_permits(1);
    let report = failed.next().await.expect("its failure is reported");
    let first = seen.lock().expect("not poisoned")[0].clone();
    assert_ne!(first.correlation, own);
    assert_eq!(report.context, first.correlation);
    let expected = Seen {
        correlation: first.correlation,
        depth: 1,
        has_cause: false,
        is_cancelled: false,
        deadline: false,
        principal: false,
        baggage: false,
        takes_transactions: false,
    };
    assert_eq!(first, expected);

    // In the unit of work, all of that is otherwise.
    gate.add_permits(1);
    let ctx = system
        .context()
        .with_timeout(SECOND * 60)
        .with_principal("ann")
        .with(7_u8);
    let own = ctx.send(Work(false)).await?;
    assert_eq!(
        ctx.close()
            .await
            .expect_err("it fails with it")
            .failures
            .len(),
        1
    );
    let second = seen.lock().expect("not poisoned")[1].clone();
    let expected = Seen {
        correlation: own,
        depth: 2,
        has_cause: true,
        is_cancelled: false,
        deadline: true,
        principal: true,
        baggage: true,
        takes_transactions: true,
    };
    assert_eq!(second, expected);
    system.shutdown().await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn what_is_sent_apart_goes_on_when_the_unit_of_work_is_cancelled() -> nether::Result<()> {
    let system = System::builder().isolated().start().await?;
    let (gate, seen) = (Arc::new(Semaphore::new(0)), Arc::default());
    system
        .attach(Listener {
            gate: Arc::clone(&gate),
            seen: Arc::clone(&seen),
        })
        .await?;
    system.attach(Worker).await?;
    let ctx = system.context();
    ctx.send(Work(true)).await?;
    ctx.cancel();
    assert!(ctx.close().await.is_err());
    gate.add_permits(1);
    system.shutdown().await; // Handles what is in flight.
    let seen = seen.lock().expect("not poisoned").clone();
    assert!(!seen[0].is_cancelled);
    Ok(())
}
