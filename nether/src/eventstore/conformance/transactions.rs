//! Transactions: what a program writes in one, and the documents of the store, are committed together.

use std::pin::pin;
use std::sync::Arc;

use tokio::task::JoinSet;

use crate::error::Error;
use crate::eventstore::backend::{
    DocumentChange, DocumentCondition, EventId, StepFailure, StoreError, TransactionWork,
    TransactionalStore, WorkStep, WorkSteps, Worked,
};
use crate::guarded::said_last;

/// How many transactions are made at the same time.
const MANY: u64 = 16;

/// What the suite writes in transactions: a number of the program's own, beside what the store keeps. The
/// crate that has a store checked implements it.
pub trait TransactionalCounter<S: TransactionalStore>: Clone + Send + Sync + 'static {
    /// Reads the number, and writes the next one.
    fn add<'t>(&'t self, transaction: &'t mut S::Transaction<'_>) -> Worked<'t>;

    /// Ends the transaction as a handler must not, by a `ROLLBACK`, say, and succeeds whatever comes of it.
    /// By default it does nothing, as where the type of the transaction has no way to end it.
    fn end<'t>(&'t self, transaction: &'t mut S::Transaction<'_>) -> Worked<'t> {
        let _ = transaction;
        Worked::done(Ok(()))
    }

    /// The number, as it is committed: 0 at first.
    fn read(&self, store: &S) -> impl Future<Output = u64> + Send;
}

/// What a step of a transaction does.
#[derive(Clone, Copy)]
enum Planned {
    Add,
    End,
    Fail,
    Panic,
}

struct PlannedSteps<C> {
    counter: C,
    /// The next is the last.
    plan: Vec<Planned>,
    changes: Vec<DocumentChange>,
}

impl<S: TransactionalStore, C: TransactionalCounter<S>> WorkSteps<S> for PlannedSteps<C> {
    fn next<'t>(&'t mut self, transaction: &'t mut S::Transaction<'_>) -> WorkStep<'t> {
        match self.plan.pop() {
            Some(Planned::Add) => WorkStep::Handle(self.counter.add(transaction)),
            Some(Planned::End) => WorkStep::Handle(self.counter.end(transaction)),
            Some(Planned::Fail) => WorkStep::Handle(Worked::done(Err(Error::msg("it fails")))),
            Some(Planned::Panic) => panic!("it panics, as the suite wants"),
            None => WorkStep::Commit(self.changes.clone()),
        }
    }

    fn failed(&mut self, failure: StepFailure) -> String {
        match failure {
            StepFailure::Store(error) => error.to_string(),
            StepFailure::Unexplained => "the database has rolled back".to_owned(),
            StepFailure::Handler(error) => error.to_string(),
            StepFailure::Panicked(panic) => said_last(panic),
        }
    }
}

/// Work of the suite.
struct PlannedWork<C> {
    counter: C,
    plan: Vec<Planned>,
    conditions: Vec<DocumentCondition>,
    changes: Vec<DocumentChange>,
    turn: EventId,
}

impl<C> PlannedWork<C> {
    fn new(counter: &C, plan: &[Planned]) -> Self
    where
        C: Clone,
    {
        PlannedWork {
            counter: counter.clone(),
            plan: plan.iter().rev().copied().collect(),
            conditions: Vec::new(),
            changes: vec![document("done", Some("1"))],
            turn: EventId::new(),
        }
    }

    async fn done<S>(self, store: &S) -> Result<(), StoreError>
    where
        S: TransactionalStore,
        C: TransactionalCounter<S>,
    {
        store.transact(self.begun()).await
    }

    fn begun<S>(self) -> TransactionWork<S>
    where
        S: TransactionalStore,
        C: TransactionalCounter<S>,
    {
        TransactionWork {
            conditions: self.conditions,
            turn: DocumentCondition {
                collection: "transaction".into(),
                key: "conformance".into(),
                content: Some(self.turn.to_string().into_bytes()),
            },
            steps: Box::new(PlannedSteps {
                counter: self.counter,
                plan: self.plan,
                changes: self.changes,
            }),
        }
    }
}

fn document(key: &str, content: Option<&str>) -> DocumentChange {
    DocumentChange {
        collection: "conformance".into(),
        key: key.into(),
        content: content.map(|content| content.as_bytes().to_vec()),
    }
}

fn condition(key: &str, content: Option<&str>) -> DocumentCondition {
    let DocumentChange {
        collection,
        key,
        content,
    } = document(key, content);
    DocumentCondition {
        collection,
        key,
        content,
    }
}

/// The number, and whether the document is there.
async fn written<S, C>(store: &S, counter: &C) -> (u64, bool)
where
    S: TransactionalStore,
    C: TransactionalCounter<S>,
{
    let document = store.document("conformance", "done").await;
    let document = document.expect("a document can be read");
    (counter.read(store).await, document.is_some())
}

pub(super) async fn rows_and_documents_are_committed_together<S, C>((store, counter): (S, C))
where
    S: TransactionalStore,
    C: TransactionalCounter<S>,
{
    let is_own = store.transactions().and_then(|it| it.store::<S>());
    assert!(is_own.is_some(), "a store says that it has transactions");
    assert_eq!(written(&store, &counter).await, (0, false), "nothing yet");
    let work = PlannedWork::new(&counter, &[Planned::Add, Planned::Add]);
    work.done(&store).await.expect("it is committed");
    assert_eq!(
        written(&store, &counter).await,
        (2, true),
        "rows and documents are committed together"
    );
}

pub(super) async fn nothing_is_written_by_work_that_fails<S, C>((store, counter): (S, C))
where
    S: TransactionalStore,
    C: TransactionalCounter<S>,
{
    let plans: [&[Planned]; 3] = [
        &[Planned::Add, Planned::Fail],
        &[Planned::Add, Planned::Panic],
        &[Planned::Panic],
    ];
    for plan in plans {
        let failed = PlannedWork::new(&counter, plan).done(&store).await;
        assert!(failed.is_err(), "work that fails is not committed");
        assert_eq!(
            written(&store, &counter).await,
            (0, false),
            "work that fails or panics is rolled back"
        );
    }
    let work = PlannedWork::new(&counter, &[Planned::Add]);
    work.done(&store).await.expect("the next is committed");
    assert_eq!(written(&store, &counter).await, (1, true), "and by itself");
}

pub(super) async fn a_handler_ends_no_transaction<S, C>((store, counter): (S, C))
where
    S: TransactionalStore,
    C: TransactionalCounter<S>,
{
    let work = PlannedWork::new(&counter, &[Planned::Add, Planned::End, Planned::Add]);
    let is_committed = work.done(&store).await.is_ok();
    let expected = if is_committed { (2, true) } else { (0, false) };
    assert_eq!(
        written(&store, &counter).await,
        expected,
        "what a handler has ended is not committed in part"
    );
    let work = PlannedWork::new(&counter, &[Planned::Add]);
    work.done(&store).await.expect("the next is committed");
    let (count, _) = written(&store, &counter).await;
    assert_eq!(count, expected.0 + 1, "and by itself");
}

pub(super) async fn nothing_is_written_if_a_condition_does_not_hold<S, C>((store, counter): (S, C))
where
    S: TransactionalStore,
    C: TransactionalCounter<S>,
{
    let mut work = PlannedWork::new(&counter, &[Planned::Add]);
    work.conditions = vec![
        condition("lease", None),
        condition("other", Some("is there")),
    ];
    let refused = work.done(&store).await;
    assert!(
        matches!(refused, Err(StoreError::PreconditionFailed { .. })),
        "a condition that does not hold refuses a transaction: {refused:?}"
    );
    assert_eq!(
        written(&store, &counter).await,
        (0, false),
        "nothing is written if a condition does not hold"
    );
}

pub(super) async fn what_was_committed_is_not_done_again<S, C>((store, counter): (S, C))
where
    S: TransactionalStore,
    C: TransactionalCounter<S>,
{
    let turn = EventId::new();
    for _ in 0..2 {
        let mut work = PlannedWork::new(&counter, &[Planned::Add]);
        work.turn = turn;
        work.done(&store).await.expect("it is committed");
    }
    assert_eq!(
        counter.read(&store).await,
        1,
        "work that was committed is not done again"
    );
}

pub(super) async fn transactions_come_one_after_the_other<S, C>((store, counter): (S, C))
where
    S: TransactionalStore,
    C: TransactionalCounter<S>,
{
    let store = Arc::new(store);
    let mut working = JoinSet::new();
    for _ in 0..MANY {
        let (store, counter) = (Arc::clone(&store), counter.clone());
        working.spawn(async move {
            let work = PlannedWork::new(&counter, &[Planned::Add]);
            work.done(&*store)
                .await
                .expect("each transaction is committed");
        });
    }
    working.join_all().await;
    assert_eq!(
        counter.read(&*store).await,
        MANY,
        "of transactions at the same time each sees what the others have written"
    );
    let mut working = JoinSet::new();
    for number in 0..MANY {
        let (store, counter) = (Arc::clone(&store), counter.clone());
        working.spawn(async move {
            let mut work = PlannedWork::new(&counter, &[Planned::Add]);
            work.conditions = vec![condition("lease", None)];
            work.changes = vec![document("lease", Some(&number.to_string()))];
            match work.done(&*store).await {
                Ok(()) => true,
                Err(StoreError::PreconditionFailed { .. }) => false,
                Err(error) => panic!("a transaction is committed or refused: {error}"),
            }
        });
    }
    let won = working.join_all().await.into_iter().filter(|won| *won);
    assert_eq!(
        (won.count(), counter.read(&*store).await),
        (1, MANY + 1),
        "a condition holds until its transaction has ended"
    );
}

pub(super) async fn what_is_dropped_is_committed_whole_or_not_at_all<S, C>((store, counter): (S, C))
where
    S: TransactionalStore,
    C: TransactionalCounter<S>,
{
    for polls in 0..8 {
        let mut work = PlannedWork::new(&counter, &[Planned::Add]);
        work.conditions = vec![condition("done", None)];
        {
            let mut begun = pin!(store.transact(work.begun()));
            for _ in 0..polls {
                let polled = std::future::poll_fn(|cx| {
                    std::task::Poll::Ready(begun.as_mut().poll(cx).is_ready())
                });
                if polled.await {
                    break;
                }
                tokio::task::yield_now().await;
            }
        }
        // Behind the one that was dropped.
        let mut next = PlannedWork::new(&counter, &[]);
        next.changes = vec![document("next", Some("1"))];
        next.done(&store).await.expect("the next is committed");
        let (count, is_done) = written(&store, &counter).await;
        assert_eq!(
            count,
            u64::from(is_done),
            "a transaction whose caller is gone is committed whole or not at all"
        );
    }
}
