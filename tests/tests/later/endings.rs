//! What becomes of delayed messages when their module crashes, is detached or stops, and when the system
//! stops.

use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier};
use std::time::Duration;

use nether::prelude::*;
use nether::{ModuleRestarted, ModuleStopped};
use tokio::sync::mpsc;

use crate::SECOND;

const STOPPED: &str = "not handled: the module stopped";

#[command(name = "later.endings.arm", local)]
struct Arm(Option<&'static str>);

#[event(name = "later.endings.fired")]
struct Fired {
    text: String,
}

/// Delays a message, and may crash after that. It has one timer from its start.
struct Bomb {
    fired: mpsc::UnboundedSender<String>,
}

static STARTS: AtomicU64 = AtomicU64::new(0);

#[module(handles = [Arm, Fired])]
impl Bomb {
    #[init]
    fn new(fired: Resource<mpsc::UnboundedSender<String>>) -> Self {
        STARTS.fetch_add(1, Ordering::SeqCst);
        Bomb {
            fired: mpsc::UnboundedSender::clone(&fired),
        }
    }

    async fn arm(&mut self, Arm(crash): Arm, ctx: &Context<Self>) {
        let text = crash.unwrap_or("quiet").to_owned();
        ctx.later(SECOND * 30, Fired { text });
        if crash.is_some() {
            panic!("it crashed");
        }
    }

    async fn fired(&mut self, fired: &Fired) -> nether::Result<()> {
        Ok(self.fired.send(fired.text.clone())?)
    }
}

async fn bomb() -> nether::Result<(System, mpsc::UnboundedReceiver<String>)> {
    let (sender, fired) = mpsc::unbounded_channel::<String>();
    let builder = System::builder().isolated().provide(sender);
    Ok((builder.with::<Bomb>().start().await?, fired))
}

#[tokio::test(start_paused = true)]
async fn a_delayed_message_is_sent_to_the_module_that_was_restarted() -> nether::Result<()> {
    let (system, mut fired) = bomb().await?;
    let mut restarted = system.subscribe::<ModuleRestarted>();
    let ctx = system.context();
    let before = STARTS.load(Ordering::SeqCst);
    assert!(ctx.send(Arm(Some("after a crash"))).await.is_err());
    assert!(restarted.next().await.is_some());
    assert_eq!(fired.recv().await.as_deref(), Some("after a crash"));
    assert!(STARTS.load(Ordering::SeqCst) > before);
    drop(ctx);
    let report = system.shutdown().await;
    assert!(report.dead_letters.is_empty(), "{report}");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn delayed_messages_are_dead_letters_of_a_system_that_stops() -> nether::Result<()> {
    let (system, mut fired) = bomb().await?;
    let mut letters = system.dead_letters();
    let ctx = system.context();
    for _ in 0..3 {
        ctx.send(Arm(None)).await?;
    }
    ctx.close().await?;
    let report = system.shutdown().await;
    assert!(fired.recv().await.is_none());
    for _ in 0..3 {
        let letter = letters.next().await.expect("each is reported");
        assert_eq!((letter.reason.as_str(), letter.sequence), (STOPPED, 0));
        assert!(letter.module.ends_with("Bomb"), "{}", letter.module);
        assert_eq!(letter.json.as_deref(), Some(r#"{"text":"quiet"}"#));
    }
    assert!(letters.next().await.is_none());
    let letters = &report.dead_letters[0];
    assert_eq!(
        (letters.message, letters.count),
        ("later.endings.fired", 3),
        "{report}"
    );
    assert!(!report.has_cut_off());
    Ok(())
}

/// Delays messages while the system stops, and when it is stopped itself.
struct Late(Arc<AtomicU64>);

#[command(name = "later.endings.wait", local)]
struct Wait(Arc<tokio::sync::Semaphore>);

#[command(name = "later.endings.again")]
struct Again;

#[module(handles = [Wait, Again], manual)]
impl Late {
    async fn wait(&mut self, Wait(gate): Wait, ctx: &Context<Self>) -> nether::Result<()> {
        gate.acquire().await?.forget();
        let delayed = ctx.later(SECOND, Again).named("again").expires(SECOND);
        assert!(!delayed.cancel(), "the system stops");
        Ok(())
    }

    async fn again(&mut self, _: Again) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    #[on_stop]
    async fn stop(&mut self, ctx: &Context<Self>) {
        ctx.later(SECOND, Again);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_delayed_while_the_system_stops_is_a_dead_letter_at_once() -> nether::Result<()> {
    let system = System::builder().isolated().start().await?;
    let (sent, gate) = (Arc::default(), Arc::new(tokio::sync::Semaphore::new(0)));
    system.attach(Late(Arc::clone(&sent))).await?;
    let mut letters = system.dead_letters();
    let ctx = system.context();
    ctx.process(Wait(Arc::clone(&gate))).await?;
    let stopping = {
        let system = system.clone();
        tokio::spawn(async move { system.shutdown().await })
    };
    system.stop_requested().await;
    gate.add_permits(1);
    let report = stopping.await?;
    assert_eq!((report.failed, sent.load(Ordering::SeqCst)), (0, 0));
    assert_eq!(report.dead_letters[0].count, 2, "{report}");
    for _ in 0..2 {
        assert_eq!(
            letters.next().await.expect("both are reported").reason,
            STOPPED
        );
    }
    Ok(())
}

#[event(name = "later.endings.heard")]
struct Heard(u64);

#[event(name = "later.endings.call")]
struct Call(u64);

/// Attached several times; the one with the number of the call delays.
struct Ears {
    number: u64,
    heard: mpsc::UnboundedSender<(u64, u64)>,
}

#[module(handles = [Call, Heard], manual)]
impl Ears {
    async fn call(&mut self, Call(number): &Call, ctx: &Context<Self>) {
        if *number == self.number {
            ctx.later(SECOND, Heard(*number));
        }
    }

    async fn heard(&mut self, Heard(number): &Heard) -> nether::Result<()> {
        Ok(self.heard.send((self.number, *number))?)
    }
}

#[tokio::test(start_paused = true)]
async fn delayed_messages_end_with_the_last_value_of_their_module() -> nether::Result<()> {
    let system = System::builder().isolated().start().await?;
    let mut letters = system.dead_letters();
    let (sender, mut heard) = mpsc::unbounded_channel();
    let ears = |number| Ears {
        number,
        heard: sender.clone(),
    };
    let (first, second) = (system.attach(ears(1)).await?, system.attach(ears(2)).await?);
    let ctx = system.context();
    ctx.publish(Call(1)).await?;
    ctx.close().await?;
    system.detach(first).await; // The other value of the module is still there.
    assert_eq!(heard.recv().await, Some((2, 1)));

    let ctx = system.context();
    ctx.publish(Call(2)).await?;
    ctx.close().await?;
    system.detach(second).await;
    let letter = letters.next().await.expect("the last one has left");
    assert_eq!(
        (letter.message.as_str(), letter.reason.as_str()),
        ("later.endings.heard", STOPPED)
    );
    tokio::time::sleep(SECOND * 2).await;
    assert!(heard.try_recv().is_err());

    // A module that is attached again has the use of delays again.
    system.attach(ears(3)).await?;
    let ctx = system.context();
    ctx.publish(Call(3)).await?;
    ctx.close().await?;
    assert_eq!(heard.recv().await, Some((3, 3)));
    let report = system.shutdown().await;
    assert_eq!(report.dead_letters[0].count, 1, "{report}");
    Ok(())
}

#[command(name = "later.endings.break")]
struct Break;

#[command(name = "later.endings.after")]
struct After;

/// A value that was attached cannot be made again: its crash stops it.
struct Glass;

#[module(handles = [Break, After], manual)]
impl Glass {
    async fn shatter(&mut self, _: Break, ctx: &Context<Self>) {
        ctx.later(SECOND, After);
        panic!("it broke");
    }

    async fn after(&mut self, _: After) {}
}

#[tokio::test(start_paused = true)]
async fn delayed_messages_of_a_module_that_a_crash_stopped_are_dead_letters() -> nether::Result<()>
{
    let system = System::builder().isolated().start().await?;
    let (mut letters, mut stopped) = (system.dead_letters(), system.subscribe::<ModuleStopped>());
    system.attach(Glass).await?;
    let ctx = system.context();
    assert!(ctx.send(Break).await.is_err());
    assert!(stopped.next().await.is_some());
    let letter = letters.next().await.expect("it is reported");
    assert_eq!(letter.message, "later.endings.after");
    assert_eq!(letter.reason, STOPPED);
    drop(ctx);
    system.shutdown().await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_system_that_is_dropped_lets_go_of_what_is_delayed() -> nether::Result<()> {
    let held = Arc::new(());
    let system = System::builder().isolated().start().await?;
    system.attach(Keeper).await?;
    let ctx = system.context();
    ctx.send(Keep(Arc::clone(&held))).await?;
    ctx.close().await?;
    assert_eq!(Arc::strong_count(&held), 2);
    drop(system);
    tokio::time::sleep(SECOND).await;
    assert_eq!(Arc::strong_count(&held), 1);
    Ok(())
}

#[command(name = "later.endings.keep", local)]
struct Keep(Arc<()>);

struct Keeper;

#[module(handles = Keep, manual)]
impl Keeper {
    async fn keep(&mut self, Keep(held): Keep, ctx: &Context<Self>) {
        ctx.later(SECOND * 1000, Keep(held));
    }
}

/// A key whose hash is asked for twice: when the message is delayed, and when it is sent. The second time, it
/// waits for the test twice.
#[derive(Debug)]
struct SlowKey {
    asked: AtomicU64,
    meeting: Arc<Barrier>,
}

impl Hash for SlowKey {
    fn hash<H: Hasher>(&self, _: &mut H) {
        if self.asked.fetch_add(1, Ordering::SeqCst) == 1 {
            self.meeting.wait();
            self.meeting.wait();
        }
    }
}

#[event(name = "later.endings.slow", key = key, local)]
struct Slow {
    key: SlowKey,
}

#[command(name = "later.endings.begin", local)]
struct Begin(Arc<Barrier>);

#[derive(Default)]
struct Pool;

#[module(handles = [Begin, Slow], instances = 2)]
impl Pool {
    async fn begin(&mut self, Begin(meeting): Begin, ctx: &Context<Self>) {
        let key = SlowKey {
            asked: AtomicU64::new(0),
            meeting,
        };
        ctx.later(Duration::ZERO, Slow { key });
    }

    async fn slow(&mut self, _: &Slow) {}
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_message_that_is_just_being_sent_is_handled_before_the_system_stops() -> nether::Result<()>
{
    let system = System::builder().isolated().with::<Pool>().start().await?;
    let meeting = Arc::new(Barrier::new(2));
    let meet = || {
        let meeting = Arc::clone(&meeting);
        tokio::task::spawn_blocking(move || meeting.wait())
    };
    let ctx = system.context();
    ctx.process(Begin(Arc::clone(&meeting))).await?;
    ctx.close().await?;
    meet().await?; // It is taken out, and not sent yet.
    let stopping = {
        let system = system.clone();
        tokio::spawn(async move { system.shutdown().await })
    };
    system.stop_requested().await;
    meet().await?;
    let report = stopping.await?;
    assert_eq!(report.handled, 2, "{report}");
    Ok(())
}
