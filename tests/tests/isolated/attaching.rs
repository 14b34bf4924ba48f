//! Modules that come and go while the system runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;

use nether::prelude::*;
use nether::{AttachError, CallError};
use tokio::sync::Semaphore;

#[event]
struct News(u64);

#[command(reply = u64)]
struct Work;

#[command]
struct Unlisted;

/// Several may be attached: it handles events alone.
struct Reader {
    read: Arc<AtomicU64>,
}

#[module(handles = News, manual)]
impl Reader {
    async fn read(&mut self, &News(number): &News) {
        self.read.fetch_add(number, Ordering::SeqCst);
    }
}

struct Worker {
    reply: u64,
    hooks: Arc<std::sync::Mutex<Vec<&'static str>>>,
}

impl Worker {
    fn replying(reply: u64) -> Self {
        Worker {
            reply,
            hooks: Arc::default(),
        }
    }
}

#[module(handles = Work, manual)]
impl Worker {
    #[on_start]
    async fn start(&mut self) {
        self.hooks.lock().unwrap().push("started");
    }

    #[on_stop]
    async fn stop(&mut self) {
        self.hooks.lock().unwrap().push("stopped");
    }

    async fn work(&mut self, _: Work) -> u64 {
        self.reply
    }
}

/// Sends what it lists. Which of the modules below handles it is known only at run time.
#[derive(Default)]
struct Caller;

#[command(reply = u64)]
struct CallWork;

#[command]
struct CallUnlisted;

#[module(handles = [CallWork, CallUnlisted], calls = [Work, Unlisted])]
impl Caller {
    async fn work(&self, _: CallWork, ctx: &Context<Self>) -> nether::Result<u64> {
        Ok(ctx.send(Work).await?)
    }

    async fn unlisted(&self, _: CallUnlisted, ctx: &Context<Self>) -> nether::Result<()> {
        Ok(ctx.send(Unlisted).await?)
    }
}

/// `Unlisted` is handled by `Rival` alone, `Work` by all three; none of them runs unless attached.
#[derive(Default)]
struct Rival;

#[module(handles = [Unlisted, Work], manual)]
impl Rival {
    async fn unlisted(&self, _: Unlisted) {}

    async fn work(&self, _: Work) -> u64 {
        0
    }
}

struct Broken;

#[module(handles = Work, manual)]
impl Broken {
    #[on_start]
    async fn start(&mut self) -> nether::Result<()> {
        Err(nether::Error::msg("cannot start"))
    }

    async fn work(&self, _: Work) -> u64 {
        0
    }
}

#[nether::test(only = [Caller])]
async fn each_attached_value_gets_the_events_it_handles(system: System) -> nether::Result<()> {
    let read: Vec<Arc<AtomicU64>> = (0..3).map(|_| Arc::default()).collect();
    let mut readers = Vec::new();
    for read in &read {
        readers.push(
            system
                .attach(Reader {
                    read: Arc::clone(read),
                })
                .await?,
        );
    }
    system
        .scope(async |ctx| {
            ctx.publish(News(1)).await?;
            Ok(())
        })
        .await?;
    system.detach(readers.remove(0)).await;
    system
        .scope(async |ctx| {
            ctx.publish(News(10)).await?;
            Ok(())
        })
        .await?;
    let read: Vec<u64> = read
        .iter()
        .map(|read| read.load(Ordering::SeqCst))
        .collect();
    assert_eq!(read, [1, 11, 11]);
    Ok(())
}

#[nether::test(only = [Caller])]
async fn an_open_context_sees_modules_come_and_go(system: System) -> nether::Result<()> {
    let ctx = system.context();
    for reply in [1, 2] {
        let worker = system.attach(Worker::replying(reply)).await?;
        assert_eq!(ctx.send(CallWork).await?, reply);
        system.detach(worker).await;
        let refused = ctx.send(CallWork).await.unwrap_err().to_string();
        assert!(refused.contains("no running module handles"), "{refused}");
    }
    ctx.close().await?;
    Ok(())
}

/// A module that handlers share; its `Arc` tells whether it is still there.
struct Library {
    _books: Arc<()>,
}

#[module(handles = News, manual)]
impl Library {
    async fn keep(&self, _: &News) {}
}

#[nether::test(only = [Caller])]
async fn a_detached_module_is_kept_by_no_other(system: System) -> nether::Result<()> {
    let books = Arc::new(());
    let library = Library {
        _books: Arc::clone(&books),
    };
    let library = system.attach(library).await?;
    let reader = Reader {
        read: Arc::default(),
    };
    let _later = system.attach(reader).await?;
    system.detach(library).await;
    assert_eq!(Arc::strong_count(&books), 1);
    Ok(())
}

#[nether::test(only = [Caller])]
async fn a_second_handler_of_a_command_is_an_error_that_names_both(
    system: System,
) -> nether::Result<()> {
    let worker = system.attach(Worker::replying(1)).await?;
    let error = system.attach(Rival).await.expect_err("`Work` is handled");
    let AttachError::AlreadyHandled {
        message,
        module,
        handler,
    } = &error
    else {
        panic!("{error}")
    };
    assert_eq!(
        (*message, module.name, handler.name),
        (
            "isolated::attaching::Work",
            "isolated::attaching::Rival",
            "isolated::attaching::Worker"
        )
    );
    let text = error.to_string();
    assert!(
        text.contains("attaching.rs:"),
        "both places are named: {text}"
    );
    // All or none: what the rival handles alone is not routed to it either.
    let ctx = system.context();
    assert!(matches!(
        ctx.send(Unlisted).await,
        Err(CallError::NoRoute(_))
    ));
    assert_eq!(ctx.send(CallWork).await?, 1);
    // Detached, it makes room.
    system.detach(worker).await;
    system.attach(Rival).await?;
    assert_eq!(ctx.send(CallWork).await?, 0);
    ctx.send(CallUnlisted).await?;
    ctx.close().await?;
    Ok(())
}

#[nether::test(only = [Caller])]
async fn hooks_run_when_a_module_comes_and_goes(system: System) -> nether::Result<()> {
    let worker = Worker::replying(1);
    let hooks = Arc::clone(&worker.hooks);
    let worker = system.attach(worker).await?;
    assert_eq!(*hooks.lock().unwrap(), ["started"]);
    system.detach(worker).await;
    assert_eq!(*hooks.lock().unwrap(), ["started", "stopped"]);
    Ok(())
}

#[nether::test(only = [Caller])]
async fn a_module_that_fails_to_start_leaves_nothing_behind(system: System) -> nether::Result<()> {
    let error = system
        .attach(Broken)
        .await
        .expect_err("its `#[on_start]` fails");
    assert!(error.to_string().contains("cannot start"), "{error}");
    let ctx = system.context();
    assert!(ctx.send(CallWork).await.is_err());
    system.attach(Worker::replying(5)).await?;
    assert_eq!(ctx.send(CallWork).await?, 5);
    ctx.close().await?;
    Ok(())
}

#[nether::test(only = [Caller])]
async fn detaching_handles_what_was_accepted(system: System) -> nether::Result<()> {
    struct Slow {
        gate: Arc<Semaphore>,
        done: Arc<AtomicU64>,
    }

    #[command]
    struct Job;

    #[module(handles = Job, manual)]
    impl Slow {
        async fn job(&mut self, _: Job) {
            self.gate.acquire().await.expect("never closed").forget();
            self.done.fetch_add(1, Ordering::SeqCst);
        }
    }

    let (gate, done) = (Arc::new(Semaphore::new(0)), Arc::<AtomicU64>::default());
    let slow = system
        .attach(Slow {
            gate: Arc::clone(&gate),
            done: Arc::clone(&done),
        })
        .await?;
    let ctx = system.context();
    for _ in 0..10 {
        ctx.process(Job).await?;
    }
    let detaching = tokio::spawn({
        let system = system.clone();
        async move { system.detach(slow).await }
    });
    gate.add_permits(10);
    detaching.await?;
    assert_eq!(done.load(Ordering::SeqCst), 10);
    assert!(matches!(ctx.send(Job).await, Err(CallError::NoRoute(_))));
    ctx.close().await?;
    Ok(())
}

#[nether::test(only = [Caller])]
async fn a_stopping_system_takes_no_modules(system: System) -> nether::Result<()> {
    system.shutdown().await;
    assert!(matches!(
        system.attach(Rival).await,
        Err(AttachError::Stopping { .. })
    ));
    Ok(())
}

struct Stuck(Arc<Semaphore>);

#[command]
struct Hang;

#[module(handles = Hang, manual)]
impl Stuck {
    async fn hang(&mut self, _: Hang) {
        self.0.acquire().await.expect("never closed").forget();
    }

    /// Is waited for, too.
    #[background]
    async fn linger(ctx: Context<Self>) {
        ctx.cancelled().await;
        tokio::task::yield_now().await;
    }

    #[on_stop]
    async fn stop(&mut self) {
        self.0.close();
    }
}

#[tokio::test]
async fn a_detach_that_is_not_awaited_goes_on() -> nether::Result<()> {
    let gate = Arc::new(Semaphore::new(0));
    let system = System::builder().isolated().start().await?;
    let stuck = system.attach(Stuck(Arc::clone(&gate))).await?;
    let ctx = system.context();
    ctx.process(Hang).await?;
    let mut detaching = Box::pin(system.detach(stuck));
    let is_pending =
        std::future::poll_fn(|cx| Poll::Ready(detaching.as_mut().poll(cx).is_pending()));
    assert!(is_pending.await, "the module hangs");
    drop(detaching);
    gate.add_permits(1);
    while !gate.is_closed() {
        tokio::task::yield_now().await;
    }
    ctx.close().await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_cuts_off_what_is_being_detached() -> nether::Result<()> {
    let gate = Arc::new(Semaphore::new(0));
    let system = System::builder().isolated().start().await?;
    let stuck = system.attach(Stuck(Arc::clone(&gate))).await?;
    let ctx = system.context();
    ctx.process(Hang).await?;
    let (report, ()) = tokio::join!(system.shutdown(), system.detach(stuck));
    assert_eq!(report.cut_off, ["isolated::attaching::Stuck"]);
    assert_eq!(report.dead_letters[0].count, 1, "{report}");
    Ok(())
}

#[nether::test(only = [Caller])]
async fn a_module_of_another_system_is_left_alone(system: System) -> nether::Result<()> {
    let other = System::builder().isolated().start().await?;
    let mine = system.attach(Worker::replying(1)).await?;
    let theirs = other.attach(Worker::replying(2)).await?;
    system.detach(theirs).await;
    let ctx = system.context();
    assert_eq!(ctx.send(CallWork).await?, 1);
    assert_eq!(other.modules().len(), 1);
    system.detach(mine).await;
    assert!(ctx.send(CallWork).await.is_err());
    ctx.close().await?;
    Ok(())
}

/// Gives itself more to do than its mailbox holds.
struct Eager;

#[command]
struct Begin;

#[module(handles = Begin, mailbox = 1, manual)]
impl Eager {
    #[on_start]
    async fn start(&mut self, ctx: &Context<Self>) -> nether::Result<()> {
        for _ in 0..100 {
            ctx.process(Begin).await?;
        }
        Ok(())
    }

    async fn begin(&mut self, _: Begin) {}
}

#[nether::test(only = [Caller])]
async fn a_hook_is_never_held_up_by_a_mailbox(system: System) -> nether::Result<()> {
    let eager = system.attach(Eager).await?;
    system.detach(eager).await;
    assert_eq!(system.shutdown().await.dead_letters, []);
    Ok(())
}
