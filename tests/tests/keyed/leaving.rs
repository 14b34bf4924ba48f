//! What values hold is let go, however they leave memory; and `#[on_idle]` never waits for ever.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use nether::prelude::*;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Semaphore;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::time::{sleep, timeout};

use crate::support::Gate;

const LONG: Duration = Duration::from_secs(30);

fn runtime() -> Runtime {
    let builder = Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build();
    builder.expect("a runtime")
}

#[command(key = id)]
struct Hold {
    id: u64,
}

struct Holder {
    token: Resource<Arc<()>>,
    held: Option<Arc<()>>,
}

#[module(handles = Hold, per = id, keep = 10)]
impl Holder {
    #[init]
    fn new(_id: &u64, token: Resource<Arc<()>>) -> Self {
        Holder { token, held: None }
    }

    async fn hold(&mut self, _: Hold) {
        self.held = Some(Arc::clone(&self.token));
    }

    #[on_idle]
    async fn leave(self) {
        drop(self);
    }
}

#[test]
fn a_system_that_is_dropped_lets_go_of_values_and_resources() {
    let token = Arc::new(());
    let runtime = runtime();
    let system = runtime.block_on(async {
        let builder = System::builder().isolated().with::<Holder>();
        let builder = builder.provide(Arc::clone(&token));
        let system = builder.start().await.expect("it starts");
        let ctx = system.context();
        for id in 0..20 {
            ctx.send(Hold { id }).await.expect("it is handled");
        }
        ctx.close().await.expect("all went well");
        system
    });
    assert!(Arc::strong_count(&token) > 10);
    drop(system);
    drop(runtime);
    assert_eq!(Arc::strong_count(&token), 1);
}

#[command(key = id)]
struct Arm {
    id: u64,
}

/// Its `Drop` panics.
struct Bomb {
    _token: Resource<Arc<()>>,
    held: Option<Arc<()>>,
}

impl Drop for Bomb {
    fn drop(&mut self) {
        assert!(self.held.is_none(), "it goes off");
    }
}

#[module(handles = Arm, per = id)]
impl Bomb {
    #[init]
    fn new(_id: &u64, token: Resource<Arc<()>>) -> Self {
        let held = Some(Arc::clone(&token));
        let _token = token;
        Bomb { _token, held }
    }

    async fn arm(&mut self, _: Arm) {}
}

#[test]
fn values_whose_drop_panics_keep_no_others() {
    let token = Arc::new(());
    let runtime = runtime();
    let system = runtime.block_on(async {
        let builder = System::builder().isolated().with::<Bomb>();
        let builder = builder.provide(Arc::clone(&token));
        let system = builder.start().await.expect("it starts");
        let ctx = system.context();
        for id in 0..20 {
            ctx.send(Arm { id }).await.expect("it is handled");
        }
        ctx.close().await.expect("all went well");
        system
    });
    drop(system);
    drop(runtime);
    assert_eq!(Arc::strong_count(&token), 1);
}

/// Makes the value of a key call these keys, each from the one before, when it leaves.
#[command(key = id)]
struct Cling {
    id: u64,
    path: Vec<u64>,
}

#[command(key = id)]
struct Touch {
    id: u64,
    path: Vec<u64>,
}

#[command(key = id)]
struct Release {
    id: u64,
}

struct Clinger {
    path: Vec<u64>,
    told: Resource<UnboundedSender<String>>,
}

#[module(handles = [Cling, Touch, Release], per = id)]
impl Clinger {
    #[init]
    fn new(_id: &u64, told: Resource<UnboundedSender<String>>) -> Self {
        let path = Vec::new();
        Clinger { path, told }
    }

    async fn cling(&mut self, cling: Cling) {
        self.path = cling.path;
    }

    async fn touch(&mut self, mut touch: Touch, ctx: &Context<Self>) -> nether::Result<()> {
        if touch.path.is_empty() {
            return Ok(());
        }
        let id = touch.path.remove(0);
        let path = touch.path;
        Ok(ctx.send(Touch { id, path }).await?)
    }

    async fn release(&mut self, _: Release, ctx: &Context<Self>) {
        ctx.forget();
    }

    #[on_idle]
    async fn leave(mut self, ctx: &Context<Self>) -> nether::Result<()> {
        if !self.path.is_empty() {
            let id = self.path.remove(0);
            let path = self.path;
            let called = ctx.send(Touch { id, path }).await;
            self.told
                .send(called.map_or_else(|error| error.to_string(), |()| String::new()))?;
        }
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn an_on_idle_that_calls_its_own_key_gets_an_error_instead_of_waiting_for_ever()
-> nether::Result<()> {
    let (tell, mut told) = unbounded_channel::<String>();
    let builder = System::builder().isolated().with::<Clinger>();
    let system = builder.provide(tell).start().await?;
    let ctx = system.context();
    for (path, is_circle) in [
        (&[1][..], true),
        (&[2, 1], true),
        (&[2, 3, 1], true),
        (&[2, 3], false),
    ] {
        let path = path.to_vec();
        ctx.send(Cling { id: 1, path }).await?;
        ctx.send(Release { id: 1 }).await?;
        let called = timeout(LONG, told.recv()).await?.expect("it is told");
        assert_eq!(called.contains("a deadlock"), is_circle, "{called}");
        // The key is free again.
        let path = Vec::new();
        timeout(LONG, ctx.send(Touch { id: 1, path })).await??;
    }
    ctx.close().await?;
    Ok(())
}

#[command(key = id)]
struct Doze {
    id: u64,
}

/// How many values leave at once, and until when they may not.
struct Exit {
    door: Gate,
    gone: Semaphore,
    leaving: AtomicUsize,
    most: AtomicUsize,
}

struct Dozer {
    exit: Resource<Arc<Exit>>,
}

#[module(handles = Doze, per = id, idle = "1s")]
impl Dozer {
    #[init]
    fn new(_id: &u64, exit: Resource<Arc<Exit>>) -> Self {
        Dozer { exit }
    }

    async fn doze(&mut self, _: Doze) {}

    #[on_idle]
    async fn leave(self) {
        let exit = &self.exit;
        let leaving = exit.leaving.fetch_add(1, Ordering::SeqCst) + 1;
        exit.most.fetch_max(leaving, Ordering::SeqCst);
        exit.door.pass().await;
        exit.leaving.fetch_sub(1, Ordering::SeqCst);
        exit.gone.add_permits(1);
    }
}

#[tokio::test(start_paused = true)]
async fn idle_values_leave_so_many_at_a_time() -> nether::Result<()> {
    let exit = Arc::new(Exit {
        door: Gate::default(),
        gone: Semaphore::new(0),
        leaving: AtomicUsize::new(0),
        most: AtomicUsize::new(0),
    });
    let builder = System::builder().isolated().with::<Dozer>();
    let system = builder.provide(Arc::clone(&exit)).start().await?;
    let ctx = system.context();
    for id in 0..600 {
        ctx.send(Doze { id }).await?;
    }
    // Time passes only once nothing else is to be done.
    sleep(Duration::from_secs(5)).await;
    assert_eq!(exit.leaving.load(Ordering::SeqCst), 256);
    // One that is slow holds up no other.
    exit.door.open(599);
    timeout(LONG, exit.gone.acquire_many(599)).await??.forget();
    exit.door.open(1);
    timeout(LONG, exit.gone.acquire()).await??.forget();
    assert_eq!(exit.most.load(Ordering::SeqCst), 256);
    ctx.close().await?;
    Ok(())
}
