//! Values of the user's that panic, or that are dropped while something waits for them: nothing hangs, and
//! nothing is lost.

use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nether::prelude::*;
use nether::{ModuleState, ModuleStopped};
use serde::{Deserialize, Serialize, Serializer};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};

const SHORT: Duration = Duration::from_secs(1);

#[command(local)]
struct Fall(Arc<Semaphore>);

/// Falls with its only message, and is not made anew.
struct Mortal;

#[module(handles = Fall, manual)]
impl Mortal {
    async fn fall(&mut self, Fall(gate): Fall) {
        gate.acquire().await.expect("never closed").forget();
        panic!("as asked");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stop_does_not_wait_for_a_module_that_crashed_with_the_last_message() -> nether::Result<()>
{
    let system = System::builder().isolated().start().await?;
    system.attach(Mortal).await?;
    let gate = Arc::new(Semaphore::new(0));
    let ctx = system.context();
    ctx.process(Fall(Arc::clone(&gate))).await?;
    let stopping = tokio::spawn(async move { system.shutdown().await });
    tokio::time::sleep(SHORT).await;
    let began = Instant::now();
    gate.add_permits(1);
    let report = stopping.await?;
    assert!(began.elapsed() < SHORT, "{:?}", began.elapsed());
    assert_eq!((report.failed, report.cut_off.len()), (1, 0));
    Ok(())
}

/// Cannot be written down.
#[derive(Clone, Debug, Deserialize)]
struct Unspeakable;

impl Serialize for Unspeakable {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        panic!("not to be told");
    }
}

#[command]
struct Whisper(Unspeakable);

#[command(local)]
struct Hold(Arc<Semaphore>);

struct Listener;

#[module(handles = [Whisper, Hold], manual)]
impl Listener {
    async fn whisper(&mut self, _: Whisper) {}

    async fn hold(&mut self, Hold(gate): Hold) {
        gate.acquire().await.expect("never closed").forget();
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_that_cannot_be_shown_is_a_dead_letter_all_the_same() -> nether::Result<()> {
    let system = System::builder().isolated().start().await?;
    system.attach(Listener).await?;
    let mut letters = system.dead_letters();
    let gate = Arc::new(Semaphore::new(0));
    let (holding, ctx) = (system.context(), system.context());
    holding.process(Hold(Arc::clone(&gate))).await?;
    ctx.process(Whisper(Unspeakable)).await?;
    ctx.cancel();
    gate.add_permits(1);
    assert_eq!(ctx.close().await.expect_err("cancelled").failures.len(), 1);
    assert_eq!(letters.next().await.expect("it was not handled").json, None);
    holding.close().await?;
    Ok(())
}

/// Cannot be copied.
#[derive(Debug)]
struct Unique;

impl Clone for Unique {
    fn clone(&self) -> Self {
        panic!("there is but one");
    }
}

#[command(local)]
struct Keep(Unique);

impl Clone for Keep {
    fn clone(&self) -> Self {
        Keep(self.0.clone())
    }
}

struct Keeper;

#[module(handles = Keep, manual)]
impl Keeper {
    #[handler(retry = 1)]
    async fn keep(&mut self, Keep(_): Keep) {}
}

#[tokio::test(start_paused = true)]
async fn a_module_that_cannot_be_made_anew_is_stopped_by_a_copy_that_panics() -> nether::Result<()>
{
    let system = System::builder().isolated().start().await?;
    system.attach(Keeper).await?;
    let mut stopped = system.subscribe::<ModuleStopped>();
    let ctx = system.context();
    let error = ctx.send(Keep(Unique)).await.expect_err("nobody handles it");
    assert!(matches!(error, CallError::Panicked(_)));
    assert!(
        stopped
            .next()
            .await
            .expect("it is told")
            .reason
            .contains("panicked")
    );
    assert_eq!(system.modules()[0].state, ModuleState::Stopped);
    ctx.close().await?;
    let report = system.shutdown().await;
    assert_eq!((report.failed, report.dead_letters.len()), (1, 0));
    Ok(())
}

/// Has no hash.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Unhashable;

impl Hash for Unhashable {
    fn hash<H: Hasher>(&self, _: &mut H) {
        panic!("nobody knows where it belongs");
    }
}

#[command(key = key)]
struct Sort {
    key: Unhashable,
}

#[derive(Default)]
struct Sorter;

#[module(handles = Sort, instances = 2)]
impl Sorter {
    async fn sort(&mut self, _: Sort) {}
}

#[tokio::test(start_paused = true)]
async fn a_key_that_panics_still_has_an_instance() -> nether::Result<()> {
    let system = System::builder()
        .isolated()
        .with::<Sorter>()
        .start()
        .await?;
    let ctx = system.context();
    ctx.send(Sort { key: Unhashable }).await?;
    ctx.process(Sort { key: Unhashable }).await?;
    assert_eq!(ctx.close().await?.handled, 2);
    Ok(())
}

struct Slow {
    gate: Arc<Semaphore>,
    has_stopped: Arc<AtomicBool>,
}

#[module(handles = [], manual)]
impl Slow {
    #[on_start]
    async fn start(&mut self) {
        self.gate.acquire().await.expect("never closed").forget();
    }

    #[on_stop]
    async fn stop(&self) {
        self.has_stopped.store(true, Ordering::SeqCst);
    }
}

#[tokio::test(start_paused = true)]
async fn a_module_whose_attaching_is_not_awaited_is_the_systems_all_the_same() -> nether::Result<()>
{
    let system = System::builder().isolated().start().await?;
    let (gate, has_stopped) = (
        Arc::new(Semaphore::new(0)),
        Arc::new(AtomicBool::new(false)),
    );
    let slow = Slow {
        gate: Arc::clone(&gate),
        has_stopped: Arc::clone(&has_stopped),
    };
    assert!(timeout(SHORT, system.attach(slow)).await.is_err());
    assert_eq!(system.modules()[0].state, ModuleState::Starting);
    gate.add_permits(1);
    tokio::time::sleep(SHORT).await;
    assert_eq!(system.modules()[0].state, ModuleState::Running);
    system.shutdown().await;
    assert!(has_stopped.load(Ordering::SeqCst));
    Ok(())
}
