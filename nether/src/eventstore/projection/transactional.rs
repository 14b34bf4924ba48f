//! A projection that writes into the store's file: what it writes and its checkpoint are one transaction.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use rusqlite::ErrorCode;

use crate::error::{Error, Result};
use crate::eventstore::backend::{DocumentChange, Position, RecordedEvent, StoreError};
use crate::eventstore::checkpoint::checkpoint_at;
use crate::eventstore::follower::wait_after;
use crate::eventstore::projection::Projection;
use crate::eventstore::projection::runner::{ProjectionPlace, ProjectionRunner};
use crate::eventstore::sqlite::{save_document_in, store_error};
use crate::guarded::panicked;

impl<P: Projection> ProjectionRunner<P> {
    /// Handles a page in one transaction; if that fails, each event in one of its own, so that the one that
    /// cannot be handled is found.
    pub(super) async fn handle_in_transaction(
        &self,
        mut events: Vec<RecordedEvent>,
        last: Position,
        place: &mut ProjectionPlace,
    ) -> Option<()> {
        events.retain(|event| !place.parked.has(event.stream.as_str()));
        let changes = vec![checkpoint_at(P::NAME, last)];
        let events = Arc::new(events);
        if self.write(&events, changes.clone()).await.is_ok() {
            return Some(());
        }
        for event in events.iter() {
            if !place.parked.has(event.stream.as_str()) {
                self.handle_or_park(event, place).await?;
            }
        }
        self.follower.save(changes).await
    }

    /// Handles an event in a transaction of its own, or parks it. What is not the event's fault is waited
    /// for.
    async fn handle_or_park(
        &self,
        event: &RecordedEvent,
        place: &mut ProjectionPlace,
    ) -> Option<()> {
        let mut changes = vec![checkpoint_at(P::NAME, event.position)];
        let events = Arc::new(vec![event.clone()]);
        let (mut failed, mut failures) = (0, 0);
        loop {
            let Err(error) = self.write(&events, changes.clone()).await else {
                return Some(());
            };
            if self.follower.ctx.is_cancelled() {
                return None;
            }
            if !is_the_stores(&error) {
                failures += 1;
                if failures > P::SETTINGS.retries {
                    changes.extend(self.park(event, &error, place));
                    break;
                }
            }
            self.follower.log_retry(event, &error);
            failed += 1;
            wait_after(failed, &self.follower.ctx).await;
        }
        self.follower.save(changes).await
    }

    /// Handles an event, as often as the projection's `retries` say.
    pub(super) async fn handle_one_in_transaction(
        &self,
        event: &RecordedEvent,
        changes: Vec<DocumentChange>,
    ) -> Result<()> {
        let events = Arc::new(vec![event.clone()]);
        let attempt = || self.write(&events, changes.clone());
        self.follower
            .tried(P::SETTINGS.retries, event, attempt)
            .await
    }

    /// Handles events and saves changes, or does nothing of it.
    async fn write(
        &self,
        events: &Arc<Vec<RecordedEvent>>,
        changes: Vec<DocumentChange>,
    ) -> Result<()> {
        let events = Arc::clone(events);
        self.in_transaction(move |projection, transaction| {
            for event in events.iter() {
                projection.project_in(event, transaction)?;
                check_open(transaction)?;
            }
            save(&changes, transaction)
        })
        .await
    }

    pub(super) async fn clear_in_transaction(&self, changes: Vec<DocumentChange>) -> Result<()> {
        self.in_transaction(move |projection, transaction| {
            projection.clear_in(transaction)?;
            check_open(transaction)?;
            save(&changes, transaction)
        })
        .await
    }

    /// Does something with the projection, on the thread that writes.
    async fn in_transaction(
        &self,
        work: impl FnOnce(&mut P, &rusqlite::Transaction<'_>) -> Result<()> + Send + 'static,
    ) -> Result<()> {
        let mut projection = Arc::clone(&self.state).write_owned().await;
        let (failed, reported) = std::sync::mpsc::channel();
        let done = self.follower.store.transaction(move |transaction| {
            let worked = catch_unwind(AssertUnwindSafe(|| work(&mut projection, transaction)));
            let worked = worked.unwrap_or_else(|panic| Err(panicked(&*panic)));
            worked.map_err(|error| {
                // The user's own error is kept: it is parked with it.
                let reason = error.to_string();
                let _ = failed.send(error);
                StoreError::Failed {
                    reason,
                    source: None,
                }
            })
        });
        match done.await {
            Ok(()) => Ok(()),
            Err(error) => Err(reported.try_recv().unwrap_or_else(|_| Error::from(error))),
        }
    }
}

fn save(changes: &[DocumentChange], transaction: &rusqlite::Transaction<'_>) -> Result<()> {
    for change in changes {
        save_document_in(transaction, change)?;
    }
    Ok(())
}

/// What the database takes back by itself (the disk is full, say) it has taken back, whatever the handler
/// made of the error: what follows would be written outside of the transaction.
fn check_open(transaction: &rusqlite::Transaction<'_>) -> Result<()> {
    if transaction.is_autocommit() {
        return Err(Error::msg("the database has rolled the transaction back"));
    }
    Ok(())
}

/// Whether it is the store that failed, and not the handler of the event.
fn is_the_stores(error: &Error) -> bool {
    let of_store = |error: &StoreError| {
        matches!(
            error,
            StoreError::Locked { .. }
                | StoreError::Full { .. }
                | StoreError::ReadOnly { .. }
                | StoreError::Closed
        )
    };
    let of_database = |error: &rusqlite::Error| {
        let is_io = error.sqlite_error_code() == Some(ErrorCode::SystemIoFailure);
        is_io || of_store(&store_error(error))
    };
    error.downcast_ref().is_some_and(of_store) || error.downcast_ref().is_some_and(of_database)
}
