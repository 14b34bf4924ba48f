//! What a runner does with the store: again and again, if what is wrong may pass.

use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, sleep};

use crate::context::Context;
use crate::error::{Error, Result};
use crate::eventstore::backend::{
    DocumentChange, EventPage, PAGE, Position, RecordedEvent, StoreError,
};
use crate::eventstore::follower::{Followed, Follower};
use crate::guarded::{catch, said_last};
use crate::module::Backoff;
use crate::race::race;
use crate::routing::Caller;

/// How long to wait before something is tried again.
const BACKOFF: Backoff = Backoff {
    first: Duration::from_millis(50),
    longest: Duration::from_secs(10),
};

/// How long a runner that has to stop tries to save its progress.
const SAVING_WHILE_STOPPING: Duration = Duration::from_secs(3);

/// Why a runner ends.
#[derive(Debug)]
pub(in crate::eventstore) enum RunnerEnd {
    /// It had to stop. What it has in memory can be saved.
    Stopped,
    /// It had to stop, and what it has done could not be saved. Nothing that it has in memory may reach the
    /// store after that: the store would have one half of a change, and the other half would be done again.
    Unsaved,
    /// The store has failed for good.
    Failed(StoreError),
}

impl RunnerEnd {
    /// Why an order is not carried out to its end.
    fn to_error(&self) -> Error {
        match self {
            RunnerEnd::Stopped | RunnerEnd::Unsaved => Error::msg("it is stopping"),
            RunnerEnd::Failed(error) => error.clone().into(),
        }
    }
}

/// Answers an order. An end of the runner is an error for those who gave the order, and it still ends the
/// runner.
pub(in crate::eventstore) fn answer<T>(
    done: oneshot::Sender<Result<T>>,
    carried: Result<Result<T>, RunnerEnd>,
) -> Result<(), RunnerEnd> {
    let (answer, end) = match carried {
        Ok(answer) => (answer, Ok(())),
        Err(end) => (Err(end.to_error()), Err(end)),
    };
    let _ = done.send(answer);
    end
}

impl<F: Followed> Follower<F> {
    /// Whether the module has to stop.
    pub(in crate::eventstore) fn is_stopping(&self) -> bool {
        self.ctx.is_cancelled()
    }

    /// Reads from the store until that succeeds, or the module has to stop.
    pub(in crate::eventstore) async fn read_persistently<T, R>(
        &self,
        attempt: impl FnMut() -> R,
    ) -> Result<T, RunnerEnd>
    where
        R: Future<Output = Result<T, StoreError>>,
    {
        self.persistently(attempt, None).await
    }

    /// Changes documents. What is done is written down also while the module stops: it would be done again.
    pub(in crate::eventstore) async fn write(
        &self,
        changes: Vec<DocumentChange>,
    ) -> Result<(), RunnerEnd> {
        let attempt = || self.store.change_documents(changes.clone());
        self.write_persistently(attempt).await
    }

    /// Writes into the store until that succeeds; also while the module stops, but not for ever.
    pub(in crate::eventstore) async fn write_persistently<T, R>(
        &self,
        attempt: impl FnMut() -> R,
    ) -> Result<T, RunnerEnd>
    where
        R: Future<Output = Result<T, StoreError>>,
    {
        self.persistently(attempt, Some(SAVING_WHILE_STOPPING))
            .await
    }

    async fn persistently<T, R>(
        &self,
        mut attempt: impl FnMut() -> R,
        while_stopping: Option<Duration>,
    ) -> Result<T, RunnerEnd>
    where
        R: Future<Output = Result<T, StoreError>>,
    {
        let (mut failed, mut stopping_since) = (0, None);
        loop {
            if self.is_stopping() {
                let Some(longest) = while_stopping else {
                    return Err(RunnerEnd::Stopped);
                };
                // However often it has failed before: the store may be well again.
                let since = *stopping_since.get_or_insert_with(|| {
                    failed = 0;
                    Instant::now()
                });
                if since.elapsed() >= longest {
                    break;
                }
            }
            // A backend of the user's may panic.
            let attempted = catch(async { attempt().await }).await;
            let attempted = attempted.unwrap_or_else(|panic| {
                Err(StoreError::Failed {
                    reason: format!("it panicked: {}", said_last(panic)),
                    source: None,
                })
            });
            let error = match attempted {
                Ok(done) => return Ok(done),
                Err(error) => error,
            };
            let name = F::NAME;
            if error.is_permanent() {
                tracing::error!(name, %error, "the event store has failed for good");
                return Err(RunnerEnd::Failed(error));
            }
            tracing::warn!(name, %error, "the event store failed: it is tried again");
            failed += 1;
            match self.is_stopping() {
                true => sleep(wait(failed, &self.ctx)).await,
                false => wait_after(failed, &self.ctx).await,
            }
        }
        tracing::error!(
            name = F::NAME,
            "the progress could not be saved before the stop: the last events are handled again"
        );
        Err(RunnerEnd::Unsaved)
    }

    /// The position of the newest event.
    pub(in crate::eventstore) async fn head(&self) -> Result<Position, RunnerEnd> {
        self.read_persistently(|| self.store.head()).await
    }

    /// Reads events after a position.
    pub(in crate::eventstore) async fn page(
        &self,
        after: Position,
    ) -> Result<EventPage, RunnerEnd> {
        self.read_persistently(|| self.store.read_all_page(after, PAGE))
            .await
    }

    /// Reads one event, if there is one at that position.
    pub(in crate::eventstore) async fn event(
        &self,
        at: Position,
    ) -> Result<Option<RecordedEvent>, RunnerEnd> {
        let before = Position(at.0.saturating_sub(1));
        let read = self.read_persistently(|| self.store.read_all(before, 1));
        Ok(read.await?.pop().filter(|event| event.position == at))
    }

    /// Waits until there are events after a position, or it is time to look without knowing, since the store
    /// could not say so often. Gives how often that is now.
    pub(super) async fn news(&self, after: Position, failed: u32) -> Result<u32, RunnerEnd> {
        // A panic of a backend of the user's is an error as any other.
        let error = match catch(async { self.store.wait_for_new(after).await }).await {
            Ok(Ok(_)) => return Ok(0),
            Ok(Err(StoreError::Closed)) => return Err(RunnerEnd::Failed(StoreError::Closed)),
            Ok(Err(error)) => error.to_string(),
            Err(panic) => format!("it panicked: {}", said_last(panic)),
        };
        let name = F::NAME;
        tracing::warn!(
            name,
            error,
            "the event store does not say whether there are new events"
        );
        let failed = failed.saturating_add(1);
        sleep(wait(failed, &self.ctx)).await;
        Ok(failed)
    }
}

/// Waits before something is tried again that has failed so often; no longer than the module runs.
pub(in crate::eventstore) async fn wait_after<S: Caller>(failed: u32, ctx: &Context<S>) {
    race(sleep(wait(failed, ctx)), ctx.cancelled()).await;
}

/// How long to wait before something is tried again that has failed so often.
pub(in crate::eventstore) fn wait<S: Caller>(failed: u32, ctx: &Context<S>) -> Duration {
    BACKOFF.wait(failed, &ctx.handle().scope.mediator.chance)
}
