//! Background tasks: notified when their module stops, which loses nothing that they have sent.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, LazyLock, Mutex};

use nether::prelude::*;
use nether::{HandlerFailed, ModuleRestarted};
use tokio::sync::Semaphore;

#[event]
struct Produced;

#[event]
struct Consumed;

/// Sends three events, and waits to be notified.
struct Producer;

#[module(handles = [], emits = Produced, manual)]
impl Producer {
    #[background]
    async fn produce(ctx: Context<Self>) -> nether::Result<()> {
        for _ in 0..3 {
            ctx.publish(Produced).await?;
        }
        ctx.cancelled().await;
        assert!(ctx.publish(Produced).await.is_err(), "it was told to stop");
        Ok(())
    }
}

struct Consumer {
    gate: Arc<Semaphore>,
    begun: Arc<Semaphore>,
}

#[module(handles = Produced, emits = Consumed, manual)]
impl Consumer {
    async fn consume(&mut self, _: &Produced, ctx: &Context<Self>) -> nether::Result<()> {
        self.begun.add_permits(1);
        self.gate.acquire().await?.forget();
        ctx.publish(Consumed).await?;
        Ok(())
    }
}

#[tokio::test]
async fn what_a_task_has_sent_is_handled_though_its_module_is_gone() -> nether::Result<()> {
    let (gate, begun) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let system = System::builder().isolated().start().await?;
    let mut consumed = system.subscribe::<Consumed>();
    let _consumer = system
        .attach(Consumer {
            gate: Arc::clone(&gate),
            begun: Arc::clone(&begun),
        })
        .await?;
    let producer = system.attach(Producer).await?;
    begun.acquire().await?.forget();
    system.detach(producer).await;
    gate.add_permits(3);
    for _ in 0..3 {
        assert!(consumed.next().await.is_some());
    }
    let report = system.shutdown().await;
    assert!(
        report.handled == 3 && report.dead_letters.is_empty(),
        "{report}"
    );
    Ok(())
}

/// Takes its time to start.
struct Late {
    gate: Arc<Semaphore>,
    runs: Arc<AtomicU64>,
}

#[module(handles = Consumed)]
impl Late {
    #[init]
    fn new(gate: Resource<Arc<Semaphore>>, runs: Resource<Arc<AtomicU64>>) -> Self {
        Late {
            gate: Arc::clone(&gate),
            runs: Arc::clone(&runs),
        }
    }

    #[on_start]
    async fn start(&mut self) -> nether::Result<()> {
        self.gate.acquire().await?.forget();
        Ok(())
    }

    #[background]
    async fn run(&self, ctx: Context<Self>) {
        self.runs.fetch_add(1, Ordering::SeqCst);
        ctx.cancelled().await;
    }

    #[on_stop]
    async fn stop(&self) {
        // A task that was started all the same would run now.
        tokio::task::yield_now().await;
        self.gate.close();
    }

    async fn consumed(&self, _: &Consumed) {}
}

#[tokio::test]
async fn a_start_that_is_given_up_leaves_no_task_behind() {
    let (gate, runs) = (Arc::new(Semaphore::new(0)), Arc::<AtomicU64>::default());
    let starting = System::builder()
        .isolated()
        .with::<Late>()
        .provide(Arc::clone(&gate))
        .provide(Arc::clone(&runs))
        .start();
    {
        let mut starting = std::pin::pin!(starting);
        for _ in 0..10 {
            let poll = std::future::poll_fn(|cx| {
                std::task::Poll::Ready(starting.as_mut().poll(cx).is_pending())
            });
            assert!(poll.await, "the gate is shut");
            tokio::task::yield_now().await;
        }
    }
    gate.add_permits(1);
    while !gate.is_closed() {
        tokio::task::yield_now().await;
    }
    assert_eq!(runs.load(Ordering::SeqCst), 0);
}

struct Bomb;

#[module(handles = [], manual)]
impl Bomb {
    #[background]
    async fn go_off(_: Context<Self>) {
        panic!("boom");
    }
}

#[tokio::test]
async fn a_task_that_panics_is_reported() -> nether::Result<()> {
    let system = System::builder().isolated().start().await?;
    let mut failed = system.subscribe::<HandlerFailed>();
    let _bomb = system.attach(Bomb).await?;
    let failed = failed.next().await.expect("the system runs");
    assert_eq!(failed.message, "#[background]");
    assert!(
        failed.crashed && failed.error.contains("boom"),
        "{failed:?}"
    );
    Ok(())
}

/// What the background tasks of a module do, one after the other.
#[derive(Clone, Default)]
struct Shift {
    begun: Arc<AtomicU64>,
    /// How many are at work, and the most that were at once.
    at_work: Arc<AtomicU64>,
    most: Arc<AtomicU64>,
    /// While it is closed, a task blocks and cannot be ended.
    gate: Arc<(Mutex<Gate>, Condvar)>,
}

#[derive(Default)]
struct Gate {
    is_open: bool,
    is_waited_for: bool,
}

impl Shift {
    fn open(&self, is_open: bool) {
        self.gate.0.lock().expect("sound").is_open = is_open;
        self.gate.1.notify_all();
    }

    fn wait(&self) {
        let mut gate = self.gate.0.lock().expect("sound");
        gate.is_waited_for = true;
        let waited = self.gate.1.wait_while(gate, |gate| !gate.is_open);
        waited.expect("sound").is_waited_for = false;
    }

    /// Waits until the task with that number blocks.
    async fn is_blocked(&self, number: u64) {
        while self.begun.load(Ordering::SeqCst) < number
            || !self.gate.0.lock().expect("sound").is_waited_for
        {
            tokio::task::yield_now().await;
        }
    }
}

/// Lets no task block any more when the test is over, however it ends.
struct OpenAtEnd(Shift);

impl Drop for OpenAtEnd {
    fn drop(&mut self) {
        self.0.open(true);
    }
}

/// A task at work, until dropped.
struct AtWork(Shift);

impl AtWork {
    fn begin(shift: Shift) -> Self {
        shift.begun.fetch_add(1, Ordering::SeqCst);
        let at_work = shift.at_work.fetch_add(1, Ordering::SeqCst) + 1;
        shift.most.fetch_max(at_work, Ordering::SeqCst);
        AtWork(shift)
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        self.0.at_work.fetch_sub(1, Ordering::SeqCst);
    }
}

#[command]
struct Fall;

struct Shifts(Shift);

#[module(handles = Fall, restart = "always")]
impl Shifts {
    #[init]
    fn new(shift: Resource<Shift>) -> Self {
        Shifts(Shift::clone(&shift))
    }

    async fn fall(&self, _: Fall) {
        panic!("as asked");
    }

    #[background]
    async fn run(&self, _: Context<Self>) {
        let at_work = AtWork::begin(self.0.clone());
        loop {
            // Other tasks of the thread move on to another one.
            tokio::task::block_in_place(|| at_work.0.wait());
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn after_a_crash_a_task_begins_when_the_one_before_has_ended() -> nether::Result<()> {
    let shift = Shift::default();
    let builder = System::builder().isolated().with::<Shifts>();
    let system = builder.provide(shift.clone()).start().await?;
    let mut restarted = system.subscribe::<ModuleRestarted>();
    let _open_at_end = OpenAtEnd(shift.clone());
    for number in 1..=3 {
        // The task blocks while the module crashes and is restarted.
        shift.is_blocked(number).await;
        let _ = system.context().send(Fall).await;
        restarted.next().await.expect("it is restarted");
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert_eq!(shift.begun.load(Ordering::SeqCst), number);
        shift.open(true);
        while shift.begun.load(Ordering::SeqCst) == number {
            tokio::task::yield_now().await;
        }
        shift.open(false);
    }
    assert_eq!(shift.most.load(Ordering::SeqCst), 1);
    Ok(())
}

/// What the values of `Exclusively` and `Sharing` share, and how many there were.
static TRIPS: LazyLock<[(Shift, AtomicU64); 2]> = LazyLock::new(Default::default);

/// The task of the first value panics once it is let, those of others wait.
async fn trip_late<S: nether::Unlisted>(ctx: &Context<S>, (shift, made): &(Shift, AtomicU64)) {
    if made.load(Ordering::SeqCst) == 1 {
        shift.begun.fetch_add(1, Ordering::SeqCst);
        tokio::task::block_in_place(|| shift.wait());
        panic!("late");
    }
    ctx.cancelled().await;
}

#[command]
struct Trip;

#[query(reply = u64)]
struct WhichOne;

struct Exclusively(u64);

#[module(handles = [Trip, WhichOne])]
impl Exclusively {
    #[init]
    fn new() -> Self {
        Exclusively(TRIPS[0].1.fetch_add(1, Ordering::SeqCst) + 1)
    }

    async fn trip(&mut self, _: Trip) {
        panic!("as asked");
    }

    async fn which(&self, _: WhichOne) -> u64 {
        self.0
    }

    #[background]
    async fn run(ctx: Context<Self>) {
        trip_late(&ctx, &TRIPS[0]).await;
    }
}

#[command]
struct TripShared;

#[query(reply = u64)]
struct WhichShared;

struct Sharing(u64);

#[module(handles = [TripShared, WhichShared], restart = "always")]
impl Sharing {
    #[init]
    fn new() -> Self {
        Sharing(TRIPS[1].1.fetch_add(1, Ordering::SeqCst) + 1)
    }

    async fn trip(&self, _: TripShared) {
        panic!("as asked");
    }

    async fn which(&self, _: WhichShared) -> u64 {
        self.0
    }

    #[background]
    async fn run(ctx: Context<Self>) {
        trip_late(&ctx, &TRIPS[1]).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_task_that_panics_after_its_module_has_crashed_crashes_no_other() -> nether::Result<()> {
    let builder = System::builder().isolated().with::<Exclusively>();
    let system = builder.with::<Sharing>().start().await?;
    let _open_at_end = (OpenAtEnd(TRIPS[0].0.clone()), OpenAtEnd(TRIPS[1].0.clone()));
    for (shift, _) in &*TRIPS {
        shift.is_blocked(1).await;
    }
    let mut restarted = system.subscribe::<ModuleRestarted>();
    let mut failed = system.subscribe::<HandlerFailed>();
    let ctx = system.context();
    assert!(ctx.send(Trip).await.is_err() && ctx.send(TripShared).await.is_err());
    for _ in 0..2 {
        restarted.next().await.expect("it is restarted");
    }
    for (shift, _) in &*TRIPS {
        shift.open(true);
    }
    let mut late = 0;
    while late < 2 {
        let failed = failed.next().await.expect("the system runs");
        late += u64::from(failed.error.contains("late"));
    }
    // A crash would be seen to before this.
    let ctx = system.context();
    for _ in 0..100 {
        assert_eq!(ctx.ask(WhichOne).await?, 2);
        assert_eq!(ctx.ask(WhichShared).await?, 2);
        tokio::task::yield_now().await;
    }
    Ok(())
}
