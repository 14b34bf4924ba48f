//! When the value of a key is made, and when it leaves.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use nether::prelude::*;
use nether::{CallError, ModuleKind};
use tokio::sync::Semaphore;

/// What happened to the values of one test.
#[derive(Default)]
struct Diary(Mutex<Vec<String>>);

impl Diary {
    fn note(&self, text: String) {
        self.0.lock().expect("nobody panics with it").push(text);
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().expect("nobody panics with it"))
    }
}

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
        let fails = *id == 13 && !diary.0.lock().expect("nobody panics with it").is_empty();
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
    diary.note("not empty".to_owned());
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
    tokio::task::yield_now().await;
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
async fn a_value_that_nobody_uses_leaves() -> nether::Result<()> {
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
    let mut left = diary.take();
    left.sort();
    assert_eq!(left, ["left 1 after 2", "left 2 after 1"]);
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
    doors: Resource<Arc<Doors>>,
}

/// Lets values leave slowly.
struct Doors {
    leaving: Semaphore,
    open: Semaphore,
}

#[module(handles = [Enter, Clear], per = id)]
impl Hall {
    #[init]
    fn new(_id: &u64, doors: Resource<Arc<Doors>>) -> Self {
        Hall { entered: 0, doors }
    }

    async fn enter(&mut self, _: Enter) -> u64 {
        self.entered += 1;
        self.entered
    }

    async fn clear(&mut self, _: Clear, ctx: &Context<Self>) {
        ctx.forget();
    }

    #[on_idle]
    async fn leave(self, _: &Context<Self>) -> nether::Result<()> {
        self.doors.leaving.add_permits(1);
        self.doors.open.acquire().await?.forget();
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_that_comes_while_a_value_leaves_waits_and_gets_another() -> nether::Result<()> {
    let doors = Arc::new(Doors {
        leaving: Semaphore::new(0),
        open: Semaphore::new(0),
    });
    let builder = System::builder().isolated().with::<Hall>();
    let system = builder.provide(Arc::clone(&doors)).start().await?;
    let ctx = system.context();
    assert_eq!(ctx.send(Enter { id: 1 }).await?, 1);
    ctx.send(Clear { id: 1 }).await?;
    doors.leaving.acquire().await?.forget();
    let mut entering = Box::pin(ctx.send(Enter { id: 1 }));
    let early = tokio::time::timeout(Duration::from_secs(1), &mut entering).await;
    assert!(early.is_err(), "the value before it has not left yet");
    // Others do not wait for that.
    assert_eq!(ctx.send(Enter { id: 2 }).await?, 1);
    doors.open.add_permits(1);
    assert_eq!(entering.await?, 1);
    doors.open.add_permits(2);
    ctx.close().await?;
    Ok(())
}
