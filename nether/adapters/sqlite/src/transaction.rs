//! [`SqliteTransaction`]: what is written beside the store's own data, and committed with it.

use std::fmt;
use std::ops::Deref;

use nether::Error;
use nether::eventstore::{
    DocumentChange, DocumentCondition, EarlyEnd, StoreError, StoreFuture, StoreTransaction,
    SyncTransaction, TransactionWork, TransactionalStore,
};
use rusqlite::{ErrorCode, Transaction};

use crate::SqliteStore;
use crate::append::{change_document, check_conditions};
use crate::errors::store_error;
use crate::lent::{Lent, failed};

/// A transaction in the file of a [`SqliteStore`]. What a projection writes with it is committed together
/// with the checkpoint.
///
/// It is used as the transaction of `rusqlite` that is behind it, in the version that this crate exports as
/// [`rusqlite`](crate::rusqlite). The store alone ends it. `BEGIN`, `COMMIT`, `ROLLBACK`, `ATTACH` and
/// `DETACH`, changes of tables whose names begin with `nether_` and of the file's settings are refused as not
/// authorized, and nothing of such a transaction is written. Savepoints are allowed. The hooks of this
/// connection are the store's.
pub struct SqliteTransaction<'a> {
    transaction: &'a Transaction<'a>,
    lent: &'a Lent,
}

impl<'a> SqliteTransaction<'a> {
    pub(super) fn new(transaction: &'a Transaction<'a>, lent: &'a Lent) -> Self {
        SqliteTransaction { transaction, lent }
    }

    /// What the work of a program has returned, unless that is not how its transaction ends.
    pub(super) fn unless_ended<T>(&self, worked: nether::Result<T>) -> nether::Result<T> {
        let ended = match &worked {
            Ok(_) => self.lent.ended(),
            Err(_) => self.lent.refusal().map(failed),
        };
        ended.map_or(worked, |error| Err(error.into()))
    }
}

impl<'a> Deref for SqliteTransaction<'a> {
    type Target = Transaction<'a>;

    fn deref(&self) -> &Self::Target {
        self.transaction
    }
}

impl fmt::Debug for SqliteTransaction<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SqliteTransaction")
    }
}

impl StoreTransaction for SqliteTransaction<'_> {
    type Store = SqliteStore;
}

impl SyncTransaction for SqliteTransaction<'_> {
    fn check(&mut self, conditions: &[DocumentCondition]) -> Result<(), StoreError> {
        self.lent.as_store(|| {
            check_conditions(self.transaction, conditions).map_err(|error| store_error(&error))?
        })
    }

    fn change(&mut self, changes: &[DocumentChange]) -> Result<(), StoreError> {
        let mut changes = changes.iter();
        self.lent.as_store(|| {
            let changed = changes.try_for_each(|change| change_document(self.transaction, change));
            changed.map_err(|error| store_error(&error))
        })
    }

    fn ended(&self) -> Option<EarlyEnd> {
        if let Some(reason) = self.lent.refusal() {
            return Some(EarlyEnd::ByHandler(reason));
        }
        let has_ended = self.lent.has_ended() || self.transaction.is_autocommit();
        has_ended.then_some(EarlyEnd::RolledBack)
    }
}

impl TransactionalStore for SqliteStore {
    type Transaction<'a> = SqliteTransaction<'a>;

    const PROVIDED_BY: &'static str = "`Store::new(nether_sqlite::SqliteStore::open(..)?)`";

    fn transact(&self, work: TransactionWork<Self>) -> StoreFuture<'_, ()> {
        Box::pin(self.in_transaction(move |transaction| work.run_now(transaction)))
    }

    fn store_failure(error: &Error) -> Option<StoreError> {
        let mut errors = error.chain().filter_map(|it| it.downcast_ref());
        let failure = errors.find_map(failure_of_database);
        failure.or_else(|| StoreError::of_store(error))
    }
}

/// An error of the database that is not about what was to be written.
fn failure_of_database(error: &rusqlite::Error) -> Option<StoreError> {
    let is_io = error.sqlite_error_code() == Some(ErrorCode::SystemIoFailure);
    let error = store_error(error);
    let is_of_store = matches!(
        error,
        StoreError::Locked { .. } | StoreError::Full { .. } | StoreError::ReadOnly { .. }
    );
    (is_io || is_of_store).then_some(error)
}
