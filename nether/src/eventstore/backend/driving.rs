//! How the work of a transaction is run: at once, or awaited.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::time::timeout;

use crate::error::{Error, Result};
use crate::eventstore::backend::transactional::HandlerWork;
use crate::eventstore::backend::{
    AsyncTransaction, DocumentChange, DocumentCondition, EarlyEnd, StepFailure, StoreError,
    SyncTransaction, TransactionWork, TransactionalStore, WorkStep, Worked,
};
use crate::guarded::{PanicPayload, Shielded, catch, drop_unpanicked};

/// What came of a step: the last changes, if it was the last.
type Stepped = Result<Result<Option<Vec<DocumentChange>>>, PanicPayload>;

impl<S: TransactionalStore> TransactionWork<S> {
    /// Does it in a transaction that blocks. Handlers of the program run inside of this; their panics go no
    /// further.
    ///
    /// # Errors
    /// Why the transaction has to be rolled back.
    pub fn run_now<'a>(mut self, transaction: &mut S::Transaction<'a>) -> Result<(), StoreError>
    where
        S::Transaction<'a>: SyncTransaction,
    {
        transaction.check(&self.conditions)?;
        if is_there(transaction.check(std::slice::from_ref(&self.turn)))? {
            return Ok(());
        }
        loop {
            let stepped = catch_unwind(AssertUnwindSafe(|| match self.steps.next(transaction) {
                WorkStep::Handle(worked) => worked.now().map(|()| None),
                WorkStep::Commit(changes) => Ok(Some(changes)),
            }));
            if let Some(mut changes) = self.checked(stepped, transaction.ended())? {
                changes.push(taken(self.turn));
                return transaction.change(&changes);
            }
        }
    }

    /// Does it in a transaction that is awaited. Handlers of the program run inside of this; their panics go
    /// no further.
    ///
    /// # Errors
    /// Why the transaction has to be rolled back.
    pub async fn run<'a>(mut self, transaction: &mut S::Transaction<'a>) -> Result<(), StoreError>
    where
        S::Transaction<'a>: AsyncTransaction,
    {
        transaction.check(&self.conditions).await?;
        if is_there(transaction.check(std::slice::from_ref(&self.turn)).await)? {
            return Ok(());
        }
        loop {
            let stepped = catch(async {
                match self.steps.next(transaction) {
                    WorkStep::Handle(worked) => worked.awaited().await.map(|()| None),
                    WorkStep::Commit(changes) => Ok(Some(changes)),
                }
            });
            let stepped = stepped.await;
            if let Some(mut changes) = self.checked(stepped, transaction.ended())? {
                changes.push(taken(self.turn));
                return transaction.change(&changes).await;
            }
        }
    }

    /// The last changes, if that was the last step.
    fn checked(
        &mut self,
        stepped: Stepped,
        ended: Option<EarlyEnd>,
    ) -> Result<Option<Vec<DocumentChange>>, StoreError> {
        let failure = match (stepped, ended) {
            (Ok(Ok(changes)), None) => return Ok(changes),
            (stepped, Some(EarlyEnd::ByStore(error))) => {
                drop_unpanicked(stepped);
                StepFailure::Store(error)
            }
            (Ok(Ok(_)), Some(EarlyEnd::RolledBack)) => StepFailure::Unexplained,
            (Ok(Ok(_)), Some(EarlyEnd::ByHandler(reason))) => {
                StepFailure::Handler(Error::msg(reason))
            }
            (Ok(Err(error)), Some(EarlyEnd::ByHandler(reason))) => {
                let both = format!("{}: {reason}", Shielded::new(&error));
                drop_unpanicked(error);
                StepFailure::Handler(Error::msg(both))
            }
            (Ok(Err(error)), _) => match S::store_failure(&error) {
                Some(failure) => StepFailure::Store(failure),
                None => StepFailure::Handler(error),
            },
            (Err(panic), _) => StepFailure::Panicked(panic),
        };
        Err(StoreError::Failed {
            reason: self.steps.failed(failure),
            source: None,
        })
    }
}

impl<'t> Worked<'t> {
    /// This work, cut off after `limit`, which is a failure of the handler. Only work that waits can be cut
    /// off.
    pub(in crate::eventstore) fn within(self, limit: Option<Duration>) -> Self {
        match (self.0, limit) {
            (HandlerWork::Waits(work), Some(limit)) => Worked::waits(async move {
                let late = |_| {
                    Err(Error::msg(format!(
                        "its handler took longer than {limit:?}"
                    )))
                };
                timeout(limit, work).await.unwrap_or_else(late)
            }),
            (work, _) => Worked(work),
        }
    }
}

impl Worked<'_> {
    async fn awaited(self) -> Result<()> {
        match self.0 {
            HandlerWork::Done(done) => done,
            HandlerWork::Waits(waits) => waits.await,
        }
    }

    /// The result of a handler that cannot wait.
    fn now(self) -> Result<()> {
        match self.0 {
            HandlerWork::Done(done) => done,
            HandlerWork::Waits(mut waits) => {
                match waits.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                    Poll::Ready(done) => done,
                    Poll::Pending => Err(Error::msg("waits inside of a transaction that blocks")),
                }
            }
        }
    }
}

/// Whether a document has its content.
fn is_there(checked: Result<(), StoreError>) -> Result<bool, StoreError> {
    match checked {
        Ok(()) => Ok(true),
        Err(StoreError::PreconditionFailed { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

/// The change after which a document has its content.
fn taken(turn: DocumentCondition) -> DocumentChange {
    DocumentChange {
        collection: turn.collection,
        key: turn.key,
        content: turn.content,
    }
}
