//! [`PostgresTransaction`]: the transaction of a step of a projection.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

use nether::Error;
use nether::eventstore::{
    AsyncTransaction, DocumentChange, DocumentCondition, EarlyEnd, StoreError, StoreFuture,
    StoreTransaction, TransactionWork, TransactionalStore,
};
use nether::integration::hold_clock;

use crate::PostgresStore;
use crate::errors::store_error;
use crate::limits::Limits;
use crate::transaction::SharedTransaction;

/// The transaction in which a projection writes, `#[projection(.., transaction = PostgresTransaction)]`: what
/// its handlers write is committed together with the checkpoint.
///
/// It has the methods of a [`SharedTransaction`].
pub struct PostgresTransaction<'a> {
    shared: SharedTransaction,
    step: PhantomData<&'a ()>,
}

impl Deref for PostgresTransaction<'_> {
    type Target = SharedTransaction;

    fn deref(&self) -> &SharedTransaction {
        &self.shared
    }
}

impl fmt::Debug for PostgresTransaction<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PostgresTransaction")
            .field(&self.shared)
            .finish()
    }
}

impl StoreTransaction for PostgresTransaction<'_> {
    type Store = PostgresStore;
}

impl AsyncTransaction for PostgresTransaction<'_> {
    async fn check(&mut self, conditions: &[DocumentCondition]) -> Result<(), StoreError> {
        let connection = self.shared.connection()?;
        let client = connection.client();
        let limit = self.shared.limits().answer;
        let _hold = hold_clock();
        let sql = format!(
            "SELECT content FROM {}.documents WHERE collection = $1 AND key = $2",
            self.shared.schema()
        );
        for condition in conditions {
            let found = async {
                let statement = client.prepare_cached(&sql).await?;
                let (collection, key) = (&*condition.collection, &*condition.key);
                client.query_opt(&statement, &[&collection, &key]).await
            };
            let found = Limits::answered(limit, found).await?;
            let found = found.map_err(|error| store_error(&error))?;
            let content = found.as_ref().map(|row| row.get::<_, &[u8]>(0));
            if content != condition.content.as_deref() {
                return Err(StoreError::PreconditionFailed {
                    collection: Arc::clone(&condition.collection),
                    key: Arc::clone(&condition.key),
                });
            }
        }
        // They are checked again by the commit, when nothing can come between.
        self.shared.require(conditions);
        Ok(())
    }

    async fn change(&mut self, changes: &[DocumentChange]) -> Result<(), StoreError> {
        self.shared.change(changes);
        Ok(())
    }

    fn ended(&self) -> Option<EarlyEnd> {
        self.shared.failure()
    }
}

impl TransactionalStore for PostgresStore {
    type Transaction<'a> = PostgresTransaction<'a>;

    const PROVIDED_BY: &'static str =
        "`Store::new(nether_postgres::PostgresStore::connect(..).await?)`";

    fn transact(&self, work: TransactionWork<Self>) -> StoreFuture<'_, ()> {
        Box::pin(async move {
            let client = self.inner.transactions.client().await?;
            let turn = work.turn();
            let turn = (turn.0.to_owned(), turn.1.to_owned());
            let name = Some((&*turn.0, &*turn.1));
            let mut transaction = PostgresTransaction {
                shared: self.begin_named(client, name).await?,
                step: PhantomData,
            };
            match work.run(&mut transaction).await {
                Ok(()) => transaction.end_by_commit().await.map(|_| ()),
                Err(error) => {
                    transaction.end_by_rollback().await;
                    Err(error)
                }
            }
        })
    }

    fn store_failure(error: &Error) -> Option<StoreError> {
        let mut errors = error.chain().filter_map(|it| it.downcast_ref());
        let failure = errors.find_map(|error: &tokio_postgres::Error| {
            let error = store_error(error);
            (!matches!(error, StoreError::Failed { .. })).then_some(error)
        });
        failure.or_else(|| StoreError::of_store(error))
    }
}
