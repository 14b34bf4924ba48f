//! [`PostgresStore::import`]: copies a store of another kind, whole or not at all.

use std::fmt::Display;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::pin::pin;

use deadpool_postgres::{ClientWrapper, Object};
use nether::eventstore::{EventStore, PageLimit, Position, RecordedEvent, StoreError};
use nether::integration::{DocumentsToCopy, hold_clock};
use tokio_postgres::Error;
use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::types::{ToSql, Type};
use uuid::Uuid;

use crate::PostgresStore;
use crate::errors::{failed, store_error};
use crate::head_watch::NewestEvent;
use crate::schema::Schema;
use crate::statement::number;

/// How much of the source is in memory at a time.
const PAGE: PageLimit = PageLimit {
    events: 4096,
    bytes: 4 << 20,
};

/// How long the source may take for a page while the server waits in the transaction; and the server for all
/// events.
const IDLE: &str =
    "SET LOCAL idle_in_transaction_session_timeout = '10min'; SET LOCAL statement_timeout = 0";

/// The columns of the table of events, as they are copied.
const EVENT: [Type; 13] = [
    Type::INT8,
    Type::TEXT,
    Type::INT8,
    Type::UUID,
    Type::TEXT,
    Type::INT4,
    Type::INT2,
    Type::BYTEA,
    Type::INT8,
    Type::TEXT,
    Type::TEXT,
    Type::TEXT,
    Type::TEXT,
];

/// What [`PostgresStore::import`] has copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Imported {
    /// The number of events, which is the position of the newest one.
    pub events: u64,
    /// The number of documents.
    pub documents: u64,
}

impl PostgresStore {
    /// Copies all of another store into this one, which must be empty: every event with its position, its
    /// version, its id and its metadata, and the documents that a program needs to go on: checkpoints,
    /// snapshots, sagas under way, parked events, keys of idempotency. [Moving from
    /// SQLite](crate#from-sqlite-to-postgresql) says what to do before and after it.
    ///
    /// ```no_run
    /// # use nether_postgres::PostgresStore;
    /// # use nether::eventstore::{EventStore, StoreError};
    /// # async fn import(old: impl EventStore) -> Result<(), StoreError> {
    /// let store = PostgresStore::connect("postgres://localhost/bank").await?;
    /// let imported = store.import(&old).await?;
    /// println!("{} events", imported.events);
    /// # Ok(()) }
    /// ```
    ///
    /// It is one transaction: if it fails, or its future is dropped, this store is as empty as before, and
    /// can be imported into again. No program writes to the source meanwhile.
    ///
    /// The source is a backend, such as a `SqliteStore`, and not a [`Store`](nether::eventstore::Store):
    /// personal values are copied as they are stored, encrypted. Their keys stay where they are, and the new
    /// store is given the same ones.
    ///
    /// Not copied are leases, which belong to processes, and the progress of projections that write in
    /// transactions of the source: their tables are in the source's database, so that they begin anew.
    ///
    /// # Errors
    /// [`StoreError::Failed`] if this store has events or documents, if the source has changed meanwhile, or
    /// if the role may not write the tables by itself; [`StoreError::Corrupt`] if positions or versions of
    /// the source have gaps; [`StoreError::Codec`] if a text has the character NUL in it, which PostgreSQL
    /// does not store; [`StoreError::Unsupported`] if the source cannot list its documents; or why the source
    /// could not be read, or this store not written.
    pub async fn import(&self, from: &impl EventStore) -> Result<Imported, StoreError> {
        let _hold = hold_clock();
        // The connection is not used again: it is closed when this ends, and a transaction that is open with
        // it.
        let connection = Object::take(self.inner.transactions.client().await?);
        let import = Import {
            schema: &self.inner.schema,
            connection,
        };
        let (imported, newest) = import.run(from).await?;
        newest.publish(&self.inner.written);
        Ok(imported)
    }
}

/// An import under way.
struct Import<'a> {
    schema: &'a Schema,
    connection: ClientWrapper,
}

impl Import<'_> {
    async fn run(&self, from: &impl EventStore) -> Result<(Imported, NewestEvent), StoreError> {
        let begin = format!("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; {IDLE}");
        self.batch(&begin).await?;
        self.check_empty().await?;
        let head = from.head().await?;
        let documents = DocumentsToCopy::of(from).await?;
        let (copied, before) = self.documents(&documents).await?;
        let newest = self.events(from).await?;
        let after = fingerprint(&documents).await?;
        if from.head().await? != head || newest.position != head || before != after {
            return Err(failed(
                "nothing was imported: the source has changed meanwhile. Stop every program that has it open, and import again".to_owned(),
            ));
        }
        self.finish(head).await?;
        self.check(head).await?;
        self.batch("COMMIT").await?;
        let imported = Imported {
            events: head.0,
            documents: copied,
        };
        Ok((imported, newest))
    }

    /// Checks that nothing is there, and keeps other writers out until the end.
    async fn check_empty(&self) -> Result<(), StoreError> {
        let schema = self.schema;
        let sql = format!("SELECT position FROM {schema}.head FOR UPDATE");
        let row = self.connection.query_one(&sql, &[]).await;
        let head: i64 = row.map_err(|error| self.refused(&error))?.get(0);
        let sql = format!(
            "SELECT EXISTS (SELECT FROM {schema}.streams) OR EXISTS (SELECT FROM {schema}.documents)"
        );
        let row = self.connection.query_one(&sql, &[]).await;
        let is_used: bool = row.map_err(|error| self.refused(&error))?.get(0);
        if head == 0 && !is_used {
            return Ok(());
        }
        Err(failed(format!(
            "nothing was imported: the store in the schema {schema} is not empty, its newest event is at position {head}. Import into another database, or into another schema by `PostgresStore::options().schema(..)`, before any program uses it"
        )))
    }

    /// Copies the documents: returns their number, and by what they are known again.
    async fn documents<S: EventStore>(
        &self,
        from: &DocumentsToCopy<'_, S>,
    ) -> Result<(u64, u64), StoreError> {
        let sql = format!(
            "COPY {}.documents (collection, key, content) FROM STDIN BINARY",
            self.schema
        );
        let sink = self.connection.copy_in(&sql).await;
        let sink = sink.map_err(|error| self.refused(&error))?;
        let types = [Type::TEXT, Type::TEXT, Type::BYTEA];
        let mut rows = pin!(BinaryCopyInWriter::new(sink, &types));
        let (mut count, mut hasher) = (0, DefaultHasher::new());
        for collection in from.collections().await? {
            for (key, content) in from.documents(&collection).await? {
                check_text(
                    "a document",
                    format_args!("{key}` of `{collection}"),
                    &collection,
                )?;
                check_text("a document", format_args!("{key}` of `{collection}"), &key)?;
                (&collection, &key, &content).hash(&mut hasher);
                let row: [&(dyn ToSql + Sync); 3] = [&&*collection, &&*key, &content];
                let written = rows.as_mut().write(&row);
                written.await.map_err(|error| self.refused(&error))?;
                count += 1;
            }
        }
        let finished = rows.finish().await;
        finished.map_err(|error| self.refused(&error))?;
        Ok((count, hasher.finish()))
    }

    /// Copies the events: returns the last one.
    async fn events(&self, from: &impl EventStore) -> Result<NewestEvent, StoreError> {
        let sql = format!(
            "COPY {}.events (position, stream, version, id, name, schema, encoding, payload, time, correlation, causation, principal, metadata) FROM STDIN BINARY",
            self.schema
        );
        let sink = self.connection.copy_in(&sql).await;
        let sink = sink.map_err(|error| self.refused(&error))?;
        let mut rows = pin!(BinaryCopyInWriter::new(sink, &EVENT));
        let (mut last, mut id) = (Position::START, Uuid::nil());
        loop {
            let page = from.read_all_page(last, PAGE).await?;
            for event in &page.events {
                if event.position.0 != last.0 + 1 {
                    return Err(StoreError::Corrupt {
                        reason: format!(
                            "the source has no event at position {}, and one at {}",
                            last.0 + 1,
                            event.position
                        ),
                        readable_up_to: Some(last),
                    });
                }
                last = event.position;
                id = Uuid::from_u128(event.id.as_u128());
                check_texts(event)?;
                let metadata = &event.metadata;
                rows.as_mut()
                    .write(&[
                        &number(event.position.0),
                        &event.stream.as_str(),
                        &number(event.stream_version),
                        &id,
                        &&*event.name,
                        &event.schema_version.cast_signed(),
                        &i16::from(event.payload.encoding.number()),
                        &event.payload.bytes,
                        &number(metadata.time),
                        &metadata.correlation.as_deref(),
                        &metadata.causation.as_deref(),
                        &metadata.principal.as_deref(),
                        &metadata.entries.as_text(),
                    ])
                    .await
                    .map_err(|error| self.refused(&error))?;
            }
            if page.is_last || page.events.is_empty() {
                break;
            }
        }
        let finished = rows.finish().await;
        finished.map_err(|error| self.refused(&error))?;
        Ok(NewestEvent { position: last, id })
    }

    /// Writes what follows from the events, and has the server count its rows, by which it chooses plans.
    async fn finish(&self, head: Position) -> Result<(), StoreError> {
        let schema = self.schema;
        self.batch(&format!(
            "INSERT INTO {schema}.streams SELECT stream, pg_catalog.max(version) FROM {schema}.events GROUP BY stream; \
             UPDATE {schema}.streams AS s SET archived_at = record.time FROM {schema}.events AS first, {schema}.events AS record \
             WHERE first.stream = s.name AND first.version = 1 AND first.schema = 0 AND first.payload = '' \
             AND record.stream = s.name AND record.version = s.version; \
             UPDATE {schema}.head SET position = {head}; \
             ANALYZE {schema}.events, {schema}.streams, {schema}.documents"
        ))
        .await
    }

    /// Checks what is there now: as many events as the newest one's position says, and streams without gaps.
    async fn check(&self, head: Position) -> Result<(), StoreError> {
        let schema = self.schema;
        let sql = format!(
            "SELECT pg_catalog.count(*), coalesce(pg_catalog.max(position), 0), coalesce(pg_catalog.min(position), 1) FROM {schema}.events"
        );
        let row = self.connection.query_one(&sql, &[]).await;
        let row = row.map_err(|error| self.refused(&error))?;
        let found: (i64, i64, i64) = (row.get(0), row.get(1), row.get(2));
        let expected = number(head.0);
        if found != (expected, expected, 1) {
            return Err(failed(format!(
                "nothing was imported: {} events arrived, of {head}",
                found.0
            )));
        }
        let sql = format!(
            "SELECT stream FROM {schema}.events GROUP BY stream \
             HAVING pg_catalog.count(*) <> pg_catalog.max(version) OR pg_catalog.min(version) <> 1 LIMIT 1"
        );
        let row = self.connection.query_opt(&sql, &[]).await;
        match row.map_err(|error| self.refused(&error))? {
            None => Ok(()),
            Some(row) => Err(StoreError::Corrupt {
                reason: format!(
                    "versions of the stream `{}` of the source have gaps",
                    row.get::<_, &str>(0)
                ),
                readable_up_to: None,
            }),
        }
    }

    async fn batch(&self, sql: &str) -> Result<(), StoreError> {
        let done = self.connection.batch_execute(sql).await;
        done.map_err(|error| self.refused(&error))
    }

    /// An error of the server, and what to do about it.
    fn refused(&self, error: &Error) -> StoreError {
        let is_denied = error.code().is_some_and(|code| code.code() == "42501");
        match (is_denied, store_error(error)) {
            (true, StoreError::Failed { reason, source }) => StoreError::Failed {
                reason: format!(
                    "nothing was imported: an import writes the tables in the schema {} by itself, which only their owner may: connect as the role that has made them: {reason}",
                    self.schema
                ),
                source,
            },
            (_, error) => error,
        }
    }
}

/// By what all documents are known again.
async fn fingerprint<S: EventStore>(from: &DocumentsToCopy<'_, S>) -> Result<u64, StoreError> {
    let mut hasher = DefaultHasher::new();
    for collection in from.collections().await? {
        for (key, content) in from.documents(&collection).await? {
            (&collection, &key, &content).hash(&mut hasher);
        }
    }
    Ok(hasher.finish())
}

fn check_texts(event: &RecordedEvent) -> Result<(), StoreError> {
    let metadata = &event.metadata;
    let texts = [
        Some(event.stream.as_str()),
        Some(&*event.name),
        metadata.correlation.as_deref(),
        metadata.causation.as_deref(),
        metadata.principal.as_deref(),
        metadata.entries.as_text(),
    ];
    for text in texts.into_iter().flatten() {
        check_text("the event at position", event.position, text)?;
    }
    Ok(())
}

/// Checks that PostgreSQL can store a text.
fn check_text(kind: &str, which: impl Display, text: &str) -> Result<(), StoreError> {
    if !text.contains('\0') {
        return Ok(());
    }
    Err(StoreError::Codec {
        what: format!("nothing was imported: {kind} `{which}` cannot be stored"),
        reason: format!(
            "`{}` has the character NUL in it, which no text in PostgreSQL has",
            text.escape_debug()
        ),
    })
}
