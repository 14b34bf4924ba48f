//! Transactions of a unit of work: all are committed, or all are rolled back, or the error says which were
//! not.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use nether::prelude::*;
use nether::{Transaction, TransactionStep};
use tokio::sync::Semaphore;

/// What transactions did, in order.
type Journal = Arc<Mutex<Vec<String>>>;

/// Writes down how it is called, and fails at a step if it is to.
struct Noted<const NAME: char> {
    journal: Journal,
    fails_at: Option<&'static str>,
}

impl<const NAME: char> Noted<NAME> {
    fn new(journal: &Journal) -> Self {
        Noted {
            journal: Arc::clone(journal),
            fails_at: None,
        }
    }

    fn failing_at(journal: &Journal, step: &'static str) -> Self {
        Noted {
            fails_at: Some(step),
            ..Noted::new(journal)
        }
    }

    fn note(&self, step: &'static str) -> nether::Result<()> {
        self.journal
            .lock()
            .expect("no panic")
            .push(format!("{NAME} {step}"));
        match self.fails_at {
            Some(fails_at) if fails_at == step => Err(nether::Error::msg("it failed")),
            Some("panic") => panic!("it panicked"),
            _ => Ok(()),
        }
    }
}

impl<const NAME: char> Transaction for Noted<NAME> {
    async fn prepare(&mut self) -> nether::Result<()> {
        self.note("prepare")
    }

    async fn commit(self) -> nether::Result<()> {
        self.note("commit")
    }

    async fn rollback(self) -> nether::Result<()> {
        self.note("rollback")
    }
}

fn noted(journal: &Journal) -> Vec<String> {
    journal.lock().expect("no panic").clone()
}

#[command]
struct Work;

#[command]
struct Fail;

/// Runs `Fail`, and lives with it.
#[command]
struct Try;

/// The same, in a unit of work of its own.
#[command(reply = bool)]
struct TryApart;

#[query(reply = u32)]
struct FailToAnswer;

/// Runs until the gate opens.
#[command]
struct Hold;

struct Worker(Arc<Semaphore>);

#[module(handles = [Work, Fail, Try, TryApart, FailToAnswer, Hold], manual)]
impl Worker {
    async fn work(&self, _: Work) {}

    async fn fail(&self, _: Fail) -> nether::Result<()> {
        Err(nether::Error::msg("it cannot be done"))
    }

    async fn try_it(&self, _: Try, ctx: &Context<Self>) {
        assert!(ctx.send(Fail).await.is_err());
    }

    async fn try_apart(&self, _: TryApart, ctx: &Context<Self>) -> bool {
        let apart = ctx.nested();
        let has_failed = apart.send(Fail).await.is_err();
        apart.close().await.is_ok() && has_failed
    }

    async fn answer(&self, _: FailToAnswer) -> nether::Result<u32> {
        Err(nether::Error::msg("nobody knows"))
    }

    async fn hold(&self, _: Hold) -> nether::Result<()> {
        self.0.acquire().await?.forget();
        Ok(())
    }
}

async fn system() -> nether::Result<(System, Arc<Semaphore>, Journal)> {
    let system = System::builder().isolated().start().await?;
    let gate = Arc::new(Semaphore::new(0));
    system.attach(Worker(Arc::clone(&gate))).await?;
    Ok((system, gate, Journal::default()))
}

#[tokio::test]
async fn when_nothing_failed_all_prepare_and_then_commit_in_order() -> nether::Result<()> {
    let (system, _, journal) = system().await?;
    let ctx = system.context();
    ctx.enlist(Noted::<'a'>::new(&journal))?;
    ctx.send(Work).await?;
    ctx.enlist(Noted::<'b'>::new(&journal))?;
    assert_eq!(ctx.close().await?.committed, 2);
    assert_eq!(
        noted(&journal),
        ["a prepare", "b prepare", "a commit", "b commit"]
    );
    Ok(())
}

#[tokio::test]
async fn a_handler_that_failed_rolls_all_back_the_last_one_first() -> nether::Result<()> {
    let (system, _, journal) = system().await?;
    let ctx = system.context();
    ctx.enlist(Noted::<'a'>::new(&journal))?;
    ctx.enlist(Noted::<'b'>::new(&journal))?;
    ctx.process(Fail).await?;
    let error = ctx.close().await.unwrap_err();
    assert_eq!(error.failures.len(), 1);
    assert_eq!(error.transactions.rolled_back.len(), 2);
    assert!(error.transactions.committed.is_empty() && error.transactions.failed.is_empty());
    assert_eq!(noted(&journal), ["b rollback", "a rollback"]);
    Ok(())
}

#[tokio::test]
async fn also_a_failure_that_its_caller_got_rolls_back_and_closing_says_why() -> nether::Result<()>
{
    let (system, _, journal) = system().await?;
    let ctx = system.context();
    ctx.enlist(Noted::<'a'>::new(&journal))?;
    ctx.send(Try).await?;
    let error = ctx.close().await.unwrap_err();
    assert!(error.failures.is_empty());
    let because_of = Some((
        "units_of_work::transactions::Fail",
        "units_of_work::transactions::Worker",
    ));
    assert_eq!(error.transactions.because_of, because_of);
    let told = "because `units_of_work::transactions::Fail` failed in `units_of_work::transactions::Worker`, though its caller got the error";
    assert!(error.to_string().ends_with(told), "{error}");
    assert_eq!(noted(&journal), ["a rollback"]);

    // Without transactions it is the caller's alone, as ever.
    let ctx = system.context();
    ctx.send(Try).await?;
    ctx.close().await?;
    Ok(())
}

#[tokio::test]
async fn a_query_that_failed_changed_nothing_so_all_is_committed() -> nether::Result<()> {
    let (system, _, journal) = system().await?;
    let ctx = system.context();
    ctx.enlist(Noted::<'a'>::new(&journal))?;
    assert!(ctx.ask(FailToAnswer).await.is_err());
    assert_eq!(ctx.close().await?.committed, 1);
    Ok(())
}

#[tokio::test]
async fn what_fails_in_a_nested_context_is_rolled_back_there_alone() -> nether::Result<()> {
    let (system, _, journal) = system().await?;
    let ctx = system.context();
    ctx.enlist(Noted::<'a'>::new(&journal))?;
    assert!(ctx.send(TryApart).await?);
    let apart = ctx.nested();
    apart.enlist(Noted::<'b'>::new(&journal))?;
    apart.process(Fail).await?;
    let error = apart.close().await.unwrap_err();
    assert_eq!(error.failures.len(), 1);
    assert_eq!(noted(&journal), ["b rollback"]);
    assert_eq!(ctx.close().await?.committed, 1);
    assert_eq!(noted(&journal), ["b rollback", "a prepare", "a commit"]);
    Ok(())
}

#[tokio::test]
async fn a_cancelled_context_rolls_back() -> nether::Result<()> {
    let (system, _, journal) = system().await?;
    let ctx = system.context();
    ctx.enlist(Noted::<'a'>::new(&journal))?;
    ctx.cancel();
    let error = ctx.close().await.unwrap_err();
    assert!(error.cancelled);
    assert_eq!(noted(&journal), ["a rollback"]);
    Ok(())
}

#[tokio::test]
async fn a_dropped_context_rolls_back_once_its_handlers_have_ended() -> nether::Result<()> {
    let (system, gate, journal) = system().await?;
    let ctx = system.context();
    let other = ctx.clone();
    let ended = Arc::new(Semaphore::new(0));
    ctx.enlist(Told(Arc::clone(&ended), Noted::<'a'>::new(&journal)))?;
    ctx.process(Hold).await?;
    tokio::task::yield_now().await; // It has begun.
    drop((ctx, other));
    tokio::task::yield_now().await;
    assert!(noted(&journal).is_empty(), "the handler may still write");
    gate.add_permits(1);
    ended.acquire().await?.forget();
    assert_eq!(noted(&journal), ["a rollback"]);
    Ok(())
}

/// Tells when it has ended.
struct Told(Arc<Semaphore>, Noted<'a'>);

impl Transaction for Told {
    async fn commit(self) -> nether::Result<()> {
        self.1.commit().await
    }

    async fn rollback(self) -> nether::Result<()> {
        self.1.rollback().await?;
        self.0.add_permits(1);
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_deadline_that_passes_rolls_back_though_a_handler_runs_on() -> nether::Result<()> {
    let (system, _gate, journal) = system().await?;
    let ctx = system.context().with_timeout(Duration::from_secs(1));
    ctx.enlist(Noted::<'a'>::new(&journal))?;
    ctx.process(Hold).await?;
    let error = ctx.close().await.unwrap_err();
    assert_eq!(error.unfinished, 1);
    assert_eq!(noted(&journal), ["a rollback"]);
    Ok(())
}

#[tokio::test]
async fn one_that_cannot_prepare_rolls_all_back() -> nether::Result<()> {
    let (system, _, journal) = system().await?;
    let ctx = system.context();
    ctx.enlist(Noted::<'a'>::new(&journal))?;
    ctx.enlist(Noted::<'b'>::failing_at(&journal, "prepare"))?;
    ctx.enlist(Noted::<'c'>::new(&journal))?;
    let error = ctx.close().await.unwrap_err();
    let expected = [
        "a prepare",
        "b prepare",
        "c rollback",
        "b rollback",
        "a rollback",
    ];
    assert_eq!(noted(&journal), expected);
    let [failure] = error.transactions.failed.as_slice() else {
        panic!("{error}");
    };
    assert_eq!(failure.step, TransactionStep::Prepare);
    assert!(failure.transaction.contains("Noted<'b'>"), "{failure}");
    assert!(
        error.to_string().contains("could not prepare: it failed"),
        "{error}"
    );
    Ok(())
}

#[tokio::test]
async fn a_commit_that_fails_first_rolls_the_rest_back() -> nether::Result<()> {
    let (system, _, journal) = system().await?;
    let ctx = system.context();
    ctx.enlist(Noted::<'a'>::failing_at(&journal, "commit"))?;
    ctx.enlist(Noted::<'b'>::new(&journal))?;
    let error = ctx.close().await.unwrap_err();
    assert_eq!(noted(&journal)[2..], ["a commit", "b rollback"]);
    assert!(error.transactions.committed.is_empty());
    assert_eq!(error.transactions.rolled_back.len(), 1);
    assert_eq!(error.transactions.failed[0].step, TransactionStep::Commit);
    Ok(())
}

#[tokio::test]
async fn once_one_has_committed_all_do_and_what_did_not_is_reported() -> nether::Result<()> {
    let (system, _, journal) = system().await?;
    let ctx = system.context();
    ctx.enlist(Noted::<'a'>::new(&journal))?;
    ctx.enlist(Noted::<'b'>::failing_at(&journal, "commit"))?;
    ctx.enlist(Noted::<'c'>::new(&journal))?;
    let error = ctx.close().await.unwrap_err();
    assert_eq!(noted(&journal)[3..], ["a commit", "b commit", "c commit"]);
    assert_eq!(error.transactions.committed.len(), 2);
    assert_eq!(error.transactions.failed.len(), 1);
    let told = error.to_string();
    assert!(
        told.contains("could not commit: it failed; committed: "),
        "{told}"
    );
    Ok(())
}

#[tokio::test]
async fn a_transaction_that_panics_has_failed_and_the_others_go_on() -> nether::Result<()> {
    let (system, _, journal) = system().await?;
    let ctx = system.context();
    ctx.enlist(Noted::<'a'>::new(&journal))?;
    ctx.enlist(Noted::<'b'>::failing_at(&journal, "panic"))?;
    let error = ctx.close().await.unwrap_err();
    let steps: Vec<_> = error.transactions.failed.iter().map(|it| it.step).collect();
    assert_eq!(steps, [TransactionStep::Prepare, TransactionStep::RollBack]);
    assert_eq!(error.transactions.rolled_back.len(), 1);
    assert!(
        error.to_string().contains("panicked: it panicked"),
        "{error}"
    );
    Ok(())
}

#[tokio::test]
async fn a_context_that_is_over_hands_a_transaction_back() -> nether::Result<()> {
    let (system, _, journal) = system().await?;
    let ctx = system.context();
    let late = ctx.clone();
    ctx.close().await?;
    let refused = late.enlist(Noted::<'a'>::new(&journal)).unwrap_err();
    assert!(
        refused
            .to_string()
            .starts_with("a context that has ended takes no transactions")
    );
    refused.into_inner().commit().await?;
    assert_eq!(noted(&journal), ["a commit"]);
    Ok(())
}

/// Writes when it starts.
struct Starter(Journal);

#[module(handles = Started, manual)]
impl Starter {
    #[on_start]
    async fn start(&mut self, ctx: &Context<Self>) -> nether::Result<()> {
        let refused = ctx.enlist(Noted::<'a'>::new(&self.0)).unwrap_err();
        let own = ctx.nested();
        own.enlist(refused.into_inner())?;
        own.close().await?;
        Ok(())
    }

    async fn started(&mut self, _: &Started) {}
}

#[event]
struct Started;

#[tokio::test]
async fn a_hook_has_a_context_without_an_end_and_enlists_in_one_of_its_own() -> nether::Result<()> {
    let (system, _, journal) = system().await?;
    system.attach(Starter(Arc::clone(&journal))).await?;
    assert_eq!(noted(&journal), ["a prepare", "a commit"]);
    Ok(())
}

#[tokio::test]
async fn closing_that_is_no_longer_awaited_ends_transactions_all_the_same() -> nether::Result<()> {
    let (system, _, journal) = system().await?;
    let ended = Arc::new(Semaphore::new(0));
    let ctx = system.context();
    ctx.enlist(Slow(Arc::clone(&ended), journal.clone()))?;
    let other = ctx.clone();
    // It is dropped in the middle of the commit.
    let mut closing = Box::pin(ctx.close());
    std::future::poll_fn(|cx| {
        assert!(closing.as_mut().poll(cx).is_pending());
        std::task::Poll::Ready(())
    })
    .await;
    drop(closing);
    ended.add_permits(1);
    // Another closer gets what came of it.
    assert_eq!(other.close().await?.committed, 1);
    assert_eq!(noted(&journal), ["committed"]);
    Ok(())
}

#[tokio::test]
async fn a_system_that_stops_waits_until_what_was_dropped_is_rolled_back() -> nether::Result<()> {
    let (system, gate, journal) = system().await?;
    let ctx = system.context();
    ctx.enlist(Gated(Arc::clone(&gate), journal.clone()))?;
    drop(ctx);
    let stopping = tokio::spawn(async move { system.shutdown().await });
    tokio::task::yield_now().await;
    assert!(!stopping.is_finished() && noted(&journal).is_empty());
    gate.add_permits(1);
    stopping.await?;
    assert_eq!(noted(&journal), ["rolled back"]);
    Ok(())
}

/// Rolls back when it may.
struct Gated(Arc<Semaphore>, Journal);

impl Transaction for Gated {
    async fn commit(self) -> nether::Result<()> {
        Err(nether::Error::msg("it is not to be committed"))
    }

    async fn rollback(self) -> nether::Result<()> {
        self.0.acquire().await?.forget();
        self.1.lock().expect("no panic").push("rolled back".into());
        Ok(())
    }
}

/// Commits when it may.
struct Slow(Arc<Semaphore>, Journal);

impl Transaction for Slow {
    async fn commit(self) -> nether::Result<()> {
        self.0.acquire().await?.forget();
        self.1.lock().expect("no panic").push("committed".into());
        Ok(())
    }

    async fn rollback(self) -> nether::Result<()> {
        Ok(())
    }
}
