//! Every kind of module delays every kind of message: what it may publish or process.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nether::prelude::*;
use tokio::time::Instant;

/// Short: some of these tests run in real time.
const STEP: Duration = Duration::from_millis(20);

/// How often which module handled what.
type Log = Arc<Mutex<BTreeMap<&'static str, u64>>>;

fn note(log: &Log, what: &'static str) {
    *log.lock().expect("not poisoned").entry(what).or_default() += 1;
}

#[event(name = "later.kinds.begin")]
struct Begin;

#[event(name = "later.kinds.happened", key = id)]
struct Happened {
    id: u64,
}

#[command(name = "later.kinds.shared", local)]
struct ToShared(Arc<()>);

#[command(name = "later.kinds.pool", key = id)]
struct ToPool {
    id: u64,
}

#[command(name = "later.kinds.keyed", key = id)]
struct ToKeyed {
    id: u64,
}

#[command(name = "later.kinds.exclusive")]
struct ToExclusive;

/// Shared; without lists.
struct SharedModule(Log);

#[module(handles = [Begin, ToShared, Happened])]
impl SharedModule {
    #[init]
    fn new(log: Resource<Log>) -> Self {
        SharedModule(Arc::clone(&log))
    }

    async fn begin(&self, _: &Begin, ctx: &Context<Self>) {
        ctx.later(STEP, ToShared(Arc::new(())));
    }

    async fn to_shared(&self, ToShared(own): ToShared, ctx: &Context<Self>) {
        assert_eq!(Arc::strong_count(&own), 1, "the message itself has come");
        note(&self.0, "shared");
        for id in 0..8 {
            ctx.later(STEP, ToPool { id });
        }
    }

    async fn happened(&self, _: &Happened) {
        note(&self.0, "shared, event");
    }
}

/// Several instances; with lists.
struct PoolModule(Log);

#[module(handles = [ToPool, Happened], emits = ToKeyed, instances = 3)]
impl PoolModule {
    #[init]
    fn new(log: Resource<Log>) -> Self {
        PoolModule(Arc::clone(&log))
    }

    async fn send_to_pool(&mut self, ToPool { id }: ToPool, ctx: &Context<Self>) {
        note(&self.0, "pool");
        ctx.later(STEP, ToKeyed { id: id % 2 })
            .named("only one for each key");
    }

    async fn happened(&mut self, _: &Happened) {
        note(&self.0, "pool, event");
    }
}

/// A value for each key.
struct KeyedModule(Log);

#[module(handles = [ToKeyed, Happened], emits = [ToExclusive], per = id)]
impl KeyedModule {
    #[init]
    fn new(id: &u64, log: Resource<Log>) -> Self {
        assert!(*id < 2);
        KeyedModule(Arc::clone(&log))
    }

    async fn send_to_keyed(&mut self, _: ToKeyed, ctx: &Context<Self>) {
        note(&self.0, "keyed");
        ctx.later(STEP, ToExclusive);
    }

    async fn happened(&mut self, _: &Happened) {
        note(&self.0, "keyed, event");
    }
}

/// Exclusive; delays in its hooks and background task too.
struct ExclusiveModule(Log);

#[module(handles = [ToExclusive, Happened], emits = [Happened, Begin])]
impl ExclusiveModule {
    #[init]
    fn new(log: Resource<Log>) -> Self {
        ExclusiveModule(Arc::clone(&log))
    }

    #[on_start]
    async fn start(&mut self, ctx: &Context<Self>) {
        ctx.later(STEP, Begin);
    }

    #[background]
    async fn run(ctx: Context<Self>) -> nether::Result<()> {
        ctx.later(STEP, Happened { id: 1 });
        Ok(())
    }

    async fn send_to_exclusive(
        &mut self,
        _: ToExclusive,
        ctx: &Context<Self>,
    ) -> nether::Result<()> {
        note(&self.0, "exclusive");
        ctx.spawn(async |ctx| {
            ctx.later(STEP, Happened { id: 0 });
            Ok(())
        })?;
        Ok(())
    }

    async fn happened(&mut self, _: &Happened) {
        note(&self.0, "exclusive, event");
    }
}

async fn all_kinds_delay(is_paused: bool) -> nether::Result<()> {
    let log = Log::default();
    let system = System::builder()
        .isolated()
        .provide(Arc::clone(&log))
        .with::<SharedModule>()
        .with::<PoolModule>()
        .with::<KeyedModule>()
        .with::<ExclusiveModule>()
        .start()
        .await?;
    let start = Instant::now();
    let mut happened = system.subscribe::<Happened>();
    for _ in 0..3 {
        assert!(happened.next().await.is_some());
    }
    if is_paused {
        assert_eq!(start.elapsed(), STEP * 6);
    }
    let report = system.shutdown().await;
    assert!(report.dead_letters.is_empty(), "{report}");
    assert_eq!(report.failed, 0);
    let log = log.lock().expect("not poisoned").clone();
    let expected = [
        ("exclusive", 2),
        ("exclusive, event", 3),
        ("keyed", 2),
        ("keyed, event", 3),
        ("pool", 8),
        ("pool, event", 3),
        ("shared", 1),
        ("shared, event", 3),
    ];
    assert_eq!(log, BTreeMap::from(expected));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn every_kind_of_module_delays_every_kind_of_message() -> nether::Result<()> {
    all_kinds_delay(true).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_of_module_delays_every_kind_of_message_on_several_threads() -> nether::Result<()>
{
    all_kinds_delay(false).await
}

mod harness {
    //! In `#[nether::test]`, delays are virtual, and what is sent after them is recorded.

    use nether::TestSystem;
    use nether::prelude::*;

    use crate::SECOND;

    #[command(name = "later.harness.remind")]
    struct Remind;

    #[command(name = "later.harness.reminded")]
    struct Reminded;

    #[derive(Default)]
    struct Reminder;

    #[module(handles = [Remind, Reminded])]
    impl Reminder {
        async fn remind(&mut self, _: Remind, ctx: &Context<Self>) {
            ctx.later(SECOND * 3600, Reminded);
        }

        async fn reminded(&mut self, _: Reminded) {}
    }

    #[nether::test(only = [Reminder])]
    async fn a_test_lets_virtual_time_pass(system: TestSystem) -> nether::Result<()> {
        let ctx = system.context();
        ctx.send(Remind).await?;
        ctx.close().await?;
        system.settle().await; // Does not wait for what is delayed.
        assert!(system.sent::<Reminded>().is_empty());
        system.advance(SECOND * 3599).await;
        assert!(system.sent::<Reminded>().is_empty());
        system.advance(SECOND * 2).await;
        assert_eq!(system.sent::<Reminded>().len(), 1);
        Ok(())
    }
}
