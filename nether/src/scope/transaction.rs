//! [`Transaction`]: what is committed or rolled back with its unit of work. The order is that of a two-phase
//! commit (J. Gray, "Notes on data base operating systems", 1978): all prepare, then all commit.

use std::any::{Any, type_name};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{OnceCell, SetOnce};
use tokio::time::{Instant, sleep_until};

use crate::error::{Error, Result, TransactionFailure, TransactionReport, TransactionStep};
use crate::escaped::Escaped;
use crate::guarded::{catch, drop_unpanicked, panicked};
use crate::instants::in_future;
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
/// A step that hangs is cut off: its future is dropped, and the report says that it
/// [was](crate::TransactionFailure::cut_off). `prepare` has until the deadline of the unit of work.
/// `commit` and `rollback` have until then too, and if it is near or over,
/// [`close_patience`](crate::SystemBuilder::close_patience) from their beginning. A unit of work without a
/// deadline waits until the system stops and the
/// [time-out of the shutdown](crate::SystemBuilder::shutdown_timeout) passes. `prepare` is cut off then;
/// `commit` and `rollback` have `close_patience` from then on, but at most three quarters of the time that
/// the stop still grants. The [report](crate::ShutdownReport::tasks_cut_off) of the stop counts what was cut
/// off, and what cannot be, because it blocks its thread.
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
    /// committed all the same, for the decision has been made. After a commit that was cut off they are
    /// committed too, because it may have happened.
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
            self.mediator.tasks.begin_work();
            // A task of its own: the caller may stop waiting, and nothing may be left half done.
            self.mediator.runtime.spawn(async move {
                let enlisted = &scope.extras_or_new().enlisted;
                let list = std::mem::take(&mut *lock(&enlisted.list));
                let steps = scope.extras_or_new().after_commit.take();
                let rollback_cause = scope.rollback_cause().filter(|_| succeeded);
                let commits = succeeded && rollback_cause.is_none();
                let has_transactions = !list.is_empty();
                let mut ended = if commits {
                    commit(list, &scope).await
                } else {
                    let mut ended = TransactionReport::default();
                    roll_back(list, &scope, &mut ended).await;
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
                scope.mediator.tasks.end_work();
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

/// Commits all, or rolls all back. A commit that was cut off may have happened, so the decision stands: those
/// that follow are committed too.
async fn commit(mut list: Vec<Box<dyn AnyTransaction>>, scope: &Scope) -> TransactionReport {
    let mut ended = TransactionReport::default();
    for transaction in &mut list {
        let (name, step) = (transaction.name(), TransactionStep::Prepare);
        if !ended.note(
            name,
            step,
            in_time(step, transaction.prepare(), scope).await,
        ) {
            break;
        }
    }
    let mut rest = list.into_iter();
    if ended.failed.is_empty() {
        let mut may_be_committed = false;
        for transaction in rest.by_ref() {
            let (name, step) = (transaction.name(), TransactionStep::Commit);
            let committed = in_time(step, transaction.commit(), scope).await;
            may_be_committed |= !matches!(committed, Err(StepError::Failed(_)));
            if ended.note(name, step, committed) {
                ended.committed.push(name);
            }
            if !may_be_committed {
                break;
            }
        }
    }
    roll_back(rest.collect(), scope, &mut ended).await;
    ended
}

async fn roll_back(
    list: Vec<Box<dyn AnyTransaction>>,
    scope: &Scope,
    ended: &mut TransactionReport,
) {
    for transaction in list.into_iter().rev() {
        let (name, step) = (transaction.name(), TransactionStep::RollBack);
        let rolled_back = in_time(step, transaction.rollback(), scope).await;
        if ended.note(name, step, rolled_back) {
            ended.rolled_back.push(name);
        }
    }
}

/// Why a step did not succeed.
enum StepError {
    Failed(Error),
    /// It had not ended in time, for the reason given, and was dropped.
    CutOff(&'static str),
}

/// Runs a step for as long as it may take. It must not hold up a `close`, or a stop, for ever.
///
/// To prepare, there is time until the deadline, because all can still be rolled back. A commit or rollback
/// that begins late, or after the deadline, has the patience of `close` in any case: a deadline that passes
/// is why most rollbacks happen.
async fn in_time(
    step: TransactionStep,
    mut running: TransactionFuture<'_>,
    scope: &Scope,
) -> Result<(), StepError> {
    let patience = match step {
        TransactionStep::Prepare => Duration::ZERO,
        TransactionStep::Commit | TransactionStep::RollBack => scope.mediator.close_patience,
    };
    let patient = in_future(patience);
    let ended = async { running.as_mut().await.map_err(StepError::Failed) };
    let late = async {
        scope.until_deadline().await;
        sleep_until(patient).await;
        Err(StepError::CutOff("the deadline of its unit of work passed"))
    };
    let stopped = async {
        let until = scope.mediator.tasks.until_over().await;
        sleep_until(in_future(patience.min(granted(until)))).await;
        scope.mediator.tasks.count_cut_off();
        Err(StepError::CutOff("the time-out of the shutdown passed"))
    };
    let result = race(ended, race(late, stopped)).await;
    drop_unpanicked(running);
    result
}

/// How long a step may take while a system stops, which waits until the instant given. The rest of that time
/// is for the steps that follow, so that all have ended, and are counted, when the report is made.
fn granted(until: Instant) -> Duration {
    match until.checked_duration_since(Instant::now()) {
        Some(left) if !left.is_zero() => left / 4 * 3,
        // The system has stopped, and nothing waits but the caller.
        _ => Duration::MAX,
    }
}

impl TransactionReport {
    /// Keeps the error of a step that did not succeed. Returns whether it did.
    fn note(
        &mut self,
        transaction: &'static str,
        step: TransactionStep,
        result: Result<(), StepError>,
    ) -> bool {
        let (error, cut_off) = match result {
            Ok(()) => return true,
            Err(StepError::Failed(error)) => (error, false),
            Err(StepError::CutOff(why)) => {
                let unknown = match step {
                    TransactionStep::Prepare => "",
                    TransactionStep::Commit => "; whether it is committed is unknown",
                    TransactionStep::RollBack => "; whether it is rolled back is unknown",
                };
                (
                    Error::msg(format_args!("cut off, because {why}{unknown}")),
                    true,
                )
            }
        };
        self.failed.push(TransactionFailure {
            transaction,
            step,
            error: Arc::new(error),
            cut_off,
        });
        false
    }
}
