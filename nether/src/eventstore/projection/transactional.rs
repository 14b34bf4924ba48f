//! A projection that writes in the store's transactions: what it writes and its checkpoint are committed
//! together.

use std::any::type_name;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::context::Context;
use crate::error::{Error, Result};
use crate::eventstore::backend::{
    AsyncTransaction, DocumentChange, DocumentCondition, EventId, Position, RecordedEvent,
    StepFailure, StoreError, StoreFuture, TransactionWork, TransactionalStore, WorkStep, WorkSteps,
    Worked,
};
use crate::eventstore::follower::{
    EventFailure, Follower, FollowerPlace, RunnerEnd, SAVE_AFTER, StepSpan, UnsavedPlace,
};
use crate::eventstore::projection::page::PageOfProjection;
use crate::eventstore::projection::runner::ProjectionRunner;
use crate::eventstore::projection::state::OwnProjection;
use crate::eventstore::projection::{Projection, Projections, TransactionalProjection};
use crate::eventstore::store::Store;
use crate::eventstore::stored::successors;
use crate::sync::lock;

/// How long an event is tried again whose transaction the database has rolled back, while the handler has
/// dropped the error: if the file is full, it may have room again.
const UNEXPLAINED_FOR: Duration = Duration::from_secs(300);

/// The collection of the documents that transactions leave, by the names of projections: the last one of
/// each.
pub(in crate::eventstore) const TURNS: &str = "transaction";

const UNEXPLAINED: &str =
    "the database has rolled the transaction back, and the handler has dropped its error";

/// How a projection runs inside of the store's transactions, without the type of the store.
#[doc(hidden)]
pub struct InTransaction<P: Projection> {
    check: fn(&Store) -> Result<()>,
    transact: fn(&Store, ProjectionWork<P>) -> StoreFuture<'_, ()>,
}

/// How it runs inside of transactions.
///
/// Not public API. Used by generated code.
#[doc(hidden)]
pub const fn in_transaction<P: TransactionalProjection>() -> InTransaction<P> {
    InTransaction {
        check: |store| found::<P>(store).map(|_| ()),
        transact: |store, work| match found::<P>(store) {
            Ok(backend) => backend.transact(work.begun()),
            Err(error) => Box::pin(std::future::ready(Err(StoreError::Failed {
                reason: error.to_string(),
                source: None,
            }))),
        },
    }
}

/// The store whose transactions a projection wants.
///
/// # Errors
/// If the one that was provided has others, or none.
fn found<P: TransactionalProjection>(store: &Store) -> Result<&P::Store> {
    let transactions = store.transactions();
    if let Some(backend) = transactions.and_then(|it| it.store()) {
        return Ok(backend);
    }
    let has = match transactions {
        Some(other) => format!("has those of `{}`", other.name()),
        None => "has none".to_owned(),
    };
    Err(Error::msg(format!(
        "the projection `{}` writes in transactions of the type `{}`, and the store that was provided {has}: provide {}",
        P::DESCRIPTOR.declaration.name,
        type_name::<<P::Store as TransactionalStore>::Transaction<'static>>(),
        <P::Store as TransactionalStore>::PROVIDED_BY,
    )))
}

impl<P: Projection> fmt::Debug for InTransaction<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InTransaction")
    }
}

impl<P: Projection> InTransaction<P> {
    /// Checks that the store has the transactions that the projection wants.
    ///
    /// # Errors
    /// If it has others, or none.
    pub(super) fn check(&self, store: &Store) -> Result<()> {
        (self.check)(store)
    }
}

/// What a projection does in one transaction. A clone is for another attempt.
struct ProjectionTask<P: Projection> {
    events: Arc<[RecordedEvent]>,
    /// Whether it is cleared first.
    clears: bool,
    changes: TaskChanges<P>,
    /// Where it is after all of that.
    last: Position,
}

/// The documents that change with a task.
enum TaskChanges<P: Projection> {
    /// If all of it is done, and less is not committed.
    Whole(Vec<DocumentChange>),
    /// Up to wherever it comes; and who says that it is to stop.
    UpTo(Arc<UnsavedPlace>, Context<Projections<P>>),
}

impl<P: Projection> Clone for TaskChanges<P> {
    fn clone(&self) -> Self {
        match self {
            TaskChanges::Whole(changes) => TaskChanges::Whole(changes.clone()),
            TaskChanges::UpTo(place, ctx) => TaskChanges::UpTo(Arc::clone(place), ctx.clone()),
        }
    }
}

impl<P: Projection> Clone for ProjectionTask<P> {
    fn clone(&self) -> Self {
        ProjectionTask {
            events: Arc::clone(&self.events),
            clears: self.clears,
            changes: self.changes.clone(),
            last: self.last,
        }
    }
}

/// An attempt at a task.
struct ProjectionWork<P: Projection> {
    projection: OwnProjection<P>,
    task: ProjectionTask<P>,
    fence: Vec<DocumentCondition>,
    turn: DocumentCondition,
    report: Arc<Mutex<WorkReport>>,
}

/// The outcome of the attempts at a task so far.
#[derive(Default)]
struct WorkReport {
    /// How far the last one came that was to be committed.
    reached: Position,
    /// Why the last one has failed.
    failed: Option<WorkFailure>,
    /// Since when all of them have failed without an explanation.
    unexplained_since: Option<tokio::time::Instant>,
}

/// Why an attempt has failed.
enum WorkFailure {
    Projection(EventFailure),
    Store(StoreError),
    /// The one or the other.
    Unexplained,
}

impl WorkReport {
    /// What becomes of a task whose last attempt has failed: it has failed, or it is tried again because the
    /// store has.
    fn failure(&mut self, failed: WorkFailure, is_one: bool) -> Result<EventFailure, StoreError> {
        let since = match failed {
            WorkFailure::Projection(failure) => return Ok(failure),
            WorkFailure::Store(error) => {
                self.unexplained_since = None;
                return Err(error);
            }
            WorkFailure::Unexplained => self.unexplained_since,
        };
        let since = since.unwrap_or_else(tokio::time::Instant::now);
        self.unexplained_since = Some(since);
        // A task of several events fails at once, so that the one at fault is found.
        if !is_one || since.elapsed() >= UNEXPLAINED_FOR {
            return Ok(EventFailure {
                is_final: true,
                ..EventFailure::new(UNEXPLAINED)
            });
        }
        Err(StoreError::Failed {
            reason: UNEXPLAINED.to_owned(),
            source: None,
        })
    }
}

impl<P: TransactionalProjection> ProjectionWork<P> {
    /// The work, as the store takes it.
    fn begun(self) -> TransactionWork<P::Store> {
        TransactionWork {
            conditions: self.fence,
            turn: self.turn,
            steps: Box::new(ProjectionSteps {
                projection: self.projection,
                task: self.task,
                begun: None,
                handled: 0,
                successors: Vec::new(),
                shown: 0,
                report: self.report,
            }),
        }
    }
}

/// The steps of an attempt.
struct ProjectionSteps<P: Projection> {
    projection: OwnProjection<P>,
    task: ProjectionTask<P>,
    begun: Option<Instant>,
    /// How many of the events.
    handled: usize,
    /// What the last of them becomes, if it is retired, and how many of these are handled.
    successors: Vec<RecordedEvent>,
    shown: usize,
    report: Arc<Mutex<WorkReport>>,
}

impl<P: Projection> ProjectionSteps<P> {
    /// Whether it has to stop, or it is time to save.
    fn is_late(&self) -> bool {
        let TaskChanges::UpTo(_, ctx) = &self.task.changes else {
            return false;
        };
        ctx.is_cancelled() || self.begun.is_some_and(|it| it.elapsed() >= SAVE_AFTER)
    }

    /// What the last event becomes that the projection handles, if it is retired.
    ///
    /// # Errors
    /// If it cannot be read.
    fn successors_of_last(&self) -> Result<Option<Vec<RecordedEvent>>, StoreError> {
        let Some(successors) = successors(&self.task.events[self.handled - 1]) else {
            return Ok(None);
        };
        let mut events = successors?;
        events.retain(|event| P::handles(&event.name));
        Ok(Some(events))
    }

    /// The last changes, after so many of the events.
    fn done(&mut self) -> Vec<DocumentChange> {
        let reached = match self.handled.checked_sub(1) {
            Some(last) if self.handled < self.task.events.len() => self.task.events[last].position,
            _ => self.task.last,
        };
        lock(&self.report).reached = reached;
        match &mut self.task.changes {
            TaskChanges::Whole(changes) => std::mem::take(changes),
            TaskChanges::UpTo(place, _) => place.changes_to(reached),
        }
    }
}

impl<P: TransactionalProjection> WorkSteps<P::Store> for ProjectionSteps<P> {
    fn next<'t>(
        &'t mut self,
        transaction: &'t mut <P::Store as TransactionalStore>::Transaction<'_>,
    ) -> WorkStep<'t> {
        self.begun.get_or_insert_with(Instant::now);
        if std::mem::take(&mut self.task.clears) {
            return WorkStep::Handle(self.projection.get().clear_in(transaction));
        }
        // An event that becomes several is handled by one transaction.
        while self.shown == self.successors.len() {
            let all = self.task.events.len();
            if self.handled == all || self.handled > 0 && self.is_late() {
                return WorkStep::Commit(self.done());
            }
            self.handled += 1;
            match self.successors_of_last() {
                Ok(Some(events)) => (self.successors, self.shown) = (events, 0),
                Ok(None) => {
                    let event = &self.task.events[self.handled - 1];
                    return handled_by(self.projection.get(), event, transaction);
                }
                Err(error) => return WorkStep::Handle(Worked::done(Err(error.into()))),
            }
        }
        let event = &self.successors[self.shown];
        self.shown += 1;
        handled_by(self.projection.get(), event, transaction)
    }

    fn failed(&mut self, failure: StepFailure) -> String {
        let failed = match failure {
            StepFailure::Store(error) => WorkFailure::Store(error),
            StepFailure::Unexplained => WorkFailure::Unexplained,
            StepFailure::Handler(error) => WorkFailure::Projection(EventFailure::of(error)),
            StepFailure::Panicked(panic) => WorkFailure::Projection(EventFailure::panicked(panic)),
        };
        let text = match &failed {
            WorkFailure::Projection(failure) => failure.text.clone(),
            WorkFailure::Store(error) => error.to_string(),
            WorkFailure::Unexplained => UNEXPLAINED.to_owned(),
        };
        lock(&self.report).failed = Some(failed);
        text
    }
}

/// The step in which a projection handles an event.
fn handled_by<'t, P: TransactionalProjection>(
    projection: &'t mut P,
    event: &'t RecordedEvent,
    transaction: &'t mut <P::Store as TransactionalStore>::Transaction<'_>,
) -> WorkStep<'t> {
    let span = StepSpan::of_event(P::NAME, None, event);
    let worked = span.run_in_transaction(|| {
        let worked = projection.project_in(event, transaction);
        worked.within(P::SETTINGS.policy.timeout)
    });
    WorkStep::Handle(worked)
}

impl<P: Projection> ProjectionRunner<P> {
    /// Handles a page in one transaction; if that fails, each event in one of its own, so that the one that
    /// cannot be handled is found.
    pub(super) async fn handle_in_transaction(
        &mut self,
        how: &InTransaction<P>,
        follower: &Follower<Self>,
        place: &mut FollowerPlace,
        events: Vec<RecordedEvent>,
    ) -> Result<(), RunnerEnd> {
        let Some(last) = events.last().map(|event| event.position) else {
            return Ok(());
        };
        let page = PageOfProjection::of::<P>(events, place);
        if page.own.is_empty() {
            place.position = last;
            page.waiting.note(place);
            return follower.save(self, place).await;
        }
        let events: Arc<[RecordedEvent]> = page.own.into();
        let whole = ProjectionTask {
            events: Arc::clone(&events),
            clears: false,
            changes: TaskChanges::UpTo(Arc::new(place.unsaved()), follower.ctx.clone()),
            last,
        };
        if let Ok(reached) = self.in_transaction(how, follower, whole).await? {
            place.reach(reached);
            page.waiting.note(place);
            follower.publish(place);
            return Ok(());
        }
        for event in events.iter() {
            if follower.is_stopping() {
                page.waiting.note(place);
                return follower.save(self, place).await;
            }
            let stream = event.stream.as_str();
            if place.parked.has(stream) {
                place.parked.wait_behind(stream, event.position);
                place.position = event.position;
                continue;
            }
            let changes = place.changes_to(event.position);
            match self.write_one(how, follower, event, changes).await? {
                Ok(_) => place.reach(event.position),
                Err(failure) => {
                    follower.park(place, stream, event.position, failure);
                    place.position = event.position;
                }
            }
        }
        place.position = last;
        page.waiting.note(place);
        follower.save(self, place).await
    }

    /// Handles an event and saves changes, or does nothing of it.
    pub(super) async fn write_one(
        &self,
        how: &InTransaction<P>,
        follower: &Follower<Self>,
        event: &RecordedEvent,
        changes: Vec<DocumentChange>,
    ) -> Result<Result<Position, EventFailure>, RunnerEnd> {
        let one = ProjectionTask {
            events: [event.clone()].into(),
            clears: false,
            changes: TaskChanges::Whole(changes),
            last: event.position,
        };
        self.in_transaction(how, follower, one).await
    }

    pub(super) async fn clear_in_transaction(
        &self,
        how: &InTransaction<P>,
        follower: &Follower<Self>,
        changes: Vec<DocumentChange>,
    ) -> Result<Result<Position, EventFailure>, RunnerEnd> {
        let clears = ProjectionTask {
            events: [].into(),
            clears: true,
            changes: TaskChanges::Whole(changes),
            last: Position::START,
        };
        self.in_transaction(how, follower, clears).await
    }

    /// Does a task, again and again if it is the store that fails; returns how far it came. A store may fail
    /// after it has committed: then it is not done again, which is known by the id that it leaves.
    async fn in_transaction(
        &self,
        how: &InTransaction<P>,
        follower: &Follower<Self>,
        task: ProjectionTask<P>,
    ) -> Result<Result<Position, EventFailure>, RunnerEnd> {
        let report = Arc::default();
        let turn = DocumentCondition {
            collection: TURNS.into(),
            key: P::NAME.into(),
            content: Some(EventId::new().to_string().into_bytes()),
        };
        follower
            .write_persistently(|| self.attempt(how, follower, &task, &turn, &report))
            .await
    }

    async fn attempt(
        &self,
        how: &InTransaction<P>,
        follower: &Follower<Self>,
        task: &ProjectionTask<P>,
        turn: &DocumentCondition,
        report: &Arc<Mutex<WorkReport>>,
    ) -> Result<Result<Position, EventFailure>, StoreError> {
        lock(report).failed = None;
        let work = ProjectionWork {
            projection: self.state.own().await,
            task: task.clone(),
            fence: follower.fence(),
            turn: turn.clone(),
            report: Arc::clone(report),
        };
        let done = (how.transact)(&follower.store, work).await;
        let mut report = lock(report);
        match (done, report.failed.take()) {
            (Ok(()), _) => Ok(Ok(report.reached)),
            (Err(_), Some(failed)) => {
                let is_one = matches!(task.changes, TaskChanges::Whole(_));
                report.failure(failed, is_one).map(Err)
            }
            (Err(error), None) => Err(error),
        }
    }
}

/// What a handler that waits does, in a transaction that is awaited.
///
/// Not public API. Used by generated code.
#[doc(hidden)]
pub fn waits_in<'t, T: AsyncTransaction>(
    work: impl Future<Output = Result<()>> + Send + 't,
) -> Worked<'t> {
    Worked::waits(work)
}
