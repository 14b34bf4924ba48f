//! `#[handler(all)]`: an event that all values in memory handle.

use std::sync::Arc;
use std::time::Duration;

use nether::prelude::*;
use nether::{DeadLetter, FailureKind, HandlerFailed, KeyCrashed, Result};
use tokio::time::{sleep, timeout};

use crate::support::{Diary, Gate};

const SECOND: Duration = Duration::from_secs(1);

#[command(key = room)]
struct Say {
    room: u64,
    number: u64,
}

#[command(key = room)]
struct Slow {
    room: u64,
}

#[command(key = room)]
struct Leave {
    room: u64,
}

/// What the room has heard.
#[query(reply = Vec<u64>, key = room)]
struct Heard {
    room: u64,
}

/// Is heard in all rooms.
#[event]
struct Announced {
    number: u64,
}

/// Is heard in all rooms, wherever it was said.
#[event(key = room)]
struct Shouted {
    room: u64,
    number: u64,
}

/// All rooms wait at the gate.
#[event]
struct Held;

/// The rooms with these numbers panic, and those give back an error.
#[event]
struct Shook {
    panics: u64,
    fails: u64,
}

/// All rooms that heard nothing are left.
#[event]
struct Swept;

struct Room {
    number: u64,
    heard: Vec<u64>,
    diary: Resource<Arc<Diary>>,
    gate: Resource<Arc<Gate>>,
}

/// A room of this number is made at the gate, and left there.
const SLOW: u64 = 100;

#[module(
    handles = [Say, Slow, Leave, Heard, Announced, Shouted, Held, Shook, Swept],
    per = room,
    idle = "1m",
    mailbox = 4,
)]
impl Room {
    #[init]
    async fn new(room: &u64, diary: Resource<Arc<Diary>>, gate: Resource<Arc<Gate>>) -> Self {
        if *room == SLOW {
            gate.pass().await;
        }
        let number = *room;
        diary.note(format!("made {number}"));
        let heard = Vec::new();
        Room {
            number,
            heard,
            diary,
            gate,
        }
    }

    async fn say(&mut self, say: Say) {
        self.heard.push(say.number);
    }

    async fn slow(&mut self, _: Slow) {
        self.gate.pass().await;
    }

    async fn leave(&mut self, _: Leave, ctx: &Context<Self>) {
        ctx.forget();
    }

    async fn heard(&self, _: Heard) -> Vec<u64> {
        self.heard.clone()
    }

    #[handler(all)]
    async fn announced(&mut self, announced: &Announced) {
        self.heard.push(announced.number);
    }

    #[handler(all)]
    async fn shouted(&mut self, shouted: &Shouted) {
        self.heard.push(shouted.number + shouted.room);
    }

    #[handler(all)]
    async fn held(&mut self, _: &Held) {
        self.gate.pass().await;
        self.heard.push(0);
    }

    #[handler(all)]
    async fn shook(&mut self, shook: &Shook) -> Result<()> {
        assert_ne!(self.number, shook.panics, "as asked");
        match self.number == shook.fails {
            true => Err(nether::Error::msg("as asked")),
            false => Ok(()),
        }
    }

    #[handler(all)]
    async fn swept(&mut self, _: &Swept, ctx: &Context<Self>) {
        if self.heard.is_empty() {
            ctx.forget();
        }
    }

    #[on_idle]
    async fn on_idle(self) {
        if self.number == SLOW {
            self.gate.pass().await;
        }
        self.diary.note(format!("left {}", self.number));
    }
}

struct World {
    system: System,
    diary: Arc<Diary>,
    gate: Arc<Gate>,
}

impl World {
    async fn new() -> Result<Self> {
        let (diary, gate) = (Arc::<Diary>::default(), Arc::<Gate>::default());
        let builder = System::builder().isolated().with::<Room>();
        let builder = builder.shutdown_timeout(SECOND);
        let builder = builder.provide(Arc::clone(&diary));
        let system = builder.provide(Arc::clone(&gate)).start().await?;
        Ok(World {
            system,
            diary,
            gate,
        })
    }

    /// With these rooms in memory.
    async fn with_rooms(rooms: impl IntoIterator<Item = u64>) -> Result<Self> {
        let world = World::new().await?;
        for room in rooms {
            world.heard(room).await?;
        }
        world.diary.take();
        Ok(world)
    }

    async fn heard(&self, room: u64) -> Result<Vec<u64>> {
        Ok(self.system.context().ask(Heard { room }).await?)
    }
}

#[tokio::test(start_paused = true)]
async fn every_value_in_memory_handles_it_once() -> Result<()> {
    let world = World::with_rooms(1..=5).await?;
    let ctx = world.system.context();
    ctx.publish(Announced { number: 7 }).await?;
    assert_eq!(ctx.close().await?.handled, 5);
    for room in 1..=5 {
        assert_eq!(world.heard(room).await?, [7]);
    }
    // A value that is made later does not know of it.
    assert_eq!(world.heard(6).await?, [0; 0]);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn it_never_creates_a_value_and_without_any_it_is_not_handled() -> Result<()> {
    let world = World::new().await?;
    let mut letters = world.system.subscribe::<DeadLetter>();
    let ctx = world.system.context();
    ctx.publish(Announced { number: 7 }).await?;
    assert_eq!(ctx.close().await?.handled, 0);
    assert!(world.diary.is_empty());
    let report = timeout(10 * SECOND, world.system.shutdown()).await?;
    assert!(report.dead_letters.is_empty(), "{report}");
    assert!(letters.next().await.is_none(), "it is no dead letter");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn the_key_of_an_event_for_all_does_not_matter() -> Result<()> {
    let world = World::with_rooms([1, 2]).await?;
    let ctx = world.system.context();
    let (room, number) = (9, 1);
    ctx.publish(Shouted { room, number }).await?;
    assert_eq!(ctx.close().await?.handled, 2);
    assert_eq!(world.heard(1).await?, [10]);
    assert_eq!(world.heard(2).await?, [10]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn it_has_its_place_among_the_messages_of_each_key() -> Result<()> {
    const ROOMS: u64 = 50;
    const ROUNDS: u64 = 60;
    let world = World::with_rooms(0..ROOMS).await?;
    let ctx = world.system.context();
    for round in 0..ROUNDS {
        for room in 0..ROOMS {
            let number = 2 * round;
            ctx.process(Say { room, number }).await?;
        }
        let number = 2 * round + 1;
        ctx.publish(Announced { number }).await?;
    }
    for room in 0..ROOMS {
        let heard = ctx.ask(Heard { room }).await?;
        assert_eq!(heard, Vec::from_iter(0..2 * ROUNDS), "room {room}");
    }
    assert_eq!(ctx.close().await?.handled, ROOMS * (2 * ROUNDS + 1));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_value_that_is_being_made_handles_it_once_it_is_there() -> Result<()> {
    let world = World::with_rooms([1]).await?;
    let ctx = world.system.context();
    let number = 1;
    ctx.process(Say { room: SLOW, number }).await?;
    world.gate.arrived(1).await;
    ctx.publish(Announced { number: 7 }).await?;
    world.gate.open(2);
    assert_eq!(ctx.close().await?.handled, 3);
    assert_eq!(world.heard(SLOW).await?, [1, 7]);
    assert_eq!(world.heard(1).await?, [7]);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_value_that_leaves_does_not_handle_it_and_the_next_one_only_if_it_was_awaited()
-> Result<()> {
    let world = World::new().await?;
    world.gate.open(1);
    let ctx = world.system.context();
    for is_awaited in [false, true] {
        ctx.send(Leave { room: SLOW }).await?;
        // The first time the value is made, too.
        world.gate.arrived(if is_awaited { 1 } else { 2 }).await;
        let unit = world.system.context();
        let number = 1;
        if is_awaited {
            unit.process(Say { room: SLOW, number }).await?;
        }
        unit.publish(Announced { number: 7 }).await?;
        // The value leaves, and the next one is made.
        world.gate.open(2);
        let handled = unit.close().await?.handled;
        let heard = world.heard(SLOW).await?;
        match is_awaited {
            false => assert_eq!((handled, heard), (0, vec![])),
            true => assert_eq!((handled, heard), (2, vec![1, 7])),
        }
        world.gate.arrived(1).await;
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_panic_takes_one_value_and_each_failure_is_reported_for_its_key() -> Result<()> {
    let world = World::with_rooms(1..=10).await?;
    let mut crashed = world.system.subscribe::<KeyCrashed>();
    let mut failed = world.system.subscribe::<HandlerFailed>();
    let ctx = world.system.context();
    ctx.publish(Announced { number: 7 }).await?;
    let (panics, fails) = (3, 4);
    ctx.publish(Shook { panics, fails }).await?;
    let failures = ctx.close().await.expect_err("two failed").failures;
    let is_panic = |kind: &FailureKind| matches!(kind, FailureKind::Panicked(_));
    let panics = failures.iter().filter(|it| is_panic(&it.kind)).count();
    assert_eq!((failures.len(), panics), (2, 1), "{failures:?}");
    assert_eq!(crashed.next().await.expect("it is reported").key, "3");
    for _ in 0..2 {
        let failure = failed.next().await.expect("it is reported");
        assert!(failure.message.ends_with("Shook"), "{failure:?}");
    }
    for room in 1..=10 {
        let heard: &[u64] = if room == 3 { &[] } else { &[7] };
        assert_eq!(world.heard(room).await?, heard, "room {room}");
    }
    world.system.shutdown().await;
    assert!(crashed.next().await.is_none(), "no other value crashed");
    assert!(failed.next().await.is_none(), "no other handler failed");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn closing_and_stopping_wait_for_all_values() -> Result<()> {
    let world = World::with_rooms(1..=10).await?;
    let ctx = world.system.context();
    ctx.publish(Held).await?;
    world.gate.arrived(10).await;
    world.gate.open(9);
    let mut closing = Box::pin(ctx.close());
    let early = timeout(SECOND, &mut closing).await;
    assert!(early.is_err(), "one handler waits");
    world.gate.open(1);
    assert_eq!(timeout(SECOND, closing).await??.handled, 10);
    let ctx = world.system.context();
    ctx.publish(Held).await?;
    world.gate.arrived(10).await;
    let system = world.system.clone();
    let stopping = tokio::spawn(async move { system.shutdown().await });
    sleep(SECOND / 2).await;
    world.gate.open(10);
    let report = stopping.await?;
    // Ten were asked what they heard.
    assert_eq!(report.handled, 30, "{report}");
    assert!(report.dead_letters.is_empty(), "{report}");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_stop_that_is_cut_off_reports_it_for_each_value_that_has_not_handled_it() -> Result<()> {
    let world = World::with_rooms(1..=10).await?;
    let ctx = world.system.context();
    ctx.process(Slow { room: 1 }).await?;
    world.gate.arrived(1).await;
    ctx.publish(Held).await?;
    world.gate.arrived(9).await;
    // The first one ends, and a handler of the event.
    world.gate.open(2);
    sleep(SECOND / 2).await;
    let report = world.system.shutdown().await;
    let letters = report.dead_letters.iter();
    let counts: Vec<_> = letters.map(|letters| letters.count).collect();
    assert_eq!(counts, [9], "{report}");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn it_is_no_use_of_a_value_but_may_let_it_leave() -> Result<()> {
    let world = World::with_rooms([1, 2]).await?;
    let ctx = world.system.context();
    for number in 0..4 {
        ctx.publish(Announced { number }).await?;
        sleep(Duration::from_secs(20)).await;
    }
    world.diary.has(2).await;
    assert_eq!(world.diary.take_sorted(), ["left 1", "left 2"]);
    ctx.send(Say { room: 3, number: 0 }).await?;
    assert_eq!(world.heard(4).await?, [0; 0]);
    world.diary.take();
    ctx.publish(Swept).await?;
    world.diary.has(1).await;
    assert_eq!(world.diary.take(), ["left 4"]);
    ctx.close().await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn it_counts_as_a_message_for_each_value_and_holds_work_from_outside_back() -> Result<()> {
    let world = World::with_rooms(1..=10).await?;
    let ctx = world.system.context();
    ctx.publish(Held).await?;
    world.gate.arrived(10).await;
    // Four messages may be there at once.
    let other = world.system.context();
    let mut asking = Box::pin(other.ask(Heard { room: 20 }));
    world.gate.open(6);
    let waits = timeout(SECOND, &mut asking).await;
    assert!(waits.is_err(), "four handlers wait");
    world.gate.open(1);
    assert_eq!(timeout(SECOND, asking).await??, [0; 0]);
    world.gate.open(3);
    ctx.close().await?;
    // All places are free again.
    let unit = world.system.context();
    for room in 21..=24 {
        unit.process(Slow { room }).await?;
    }
    world.gate.arrived(4).await;
    let mut fifth = Box::pin(unit.process(Slow { room: 25 }));
    assert!(timeout(SECOND, &mut fifth).await.is_err());
    world.gate.open(5);
    fifth.await?;
    unit.close().await?;
    other.close().await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_paused_module_begins_it_when_it_goes_on() -> Result<()> {
    let world = World::with_rooms([1, 2]).await?;
    world.system.pause::<Room>()?;
    let ctx = world.system.context();
    ctx.publish(Announced { number: 7 }).await?;
    let mut closing = Box::pin(ctx.close());
    assert!(timeout(SECOND, &mut closing).await.is_err());
    world.system.resume::<Room>()?;
    assert_eq!(closing.await?.handled, 2);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_unit_of_work_that_is_cancelled_begins_it_in_no_value() -> Result<()> {
    let world = World::with_rooms([1, 2]).await?;
    world.system.pause::<Room>()?;
    let mut letters = world.system.subscribe::<DeadLetter>();
    let ctx = world.system.context();
    ctx.publish(Announced { number: 7 }).await?;
    ctx.cancel();
    for _ in 0..2 {
        let letter = timeout(SECOND, letters.next()).await?;
        let letter = letter.expect("it is reported");
        assert!(letter.message.ends_with("Announced"), "{letter:?}");
    }
    world.system.resume::<Room>()?;
    assert_eq!(world.heard(1).await?, [0; 0]);
    Ok(())
}
