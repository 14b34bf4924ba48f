//! When the value of a key is made, and when it leaves.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use nether::prelude::*;
use nether::{CallError, ModuleKind};
use tokio::sync::Semaphore;

use crate::support::{Diary, Gate};

#[command(key = id, reply = u64)]
struct Use {
    id: u64,
}

#[command(key = id)]
struct Forget {
    id: u64,
}

struct Device {
    id: u64,
    uses: u64,
    diary: Resource<Arc<Diary>>,
}

#[module(handles = [Use, Forget], per = id, keep = 2, idle = "1m")]
impl Device {
    #[init]
    async fn new(diary: Resource<Arc<Diary>>, id: &u64) -> nether::Result<Self> {
        let fails = *id == 13 && !diary.is_empty();
        diary.note(format!("made {id}"));
        match fails {
            true => Err(nether::Error::msg("not now")),
            false => Ok(Device {
                id: *id,
                uses: 0,
                diary,
            }),
        }
    }

    async fn used(&mut self, _: Use) -> u64 {
        self.uses += 1;
        self.uses
    }

    async fn forget(&self, _: Forget, ctx: &Context<Self>) {
        ctx.forget();
    }

    #[on_idle]
    async fn leave(self) {
        let Device { id, uses, diary } = self;
        diary.note(format!("left {id} after {uses}"));
    }
}

async fn devices() -> nether::Result<(System, Arc<Diary>)> {
    let diary = Arc::<Diary>::default();
    let builder = System::builder().isolated().with::<Device>();
    let system = builder.provide(Arc::clone(&diary)).start().await?;
    Ok((system, diary))
}

#[tokio::test(start_paused = true)]
async fn a_value_is_made_at_the_first_message_of_its_key() -> nether::Result<()> {
    let (system, diary) = devices().await?;
    let kind = system.topology().modules.first().map(|module| module.kind);
    assert_eq!(kind, Some(ModuleKind::Keyed));
    assert!(diary.take().is_empty());
    let ctx = system.context();
    assert_eq!(ctx.send(Use { id: 1 }).await?, 1);
    assert_eq!(ctx.send(Use { id: 1 }).await?, 2);
    assert_eq!(ctx.send(Use { id: 2 }).await?, 1);
    assert_eq!(diary.take(), ["made 1", "made 2"]);
    ctx.close().await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn an_init_that_fails_fails_its_message_and_the_next_tries_again() -> nether::Result<()> {
    let (system, diary) = devices().await?;
    diary.note("not empty");
    let ctx = system.context();
    let failed = ctx.send(Use { id: 13 }).await;
    assert!(
        matches!(failed, Err(CallError::Unavailable(_))),
        "{failed:?}"
    );
    diary.take();
    assert_eq!(ctx.send(Use { id: 13 }).await?, 1);
    ctx.close().await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn the_least_recently_used_leaves_when_there_are_more_than_are_kept() -> nether::Result<()> {
    let (system, diary) = devices().await?;
    let ctx = system.context();
    for id in [1, 2, 1] {
        ctx.send(Use { id }).await?;
    }
    ctx.send(Use { id: 3 }).await?;
    diary.has(4).await;
    assert_eq!(
        diary.take(),
        ["made 1", "made 2", "made 3", "left 2 after 1"]
    );
    assert_eq!(ctx.send(Use { id: 1 }).await?, 3);
    assert_eq!(ctx.send(Use { id: 2 }).await?, 1);
    ctx.close().await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn an_idle_value_leaves() -> nether::Result<()> {
    let (system, diary) = devices().await?;
    let ctx = system.context();
    ctx.send(Use { id: 1 }).await?;
    tokio::time::sleep(Duration::from_secs(50)).await;
    ctx.send(Use { id: 2 }).await?;
    diary.take();
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!(diary.take(), ["left 1 after 1"]);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(diary.take(), ["left 2 after 1"]);
    assert_eq!(ctx.send(Use { id: 1 }).await?, 1);
    ctx.close().await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_value_that_is_forgotten_leaves_after_the_message() -> nether::Result<()> {
    let (system, diary) = devices().await?;
    let ctx = system.context();
    ctx.send(Use { id: 1 }).await?;
    ctx.send(Forget { id: 1 }).await?;
    assert_eq!(ctx.send(Use { id: 1 }).await?, 1);
    assert_eq!(diary.take(), ["made 1", "left 1 after 1", "made 1"]);
    // Also one whose only message it is.
    ctx.send(Forget { id: 2 }).await?;
    assert_eq!(ctx.send(Use { id: 2 }).await?, 1);
    ctx.close().await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn all_values_leave_when_the_system_stops() -> nether::Result<()> {
    let (system, diary) = devices().await?;
    let ctx = system.context();
    ctx.process(Use { id: 1 }).await?;
    ctx.process(Use { id: 2 }).await?;
    ctx.process(Use { id: 1 }).await?;
    ctx.close().await?;
    diary.take();
    let report = system.shutdown().await;
    assert_eq!(report.dead_letters.len(), 0, "{report:?}");
    assert_eq!(diary.take_sorted(), ["left 1 after 2", "left 2 after 1"]);
    Ok(())
}

#[command(key = id, reply = u64)]
struct Enter {
    id: u64,
}

#[command(key = id)]
struct Clear {
    id: u64,
}

struct Hall {
    entered: u64,
    door: Resource<Arc<Gate>>,
}

#[module(handles = [Enter, Clear], per = id)]
impl Hall {
    #[init]
    fn new(_id: &u64, door: Resource<Arc<Gate>>) -> Self {
        Hall { entered: 0, door }
    }

    async fn enter(&mut self, _: Enter) -> u64 {
        self.entered += 1;
        self.entered
    }

    async fn clear(&mut self, _: Clear, ctx: &Context<Self>) {
        ctx.forget();
    }

    #[on_idle]
    async fn leave(self, _: &Context<Self>) {
        self.door.pass().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_that_comes_while_a_value_leaves_waits_and_gets_another() -> nether::Result<()> {
    let door = Arc::<Gate>::default();
    let builder = System::builder().isolated().with::<Hall>();
    let system = builder.provide(Arc::clone(&door)).start().await?;
    let ctx = system.context();
    assert_eq!(ctx.send(Enter { id: 1 }).await?, 1);
    ctx.send(Clear { id: 1 }).await?;
    door.arrived(1).await;
    let mut entering = Box::pin(ctx.send(Enter { id: 1 }));
    let early = tokio::time::timeout(Duration::from_secs(1), &mut entering).await;
    assert!(early.is_err(), "the value before it has not left yet");
    // Others do not wait for that.
    assert_eq!(ctx.send(Enter { id: 2 }).await?, 1);
    door.open(1);
    assert_eq!(entering.await?, 1);
    door.open(2);
    ctx.close().await?;
    Ok(())
}

#[command(key = id)]
struct Visit {
    id: u64,
}

#[command(key = id)]
struct Stay {
    id: u64,
}

/// Where guests wait, and what became of them.
struct Inn {
    door: Gate,
    gone: Semaphore,
    left: Mutex<Vec<u64>>,
}

impl Inn {
    fn left(&self) -> Vec<u64> {
        self.left.lock().expect("no holder panics").clone()
    }
}

struct Guest {
    id: u64,
    inn: Resource<Arc<Inn>>,
}

#[module(handles = [Visit, Stay], per = id, keep = 3)]
impl Guest {
    #[init]
    fn new(id: &u64, inn: Resource<Arc<Inn>>) -> Self {
        Guest { id: *id, inn }
    }

    async fn visit(&mut self, _: Visit) {}

    async fn stay(&mut self, _: Stay) {
        self.inn.door.pass().await;
    }

    #[on_idle]
    async fn leave(self) {
        let mut left = self.inn.left.lock().expect("no holder panics");
        left.push(self.id);
        self.inn.gone.add_permits(1);
    }
}

/// A system with guests, whose stays end when the inn opens.
async fn guests() -> nether::Result<(System, Arc<Inn>)> {
    let inn = Arc::new(Inn {
        door: Gate::default(),
        gone: Semaphore::new(0),
        left: Mutex::default(),
    });
    let builder = System::builder().isolated().with::<Guest>();
    let system = builder.provide(Arc::clone(&inn)).start().await?;
    Ok((system, inn))
}

#[tokio::test(start_paused = true)]
async fn after_a_burst_only_so_many_values_stay_as_are_kept() -> nether::Result<()> {
    let (system, inn) = guests().await?;
    let ctx = system.context();
    for id in 0..100 {
        ctx.process(Stay { id }).await?;
    }
    inn.door.arrived(100).await;
    inn.door.open(100);
    ctx.close().await?;
    inn.gone.acquire_many(97).await?.forget();
    // Time passes only once nothing else is to be done.
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(inn.left().len(), 97, "three are kept");
    system.shutdown().await;
    let mut left = inn.left();
    left.sort_unstable();
    assert_eq!(left, (0..100).collect::<Vec<_>>());
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn keys_in_use_let_no_value_leave_that_is_not() -> nether::Result<()> {
    let (system, inn) = guests().await?;
    let ctx = system.context();
    for id in [1, 2, 3] {
        ctx.send(Visit { id }).await?;
    }
    for id in 10..20 {
        ctx.process(Stay { id }).await?;
    }
    inn.door.arrived(10).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(inn.left().is_empty(), "{:?}", inn.left());
    // The value that was used again is not the oldest any more.
    ctx.send(Visit { id: 1 }).await?;
    inn.door.open(1);
    inn.gone.acquire().await?.forget();
    assert_eq!(inn.left(), [2]);
    inn.door.open(1);
    inn.gone.acquire().await?.forget();
    assert_eq!(inn.left(), [2, 3]);
    inn.door.open(8);
    ctx.close().await?;
    Ok(())
}
