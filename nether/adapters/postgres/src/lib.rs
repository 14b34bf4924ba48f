//! An event store of [Nether](nether::eventstore) in PostgreSQL: for several processes on several machines.
//!
#![doc = include_str!("docs/postgres.md")]
#![doc = include_str!("docs/from_sqlite.md")]

// One task writes, on a connection of its own. It takes all waiting appends into one statement and answers
// them after its commit, so that concurrent appends share one flush to the disk (group commit). Each writer
// locks the one row of the table `head` first: positions have no gaps, and grow in the order in which events
// become visible.

mod address;
mod connector;
mod errors;
mod head_watch;
mod import;
mod limits;
mod migrations;
mod options;
mod reader;
mod schema;
mod sql_text;
mod statement;
mod step;
#[cfg(feature = "tls")]
mod tls;
mod transaction;
mod work;
mod writer;

pub use self::import::Imported;
pub use self::options::PostgresOptions;
pub use self::step::PostgresTransaction;
pub use self::transaction::{SharedTransaction, TransactionError};
/// The release of the pool that [`PostgresStore::begin_on`] takes connections of.
#[doc(no_inline)]
pub use deadpool_postgres;
/// The release of `rustls` that [`PostgresOptions::tls`] takes the settings of.
#[cfg(feature = "tls")]
#[doc(no_inline)]
pub use rustls;
/// The release of the client library whose rows and parameters a [`SharedTransaction`] has.
#[doc(no_inline)]
pub use tokio_postgres;

use std::fmt;
use std::sync::Arc;

use nether::eventstore::{
    Append, Appended, Direction, DocumentChange, DocumentCondition, Documents, EventId, EventPage,
    EventStore, PageLimit, Position, RecordedEvent, StoreError, StoreFuture, StreamId,
    Transactions,
};
use tokio::sync::watch;

use self::connector::{Connector, SessionUse};
use self::head_watch::{HeadWatch, NewestEvent};
use self::limits::Limits;
use self::reader::{Reader, SessionPool};
use self::schema::Schema;
use self::work::{Answer, Work};
use self::writer::{Writer, WriterSession};

/// An event store in a database of PostgreSQL.
///
/// ```no_run
/// use nether::eventstore::Store;
/// use nether::prelude::*;
/// use nether_postgres::PostgresStore;
///
/// #[nether::main]
/// async fn main(builder: SystemBuilder) -> nether::Result<()> {
///     let store = PostgresStore::connect("postgres://localhost/bank").await?;
///     let system = builder.provide(Store::new(store)).start().await?;
///     system.wait_for_shutdown().await;
///     Ok(())
/// }
/// ```
///
/// Acknowledged events are on the server's disk. Any number of processes may use one database, each with a
/// store of its own. A clone is another handle. When the last one is dropped, what was accepted is written,
/// and the connections are closed.
#[derive(Clone)]
pub struct PostgresStore {
    inner: Arc<PostgresInner>,
}

struct PostgresInner {
    location: Arc<str>,
    schema: Schema,
    reader: Reader,
    transactions: SessionPool,
    writer: Writer,
    /// The position of the newest event that this process has written.
    written: watch::Sender<NewestEvent>,
    head: HeadWatch,
}

impl PostgresStore {
    /// Connects to the server at that address, checks the tables in the schema `nether`, and makes them if
    /// they are not there; as [`PostgresOptions::connect`].
    ///
    /// # Errors
    /// Those of [`PostgresOptions::connect`].
    ///
    /// # Panics
    /// As [`PostgresOptions::connect`].
    pub async fn connect(address: &str) -> Result<Self, StoreError> {
        PostgresStore::options().connect(address).await
    }

    /// Options for connecting: another schema, more connections, TLS.
    pub fn options() -> PostgresOptions {
        PostgresOptions::default()
    }

    /// Begins a transaction on the store's database, for a unit of work: what is written with it, and the
    /// events that it is to [append](SharedTransaction::append), are committed together when the unit of work
    /// succeeds.
    ///
    /// ```no_run
    /// # use nether::prelude::*;
    /// # use nether_postgres::PostgresStore;
    /// # async fn handle<M: nether::Caller>(ctx: Context<M>, store: PostgresStore) -> nether::Result<()> {
    /// let transaction = ctx.transaction(async || Ok(store.begin().await?)).await?;
    /// transaction.execute("INSERT INTO visits (guest) VALUES ($1)", &[&"ann"]).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// Why it could not be begun.
    pub async fn begin(&self) -> Result<SharedTransaction, StoreError> {
        self.begin_on(self.inner.transactions.client().await?).await
    }

    /// Begins a transaction as [`begin`](PostgresStore::begin) does, on a connection of the program's own
    /// pool, which must be to the same database. It goes back to its pool at the end of the transaction.
    ///
    /// # Errors
    /// Why it could not be begun.
    pub async fn begin_on(
        &self,
        connection: deadpool_postgres::Client,
    ) -> Result<SharedTransaction, StoreError> {
        self.begin_named(connection, None).await
    }

    /// Begins a transaction, which waits until no other with that name is open.
    async fn begin_named(
        &self,
        connection: deadpool_postgres::Client,
        name: Option<(&str, &str)>,
    ) -> Result<SharedTransaction, StoreError> {
        let inner = &self.inner;
        let (schema, written) = (inner.schema.clone(), inner.written.clone());
        let limits = inner.transactions.limits();
        SharedTransaction::begin(connection, name, schema, limits, written).await
    }

    async fn open(
        connector: Connector,
        schema: Schema,
        location: Arc<str>,
        readers: usize,
        transactions: usize,
    ) -> Result<Self, StoreError> {
        let client = connector.open(SessionUse::Writes, None).await?;
        let prepared = migrations::prepare(&client, &schema, &location);
        Limits::answered(connector.limits.answer * 2, prepared).await??;
        let session = WriterSession::on(client, &schema);
        let session = Limits::answered(connector.limits.answer, session).await??;
        let readers = SessionPool::new(&connector, readers, "readers")?;
        let reader = Reader::new(readers, schema.clone());
        let (written, moved) = watch::channel(NewestEvent::NONE);
        let head = HeadWatch::start(connector.clone(), schema.clone(), moved);
        let transactions = SessionPool::new(&connector, transactions, "transactions")?;
        let moves = written.clone();
        let writer = Writer::start(connector, schema.clone(), reader.clone(), session, moves);
        Ok(PostgresStore {
            inner: Arc::new(PostgresInner {
                location,
                schema,
                reader,
                transactions,
                writer,
                written,
                head,
            }),
        })
    }
}

impl EventStore for PostgresStore {
    fn append(&self, append: Append) -> StoreFuture<'_, Appended> {
        let writer = &self.inner.writer;
        Box::pin(writer.written(Work::append(append), Answer::Append))
    }

    fn append_all(&self, appends: Vec<Append>) -> StoreFuture<'_, Vec<Appended>> {
        let writer = &self.inner.writer;
        Box::pin(writer.written(Work::append_all(appends), Answer::AppendAll))
    }

    fn can_append_all(&self) -> bool {
        true
    }

    fn read_stream(
        &self,
        stream: &StreamId,
        from: u64,
        direction: Direction,
        limit: usize,
    ) -> StoreFuture<'_, Vec<RecordedEvent>> {
        let stream = stream.clone();
        Box::pin(async move {
            let reader = &self.inner.reader;
            let all = without_bytes(limit);
            Ok(reader
                .read_stream(&stream, from, direction, all)
                .await?
                .events)
        })
    }

    fn read_all(&self, after: Position, limit: usize) -> StoreFuture<'_, Vec<RecordedEvent>> {
        Box::pin(async move {
            let page = self
                .inner
                .reader
                .read_all(after, without_bytes(limit))
                .await;
            Ok(page?.events)
        })
    }

    fn read_all_page(&self, after: Position, limit: PageLimit) -> StoreFuture<'_, EventPage> {
        Box::pin(self.inner.reader.read_all(after, limit))
    }

    fn read_stream_page(
        &self,
        stream: &StreamId,
        from: u64,
        limit: PageLimit,
    ) -> StoreFuture<'_, EventPage> {
        let stream = stream.clone();
        Box::pin(async move {
            let reader = &self.inner.reader;
            reader
                .read_stream(&stream, from, Direction::Forwards, limit)
                .await
        })
    }

    fn head(&self) -> StoreFuture<'_, Position> {
        Box::pin(self.inner.reader.head())
    }

    fn wait_for_new(&self, after: Position) -> StoreFuture<'_, Position> {
        Box::pin(self.inner.head.wait_for_new(after))
    }

    fn find(&self, id: EventId) -> StoreFuture<'_, Option<RecordedEvent>> {
        Box::pin(self.inner.reader.find(id))
    }

    fn document(&self, collection: &str, key: &str) -> StoreFuture<'_, Option<Vec<u8>>> {
        let (collection, key) = (collection.to_owned(), key.to_owned());
        Box::pin(async move { self.inner.reader.document(&collection, &key).await })
    }

    fn documents(&self, collection: &str) -> StoreFuture<'_, Documents> {
        let collection = collection.to_owned();
        Box::pin(async move { self.inner.reader.documents(&collection).await })
    }

    fn collections(&self) -> StoreFuture<'_, Vec<Arc<str>>> {
        Box::pin(self.inner.reader.collections())
    }

    fn change_documents(
        &self,
        changes: Vec<DocumentChange>,
        conditions: Vec<DocumentCondition>,
    ) -> StoreFuture<'_, ()> {
        let work = Work::change(changes, conditions);
        Box::pin(self.inner.writer.written(work, Answer::Change))
    }

    fn transactions(&self) -> Option<Transactions<'_>> {
        Some(Transactions::of(self))
    }
}

/// So many events, however large.
fn without_bytes(events: usize) -> PageLimit {
    PageLimit {
        events,
        bytes: usize::MAX,
    }
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore")
            .field("location", &self.inner.location)
            .field("head", &self.inner.head.known())
            .finish_non_exhaustive()
    }
}
