//! What middleware does after a unit of work has been committed.

use std::time::Duration;

use nether::prelude::*;
use nether::{Answer, Call, Committed, Message, Next, Principal, Transaction};
use tokio::time::Instant;

use crate::notes::Notes;

/// Notes each commit of a unit of work in which it was around a message.
#[derive(Clone)]
struct Following(Notes);

#[nether::middleware]
impl Following {
    async fn around<M: Message>(&self, call: Call<'_, M>, next: Next<'_, M>) -> Answer<M> {
        next.run(call).await
    }

    async fn committed(&self, done: &Committed<'_>) {
        tokio::task::yield_now().await;
        let who = done.principal().map_or("nobody", Principal::id);
        self.0.add(format!("after {} of {who}", done.handled()));
    }
}

/// Panics after each commit.
struct Falling;

#[nether::middleware]
impl Falling {
    async fn around<M: Message>(&self, call: Call<'_, M>, next: Next<'_, M>) -> Answer<M> {
        next.run(call).await
    }

    async fn committed(&self, _: &Committed<'_>) {
        panic!("it fell");
    }
}

/// A transaction that notes its end.
struct Noted(Notes);

impl Transaction for Noted {
    async fn prepare(&mut self) -> nether::Result<()> {
        self.0.add("prepared");
        Ok(())
    }

    async fn commit(self) -> nether::Result<()> {
        self.0.add("committed");
        Ok(())
    }

    async fn rollback(self) -> nether::Result<()> {
        self.0.add("rolled back");
        Ok(())
    }
}

#[command]
struct Write;

#[command]
struct Break;

#[query]
struct Read;

/// Writes in a unit of work of its own.
#[command]
struct WriteWithin {
    breaks: bool,
}

struct Writer(Notes);

#[module(handles = [Write, Break, Read, WriteWithin], with = [Falling, Following], manual)]
impl Writer {
    async fn write(&self, _: Write, ctx: &Context<Self>) -> nether::Result<()> {
        Ok(ctx.enlist(Noted(self.0.clone()))?)
    }

    async fn break_it(&self, _: Break) -> nether::Result<()> {
        Err(nether::Error::msg("broken"))
    }

    async fn read(&self, _: Read) {}

    async fn write_within(&self, write: WriteWithin, ctx: &Context<Self>) -> nether::Result<()> {
        let nested = ctx.nested();
        nested.send(Write).await?;
        if write.breaks {
            let _ = nested.send(Break).await;
        }
        let closed = nested.close().await;
        assert_eq!(closed.is_err(), write.breaks);
        Ok(())
    }
}

async fn started(notes: &Notes) -> System {
    let system = System::builder().isolated().provide(Falling);
    let system = system.provide(Following(notes.clone()));
    let system = system.start().await.unwrap();
    system.attach(Writer(notes.clone())).await.unwrap();
    system
}

#[tokio::test]
async fn it_is_called_once_after_all_is_committed() {
    let notes = Notes::default();
    let system = started(&notes).await;
    let ctx = system.context().with_principal("ann");
    ctx.send(Write).await.unwrap();
    ctx.send(Write).await.unwrap();
    ctx.process(Write).await.unwrap();
    ctx.ask(Read).await.unwrap();
    assert_eq!(ctx.close().await.unwrap().committed, 3);
    let expected = [
        "prepared",
        "prepared",
        "prepared",
        "committed",
        "committed",
        "committed",
        "after 4 of ann",
    ];
    assert_eq!(notes.take(), expected);
}

#[tokio::test]
async fn a_unit_of_work_without_transactions_is_committed_when_it_succeeds() {
    let notes = Notes::default();
    let system = started(&notes).await;
    let ctx = system.context();
    ctx.ask(Read).await.unwrap();
    assert_eq!(ctx.close().await.unwrap().committed, 0);
    assert_eq!(notes.take(), ["after 1 of nobody"]);
}

#[tokio::test]
async fn after_a_rollback_it_is_not_called() {
    let notes = Notes::default();
    let system = started(&notes).await;
    // The failure is kept for `close`.
    let ctx = system.context();
    ctx.process(Break).await.unwrap();
    assert!(ctx.close().await.is_err());
    assert!(notes.take().is_empty());
    // The caller has the failure: the unit of work closes, but commits nothing.
    let ctx = system.context();
    assert!(ctx.send(Break).await.is_err());
    assert_eq!(ctx.close().await.unwrap().committed, 0);
    assert!(notes.take().is_empty());
    let ctx = system.context();
    ctx.send(Write).await.unwrap();
    assert!(ctx.send(Break).await.is_err());
    assert!(ctx.close().await.is_err());
    assert_eq!(notes.take(), ["rolled back"]);
    let ctx = system.context();
    ctx.send(Write).await.unwrap();
    ctx.cancel();
    assert!(ctx.close().await.is_err());
    assert_eq!(notes.take(), ["rolled back"]);
    // One that is dropped was not committed either.
    drop({
        let ctx = system.context();
        ctx.send(Write).await.unwrap();
        ctx
    });
    system.shutdown().await;
    assert_eq!(notes.take(), ["rolled back"]);
}

#[tokio::test]
async fn a_nested_unit_of_work_is_committed_by_itself() {
    let notes = Notes::default();
    let system = started(&notes).await;
    let ctx = system.context().with_principal("ann");
    ctx.send(WriteWithin { breaks: false }).await.unwrap();
    assert_eq!(notes.take(), ["prepared", "committed", "after 1 of ann"]);
    ctx.send(WriteWithin { breaks: true }).await.unwrap();
    assert_eq!(notes.take(), ["rolled back"]);
    ctx.close().await.unwrap();
    assert_eq!(notes.take(), ["after 2 of ann"]);
}

/// Never ends after a commit.
struct Endless;

#[nether::middleware]
impl Endless {
    async fn around<M: Message>(&self, call: Call<'_, M>, next: Next<'_, M>) -> Answer<M> {
        next.run(call).await
    }

    async fn committed(&self, _: &Committed<'_>) {
        std::future::pending().await
    }
}

#[query]
struct Look;

struct Looker(Notes);

#[module(handles = Look, with = Endless, manual)]
impl Looker {
    async fn look(&self, _: Look) {}

    #[on_stop]
    async fn stop(&self) {
        tokio::task::yield_now().await;
        self.0.add("stopped");
    }
}

async fn looking(notes: &Notes) -> System {
    let system = System::builder().isolated().provide(Endless);
    let system = system.start().await.unwrap();
    system.attach(Looker(notes.clone())).await.unwrap();
    system
}

#[tokio::test(start_paused = true)]
async fn one_that_never_ends_is_not_waited_for_beyond_the_deadline() {
    let system = looking(&Notes::default()).await;
    let began = Instant::now();
    let ctx = system.context().with_timeout(Duration::from_secs(5));
    ctx.ask(Look).await.unwrap();
    // It is committed, so it has succeeded.
    assert_eq!(ctx.close().await.unwrap().handled, 1);
    assert_eq!(began.elapsed().as_secs(), 5);
}

#[tokio::test(start_paused = true)]
async fn one_that_never_ends_is_cut_off_by_a_stop_like_a_task() {
    let notes = Notes::default();
    let system = looking(&notes).await;
    let ctx = system.context().with_timeout(Duration::from_secs(1));
    ctx.ask(Look).await.unwrap();
    ctx.close().await.unwrap();
    let report = system.shutdown().await;
    assert_eq!((report.tasks_cut_off, &report.cut_off[..]), (1, &[][..]));
    assert_eq!(notes.take(), ["stopped"]);
}
