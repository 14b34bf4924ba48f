//! What waits is over at once when its caller gives up, its context is cancelled, or the system stops.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use nether::prelude::*;
use nether::{SendError, Transaction};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

const SHORT: Duration = Duration::from_millis(10);
const LONG: Duration = Duration::from_secs(60);

/// What handlers wait for, and how many got it.
#[derive(Clone)]
struct Gate {
    open: Arc<Semaphore>,
    done: Arc<AtomicU64>,
}

impl Gate {
    fn new() -> Self {
        Gate {
            open: Arc::new(Semaphore::new(0)),
            done: Arc::default(),
        }
    }

    async fn pass(&self) {
        self.open.acquire().await.expect("never closed").forget();
        self.done.fetch_add(1, Ordering::SeqCst);
    }

    fn open(&self) {
        self.open.add_permits(10_000);
    }

    fn done(&self) -> u64 {
        self.done.load(Ordering::SeqCst)
    }
}

#[command]
struct Charge;

#[query]
struct Balance;

#[event]
struct Charged;

struct Shared(Gate);

#[module(handles = [Charge, Balance, Charged], mailbox = 1, manual)]
impl Shared {
    async fn charge(&self, _: Charge) {
        self.0.pass().await;
    }

    async fn balance(&self, _: Balance) {
        self.0.pass().await;
    }

    async fn charged(&self, _: &Charged) {
        self.0.pass().await;
    }
}

#[command]
struct ChargeAlone;

#[event]
struct ChargedAlone;

struct Alone(Gate);

#[module(handles = [ChargeAlone, ChargedAlone], mailbox = 2, manual)]
impl Alone {
    async fn charge(&mut self, _: ChargeAlone) {
        self.0.pass().await;
    }

    async fn charged(&mut self, _: &ChargedAlone) {
        self.0.pass().await;
    }
}

async fn system(gate: &Gate) -> nether::Result<System> {
    let builder = System::builder().isolated().shutdown_timeout(LONG);
    let system = builder.start().await?;
    system.attach(Shared(gate.clone())).await?;
    system.attach(Alone(gate.clone())).await?;
    Ok(system)
}

fn in_flight(system: &System) -> [u64; 2] {
    let modules = system.modules();
    [0, 1].map(|module| modules[module].in_flight)
}

#[tokio::test(start_paused = true)]
async fn a_command_that_got_no_place_is_taken_back_when_its_caller_gives_up() -> nether::Result<()>
{
    let gate = Gate::new();
    let system = system(&gate).await?;
    let (busy, ctx) = (system.context(), system.context());
    busy.process(Charge).await?;
    for _ in 0..100 {
        assert!(timeout(SHORT, ctx.send(Charge)).await.is_err());
        assert!(timeout(SHORT, ctx.ask(Balance)).await.is_err());
        assert!(timeout(SHORT, ctx.process(Charge)).await.is_err());
        assert!(timeout(SHORT, ctx.publish(Charged)).await.is_err());
    }
    assert_eq!(in_flight(&system), [1, 0]);
    gate.open();
    assert_eq!(ctx.close().await?.handled, 0);
    busy.close().await?;
    assert_eq!(gate.done(), 1);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_place_that_was_given_up_goes_to_the_next() -> nether::Result<()> {
    let gate = Gate::new();
    let system = system(&gate).await?;
    let (busy, ctx) = (system.context(), system.context());
    busy.process(Charge).await?;
    assert!(timeout(SHORT, ctx.send(Charge)).await.is_err());
    let waiting = tokio::spawn(async move {
        ctx.send(Charge).await?;
        ctx.ask(Balance).await?;
        ctx.process(Charge).await?;
        ctx.close().await.map_err(nether::Error::from)
    });
    sleep(SHORT).await;
    gate.open();
    assert_eq!(waiting.await??.handled, 3);
    busy.close().await?;
    assert_eq!(gate.done(), 4);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_deadline_takes_back_what_got_no_place() -> nether::Result<()> {
    let gate = Gate::new();
    let system = system(&gate).await?;
    let busy = system.context();
    busy.process(Charge).await?;
    for _ in 0..100 {
        let ctx = system.context().with_timeout(SHORT);
        let sent = ctx.send(Charge).await;
        assert!(matches!(sent, Err(CallError::DeadlineExceeded { .. })));
        ctx.close().await?;
    }
    assert_eq!(in_flight(&system), [1, 0]);
    gate.open();
    busy.close().await?;
    Ok(())
}

struct Locks(Arc<AtomicBool>);

impl Transaction for Locks {
    async fn commit(self) -> nether::Result<()> {
        Ok(())
    }

    async fn rollback(self) -> nether::Result<()> {
        self.0.store(true, Ordering::SeqCst);
        Ok(())
    }
}

/// Cancels a context while `wait` waits in it; says what that got.
async fn cancel<T>(ctx: &Context, wait: impl Future<Output = T>) -> T {
    let cancelling = async {
        sleep(SHORT).await;
        ctx.cancel();
    };
    let waited = async { timeout(LONG / 2, wait).await.expect("it ends at once") };
    tokio::join!(waited, cancelling).0
}

/// Closes a cancelled context, which must not wait for others.
async fn close(ctx: Context) -> nether::ContextError {
    let closed = timeout(LONG / 2, ctx.close()).await;
    let error = closed
        .expect("nothing of it runs")
        .expect_err("it was cancelled");
    assert!(error.cancelled);
    error
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_context_does_not_wait_behind_strangers() -> nether::Result<()> {
    let gate = Gate::new();
    let system = system(&gate).await?;
    let busy = system.context();
    busy.process(Charge).await?;
    busy.process(ChargeAlone).await?;
    sleep(SHORT).await;
    let is_rolled_back = Arc::new(AtomicBool::new(false));

    let ctx = system.context();
    let _ = ctx.enlist(Locks(Arc::clone(&is_rolled_back)));
    let sent = cancel(&ctx, ctx.send(ChargeAlone)).await;
    assert!(matches!(sent, Err(CallError::Cancelled { .. })), "{sent:?}");
    assert_eq!(close(ctx).await.failures.len(), 0);
    assert!(is_rolled_back.load(Ordering::SeqCst));

    let ctx = system.context();
    ctx.process(ChargeAlone).await?;
    ctx.publish(ChargedAlone).await?; // Now the mailbox is full.
    let nested = ctx.nested();
    let posted = cancel(&ctx, nested.process(ChargeAlone)).await;
    assert!(
        matches!(posted, Err(SendError::Cancelled { .. })),
        "{posted:?}"
    );
    drop(nested);
    assert_eq!(close(ctx).await.failures.len(), 2);

    for round in 0..4 {
        let ctx = system.context();
        let is_cancelled = match round {
            0 => matches!(
                cancel(&ctx, ctx.send(Charge)).await,
                Err(CallError::Cancelled { .. })
            ),
            1 => matches!(
                cancel(&ctx, ctx.ask(Balance)).await,
                Err(CallError::Cancelled { .. })
            ),
            2 => matches!(
                cancel(&ctx, ctx.process(Charge)).await,
                Err(SendError::Cancelled { .. })
            ),
            _ => matches!(
                cancel(&ctx, ctx.publish(Charged)).await,
                Err(SendError::Cancelled { .. })
            ),
        };
        assert!(is_cancelled, "{round}");
        close(ctx).await;
    }
    assert_eq!(in_flight(&system), [1, 1]);
    gate.open();
    busy.close().await?;
    assert_eq!(gate.done(), 2);
    let report = system.shutdown().await;
    let dead: u64 = report.dead_letters.iter().map(|it| it.count).sum();
    assert_eq!((report.handled, report.failed, dead), (2, 0, 3), "{report}");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn what_was_taken_together_with_a_strangers_message_is_over_too() -> nether::Result<()> {
    let gate = Gate::new();
    let system = system(&gate).await?;
    let (busy, ctx, other) = (system.context(), system.context(), system.context());
    // The module takes them at once, since it has not run in between.
    assert!(busy.try_process(ChargeAlone).is_ok());
    let call = ctx.try_send(ChargeAlone).map_err(|it| it.error)?;
    let sent = cancel(&ctx, call).await;
    assert!(matches!(sent, Err(CallError::Cancelled { .. })), "{sent:?}");
    close(ctx).await;
    other.process(ChargeAlone).await?;
    gate.open();
    busy.close().await?;
    other.close().await?;
    assert_eq!(gate.done(), 2);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn the_caller_of_a_handler_that_runs_is_answered_at_once_and_the_handler_runs_on()
-> nether::Result<()> {
    let gate = Gate::new();
    let system = system(&gate).await?;
    let (alone, shared) = (system.context(), system.context());
    let sent = cancel(&alone, alone.send(ChargeAlone)).await;
    assert!(matches!(sent, Err(CallError::Cancelled { .. })), "{sent:?}");
    let sent = cancel(&shared, shared.send(Charge)).await;
    assert!(matches!(sent, Err(CallError::Cancelled { .. })), "{sent:?}");
    assert_eq!(gate.done(), 0);
    gate.open();
    close(alone).await;
    close(shared).await;
    assert_eq!(gate.done(), 2);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_paused_module_holds_no_cancelled_context_up() -> nether::Result<()> {
    let gate = Gate::new();
    let system = system(&gate).await?;
    system.pause::<Shared>()?;
    system.pause::<Alone>()?;
    for is_shared in [false, true] {
        let ctx = system.context();
        let sent = if is_shared {
            cancel(&ctx, ctx.send(Charge)).await
        } else {
            cancel(&ctx, ctx.send(ChargeAlone)).await
        };
        assert!(matches!(sent, Err(CallError::Cancelled { .. })), "{sent:?}");
        close(ctx).await;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cancelled_contexts_end_while_others_keep_the_modules_busy() -> nether::Result<()> {
    let gate = Gate::new();
    let system = system(&gate).await?;
    let busy = system.context();
    busy.process(Charge).await?;
    busy.process(ChargeAlone).await?;
    let mut ending = tokio::task::JoinSet::new();
    for number in 0..2_000_u64 {
        let ctx = system.context();
        let clone = ctx.clone();
        ending.spawn(async move {
            let cancelling = tokio::spawn(async move {
                for _ in 0..number % 7 {
                    tokio::task::yield_now().await;
                }
                clone.cancel();
            });
            let _ = ctx.send(ChargeAlone).await;
            let _ = ctx.send(Charge).await;
            let _ = cancelling.await;
            timeout(LONG, ctx.close()).await
        });
    }
    while let Some(ended) = ending.join_next().await {
        assert!(ended??.is_err());
    }
    assert_eq!(in_flight(&system), [1, 1]);
    gate.open();
    busy.close().await?;
    Ok(())
}

/// Never ends.
struct Stuck;

#[command]
struct Forever;

#[module(handles = Forever, mailbox = 1, manual)]
impl Stuck {
    async fn forever(&self, _: Forever) {
        std::future::pending::<()>().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_every_wait_for_room() -> nether::Result<()> {
    for bound in [1, 1_000] {
        let builder = System::builder().isolated().max_in_flight(bound);
        let system = builder.shutdown_timeout(SHORT).start().await?;
        let gate = Gate::new();
        system.attach(Stuck).await?;
        system.attach(Alone(gate.clone())).await?;
        let stuck = system.context();
        let stuck =
            tokio::spawn(async move { stuck.send(Forever).await.map_err(|it| it.to_string()) });
        sleep(SHORT).await;
        let (sending, posting, in_line) = (system.context(), system.context(), system.context());
        let sending = tokio::spawn(async move { sending.send(Forever).await.is_err() });
        let posting = tokio::spawn(async move { posting.process(Forever).await.is_err() });
        let in_line = tokio::spawn(async move {
            for _ in 0..4 {
                if in_line.process(ChargeAlone).await.is_err() {
                    return true;
                }
            }
            false
        });
        sleep(SHORT).await;
        timeout(LONG, system.shutdown()).await?;
        assert!(timeout(LONG, sending).await??);
        assert!(timeout(LONG, posting).await??);
        assert!(timeout(LONG, in_line).await??);
        stuck.abort();
    }
    Ok(())
}
