//! [`TransactionalStore`]: a backend in whose transactions a program writes beside the store's own data.

use std::any::{Any, type_name};
use std::fmt;
use std::pin::Pin;

use crate::error::{Error, Result};
use crate::eventstore::backend::{
    DocumentChange, DocumentCondition, EventStore, StoreError, StoreFuture,
};
use crate::guarded::PanicPayload;

/// A store in whose transactions a projection writes: its rows and its checkpoint are committed together.
///
/// Implement it for a database beside [`EventStore`], return it from [`EventStore::transactions`], and let
/// [`conformance::check_transactional`](crate::eventstore::conformance::check_transactional) check it.
pub trait TransactionalStore: EventStore + Sized {
    /// A transaction, as handlers of projections take it: `&Transaction<'_>` or `&mut Transaction<'_>`.
    type Transaction<'a>: StoreTransaction<Store = Self>;

    /// The call that provides such a store, for error messages.
    const PROVIDED_BY: &'static str;

    /// Begins a transaction, gives it to [`run`](TransactionWork::run) (or
    /// [`run_now`](TransactionWork::run_now), if it is synchronous), and commits it if that returned `Ok`.
    /// Otherwise the transaction is rolled back. Another one with the same [turn](TransactionWork::turn)
    /// begins after its end, also if the future is dropped: then it is committed whole or not at all.
    ///
    /// # Errors
    /// The error of the work; or why the transaction could not be begun or committed. It may be committed all
    /// the same.
    fn transact(&self, work: TransactionWork<Self>) -> StoreFuture<'_, ()>;

    /// The failure of the store, if that is the reason of an error that a handler has returned: then the
    /// event is not parked, and the transaction is tried again. An implementation checks for the errors of
    /// its database in the whole [chain](Error::chain) of causes, because a handler may wrap them in an error
    /// of its own, and calls [`StoreError::of_store`] for all others.
    ///
    /// A [`StoreError::Failed`] alone is no reason: a database that refuses a statement because of its values
    /// fails so too, and that is about the event. A transaction whose connection is lost says so by
    /// [`EarlyEnd::ByStore`].
    fn store_failure(error: &Error) -> Option<StoreError> {
        StoreError::of_store(error)
    }
}

/// A transaction of a [`TransactionalStore`]: what `#[projection(transaction = ..)]` names.
///
/// A type implements it, and beside it either [`SyncTransaction`] or [`AsyncTransaction`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a transaction of an event store",
    label = "not a transaction of an event store",
    note = "name the type that the crate of the store has for it, without its lifetime: `transaction = SqliteTransaction`"
)]
pub trait StoreTransaction {
    /// The store.
    type Store: TransactionalStore;
}

/// A transaction whose calls block: it stays on the thread that writes, and handlers that take it are `fn`.
pub trait SyncTransaction: StoreTransaction {
    /// Checks that all conditions hold, and that they hold until the transaction has ended.
    ///
    /// # Errors
    /// [`StoreError::PreconditionFailed`] if one does not hold; or why that could not be known.
    fn check(&mut self, conditions: &[DocumentCondition]) -> Result<(), StoreError>;

    /// Changes documents, in the order given.
    ///
    /// # Errors
    /// Why they could not be written.
    fn change(&mut self, changes: &[DocumentChange]) -> Result<(), StoreError>;

    /// Why it has ended, if it is not open any more: a database may have rolled it back by itself, whatever
    /// the handler made of the error. It is asked after each handler, because what is written after the end
    /// would be written outside of the transaction.
    fn ended(&self) -> Option<EarlyEnd> {
        None
    }
}

/// A transaction whose calls are awaited: handlers that take it are `async fn`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is synchronous, so a handler inside of it cannot be `async`",
    label = "the handler is `async`",
    note = "remove `async`: nothing is waited for while such a transaction is open"
)]
pub trait AsyncTransaction: StoreTransaction + Send {
    /// Checks that all conditions hold, and that they hold until the transaction has ended.
    ///
    /// # Errors
    /// [`StoreError::PreconditionFailed`] if one does not hold; or why that could not be known.
    fn check(
        &mut self,
        conditions: &[DocumentCondition],
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Changes documents, in the order given.
    ///
    /// # Errors
    /// Why they could not be written.
    fn change(
        &mut self,
        changes: &[DocumentChange],
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Why it has ended, if it is not open any more: the connection is lost, say, whatever the handler made
    /// of the error. It is asked after each handler, because what is written after the end would be written
    /// outside of the transaction.
    fn ended(&self) -> Option<EarlyEnd> {
        None
    }
}

/// Why a transaction has ended before its work was done. Nothing of the work is committed then.
#[derive(Debug, Clone)]
pub enum EarlyEnd {
    /// A handler has ended it, by a `COMMIT` or `ROLLBACK` of its own, or has tried to. This is a failure of
    /// the handler: its event is tried again, and then parked. The text says what it did, and what to do
    /// instead.
    ByHandler(String),
    /// The store has failed: the connection is lost, say. The transaction is tried again, and no event is
    /// parked, whatever the handler has returned.
    ByStore(StoreError),
    /// The database has rolled it back, and it is not known why. If the handler has failed, its error says
    /// what has failed, see [`TransactionalStore::store_failure`]. If it has succeeded all the same, it has
    /// dropped the error of the database: the store may have failed, so its event is tried again for five
    /// minutes, and then parked.
    RolledBack,
}

/// The transactions of a store whose type is not known: what [`EventStore::transactions`] returns.
#[derive(Clone, Copy)]
pub struct Transactions<'a> {
    store: &'a (dyn Any + Send + Sync),
    name: &'static str,
}

impl<'a> Transactions<'a> {
    /// Those of that store.
    pub fn of<S: TransactionalStore>(store: &'a S) -> Self {
        Transactions {
            store,
            name: type_name::<S::Transaction<'static>>(),
        }
    }

    /// The store, if it is of that type.
    pub(in crate::eventstore) fn store<S: TransactionalStore>(self) -> Option<&'a S> {
        self.store.downcast_ref()
    }

    /// The type of its transactions.
    pub(in crate::eventstore) fn name(self) -> &'static str {
        self.name
    }
}

impl fmt::Debug for Transactions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Transactions").field(&self.name).finish()
    }
}

/// What a handler does in a transaction: done already, if it is an `fn`, or to be awaited.
pub struct Worked<'t>(pub(in crate::eventstore) HandlerWork<'t>);

pub(in crate::eventstore) enum HandlerWork<'t> {
    Done(Result<()>),
    Waits(Pin<Box<dyn Future<Output = Result<()>> + Send + 't>>),
}

impl<'t> Worked<'t> {
    /// It is done.
    pub fn done(result: Result<()>) -> Self {
        Worked(HandlerWork::Done(result))
    }

    /// It is awaited.
    pub fn waits(work: impl Future<Output = Result<()>> + Send + 't) -> Self {
        Worked(HandlerWork::Waits(Box::pin(work)))
    }
}

impl fmt::Debug for Worked<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            HandlerWork::Done(_) => "Worked::Done",
            HandlerWork::Waits(_) => "Worked::Waits",
        })
    }
}

/// Work for one transaction of a store: handlers run, and documents change, if conditions hold.
///
/// It is made by what follows the store, and run by a [`TransactionalStore`].
pub struct TransactionWork<S: TransactionalStore> {
    /// What documents have to be for anything to be done.
    pub(in crate::eventstore) conditions: Vec<DocumentCondition>,
    /// The document that it leaves. If it is there already, an earlier attempt was committed.
    pub(in crate::eventstore) turn: DocumentCondition,
    pub(in crate::eventstore) steps: Box<dyn WorkSteps<S>>,
}

impl<S: TransactionalStore> TransactionWork<S> {
    /// The collection and key of the document that this work leaves, by which it is known whether it is done.
    /// Two that leave the same must not be done at the same time: a store that allows several transactions at
    /// once excludes them.
    pub fn turn(&self) -> (&str, &str) {
        (&self.turn.collection, &self.turn.key)
    }
}

impl<S: TransactionalStore> fmt::Debug for TransactionWork<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TransactionWork")
            .field("conditions", &self.conditions)
            .finish_non_exhaustive()
    }
}

/// The steps of a transaction, one after the other.
pub(in crate::eventstore) trait WorkSteps<S: TransactionalStore>:
    Send
{
    /// Begins the next step.
    fn next<'t>(&'t mut self, transaction: &'t mut S::Transaction<'_>) -> WorkStep<'t>;

    /// A step has failed, and all is rolled back. Returns the text of the failure.
    fn failed(&mut self, failure: StepFailure) -> String;
}

/// A step of a transaction.
pub(in crate::eventstore) enum WorkStep<'t> {
    /// A handler runs.
    Handle(Worked<'t>),
    /// All is done but these changes.
    Commit(Vec<DocumentChange>),
}

/// Why a step has failed.
pub(in crate::eventstore) enum StepFailure {
    /// It is the store that failed.
    Store(StoreError),
    /// The database has rolled back, and the handler has dropped its error: it may be either.
    Unexplained,
    /// It is the handler.
    Handler(Error),
    Panicked(PanicPayload),
}
