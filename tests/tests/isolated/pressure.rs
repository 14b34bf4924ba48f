//! Full mailboxes: work from outside waits its turn, what handlers cause is never held up, and order holds.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use nether::SendError;
use nether::prelude::*;
use tokio::sync::Semaphore;
use tokio::task;

#[command]
struct Write {
    author: usize,
    number: u64,
}

#[command]
struct Burst(u64);

struct Book {
    gate: Arc<Semaphore>,
    written: Arc<Mutex<Vec<(usize, u64)>>>,
}

#[module(handles = [Write, Burst], mailbox = 4, manual)]
impl Book {
    async fn write(&mut self, line: Write) {
        self.gate.acquire().await.expect("never closed").forget();
        self.written
            .lock()
            .unwrap()
            .push((line.author, line.number));
    }

    /// Sends its own module far more than its mailbox holds.
    async fn burst(&mut self, Burst(count): Burst, ctx: &Context<Self>) -> nether::Result<()> {
        for number in 0..count {
            ctx.process(Write { author: 0, number }).await?;
        }
        Ok(())
    }
}

type Written = Arc<Mutex<Vec<(usize, u64)>>>;

async fn book(permits: usize) -> nether::Result<(System, Arc<Semaphore>, Written)> {
    let gate = Arc::new(Semaphore::new(permits));
    let written = Written::default();
    let system = System::builder().isolated().start().await?;
    system
        .attach(Book {
            gate: Arc::clone(&gate),
            written: Arc::clone(&written),
        })
        .await?;
    Ok((system, gate, written))
}

async fn settled() {
    for _ in 0..50 {
        task::yield_now().await;
    }
}

#[tokio::test]
async fn root_work_waits_for_room_and_goes_on_when_there_is_some() -> nether::Result<()> {
    let (system, gate, written) = book(0).await?;
    let ctx = system.context();
    let author = tokio::spawn({
        let ctx = ctx.clone();
        async move {
            for number in 0..100 {
                ctx.process(Write { author: 0, number }).await?;
            }
            Ok::<_, SendError>(())
        }
    });
    settled().await;
    assert!(!author.is_finished());
    let waiting = system.modules()[0].waiting;
    assert!(waiting <= 4, "{waiting} wait in a mailbox of 4");
    gate.add_permits(100);
    author.await??;
    assert_eq!(ctx.close().await?.handled, 100);
    assert!(
        written
            .lock()
            .unwrap()
            .iter()
            .map(|(_, number)| *number)
            .eq(0..100)
    );
    Ok(())
}

#[tokio::test]
async fn what_a_handler_causes_is_never_held_up() -> nether::Result<()> {
    let (system, gate, written) = book(0).await?;
    let ctx = system.context();
    ctx.send(Burst(1000)).await?;
    assert!(
        system.modules()[0].waiting > 900,
        "it counts toward the bound"
    );
    let held_up = tokio::spawn({
        let ctx = ctx.clone();
        async move {
            ctx.process(Write {
                author: 1,
                number: 0,
            })
            .await
        }
    });
    settled().await;
    assert!(
        !held_up.is_finished(),
        "and holds new work from outside back"
    );
    gate.add_permits(1001);
    held_up.await??;
    assert_eq!(ctx.close().await?.handled, 1002);
    assert_eq!(written.lock().unwrap().last(), Some(&(1, 0)));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_of_one_sender_are_handled_in_the_order_sent() -> nether::Result<()> {
    let (system, _gate, written) = book(Semaphore::MAX_PERMITS).await?;
    let ctx = system.context();
    let mut authors = task::JoinSet::new();
    for author in 0..8 {
        let ctx = ctx.clone();
        authors.spawn(async move {
            for number in 0..500 {
                match number % 3 {
                    0 => ctx.send(Write { author, number }).await.expect("handled"),
                    _ => ctx
                        .process(Write { author, number })
                        .await
                        .expect("accepted"),
                }
            }
        });
    }
    while let Some(author) = authors.join_next().await {
        author?;
    }
    ctx.close().await?;
    let written = written.lock().unwrap();
    for author in 0..8 {
        let numbers = written
            .iter()
            .filter(|(by, _)| *by == author)
            .map(|(_, number)| *number);
        assert!(numbers.eq(0..500), "author {author} out of order");
    }
    Ok(())
}

#[tokio::test]
async fn a_waiter_that_gives_up_leaves_nothing_behind() -> nether::Result<()> {
    let (system, gate, written) = book(0).await?;
    let ctx = system.context();
    for number in 0..5 {
        // The first is being handled, four wait.
        ctx.process(Write { author: 0, number }).await?;
        settled().await;
    }
    let impatient = tokio::spawn({
        let ctx = ctx.clone();
        async move {
            ctx.process(Write {
                author: 1,
                number: 0,
            })
            .await
        }
    });
    let patient = tokio::spawn({
        let ctx = ctx.clone();
        async move {
            ctx.process(Write {
                author: 2,
                number: 0,
            })
            .await
        }
    });
    settled().await;
    impatient.abort();
    assert!(impatient.await.expect_err("aborted").is_cancelled());
    gate.add_permits(6);
    patient.await??;
    // Six were handled; what was never accepted is not in flight.
    assert_eq!(ctx.close().await?.handled, 6);
    assert_eq!(written.lock().unwrap().last(), Some(&(2, 0)));
    Ok(())
}

#[tokio::test]
async fn those_who_wait_for_room_are_refused_when_the_module_stops() -> nether::Result<()> {
    let (system, gate, _) = book(0).await?;
    let ctx = system.context();
    let authors: Vec<_> = (0..10)
        .map(|author| {
            let ctx = ctx.clone();
            tokio::spawn(async move { ctx.process(Write { author, number: 0 }).await })
        })
        .collect();
    settled().await;
    let stopping = tokio::spawn({
        let system = system.clone();
        async move { system.shutdown().await }
    });
    settled().await;
    gate.add_permits(100);
    let report = stopping.await?;
    let mut accepted = 0;
    for author in authors {
        match author.await? {
            Ok(()) => accepted += 1,
            Err(SendError::Stopped { .. } | SendError::Stopping { .. }) => {}
            Err(other) => panic!("{other}"),
        }
    }
    assert!(accepted >= 4);
    assert_eq!(
        report.handled, accepted,
        "what was accepted was handled: {report}"
    );
    assert_eq!(ctx.close().await?.handled, accepted);
    Ok(())
}

struct Busy(Arc<AtomicU64>);

#[command]
struct Split(u32);

#[module(handles = Split, manual)]
impl Busy {
    async fn split(&mut self, Split(times): Split, ctx: &Context<Self>) -> nether::Result<()> {
        self.0.fetch_add(1, Ordering::SeqCst);
        if times > 0 {
            ctx.process(Split(times - 1)).await?;
            ctx.process(Split(times - 1)).await?;
        }
        Ok(())
    }
}

#[tokio::test]
async fn a_busy_module_lets_others_have_the_thread() -> nether::Result<()> {
    let handled = Arc::<AtomicU64>::default();
    let system = System::builder().isolated().start().await?;
    let _busy = system.attach(Busy(Arc::clone(&handled))).await?;
    let ctx = system.context();
    ctx.process(Split(11)).await?;
    tokio::task::yield_now().await;
    let so_far = handled.load(Ordering::SeqCst);
    assert_eq!(ctx.close().await?.handled, 4095);
    assert!((1..4095).contains(&so_far), "{so_far}");
    Ok(())
}
