//! [`SharedTransaction`]: what is written beside the store's own data, and committed with it.

use std::fmt;
use std::sync::{Arc, Mutex};

use deadpool_postgres::{Client, Object};
use nether::eventstore::{
    Append, Appended, DocumentChange, DocumentCondition, EarlyEnd, StoreError,
};
use nether::integration::{hold_clock, lock};
use tokio::sync::watch;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Row, Statement};

#[cfg(doc)]
use crate::PostgresStore;
use crate::errors::{failed, is_outdated, store_error};
use crate::head_watch::NewestEvent;
use crate::limits::Limits;
use crate::schema::Schema;
use crate::sql_text::{ends_transaction, rolls_back_to};
use crate::statement::WriteStatement;
use crate::work::Work;

/// A transaction of the store's database that the handlers of a unit of work share: see
/// [`PostgresStore::begin`].
///
/// What it is to [append](SharedTransaction::append) is sent together with the commit: no other writer of the
/// store waits while the program runs. The unit of work, or the projection, alone ends it. Statements that
/// begin or end a transaction are refused; savepoints are allowed. After an error of a statement PostgreSQL
/// takes no other one, except `ROLLBACK TO` a savepoint, and nothing is committed. Settings are changed with
/// `SET LOCAL`, because the connection is used again.
///
/// A clone is another handle of the same transaction. A statement after its end fails with
/// [`TransactionError::Ended`]. If all handles are dropped before, it is rolled back.
#[derive(Clone)]
pub struct SharedTransaction {
    open: Arc<OpenTransaction>,
}

/// Why a statement in a [`SharedTransaction`] has failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum TransactionError {
    /// The database has refused it, or cannot be reached.
    Database(tokio_postgres::Error),
    /// It begins or ends a transaction, and was not sent.
    Refused {
        /// The statement.
        statement: &'static str,
    },
    /// The transaction is over.
    Ended,
}

impl fmt::Display for TransactionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TransactionError::Database(error) => {
                write!(f, "{}", crate::errors::text(error))
            }
            TransactionError::Refused { statement } => write!(
                f,
                "{statement} is refused inside of a transaction of the store, and nothing of the transaction is written: return `Ok` to commit it, an error to roll it back, and use `SAVEPOINT` for a part of it"
            ),
            TransactionError::Ended => f.write_str("the transaction is over"),
        }
    }
}

impl std::error::Error for TransactionError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            TransactionError::Database(error) => Some(error),
            TransactionError::Refused { .. } | TransactionError::Ended => None,
        }
    }
}

/// A transaction whose handles may be many.
struct OpenTransaction {
    state: Mutex<TransactionState>,
    /// Which one it is to the server: an id that no other transaction of the database has.
    id: String,
    /// Whether it is that of a projection.
    is_of_step: bool,
    schema: Schema,
    limits: Limits,
    /// Where the position of what it has appended is published.
    written: watch::Sender<NewestEvent>,
}

#[derive(Default)]
struct TransactionState {
    /// There until the transaction ends.
    connection: Option<Arc<Connection>>,
    /// Conditions that held, and must hold when it is committed.
    conditions: Vec<DocumentCondition>,
    changes: Vec<DocumentChange>,
    appends: Vec<Append>,
    /// Why nothing of it will be committed.
    failure: Option<EarlyEnd>,
}

impl SharedTransaction {
    /// Begins a transaction on that connection. With a name, it waits until no other transaction with that
    /// name is open.
    pub(super) async fn begin(
        client: Client,
        name: Option<(&str, &str)>,
        schema: Schema,
        limits: Limits,
        written: watch::Sender<NewestEvent>,
    ) -> Result<Self, StoreError> {
        let _hold = hold_clock();
        let begun = Connection::of(client);
        let id = Limits::answered(limits.answer, begun.begin(name, &schema)).await?;
        let id = id.map_err(|error| store_error(&error))?;
        Ok(SharedTransaction {
            open: Arc::new(OpenTransaction {
                state: Mutex::new(TransactionState {
                    connection: Some(Arc::new(begun)),
                    ..TransactionState::default()
                }),
                id,
                is_of_step: name.is_some(),
                schema,
                limits,
                written,
            }),
        })
    }

    /// Runs a query, and returns its rows.
    ///
    /// # Errors
    /// Why it has failed; then nothing of the transaction is committed, unless it is rolled back to a
    /// savepoint.
    pub async fn query(
        &self,
        sql: &str,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, TransactionError> {
        self.run(sql, async |client, statement| {
            client.query(&statement, parameters).await
        })
        .await
    }

    /// Runs a query that returns one row, or none.
    ///
    /// # Errors
    /// As [`query`](SharedTransaction::query), and if there are several rows.
    pub async fn query_opt(
        &self,
        sql: &str,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<Option<Row>, TransactionError> {
        self.run(sql, async |client, statement| {
            client.query_opt(&statement, parameters).await
        })
        .await
    }

    /// Runs a query that returns one row.
    ///
    /// # Errors
    /// As [`query`](SharedTransaction::query), and if there is no row, or several.
    pub async fn query_one(
        &self,
        sql: &str,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<Row, TransactionError> {
        self.run(sql, async |client, statement| {
            client.query_one(&statement, parameters).await
        })
        .await
    }

    /// Runs a statement, and returns how many rows it has changed.
    ///
    /// # Errors
    /// As [`query`](SharedTransaction::query).
    pub async fn execute(
        &self,
        sql: &str,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<u64, TransactionError> {
        self.run(sql, async |client, statement| {
            client.execute(&statement, parameters).await
        })
        .await
    }

    /// Runs statements without parameters, divided by `;`.
    ///
    /// # Errors
    /// As [`query`](SharedTransaction::query).
    pub async fn batch_execute(&self, sql: &str) -> Result<(), TransactionError> {
        let connection = self.connection_for(sql)?;
        let _hold = hold_clock();
        let unanswered = Unanswered(&self.open);
        let done = connection.client().batch_execute(sql).await;
        unanswered.end();
        self.noted(sql, done)
    }

    /// Appends events to a stream when the transaction is committed: they are stored with what else it has
    /// written, or nothing is. What the append expects is checked then. Two appends must not be to the same
    /// stream. `ROLLBACK TO` a savepoint does not take an append back.
    ///
    /// # Errors
    /// [`TransactionError::Ended`] if the transaction is over: the events are not stored.
    pub fn append(&self, append: Append) -> Result<(), TransactionError> {
        let mut state = lock(&self.open.state);
        if state.connection.is_none() {
            return Err(TransactionError::Ended);
        }
        state.appends.push(append);
        Ok(())
    }

    /// Runs a statement, which the connection knows from then on, as long as its tables stay as they are.
    async fn run<T>(
        &self,
        sql: &str,
        run: impl AsyncFnOnce(&Client, Statement) -> Result<T, tokio_postgres::Error>,
    ) -> Result<T, TransactionError> {
        let connection = self.connection_for(sql)?;
        let _hold = hold_clock();
        let unanswered = Unanswered(&self.open);
        let done = async {
            let client = connection.client();
            let statement = client.prepare_cached(sql).await?;
            run(client, statement).await
        };
        let done = done.await;
        unanswered.end();
        self.noted(sql, done)
    }

    /// The connection, if the statement may be sent.
    fn connection_for(&self, sql: &str) -> Result<Arc<Connection>, TransactionError> {
        let mut state = lock(&self.open.state);
        let connection = state.connection.clone().ok_or(TransactionError::Ended)?;
        if let Some(statement) = ends_transaction(sql) {
            let error = TransactionError::Refused { statement };
            state
                .failure
                .get_or_insert(EarlyEnd::ByHandler(error.to_string()));
            return Err(error);
        }
        Ok(connection)
    }

    /// The result of a statement; an error of it is what the transaction has failed by. A savepoint takes it
    /// back.
    fn noted<T>(
        &self,
        sql: &str,
        done: Result<T, tokio_postgres::Error>,
    ) -> Result<T, TransactionError> {
        let mut state = lock(&self.open.state);
        match done {
            Ok(done) => {
                // The server has rolled back to a savepoint: what had failed behind that is undone.
                let is_of_handler = matches!(state.failure, Some(EarlyEnd::ByHandler(_)));
                if state.failure.is_some() && !is_of_handler && rolls_back_to(sql) {
                    state.failure = None;
                }
                Ok(done)
            }
            Err(error) => {
                if is_outdated(&error)
                    && let Some(connection) = &state.connection
                {
                    connection.forget_statements();
                }
                state
                    .failure
                    .get_or_insert_with(|| match store_error(&error) {
                        StoreError::Failed { .. } => EarlyEnd::RolledBack,
                        error => EarlyEnd::ByStore(error),
                    });
                Err(TransactionError::Database(error))
            }
        }
    }

    /// Commits it, with what it is to append; or rolls it back, if something has failed.
    pub(super) async fn end_by_commit(&self) -> Result<Vec<Appended>, StoreError> {
        let _hold = hold_clock();
        let state = std::mem::take(&mut *lock(&self.open.state));
        let connection = state.connection.and_then(Arc::into_inner);
        let connection = connection.ok_or_else(|| {
            failed(
                "a statement is under way in the transaction: nothing of it is committed"
                    .to_owned(),
            )
        })?;
        let limits = self.open.limits;
        if let Some(failure) = state.failure {
            connection.roll_back(limits).await;
            return Err(match failure {
                EarlyEnd::ByStore(error) => error,
                EarlyEnd::ByHandler(reason) => failed(reason),
                EarlyEnd::RolledBack => failed(
                    "a statement of the transaction has failed, so that nothing of it is written: return its error, or use `SAVEPOINT`".to_owned(),
                ),
            });
        }
        let twice = Append::check_all(&state.appends).err();
        let work = Work {
            appends: state.appends,
            changes: state.changes,
            conditions: state.conditions,
            twice,
        };
        if let Err(error) = work.check_texts() {
            connection.roll_back(limits).await;
            return Err(error);
        }
        let limit = limits.answer_to(work.bytes());
        let appended = Limits::answered(limit, connection.commit(&self.open, &work)).await??;
        if let Some(newest) = NewestEvent::of(&work, &appended) {
            newest.publish(&self.open.written);
        }
        Ok(appended)
    }

    pub(super) fn connection(&self) -> Result<Arc<Connection>, StoreError> {
        let connection = lock(&self.open.state).connection.clone();
        connection.ok_or(StoreError::Closed)
    }

    pub(super) fn limits(&self) -> Limits {
        self.open.limits
    }

    pub(super) fn schema(&self) -> &Schema {
        &self.open.schema
    }

    /// Has the commit check conditions, when nothing can come between.
    pub(super) fn require(&self, conditions: &[DocumentCondition]) {
        lock(&self.open.state)
            .conditions
            .extend_from_slice(conditions);
    }

    pub(super) fn change(&self, changes: &[DocumentChange]) {
        lock(&self.open.state).changes.extend_from_slice(changes);
    }

    /// Why nothing of it will be committed.
    pub(super) fn failure(&self) -> Option<EarlyEnd> {
        lock(&self.open.state).failure.clone()
    }

    /// Checks that it is not that of a projection, which the store alone ends.
    fn check_own(&self, end: &str) -> Result<(), StoreError> {
        if !self.open.is_of_step {
            return Ok(());
        }
        let reason = format!(
            "{end} is refused in a handler of a projection, and nothing of its transaction is written: the store commits it"
        );
        let mut state = lock(&self.open.state);
        state
            .failure
            .get_or_insert_with(|| EarlyEnd::ByHandler(reason.clone()));
        Err(failed(reason))
    }

    pub(super) async fn end_by_rollback(&self) {
        let _hold = hold_clock();
        let state = std::mem::take(&mut *lock(&self.open.state));
        // A statement that is under way keeps the connection, which is closed with it.
        if let Some(connection) = state.connection.and_then(Arc::into_inner) {
            connection.roll_back(self.open.limits).await;
        }
    }
}

/// A statement without an answer: if it is dropped, its result is not known.
struct Unanswered<'a>(&'a OpenTransaction);

impl Unanswered<'_> {
    fn end(self) {
        std::mem::forget(self);
    }
}

impl Drop for Unanswered<'_> {
    fn drop(&mut self) {
        lock(&self.0.state).failure.get_or_insert_with(|| {
            EarlyEnd::ByHandler(
                "a statement of the transaction was dropped before its answer, so that nothing of the transaction is written: wait for each statement, and limit its time by `SET LOCAL statement_timeout`".to_owned(),
            )
        });
    }
}

/// A connection with an open transaction. When it is dropped, it is closed and does not go back to its pool,
/// so that the server rolls back.
pub(super) struct Connection(Option<Client>);

impl Connection {
    fn of(client: Client) -> Self {
        Connection(Some(client))
    }

    pub(super) fn client(&self) -> &Client {
        self.0.as_ref().expect("it is there until it is kept")
    }

    /// Has each connection of the pool prepare its statements anew.
    fn forget_statements(&self) {
        if let Some(pool) = Object::pool(self.client()) {
            pool.manager().statement_caches.clear();
        }
    }

    /// The connection, to be used on.
    fn keep(mut self) -> Client {
        self.0.take().expect("it is there until it is kept")
    }

    /// Begins a transaction, and returns its id.
    async fn begin(
        &self,
        name: Option<(&str, &str)>,
        schema: &Schema,
    ) -> Result<String, tokio_postgres::Error> {
        let client = self.client();
        // What ends a statement is found in its text as if strings had no escapes.
        let begin = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL standard_conforming_strings = on";
        // Functions are named with their schema: others with the same name must not take their place, which
        // are in a schema in which anyone may make some.
        let id = "SELECT pg_catalog.pg_current_xact_id()::text";
        let Some((collection, key)) = name else {
            let id = client.prepare_cached(id).await?;
            let (begun, id) = tokio::join!(client.batch_execute(begin), client.query_one(&id, &[]));
            begun?;
            return Ok(id?.get(0));
        };
        // Others with the name wait for this one, in whatever process they are.
        let lock = "SELECT pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended(pg_catalog.concat_ws(E'\\n', $1::text, $2::text, $3::text), 0))";
        let (lock, id) = tokio::try_join!(client.prepare_cached(lock), client.prepare_cached(id))?;
        let parameters: [&(dyn ToSql + Sync); 3] = [&schema.name(), &collection, &key];
        let (begun, locked, id) = tokio::join!(
            client.batch_execute(begin),
            client.query(&lock, &parameters),
            client.query_one(&id, &[]),
        );
        begun?;
        locked?;
        Ok(id?.get(0))
    }

    /// Writes what is left, and commits, in one message: the server is not left in between with other writers
    /// waiting.
    async fn commit(
        self,
        open: &OpenTransaction,
        work: &Work,
    ) -> Result<Vec<Appended>, StoreError> {
        let client = self.client();
        let statement = WriteStatement::prepare_commit(client, &open.schema).await;
        let statement = statement.map_err(|error| store_error(&error))?;
        let (written, committed) = tokio::join!(
            statement.run_in(client, &open.id, work),
            client.batch_execute("COMMIT"),
        );
        if committed.is_ok() {
            // Back to the pool: the transaction is over, also if what was to be written is refused.
            drop(self.keep());
        }
        let written = written?;
        committed.map_err(|error| store_error(&error))?;
        Ok(written)
    }

    /// Rolls back. A connection whose server does not answer is closed, which does the same.
    async fn roll_back(self, limits: Limits) {
        let rolled_back = self.client().batch_execute("ROLLBACK");
        let rolled_back = Limits::answered(limits.lock(), rolled_back).await;
        if matches!(rolled_back, Ok(Ok(()))) {
            drop(self.keep());
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        drop(self.0.take().map(Object::take));
    }
}

impl fmt::Debug for SharedTransaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedTransaction")
            .field("is_open", &lock(&self.open.state).connection.is_some())
            .finish_non_exhaustive()
    }
}

/// In a unit of work, see [`Context::transaction`](nether::Context::transaction).
impl nether::Transaction for SharedTransaction {
    async fn commit(self) -> nether::Result<()> {
        self.check_own("a commit")?;
        self.end_by_commit().await?;
        Ok(())
    }

    async fn rollback(self) -> nether::Result<()> {
        self.check_own("a rollback")?;
        self.end_by_rollback().await;
        Ok(())
    }
}
