//! Crashes where a module begins: in `#[init]`, `#[on_start]`, `#[background]`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use nether::prelude::*;
use nether::{CallError, ModuleRestarted, ModuleState};

/// How often each module was made.
#[derive(Default)]
struct Made {
    falling: AtomicU64,
    watching: AtomicU64,
}

#[command]
struct Trip;

struct Falling {
    time: u64,
}

#[module(handles = Trip)]
impl Falling {
    #[init]
    fn new(made: Resource<Arc<Made>>) -> Self {
        let time = made.falling.fetch_add(1, Ordering::SeqCst) + 1;
        if time == 1 || time == 3 {
            panic!("fell in `#[init]`");
        }
        Falling { time }
    }

    #[on_start]
    async fn start(&mut self) -> nether::Result<()> {
        match self.time {
            4 => panic!("fell in `#[on_start]`"),
            5 => Err(nether::Error::msg("not today")),
            _ => Ok(()),
        }
    }

    async fn trip(&mut self, _: Trip) {
        if self.time == 2 {
            panic!("as asked");
        }
    }
}

#[query(reply = u64)]
struct Watches;

struct Watching {
    made: Arc<Made>,
}

#[module(handles = Watches)]
impl Watching {
    #[init]
    fn new(made: Resource<Arc<Made>>) -> Self {
        made.watching.fetch_add(1, Ordering::SeqCst);
        Watching {
            made: Arc::clone(&made),
        }
    }

    /// Falls twice.
    #[background]
    async fn watch(&self) -> nether::Result<()> {
        if self.made.watching.load(Ordering::SeqCst) <= 2 {
            panic!("saw something");
        }
        Ok(())
    }

    async fn watches(&self, _: Watches) -> u64 {
        self.made.watching.load(Ordering::SeqCst)
    }
}

#[tokio::test(start_paused = true)]
async fn a_module_that_falls_while_it_starts_is_made_again() -> nether::Result<()> {
    let made = Arc::new(Made::default());
    let system = System::builder().provide(Arc::clone(&made)).start().await?;
    assert_eq!(made.falling.load(Ordering::SeqCst), 2);
    let ctx = system.context();
    assert!(matches!(ctx.send(Trip).await, Err(CallError::Panicked(_))));
    // The third crashed in `#[init]`, the fourth and the fifth in `#[on_start]`; this one waited for the
    // sixth.
    ctx.send(Trip).await?;
    assert_eq!(made.falling.load(Ordering::SeqCst), 6);
    let falling = &system.modules()[0];
    assert_eq!((falling.state, falling.restarts), (ModuleState::Running, 1));
    ctx.close().await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_background_task_that_panics_crashes_its_module() -> nether::Result<()> {
    let made = Arc::new(Made::default());
    let system = System::builder().provide(made).start().await?;
    let mut restarted = system.subscribe::<ModuleRestarted>();
    // The first time is over by now or not: the other module takes a moment to start.
    let mut restart = restarted.next().await.expect("it fell");
    while restart.restarts < 2 {
        restart = restarted.next().await.expect("it fell again");
    }
    assert_eq!(restart.reason, "saw something");
    let ctx = system.context();
    assert_eq!(ctx.ask(Watches).await?, 3);
    ctx.close().await?;
    Ok(())
}
