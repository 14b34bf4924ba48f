//! [`Reader`]: reads events and documents, each read on a connection of a pool.

use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{Client, Object, Pool, PoolError, TimeoutType};
use nether::eventstore::{
    Direction, Documents, Encoding, EventId, EventPage, Metadata, MetadataEntries, PageLimit,
    Payload, Position, RecordedEvent, StoreError, StreamId,
};
use nether::integration::{PageRoom, hold_clock};
use tokio::time::{Instant, sleep};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::connector::Connector;
use crate::errors::{failed, is_unavailable, store_error};
use crate::limits::Limits;
use crate::schema::Schema;
use crate::statement::number;

const COLUMNS: &str = "position, stream, version, id, name, schema, encoding, payload, time, correlation, causation, principal, metadata";

/// How long after a failed read the next one is made, and how long at most.
const AGAIN: Duration = Duration::from_millis(5);
const AGAIN_AT_MOST: Duration = Duration::from_millis(500);

/// How many times as long as another answer that with all documents of a collection may take.
const OF_COLLECTION: u32 = 4;

/// Reads of one store.
#[derive(Clone)]
pub(super) struct Reader {
    pool: SessionPool,
    schema: Schema,
}

type Parameters<'a> = &'a [&'a (dyn ToSql + Sync)];

impl Reader {
    pub(super) fn new(pool: SessionPool, schema: Schema) -> Self {
        Reader { pool, schema }
    }

    pub(super) async fn head(&self) -> Result<Position, StoreError> {
        let sql = format!("SELECT position FROM {}.head", self.schema);
        let rows = self.rows(&sql, &[]).await?;
        let head = rows.first().map(|row| row.get::<_, i64>(0));
        let head = head.ok_or_else(|| StoreError::Corrupt {
            reason: format!("the table {}.head has no row", self.schema),
            readable_up_to: None,
        });
        Ok(Position(head?.cast_unsigned()))
    }

    pub(super) async fn read_all(
        &self,
        after: Position,
        limit: PageLimit,
    ) -> Result<EventPage, StoreError> {
        let (order, filter) = ("position", "position > $1");
        self.page(filter, order, &[&number(after.0)], limit).await
    }

    pub(super) async fn read_stream(
        &self,
        stream: &StreamId,
        from: u64,
        direction: Direction,
        limit: PageLimit,
    ) -> Result<EventPage, StoreError> {
        let (filter, order) = match direction {
            Direction::Forwards => ("stream = $1 AND version >= $2", "version"),
            Direction::Backwards => ("stream = $1 AND version <= $2", "version DESC"),
        };
        if stream.as_str().contains('\0') {
            return Ok(PageRoom::new(limit).page(Vec::new()));
        }
        let bounds: Parameters<'_> = &[&stream.as_str(), &number(from)];
        self.page(filter, order, bounds, limit).await
    }

    pub(super) async fn find(&self, id: EventId) -> Result<Option<RecordedEvent>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM {}.events WHERE id = $1", self.schema);
        let rows = self.rows(&sql, &[&Uuid::from_u128(id.as_u128())]).await?;
        rows.first().map(event).transpose()
    }

    pub(super) async fn document(
        &self,
        collection: &str,
        key: &str,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        if collection.contains('\0') || key.contains('\0') {
            return Ok(None);
        }
        let sql = format!(
            "SELECT content FROM {}.documents WHERE collection = $1 AND key = $2",
            self.schema
        );
        let rows = self.rows(&sql, &[&collection, &key]).await?;
        Ok(rows.first().map(|row| row.get(0)))
    }

    pub(super) async fn documents(&self, collection: &str) -> Result<Documents, StoreError> {
        if collection.contains('\0') {
            return Ok(Vec::new());
        }
        let sql = format!(
            "SELECT key, content FROM {}.documents WHERE collection = $1 ORDER BY key",
            self.schema
        );
        let limit = self.pool.limits().answer * OF_COLLECTION;
        let rows = self.rows_within(limit, &sql, &[&collection]).await?;
        let documents = rows
            .iter()
            .map(|row| (row.get::<_, &str>(0).into(), row.get(1)));
        Ok(documents.collect())
    }

    /// The names of the collections that have a document, in order.
    pub(super) async fn collections(&self) -> Result<Vec<Arc<str>>, StoreError> {
        let sql = format!(
            "SELECT DISTINCT collection FROM {}.documents ORDER BY collection",
            self.schema
        );
        let limit = self.pool.limits().answer * OF_COLLECTION;
        let rows = self.rows_within(limit, &sql, &[]).await?;
        let names = rows.iter().map(|row| row.get::<_, &str>(0).into());
        Ok(names.collect())
    }

    /// A page of events. The server ends it with the event whose content reaches the limit of bytes, so that
    /// no more than a page is sent.
    async fn page(
        &self,
        filter: &str,
        order: &str,
        bounds: Parameters<'_>,
        limit: PageLimit,
    ) -> Result<EventPage, StoreError> {
        let count = bounds.len();
        let (events, bytes) = (count + 1, count + 2);
        let chosen = format!(
            "SELECT {COLUMNS} FROM {}.events WHERE {filter} ORDER BY {order} LIMIT ${events}",
            self.schema
        );
        let most = number(limit.events as u64);
        let mut parameters = bounds.to_vec();
        parameters.push(&most);
        let room = number(limit.bytes as u64);
        let sql = if limit.bytes == usize::MAX {
            chosen
        } else {
            parameters.push(&room);
            let before = format!(
                "coalesce(pg_catalog.sum(pg_catalog.octet_length(payload)) OVER (ORDER BY {order} ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0)"
            );
            format!(
                "SELECT * FROM (SELECT *, {before} AS bytes_before FROM ({chosen}) AS chosen) AS counted \
                 WHERE bytes_before < ${bytes} ORDER BY {order}"
            )
        };
        let rows = self.rows(&sql, &parameters).await?;
        let mut room = PageRoom::new(limit);
        let mut read = Vec::with_capacity(rows.len());
        for row in &rows {
            let event = event(row)?;
            room.take(&event);
            read.push(event);
        }
        Ok(room.page(read))
    }

    /// The rows of a query that changes nothing.
    async fn rows(&self, sql: &str, parameters: Parameters<'_>) -> Result<Vec<Row>, StoreError> {
        let limit = self.pool.limits().answer;
        self.rows_within(limit, sql, parameters).await
    }

    /// The rows of a query that changes nothing. It is asked again if the server cannot be reached:
    /// connections of the pool may have ended with a server that was restarted.
    async fn rows_within(
        &self,
        limit: Duration,
        sql: &str,
        parameters: Parameters<'_>,
    ) -> Result<Vec<Row>, StoreError> {
        let _hold = hold_clock();
        let until = Instant::now() + self.pool.limits().patience();
        let mut pause = AGAIN;
        loop {
            let error = match self.attempt(limit, sql, parameters).await {
                Ok(rows) => return Ok(rows),
                Err(error) => error,
            };
            if !is_unavailable(&error) || Instant::now() + pause > until {
                return Err(error);
            }
            sleep(pause).await;
            pause = (pause * 2).min(AGAIN_AT_MOST);
        }
    }

    async fn attempt(
        &self,
        limit: Duration,
        sql: &str,
        parameters: Parameters<'_>,
    ) -> Result<Vec<Row>, StoreError> {
        let client = self.pool.client().await?;
        match Limits::answered(limit, rows(&client, sql, parameters)).await {
            Ok(rows) => rows.map_err(|error| store_error(&error)),
            Err(silent) => {
                // Its next user would wait behind this query.
                drop(Object::take(client));
                Err(silent)
            }
        }
    }
}

async fn rows(
    client: &Client,
    sql: &str,
    parameters: Parameters<'_>,
) -> Result<Vec<Row>, tokio_postgres::Error> {
    let statement = client.prepare_cached(sql).await?;
    client.query(&statement, parameters).await
}

/// A pool of connections of a store.
#[derive(Clone)]
pub(super) struct SessionPool {
    pool: Pool,
    connector: Connector,
    /// What has more of them, for errors.
    option: &'static str,
}

impl SessionPool {
    pub(super) fn new(
        connector: &Connector,
        size: usize,
        option: &'static str,
    ) -> Result<Self, StoreError> {
        Ok(SessionPool {
            pool: connector.pool(size)?,
            connector: connector.clone(),
            option,
        })
    }

    pub(super) fn limits(&self) -> Limits {
        self.connector.limits
    }

    /// A connection.
    pub(super) async fn client(&self) -> Result<Client, StoreError> {
        self.pool.get().await.map_err(|error| match error {
            PoolError::Backend(error) => self.connector.unopened(store_error(&error)),
            PoolError::Closed => StoreError::Closed,
            PoolError::Timeout(TimeoutType::Wait) => StoreError::Unavailable {
                reason: format!(
                    "none of the {} connections was free within {:?}: use each for a shorter time, or allow more with `PostgresOptions::{}`",
                    self.pool.status().max_size,
                    self.limits().answer,
                    self.option
                ),
            },
            PoolError::Timeout(_) => self.connector.unopened(StoreError::Unavailable {
                reason: "the server has not answered in time".to_owned(),
            }),
            error => failed(error.to_string()),
        })
    }
}

pub(super) fn event(row: &Row) -> Result<RecordedEvent, StoreError> {
    let text = |column| row.get::<_, Option<&str>>(column).map(Arc::<str>::from);
    let position = Position(row.get::<_, i64>(0).cast_unsigned());
    let encoding: i16 = row.get(6);
    let known = u8::try_from(encoding).ok().and_then(Encoding::from_number);
    let encoding = known.ok_or_else(|| StoreError::Corrupt {
        reason: format!(
            "the event at position {position} has the encoding {encoding}, which is none"
        ),
        readable_up_to: Some(Position(position.0 - 1)),
    })?;
    Ok(RecordedEvent {
        position,
        stream: StreamId::from(row.get::<_, &str>(1)),
        stream_version: row.get::<_, i64>(2).cast_unsigned(),
        id: EventId::from_u128(row.get::<_, Uuid>(3).as_u128()),
        name: row.get::<_, &str>(4).into(),
        schema_version: row.get::<_, i32>(5).cast_unsigned(),
        payload: Payload {
            encoding,
            bytes: row.get(7),
        },
        metadata: Metadata {
            time: row.get::<_, i64>(8).cast_unsigned(),
            correlation: text(9),
            causation: text(10),
            principal: text(11),
            entries: text(12).map_or_else(MetadataEntries::default, MetadataEntries::from_text),
        },
    })
}
