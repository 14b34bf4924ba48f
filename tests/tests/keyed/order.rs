//! In which order messages are handled: those of one key one at a time, those of others beside them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use nether::prelude::*;
use tokio::sync::Barrier;

#[command(key = room)]
struct Say {
    room: u64,
    number: u64,
}

#[event(key = room)]
struct Rang {
    room: u64,
    number: u64,
}

/// What was said in the room, and how many handlers of it ran at once at most.
#[query(reply = (Vec<u64>, u64), key = room)]
struct Said {
    room: u64,
}

struct Room {
    said: Vec<u64>,
    at_once: AtomicU64,
    most_at_once: u64,
}

#[module(handles = [Say, Rang, Said], per = room)]
impl Room {
    #[init]
    fn new(_room: &u64) -> Self {
        Room {
            said: Vec::new(),
            at_once: AtomicU64::new(0),
            most_at_once: 0,
        }
    }

    async fn say(&mut self, say: Say) {
        self.note(say.number).await;
    }

    async fn rang(&mut self, rang: &Rang) {
        self.note(rang.number).await;
    }

    async fn said(&self, _: Said) -> (Vec<u64>, u64) {
        (self.said.clone(), self.most_at_once)
    }

    async fn note(&mut self, number: u64) {
        let now = self.at_once.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_at_once = self.most_at_once.max(now);
        if number.is_multiple_of(3) {
            tokio::task::yield_now().await;
        }
        self.said.push(number);
        self.at_once.fetch_sub(1, Ordering::SeqCst);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn messages_of_one_sender_to_one_key_are_handled_in_the_order_sent() -> nether::Result<()> {
    const ROOMS: u64 = 8;
    const MESSAGES: u64 = 500;
    let builder = System::builder().isolated().with::<Room>();
    let system = builder.start().await?;
    let ctx = system.context();
    for number in 0..MESSAGES {
        for room in 0..ROOMS {
            match number % 2 {
                0 => ctx.process(Say { room, number }).await?,
                _ => ctx.publish(Rang { room, number }).await?,
            }
        }
    }
    for room in 0..ROOMS {
        // The query is behind all that was sent before it.
        let (said, at_once) = ctx.ask(Said { room }).await?;
        assert_eq!(said, Vec::from_iter(0..MESSAGES), "room {room}");
        assert_eq!(at_once, 1, "room {room}");
    }
    let outcome = ctx.close().await?;
    assert_eq!(outcome.handled, ROOMS * (MESSAGES + 1));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn each_of_several_senders_keeps_its_order() -> nether::Result<()> {
    const SENDERS: u64 = 4;
    const MESSAGES: u64 = 500;
    let builder = System::builder().isolated().with::<Room>();
    let system = builder.start().await?;
    let senders = (0..SENDERS).map(|sender| {
        let ctx = system.context();
        tokio::spawn(async move {
            for message in 0..MESSAGES {
                let number = sender * MESSAGES + message;
                ctx.process(Say { room: 1, number }).await?;
            }
            ctx.close().await?;
            Ok::<_, nether::Error>(())
        })
    });
    for sender in senders.collect::<Vec<_>>() {
        sender.await??;
    }
    let (said, at_once) = system.context().ask(Said { room: 1 }).await?;
    assert_eq!(at_once, 1);
    for sender in 0..SENDERS {
        let its = said.iter().copied();
        let its = its.filter(|number| number / MESSAGES == sender);
        let range = sender * MESSAGES..(sender + 1) * MESSAGES;
        assert_eq!(its.collect::<Vec<_>>(), Vec::from_iter(range));
    }
    Ok(())
}

struct Meeting;

#[module(handles = [Gather, Wait], per = place)]
impl Meeting {
    #[init]
    fn new(_place: &String) -> Self {
        Meeting
    }

    async fn gather(&mut self, gather: Gather) {
        gather.barrier.wait().await;
    }

    async fn wait(&mut self, _: Wait) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[command(local, key = place)]
struct Gather {
    place: String,
    barrier: Arc<Barrier>,
}

#[command(key = place)]
struct Wait {
    place: String,
}

#[tokio::test]
async fn handlers_of_different_keys_wait_side_by_side() -> nether::Result<()> {
    const KEYS: usize = 100;
    let builder = System::builder().isolated().with::<Meeting>();
    let system = builder.start().await?;
    let ctx = system.context();
    let barrier = Arc::new(Barrier::new(KEYS));
    for number in 0..KEYS {
        let (place, barrier) = (number.to_string(), Arc::clone(&barrier));
        ctx.process(Gather { place, barrier }).await?;
    }
    // It ends only if all of them wait at once.
    assert_eq!(ctx.close().await?.handled, KEYS as u64);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn handlers_of_one_key_wait_one_after_the_other() -> nether::Result<()> {
    let builder = System::builder().isolated().with::<Meeting>();
    let system = builder.start().await?;
    let ctx = system.context();
    let began = tokio::time::Instant::now();
    for _ in 0..5 {
        let place = "here".to_owned();
        ctx.process(Wait { place }).await?;
    }
    ctx.close().await?;
    assert_eq!(began.elapsed(), Duration::from_millis(50));
    Ok(())
}
