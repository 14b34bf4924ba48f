//! Work that goes on in tasks, beside handlers: it waits for room as work from outside does, and is part of
//! its unit of work all the same.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use nether::SendError;
use nether::prelude::*;
use tokio::sync::{Semaphore, oneshot};
use tokio::task;

const ROOM: usize = 16;
const MANY: usize = 500;

#[command]
struct Work;

#[command]
struct WorkTogether;

#[event]
struct Happened;

/// Handles one message for each permit.
struct Slow(Arc<Semaphore>);

#[module(handles = [Work, Happened], mailbox = 16, manual)]
impl Slow {
    async fn work(&mut self, _: Work) {
        self.0.acquire().await.expect("never closed").forget();
    }

    async fn happened(&mut self, _: &Happened) {
        self.0.acquire().await.expect("never closed").forget();
    }
}

struct SlowTogether(Arc<Semaphore>);

#[module(handles = WorkTogether, mailbox = 16, manual)]
impl SlowTogether {
    async fn work(&self, _: WorkTogether) {
        self.0.acquire().await.expect("never closed").forget();
    }
}

#[derive(Debug, Clone, Copy)]
enum Verb {
    Process,
    Publish,
    Together,
}

/// What floods a module, and how much of it was accepted.
#[derive(Clone)]
struct Flood {
    verb: Verb,
    accepted: Arc<AtomicUsize>,
}

impl Flood {
    async fn run(self, ctx: Context<impl nether::Unlisted>) -> nether::Result<()> {
        for _ in 0..MANY {
            match self.verb {
                Verb::Process => ctx.process(Work).await?,
                Verb::Publish => ctx.publish(Happened).await?,
                Verb::Together => ctx.process(WorkTogether).await?,
            }
            self.accepted.fetch_add(1, Ordering::SeqCst);
        }
        Ok(())
    }
}

/// Where the flood comes from.
#[derive(Debug, Clone, Copy)]
enum From {
    Spawned,
    CloneOfSpawned,
    SpawnedBySpawned,
    SpawnedInNested,
    NestedInSpawned,
    SpawnedByHandler,
    SpawnedBySharedHandler,
    CloneOfHandler,
}

const ALL: [From; 8] = [
    From::Spawned,
    From::CloneOfSpawned,
    From::SpawnedBySpawned,
    From::SpawnedInNested,
    From::NestedInSpawned,
    From::SpawnedByHandler,
    From::SpawnedBySharedHandler,
    From::CloneOfHandler,
];

#[command(local)]
struct SpawnIt(Flood);

#[command(local)]
struct SpawnItTogether(Flood);

/// Leaves a clone of its context to a task of the runtime.
#[command(local)]
struct LeaveClone(Flood, oneshot::Sender<task::JoinHandle<nether::Result<()>>>);

struct Spawner;

#[module(handles = [SpawnIt, LeaveClone], manual)]
impl Spawner {
    async fn spawn_it(
        &mut self,
        SpawnIt(flood): SpawnIt,
        ctx: &Context<Self>,
    ) -> nether::Result<()> {
        Ok(ctx.spawn(async move |ctx| flood.run(ctx).await)?)
    }

    async fn leave_clone(&mut self, LeaveClone(flood, to): LeaveClone, ctx: &Context<Self>) {
        let _ = to.send(tokio::spawn(flood.run(ctx.clone())));
    }
}

struct SharedSpawner;

#[module(handles = SpawnItTogether, manual)]
impl SharedSpawner {
    async fn spawn_it(
        &self,
        SpawnItTogether(flood): SpawnItTogether,
        ctx: &Context<Self>,
    ) -> nether::Result<()> {
        Ok(ctx.spawn(async move |ctx| flood.run(ctx).await)?)
    }
}

async fn system() -> nether::Result<(System, Arc<Semaphore>)> {
    let gate = Arc::new(Semaphore::new(0));
    let system = System::builder().isolated().start().await?;
    system.attach(Slow(Arc::clone(&gate))).await?;
    system.attach(SlowTogether(Arc::clone(&gate))).await?;
    system.attach(Spawner).await?;
    system.attach(SharedSpawner).await?;
    Ok((system, gate))
}

async fn settled() {
    for _ in 0..500 {
        task::yield_now().await;
    }
}

/// Begins a flood. Gives back a task that is not waited for when the context is closed, if there is one.
async fn begin(
    from: From,
    ctx: &Context,
    flood: Flood,
) -> nether::Result<Option<task::JoinHandle<nether::Result<()>>>> {
    match from {
        From::Spawned => ctx.spawn(async move |ctx| flood.run(ctx).await)?,
        From::CloneOfSpawned => ctx.spawn(async move |ctx| flood.run(ctx.clone()).await)?,
        From::SpawnedBySpawned => ctx.spawn(async move |ctx| {
            ctx.spawn(async move |ctx| flood.run(ctx).await)?;
            Ok(())
        })?,
        From::SpawnedInNested => ctx.spawn(async move |ctx| {
            let nested = ctx.nested();
            nested.spawn(async move |ctx| flood.run(ctx).await)?;
            nested.close().await?;
            Ok(())
        })?,
        From::NestedInSpawned => ctx.spawn(async move |ctx| {
            let nested = ctx.nested();
            flood.run(Context::clone(&nested)).await?;
            nested.close().await?;
            Ok(())
        })?,
        From::SpawnedByHandler => ctx.send(SpawnIt(flood)).await?,
        From::SpawnedBySharedHandler => ctx.send(SpawnItTogether(flood)).await?,
        From::CloneOfHandler => {
            let (to, left) = oneshot::channel();
            ctx.send(LeaveClone(flood, to)).await?;
            return Ok(Some(left.await?));
        }
    }
    Ok(None)
}

/// Whatever the flood comes from, it waits for room, and all of it is handled in the end.
async fn floods_wait_for_room() -> nether::Result<()> {
    for from in ALL {
        for verb in [Verb::Process, Verb::Publish, Verb::Together] {
            if let (From::CloneOfHandler, Verb::Together) = (from, verb) {
                continue; // A clone may be in use in a handler that has a turn in a shared module itself.
            }
            let (system, gate) = system().await?;
            let (ctx, accepted) = (system.context(), Arc::<AtomicUsize>::default());
            let flood = Flood {
                verb,
                accepted: Arc::clone(&accepted),
            };
            let left = begin(from, &ctx, flood).await?;
            settled().await;
            let waiting = accepted.load(Ordering::SeqCst);
            assert!(
                (1..=ROOM + 1).contains(&waiting),
                "{from:?}, {verb:?}: {waiting}"
            );
            gate.add_permits(MANY);
            if let Some(left) = left {
                left.await??;
            }
            ctx.close().await?;
            assert_eq!(accepted.load(Ordering::SeqCst), MANY, "{from:?}, {verb:?}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn what_tasks_send_waits_for_room_on_one_thread() -> nether::Result<()> {
    floods_wait_for_room().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_tasks_send_waits_for_room_on_several_threads() -> nether::Result<()> {
    tokio::spawn(floods_wait_for_room()).await?
}

#[tokio::test]
async fn what_waits_for_room_is_accepted_though_its_context_closes() -> nether::Result<()> {
    let (system, gate) = system().await?;
    let (ctx, accepted) = (system.context(), Arc::<AtomicUsize>::default());
    let flood = Flood {
        verb: Verb::Process,
        accepted: Arc::clone(&accepted),
    };
    begin(From::Spawned, &ctx, flood).await?;
    settled().await;
    let closing = tokio::spawn(ctx.close());
    settled().await;
    gate.add_permits(MANY);
    assert_eq!(closing.await??.handled, MANY as u64 + 1); // And the task itself.
    Ok(())
}

#[tokio::test]
async fn a_system_that_stops_lets_tasks_go_on_that_wait_for_room() -> nether::Result<()> {
    let (system, gate) = system().await?;
    let (ctx, accepted) = (system.context(), Arc::<AtomicUsize>::default());
    let flood = Flood {
        verb: Verb::Process,
        accepted: Arc::clone(&accepted),
    };
    begin(From::Spawned, &ctx, flood).await?;
    settled().await;
    let stopping = tokio::spawn(async move { system.shutdown().await });
    settled().await;
    gate.add_permits(MANY);
    let report = stopping.await?;
    assert_eq!(
        (report.handled, report.tasks_cut_off),
        (MANY as u64, 0),
        "{report}"
    );
    Ok(())
}

#[tokio::test]
async fn a_task_is_refused_room_that_it_does_not_wait_for() -> nether::Result<()> {
    let (system, gate) = system().await?;
    let ctx = system.context();
    let (to, full) = oneshot::channel();
    ctx.spawn(async move |ctx| {
        let refused = loop {
            if let Err(refused) = ctx.try_process(Work) {
                break refused.error;
            }
        };
        let _ = to.send(refused);
        Ok(())
    })?;
    assert!(matches!(full.await?, SendError::Full { .. }));
    gate.add_permits(MANY);
    ctx.close().await?;
    Ok(())
}

/// Sends its own module more than its mailbox holds, in a task that it waits for by hand.
#[command]
struct WaitForTask;

/// The same, with a clone of its context.
#[command]
struct WaitForClone;

/// Uses a clone of its context itself.
#[command]
struct UseClone;

#[command]
struct Own;

struct Waiting;

#[module(handles = [WaitForTask, WaitForClone, UseClone, Own], mailbox = 2, manual)]
impl Waiting {
    async fn wait_for_task(&mut self, _: WaitForTask, ctx: &Context<Self>) -> nether::Result<()> {
        let (to, over) = oneshot::channel();
        ctx.spawn(async move |ctx| {
            ctx.spawn(async move |ctx| {
                for _ in 0..MANY {
                    ctx.process(Own).await?;
                }
                let _ = to.send(());
                Ok(())
            })?;
            Ok(())
        })?;
        over.await?;
        Ok(())
    }

    async fn wait_for_clone(&mut self, _: WaitForClone, ctx: &Context<Self>) -> nether::Result<()> {
        let ctx = ctx.clone();
        let task = tokio::spawn(async move {
            for _ in 0..MANY {
                ctx.process(Own).await?;
            }
            Ok::<_, SendError>(())
        });
        task.await??;
        Ok(())
    }

    async fn use_clone(&mut self, _: UseClone, ctx: &Context<Self>) -> nether::Result<()> {
        let ctx = ctx.clone();
        for _ in 0..MANY {
            ctx.process(Own).await?;
            ctx.process(Work).await?;
        }
        Ok(())
    }

    async fn own(&mut self, _: Own) {}
}

async fn handlers_are_not_held_up() -> nether::Result<()> {
    let (system, gate) = system().await?;
    system.attach(Waiting).await?;
    let ctx = system.context();
    ctx.send(WaitForTask).await?;
    ctx.send(WaitForClone).await?;
    ctx.send(UseClone).await?;
    gate.add_permits(MANY);
    ctx.close().await?;
    Ok(())
}

#[tokio::test]
async fn a_handler_that_waits_for_its_task_is_not_held_up_by_its_own_mailbox() -> nether::Result<()>
{
    handlers_are_not_held_up().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nor_is_it_on_several_threads() -> nether::Result<()> {
    tokio::spawn(handlers_are_not_held_up()).await?
}

/// Waits until the gate is opened.
#[command(local)]
struct SpawnMany(usize, Arc<Semaphore>);

struct ManySpawner;

#[module(handles = SpawnMany, manual)]
impl ManySpawner {
    async fn spawn_many(
        &mut self,
        SpawnMany(count, gate): SpawnMany,
        ctx: &Context<Self>,
    ) -> nether::Result<()> {
        for _ in 0..count {
            let gate = Arc::clone(&gate);
            ctx.spawn(async move |_| {
                gate.acquire().await?.forget();
                Ok(())
            })?;
        }
        Ok(())
    }
}

#[tokio::test]
async fn max_in_flight_bounds_the_tasks_that_are_spawned_from_outside() -> nether::Result<()> {
    const BOUND: usize = 8;
    let system = System::builder()
        .isolated()
        .max_in_flight(BOUND)
        .start()
        .await?;
    system.attach(ManySpawner).await?;
    let (ctx, gate) = (system.context(), Arc::new(Semaphore::new(0)));
    let spawn = |ctx: &Context| {
        let gate = Arc::clone(&gate);
        ctx.spawn(async move |_| {
            gate.acquire().await?.forget();
            Ok(())
        })
    };
    for _ in 0..BOUND {
        spawn(&ctx)?;
    }
    assert!(matches!(spawn(&ctx), Err(SendError::Full { .. })));
    gate.add_permits(1);
    settled().await;
    spawn(&ctx)?;
    assert!(matches!(spawn(&ctx), Err(SendError::Full { .. })));
    gate.add_permits(BOUND);
    ctx.close().await?;

    // Nor does a task spawn without end.
    let (ctx, spawned) = (system.context(), Arc::<AtomicUsize>::default());
    let count = Arc::clone(&spawned);
    ctx.spawn(async move |ctx| {
        while ctx
            .spawn(async |ctx| {
                ctx.cancelled().await;
                Ok(())
            })
            .is_ok()
        {
            count.fetch_add(1, Ordering::SeqCst);
        }
        Ok(())
    })?;
    settled().await;
    assert_eq!(spawned.load(Ordering::SeqCst), BOUND - 1);
    ctx.cancel();
    assert!(ctx.close().await.is_err());

    // What a handler spawns counts, and is never refused.
    let ctx = system.context();
    ctx.send(SpawnMany(3 * BOUND, Arc::clone(&gate))).await?;
    assert!(matches!(spawn(&ctx), Err(SendError::Full { .. })));
    gate.add_permits(3 * BOUND);
    ctx.close().await?;
    Ok(())
}
