//! [`Transaction`]: what is committed or rolled back with its unit of work. The order is that of a two-phase
//! commit (J. Gray, "Notes on data base operating systems", 1978): all prepare, then all commit.

use std::any::{Any, type_name};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use tokio::sync::{OnceCell, SetOnce};

use crate::error::{Error, Result, TransactionFailure, TransactionReport, TransactionStep};
use crate::escaped::Escaped;
use crate::guarded::{catch, panicked};
use crate::race::race;
use crate::scope::{Scope, after_commit};
use crate::sync::lock;

/// Something that is committed when its unit of work succeeds, and rolled back when it does not.
///
/// [`Context::enlist`](crate::Context::enlist) makes it part of one. When the unit of work ends and nothing
/// in it has failed, all its transactions [`prepare`](Transaction::prepare), in the order they were enlisted,
/// and then commit in that order. If one cannot prepare, or anything else has failed, all are rolled back,
/// the last one first.
///
/// A panic in any of the methods counts as an error.
///
/// ```
/// use nether::Transaction;
///
/// /// A file that appears when all is well.
/// struct Draft {
///     draft: std::path::PathBuf,
///     place: std::path::PathBuf,
/// }
///
/// impl Transaction for Draft {
///     async fn commit(self) -> nether::Result<()> {
///         Ok(std::fs::rename(self.draft, self.place)?)
///     }
///
///     async fn rollback(self) -> nether::Result<()> {
///         Ok(std::fs::remove_file(self.draft)?)
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a transaction",
    label = "cannot be committed and rolled back with a context",
    note = "implement `nether::Transaction` for it, or for a type of your own that holds it"
)]
pub trait Transaction: Sized + Send + 'static {
    /// Makes sure that [`commit`](Transaction::commit) will succeed, as far as that can be known: the first
    /// of two phases. Does nothing unless it is written.
    ///
    /// # Errors
    /// Why it cannot commit. It is rolled back then, with all others.
    fn prepare(&mut self) -> impl Future<Output = Result<()>> + Send {
        async { Ok(()) }
    }

    /// Makes it last.
    ///
    /// # Errors
    /// Why it could not. If nothing was committed before, all that follow are rolled back; otherwise they are
    /// committed all the same, for the decision has been made.
    fn commit(self) -> impl Future<Output = Result<()>> + Send;

    /// Undoes it.
    ///
    /// # Errors
    /// Why it could not. The others are rolled back all the same.
    fn rollback(self) -> impl Future<Output = Result<()>> + Send;
}

type TransactionFuture<'a> = Pin<Box<dyn Future<Output = Result<()>> + Send + 'a>>;

/// A transaction, whatever its type.
trait AnyTransaction: Send {
    fn name(&self) -> &'static str;
    fn prepare(&mut self) -> TransactionFuture<'_>;
    fn commit(self: Box<Self>) -> TransactionFuture<'static>;
    fn rollback(self: Box<Self>) -> TransactionFuture<'static>;
}

impl<T: Transaction> AnyTransaction for T {
    fn name(&self) -> &'static str {
        type_name::<T>()
    }

    fn prepare(&mut self) -> TransactionFuture<'_> {
        Box::pin(caught(async { Transaction::prepare(self).await }))
    }

    fn commit(self: Box<Self>) -> TransactionFuture<'static> {
        Box::pin(caught(async { Transaction::commit(*self).await }))
    }

    fn rollback(self: Box<Self>) -> TransactionFuture<'static> {
        Box::pin(caught(async { Transaction::rollback(*self).await }))
    }
}

async fn caught(step: impl Future<Output = Result<()>>) -> Result<()> {
    match catch(step).await {
        Ok(result) => result,
        Err(panic) => Err(panicked(&*panic)),
    }
}

/// The transactions of one unit of work.
#[derive(Default)]
pub(super) struct Enlisted {
    list: Mutex<Vec<Box<dyn AnyTransaction>>>,
    /// Those that were begun on demand, one of a type: a [`OnceCell`] each, because a caller that comes while
    /// it is begun waits.
    begun: Mutex<Vec<Arc<dyn Any + Send + Sync>>>,
    /// Whether their end is under way.
    is_ending: AtomicBool,
    ended: SetOnce<TransactionReport>,
}

impl Scope {
    /// Adds a transaction; gives it back if the unit of work is over, or if this is none.
    pub(crate) fn enlist<T: Transaction>(&self, transaction: T) -> Result<(), T> {
        let mut list = lock(&self.extras_or_new().enlisted.list);
        // Asked under the lock, under which they are all taken away.
        if !self.takes_transactions() {
            return Err(transaction);
        }
        list.push(Box::new(transaction));
        Ok(())
    }

    /// The transaction of that type that was begun here; begun now if there is none. `None` if it is not
    /// taken.
    pub(crate) async fn transaction<T: Transaction + Clone + Sync>(
        &self,
        begin: impl AsyncFnOnce() -> Result<T>,
    ) -> Result<Option<T>> {
        let cell = self.extras_or_new().enlisted.cell::<T>();
        let begun = cell.get_or_try_init(async || {
            if !self.takes_transactions() {
                return Ok(None);
            }
            let transaction = begin().await?;
            match self.enlist(transaction.clone()) {
                Ok(()) => Ok(Some(transaction)),
                Err(late) => late.rollback().await.map(|()| None),
            }
        });
        let begun = begun.await?.clone();
        // One that is there already may be over.
        Ok(begun.filter(|_| self.takes_transactions()))
    }

    /// Whether there is an end to come at which they are committed.
    fn takes_transactions(&self) -> bool {
        self.kind.is_unit() && !self.has_ended()
    }

    /// Whether there are transactions whose end has not begun.
    pub(super) fn is_unsettled(&self) -> bool {
        let enlisted = self.extras().map(|extras| &extras.enlisted);
        enlisted.is_some_and(|it| !it.is_ending() && !lock(&it.list).is_empty())
    }

    pub(crate) fn has_enlisted(&self) -> bool {
        let enlisted = self.extras().map(|extras| &extras.enlisted);
        enlisted.is_some_and(|it| it.is_ending() || !lock(&it.list).is_empty())
    }

    /// Whether something is to be done at its end: transactions to commit, or what follows a commit.
    pub(crate) fn has_ending(&self) -> bool {
        let extras = self.extras();
        self.has_enlisted() || extras.is_some_and(|extras| !extras.after_commit.is_empty())
    }

    /// Ends the transactions of a unit of work that is over: commits them if it `succeeded`, and then does
    /// what follows a commit. All who ask get the same.
    pub(crate) async fn settle(self: &Arc<Self>, succeeded: bool) -> TransactionReport {
        if !self.has_ending() {
            return TransactionReport::default();
        }
        let enlisted = &self.extras_or_new().enlisted;
        if !enlisted.is_ending.swap(true, Ordering::SeqCst) {
            let scope = Arc::clone(self);
            let counted = self.count_task();
            // A task of its own: the caller may stop waiting, and nothing may be left half done.
            self.mediator.runtime.spawn(async move {
                let enlisted = &scope.extras_or_new().enlisted;
                let list = std::mem::take(&mut *lock(&enlisted.list));
                let steps = scope.extras_or_new().after_commit.take();
                let rollback_cause = scope.rollback_cause().filter(|_| succeeded);
                let commits = succeeded && rollback_cause.is_none();
                let has_transactions = !list.is_empty();
                let mut ended = if commits {
                    commit(list).await
                } else {
                    let mut ended = TransactionReport::default();
                    roll_back(list, &mut ended).await;
                    ended
                };
                let rollback_cause = rollback_cause.filter(|_| has_transactions);
                ended.because_of = rollback_cause.map(|by| (by.message, by.module));
                let steps = if commits && ended.are_committed() {
                    steps
                } else {
                    Vec::new()
                };
                let mut following = pin!(after_commit::run(steps, &scope));
                let followed = async {
                    following.as_mut().await;
                    true
                };
                // A `close` waits for what follows until the deadline, and no longer.
                let late = async {
                    scope.until_deadline().await;
                    false
                };
                let has_followed = race(followed, late).await;
                let begun = std::mem::take(&mut *lock(&enlisted.begun));
                let failed = ended.failed.clone();
                let _ = enlisted.ended.set(ended); // No other task does.
                // What runs now is the user's, and callers that wait must not wait for it.
                for failure in failed {
                    tracing::error!(context = %scope.id(), failure = %Escaped(&failure), "transaction failed");
                }
                drop(begun);
                if !has_followed {
                    following.await;
                }
                drop(counted);
            });
        }
        enlisted.ended.wait().await.clone()
    }
}

impl Enlisted {
    /// The place of the transaction of that type.
    fn cell<T: Send + Sync + 'static>(&self) -> Arc<OnceCell<Option<T>>> {
        let mut begun = lock(&self.begun);
        let known = begun
            .iter()
            .find_map(|cell| Arc::clone(cell).downcast().ok());
        known.unwrap_or_else(|| {
            let cell = Arc::default();
            begun.push(Arc::clone(&cell) as _);
            cell
        })
    }

    fn is_ending(&self) -> bool {
        self.is_ending.load(Ordering::SeqCst)
    }
}

async fn commit(mut list: Vec<Box<dyn AnyTransaction>>) -> TransactionReport {
    let mut ended = TransactionReport::default();
    for transaction in &mut list {
        if let Err(error) = transaction.prepare().await {
            ended.fail(transaction.name(), TransactionStep::Prepare, error);
            break;
        }
    }
    let mut rest = list.into_iter();
    if ended.failed.is_empty() {
        for transaction in rest.by_ref() {
            let name = transaction.name();
            match transaction.commit().await {
                Ok(()) => ended.committed.push(name),
                Err(error) => ended.fail(name, TransactionStep::Commit, error),
            }
            if ended.committed.is_empty() {
                break;
            }
        }
    }
    roll_back(rest.collect(), &mut ended).await;
    ended
}

async fn roll_back(list: Vec<Box<dyn AnyTransaction>>, ended: &mut TransactionReport) {
    for transaction in list.into_iter().rev() {
        let name = transaction.name();
        match transaction.rollback().await {
            Ok(()) => ended.rolled_back.push(name),
            Err(error) => ended.fail(name, TransactionStep::RollBack, error),
        }
    }
}

impl TransactionReport {
    fn fail(&mut self, transaction: &'static str, step: TransactionStep, error: Error) {
        self.failed.push(TransactionFailure {
            transaction,
            step,
            error: Arc::new(error),
        });
    }
}
