//! Reads and writes of a runner: they are repeated with backoff until they succeed, or fail for good.

use std::pin::Pin;
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::escaped::Escaped;
use crate::eventstore::backend::{
    DocumentChange, DocumentCondition, EventPage, PAGE, Position, RecordedEvent, StoreError,
};
use crate::eventstore::follower::{Followed, Follower, RunnerEnd};
use crate::eventstore::lease::Lease;
use crate::guarded::{catch, said_last};
use crate::module::Backoff;
use crate::race::race;
use crate::scope::Scope;

/// The wait before a repeated attempt.
const BACKOFF: Backoff = Backoff {
    first: Duration::from_millis(50),
    longest: Duration::from_secs(10),
};

/// How long a runner that has to stop tries to save its progress.
const SAVING_WHILE_STOPPING: Duration = Duration::from_secs(3);

impl<F: Followed> Follower<F> {
    /// Whether nothing more may be begun: the module has to stop, or another runner has taken over.
    pub(in crate::eventstore) fn is_stopping(&self) -> bool {
        self.ctx.is_cancelled() || self.is_fenced()
    }

    /// Whether it is known that another runner has taken over.
    pub(super) fn is_fenced(&self) -> bool {
        self.lease.as_ref().is_some_and(|lease| lease.is_lost())
    }

    /// Checks that it may go on.
    ///
    /// # Errors
    /// [`RunnerEnd::Fenced`] or [`RunnerEnd::Stopped`].
    pub(in crate::eventstore) fn check_going(&self) -> Result<(), RunnerEnd> {
        match (self.is_fenced(), self.ctx.is_cancelled()) {
            (true, _) => Err(RunnerEnd::Fenced),
            (false, true) => Err(RunnerEnd::Stopped),
            (false, false) => Ok(()),
        }
    }

    /// Asks the store whether this runner still holds the lease, if another may have taken it: after the
    /// process was suspended, say. Without this, what the runner does outside of the store would be done by
    /// both.
    pub(super) async fn confirm_lease(&self) -> Result<(), RunnerEnd> {
        if let Some(lease) = &self.lease
            && lease.is_in_doubt()
        {
            self.read_persistently(|| lease.confirm(&self.store))
                .await?;
        }
        Ok(())
    }

    /// The conditions on every write of its progress: that it still holds the lease, if it needs one.
    pub(in crate::eventstore) fn fence(&self) -> Vec<DocumentCondition> {
        self.lease.iter().map(|lease| lease.fence()).collect()
    }

    /// Reads from the store until that succeeds, or the module has to stop.
    pub(in crate::eventstore) fn read_persistently<'a, T: 'a, R>(
        &'a self,
        attempt: impl FnMut() -> R + Send + 'a,
    ) -> impl Future<Output = Result<T, RunnerEnd>> + Send + 'a
    where
        R: Future<Output = Result<T, StoreError>> + Send + 'a,
    {
        self.attempts().persistently(boxed(attempt), None)
    }

    /// Changes documents on condition of the [fence](Self::fence), and repeats that as
    /// [`write_persistently`](Self::write_persistently) does.
    pub(in crate::eventstore) async fn write(
        &self,
        changes: Vec<DocumentChange>,
    ) -> Result<(), RunnerEnd> {
        let attempt = || {
            let (changes, fence) = (changes.clone(), self.fence());
            self.store.change_documents(changes, fence)
        };
        self.write_persistently(attempt).await
    }

    /// Writes into the store until that succeeds. While the module stops it goes on for
    /// [`SAVING_WHILE_STOPPING`], because what is not saved would be done again.
    pub(in crate::eventstore) fn write_persistently<'a, T: 'a, R>(
        &'a self,
        attempt: impl FnMut() -> R + Send + 'a,
    ) -> impl Future<Output = Result<T, RunnerEnd>> + Send + 'a
    where
        R: Future<Output = Result<T, StoreError>> + Send + 'a,
    {
        self.attempts()
            .persistently(boxed(attempt), Some(SAVING_WHILE_STOPPING))
    }

    /// Reads from the store, or returns [`RunnerEnd::Stopped`] as soon as the module has to stop: a read that
    /// hangs does not delay the stop.
    pub(super) fn unless_stopped<'a, T: 'a>(
        &'a self,
        read: impl Future<Output = Result<T, StoreError>> + Send + 'a,
    ) -> impl Future<Output = Result<Result<T, StoreError>, RunnerEnd>> + Send + 'a {
        self.attempts().unless_stopped(Box::pin(read))
    }

    fn attempts(&self) -> StoreAttempts<'_> {
        StoreAttempts {
            name: F::NAME,
            scope: &self.ctx.handle().scope,
            lease: self.lease.as_deref(),
        }
    }

    /// Does the last thing of a runner in the store, once, and not for longer than a stop may take.
    pub(super) async fn unless_late(&self, last: impl Future<Output = Result<(), StoreError>>) {
        let name = F::NAME;
        match timeout(SAVING_WHILE_STOPPING, unpanicked(last)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::debug!(name, error = %Escaped(&error), "the lease could not be given back")
            }
            Err(late) => tracing::debug!(name, %late, "the lease could not be given back"),
        }
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

    /// Reads the event at a position, if there is one.
    pub(in crate::eventstore) async fn event(
        &self,
        at: Position,
    ) -> Result<Option<RecordedEvent>, RunnerEnd> {
        let before = Position(at.0.saturating_sub(1));
        let read = self.read_persistently(|| self.store.read_all(before, 1));
        Ok(read.await?.pop().filter(|event| event.position == at))
    }

    /// Waits until there are events after a position. If the store fails to say so, it waits with backoff,
    /// and the caller then reads without knowing. Returns how often in a row the store has failed, `failed`
    /// times before this.
    pub(super) async fn news(&self, after: Position, failed: u32) -> Result<u32, RunnerEnd> {
        let error = match unpanicked(async { self.store.wait_for_new(after).await }).await {
            Ok(_) => return Ok(0),
            // The store is closed, say, or has lost events that were read.
            Err(error) if error.is_permanent() => return Err(RunnerEnd::Failed(error)),
            Err(error) => error,
        };
        let name = F::NAME;
        tracing::warn!(
            name,
            error = %Escaped(&error),
            "the event store does not say whether there are new events"
        );
        let failed = failed.saturating_add(1);
        sleep(wait(failed, &self.ctx.handle().scope)).await;
        Ok(failed)
    }
}

/// One attempt at a read or write.
type StoreAttempt<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// Attempts as futures of one type, so that what repeats them is compiled once for each result, and not for
/// each place that reads or writes in each projection and saga of a program.
fn boxed<'a, T, R>(
    mut attempt: impl FnMut() -> R + Send + 'a,
) -> Box<dyn FnMut() -> StoreAttempt<'a, T> + Send + 'a>
where
    R: Future<Output = Result<T, StoreError>> + Send + 'a,
{
    Box::new(move || Box::pin(attempt()))
}

/// What a runner has to know to repeat its attempts, whatever it runs.
#[derive(Clone, Copy)]
struct StoreAttempts<'a> {
    /// The projection or saga, for logs.
    name: &'static str,
    scope: &'a Scope,
    lease: Option<&'a Lease>,
}

impl<'a> StoreAttempts<'a> {
    async fn persistently<T>(
        self,
        mut attempt: Box<dyn FnMut() -> StoreAttempt<'a, T> + Send + 'a>,
        while_stopping: Option<Duration>,
    ) -> Result<T, RunnerEnd> {
        let (mut failed, mut stopping_since) = (0, None);
        loop {
            if self.lease.is_some_and(Lease::is_lost) {
                return Err(RunnerEnd::Fenced);
            }
            if self.scope.is_cancelled() {
                let Some(longest) = while_stopping else {
                    return Err(RunnerEnd::Stopped);
                };
                // The backoff starts anew, so that there is time for several attempts.
                let since = *stopping_since.get_or_insert_with(|| {
                    failed = 0;
                    Instant::now()
                });
                if since.elapsed() >= longest {
                    break;
                }
            }
            let attempted = match while_stopping {
                None => self.unless_stopped(attempt()).await?,
                Some(longest) => match self.before_end(attempt(), stopping_since, longest).await {
                    Some(attempted) => attempted,
                    None => break,
                },
            };
            let error = match (attempted, self.lease) {
                (Ok(done), _) => return Ok(done),
                (Err(StoreError::PreconditionFailed { .. }), Some(lease)) => {
                    lease.mark_lost();
                    return Err(RunnerEnd::Fenced);
                }
                (Err(error), _) => error,
            };
            let name = self.name;
            if error.is_permanent() {
                tracing::error!(name, error = %Escaped(&error), "the event store has failed for good");
                return Err(RunnerEnd::Failed(error));
            }
            tracing::warn!(name, error = %Escaped(&error), "the event store failed: it is tried again");
            failed += 1;
            match self.scope.is_cancelled() {
                true => sleep(wait(failed, self.scope)).await,
                false => wait_after(failed, self.scope).await,
            }
        }
        tracing::error!(
            name = self.name,
            "it is not known whether the progress was saved before the stop: the last events may be handled again"
        );
        Err(RunnerEnd::Unsaved)
    }

    /// Writes into the store; gives that up once the module has been stopping for `longest`.
    async fn before_end<T>(
        self,
        write: StoreAttempt<'a, T>,
        stopping_since: Option<Instant>,
        longest: Duration,
    ) -> Option<Result<T, StoreError>> {
        let late = async {
            self.scope.cancelled().await;
            sleep_until(stopping_since.unwrap_or_else(Instant::now) + longest).await;
            None
        };
        race(async { Some(unpanicked(write).await) }, late).await
    }

    /// Reads from the store, or returns [`RunnerEnd::Stopped`] as soon as the module has to stop: a read that
    /// hangs does not delay the stop.
    async fn unless_stopped<T>(
        self,
        read: StoreAttempt<'a, T>,
    ) -> Result<Result<T, StoreError>, RunnerEnd> {
        let stopped = async {
            self.scope.cancelled().await;
            Err(RunnerEnd::Stopped)
        };
        race(async { Ok(unpanicked(read).await) }, stopped).await
    }
}

/// The answer of the store. A panic of a user's backend becomes an error like any other.
pub(in crate::eventstore) async fn unpanicked<T>(
    attempt: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    catch(attempt).await.unwrap_or_else(|panic| {
        Err(StoreError::Failed {
            reason: format!("it panicked: {}", said_last(panic)),
            source: None,
        })
    })
}

/// Waits before the next attempt at something that has failed `failed` times, or until the module has to
/// stop.
pub(in crate::eventstore) async fn wait_after(failed: u32, scope: &Scope) {
    race(sleep(wait(failed, scope)), scope.cancelled()).await;
}

/// How long to wait before the next attempt at something that has failed `failed` times.
pub(in crate::eventstore) fn wait(failed: u32, scope: &Scope) -> Duration {
    BACKOFF.wait(failed, &scope.mediator.chance)
}
