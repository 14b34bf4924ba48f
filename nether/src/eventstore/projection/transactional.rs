//! A projection that writes into the store's file: what it writes and its checkpoint are one transaction.

use std::sync::{Arc, Mutex, mpsc};
use std::time::Instant;

use rusqlite::{ErrorCode, Transaction};

use crate::error::{Error, Result};
use crate::eventstore::backend::{
    DocumentChange, DocumentCondition, EventId, Position, RecordedEvent, StoreError,
};
use crate::eventstore::checkpoint::checkpoint_at;
use crate::eventstore::follower::{
    EventFailure, Follower, FollowerPlace, RunnerEnd, SAVE_AFTER, guarded_now,
};
use crate::eventstore::projection::Projection;
use crate::eventstore::projection::page::PageOfProjection;
use crate::eventstore::projection::runner::ProjectionRunner;
use crate::eventstore::projection::showing::show_in;
use crate::eventstore::sqlite::{check_conditions_in, save_document_in, store_error};
use crate::sync::lock;

impl<P: Projection> ProjectionRunner<P> {
    /// Handles a page in one transaction; if that fails, each event in one of its own, so that the one that
    /// cannot be handled is found.
    pub(super) async fn handle_in_transaction(
        &mut self,
        follower: &Follower<Self>,
        place: &mut FollowerPlace,
        events: Vec<RecordedEvent>,
    ) -> Result<(), RunnerEnd> {
        let Some(last) = events.last().map(|event| event.position) else {
            return Ok(());
        };
        let page = PageOfProjection::of::<P>(events, place);
        let events = Arc::new(page.own);
        let written = self.write_page(follower, place, &events, last).await?;
        if let Ok(reached) = written {
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
            match self.write_one(follower, event, changes).await? {
                Ok(()) => place.reach(event.position),
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

    /// Handles events until it has to stop, or it is time to save; gives how far it came.
    async fn write_page(
        &self,
        follower: &Follower<Self>,
        place: &FollowerPlace,
        events: &Arc<Vec<RecordedEvent>>,
        last: Position,
    ) -> Result<Result<Position, EventFailure>, RunnerEnd> {
        let changes = place.changes_to(last);
        self.in_transaction(follower, || {
            let (events, changes, ctx) =
                (Arc::clone(events), changes.clone(), follower.ctx.clone());
            move |projection: &mut P, transaction: &Transaction<'_>| {
                let began = Instant::now();
                let mut reached = None;
                for event in events.iter() {
                    let is_late = || ctx.is_cancelled() || began.elapsed() >= SAVE_AFTER;
                    if let Some(reached) = reached
                        && is_late()
                    {
                        save(&changes, transaction)?;
                        save(&[checkpoint_at(P::NAME, reached)], transaction)?;
                        return Ok(reached);
                    }
                    show_in(projection, event, transaction)?;
                    check_open(transaction)?;
                    reached = Some(event.position);
                }
                save(&changes, transaction)?;
                Ok(last)
            }
        })
        .await
    }

    /// Handles an event and saves changes, or does nothing of it.
    pub(super) async fn write_one(
        &self,
        follower: &Follower<Self>,
        event: &RecordedEvent,
        changes: Vec<DocumentChange>,
    ) -> Result<Result<(), EventFailure>, RunnerEnd> {
        let event = Arc::new(event.clone());
        self.in_transaction(follower, || {
            let (event, changes) = (Arc::clone(&event), changes.clone());
            move |projection: &mut P, transaction: &Transaction<'_>| {
                show_in(projection, &event, transaction)?;
                check_open(transaction)?;
                save(&changes, transaction)
            }
        })
        .await
    }

    pub(super) async fn clear_in_transaction(
        &self,
        follower: &Follower<Self>,
        changes: Vec<DocumentChange>,
    ) -> Result<Result<(), EventFailure>, RunnerEnd> {
        self.in_transaction(follower, || {
            let changes = changes.clone();
            move |projection: &mut P, transaction: &Transaction<'_>| {
                projection.clear_in(transaction)?;
                check_open(transaction)?;
                save(&changes, transaction)
            }
        })
        .await
    }

    /// Does something with the projection, on the thread that writes, again and again if it is the store that
    /// fails. A store may fail after it has committed: then it is not done again.
    async fn in_transaction<T, W>(
        &self,
        follower: &Follower<Self>,
        work: impl Fn() -> W,
    ) -> Result<Result<T, EventFailure>, RunnerEnd>
    where
        T: Copy + Send + 'static,
        W: FnOnce(&mut P, &Transaction<'_>) -> Result<T> + Send + 'static,
    {
        let turn = ProjectionTurn::new(P::NAME);
        follower
            .write_persistently(|| self.transaction(follower, turn.clone(), work()))
            .await
    }

    async fn transaction<T, W>(
        &self,
        follower: &Follower<Self>,
        turn: ProjectionTurn<T>,
        work: W,
    ) -> Result<Result<T, EventFailure>, StoreError>
    where
        T: Copy + Send + 'static,
        W: FnOnce(&mut P, &Transaction<'_>) -> Result<T> + Send + 'static,
    {
        let mut projection = self.state.own().await;
        let (failed, reported) = mpsc::channel();
        let fence = follower.fence();
        let done = follower.store.transaction(move |transaction| {
            check_conditions_in(transaction, &fence)?;
            if let Some(done) = turn.done(transaction)? {
                return Ok(done);
            }
            let mut of_store = None;
            // User code runs, and its values are dropped, inside of this: the thread writes for all.
            let worked = guarded_now(|| {
                let worked = work(projection.get(), transaction);
                let worked = worked.and_then(|done| turn.take(done, transaction));
                of_store = worked.as_ref().err().and_then(store_failure);
                worked
            });
            worked.map_err(|failure| {
                let rolled_back = StoreError::Failed {
                    reason: failure.text.clone(),
                    source: None,
                };
                let _ = failed.send(of_store.map_or(Ok(failure), Err));
                rolled_back
            })
        });
        match done.await {
            Ok(done) => Ok(Ok(done)),
            Err(error) => match reported.try_recv() {
                Ok(failed) => failed.map(Err),
                Err(_) => Err(error),
            },
        }
    }
}

/// A transaction that is tried until it is known to be committed. It leaves its id in the store, by which a
/// later attempt finds that an earlier one was committed.
#[derive(Clone)]
struct ProjectionTurn<T> {
    document: DocumentCondition,
    /// The result of the last attempt.
    result: Arc<Mutex<Option<T>>>,
}

impl<T: Copy> ProjectionTurn<T> {
    fn new(name: &str) -> Self {
        ProjectionTurn {
            document: DocumentCondition {
                collection: "transaction".into(),
                key: name.into(),
                content: Some(EventId::new().to_string().into_bytes()),
            },
            result: Arc::default(),
        }
    }

    /// The result of the attempt that was committed, if one was.
    fn done(&self, transaction: &Transaction<'_>) -> Result<Option<T>, StoreError> {
        let document = std::slice::from_ref(&self.document);
        match check_conditions_in(transaction, document) {
            Ok(()) => Ok(*lock(&self.result)),
            Err(StoreError::PreconditionFailed { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Leaves its id, with that result.
    fn take(&self, result: T, transaction: &Transaction<'_>) -> Result<T> {
        let DocumentCondition {
            collection,
            key,
            content,
        } = self.document.clone();
        let taken = DocumentChange {
            collection,
            key,
            content,
        };
        save_document_in(transaction, &taken)?;
        *lock(&self.result) = Some(result);
        Ok(result)
    }
}

fn save(changes: &[DocumentChange], transaction: &Transaction<'_>) -> Result<()> {
    for change in changes {
        save_document_in(transaction, change)?;
    }
    Ok(())
}

/// What the database takes back by itself (the disk is full, say) it has taken back, whatever the handler
/// made of the error: what follows would be written outside of the transaction.
fn check_open(transaction: &Transaction<'_>) -> Result<()> {
    if transaction.is_autocommit() {
        return Err(Error::msg("the database has rolled the transaction back"));
    }
    Ok(())
}

/// The error of the store, if it is the store that failed, and not the handler of the event.
fn store_failure(error: &Error) -> Option<StoreError> {
    let is_of_store = |error: &StoreError| {
        matches!(
            error,
            StoreError::Locked { .. }
                | StoreError::Full { .. }
                | StoreError::ReadOnly { .. }
                | StoreError::Closed
        )
    };
    if let Some(error) = error.downcast_ref::<StoreError>() {
        return is_of_store(error).then(|| error.clone());
    }
    let error = error.downcast_ref::<rusqlite::Error>()?;
    let is_io = error.sqlite_error_code() == Some(ErrorCode::SystemIoFailure);
    let error = store_error(error);
    (is_io || is_of_store(&error)).then_some(error)
}
