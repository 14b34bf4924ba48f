//! [`Reader`]: a connection that reads, and what it makes of rows.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

use lru::LruCache;
use nether::eventstore::{
    Direction, Documents, Encoding, EventId, EventPage, Metadata, MetadataEntries, PageLimit,
    Payload, Position, RecordedEvent, StoreError, StreamId,
};
use nether::integration::PageRoom;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, InterruptHandle, OptionalExtension, Row, params};

use crate::errors::examined;
use crate::frozen::Frozen;
use crate::migrations::check_newest;

/// How many names of streams a reader remembers.
const STREAMS: NonZeroUsize = NonZeroUsize::new(16_384).expect("it is not zero");

const COLUMNS: &str = "position, stream, version, id, name, schema, encoding, payload, time, correlation, causation, principal, metadata";

/// A connection that reads, and names that it knows already.
pub(super) struct Reader {
    connection: Connection,
    /// What the file was when it was opened, if it is read without SQLite's locks.
    frozen: Option<Frozen>,
    known: NameCache,
}

impl Reader {
    pub(super) fn new(connection: Connection, frozen: Option<Frozen>) -> Self {
        Reader {
            connection,
            frozen,
            known: NameCache::default(),
        }
    }

    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// With what its query is ended from another thread.
    pub(super) fn interrupt_handle(&self) -> InterruptHandle {
        self.connection.get_interrupt_handle()
    }

    /// Checks that the tables are those that are read here.
    pub(super) fn check_version(&self, path: &Path) -> Result<(), StoreError> {
        check_newest(&self.connection, path)
    }

    /// Checks that nothing has changed in a file that is read without locks.
    pub(super) fn check_frozen(&self) -> Result<(), StoreError> {
        self.frozen.as_ref().map_or(Ok(()), Frozen::check)
    }

    pub(super) fn head(&mut self) -> Result<Position, StoreError> {
        let sql = "SELECT max(position) FROM nether_events";
        let head = self.asked(|connection| {
            let mut statement = connection.prepare_cached(sql)?;
            statement.query_row([], |row| row.get::<_, Option<i64>>(0))
        });
        Ok(Position(head?.unwrap_or(0).cast_unsigned()))
    }

    pub(super) fn read_all(
        &mut self,
        after: Position,
        limit: usize,
    ) -> Result<Vec<RecordedEvent>, StoreError> {
        Ok(self.read_all_page(after, without_bytes(limit))?.events)
    }

    pub(super) fn read_all_page(
        &mut self,
        after: Position,
        limit: PageLimit,
    ) -> Result<EventPage, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM nether_events WHERE position > ?1 ORDER BY position LIMIT ?2"
        );
        self.events(&sql, &[bound(after.0)], limit)
    }

    pub(super) fn read_stream(
        &mut self,
        stream: &StreamId,
        from: u64,
        direction: Direction,
        limit: PageLimit,
    ) -> Result<EventPage, StoreError> {
        let sql = "SELECT id FROM nether_streams WHERE name = ?1";
        let id = self.asked(|connection| {
            let mut statement = connection.prepare_cached(sql)?;
            let id = statement.query_row([stream.as_str()], |row| row.get::<_, i64>(0));
            id.optional()
        });
        let Some(id) = id? else {
            return Ok(PageRoom::new(limit).page(Vec::new()));
        };
        self.known.last_stream = Some((id, stream.clone()));
        let (compared, order) = match direction {
            Direction::Forwards => (">=", "ASC"),
            Direction::Backwards => ("<=", "DESC"),
        };
        let sql = format!(
            "SELECT {COLUMNS} FROM nether_events WHERE stream = ?1 AND version {compared} ?2 ORDER BY version {order} LIMIT ?3"
        );
        self.events(&sql, &[id, bound(from)], limit)
    }

    pub(super) fn find(&mut self, id: EventId) -> Result<Option<RecordedEvent>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM nether_events WHERE id = ?1");
        let (connection, known) = (&self.connection, &mut self.known);
        let mut read = || {
            let mut statement = connection.prepare_cached(&sql)?;
            let found = statement.query_row([id.as_u128().to_be_bytes()], |row| {
                let stream = known.stream(connection, row.get(1)?)?;
                let name = known.name(connection, row.get(4)?)?;
                event(row, stream, name)
            });
            found.optional()
        };
        read().map_err(|error| examined(&error, connection))
    }

    pub(super) fn document(
        &mut self,
        collection: &str,
        key: &str,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let sql = "SELECT content FROM nether_documents WHERE collection = ?1 AND key = ?2";
        self.asked(|connection| {
            let mut statement = connection.prepare_cached(sql)?;
            let content = statement.query_row(params![collection, key], |row| row.get(0));
            content.optional()
        })
    }

    pub(super) fn documents(&mut self, collection: &str) -> Result<Documents, StoreError> {
        let sql = "SELECT key, content FROM nether_documents WHERE collection = ?1 ORDER BY key";
        self.asked(|connection| {
            let mut statement = connection.prepare_cached(sql)?;
            let documents =
                statement.query_map([collection], |row| Ok((row.get(0)?, row.get(1)?)))?;
            documents.collect()
        })
    }

    pub(super) fn collections(&mut self) -> Result<Vec<Arc<str>>, StoreError> {
        let sql = "SELECT DISTINCT collection FROM nether_documents ORDER BY collection";
        self.asked(|connection| {
            let mut statement = connection.prepare_cached(sql)?;
            let names = statement.query_map([], |row| row.get(0))?;
            names.collect()
        })
    }

    /// Asks the database; what is wrong with it is looked at.
    fn asked<T>(
        &self,
        ask: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        ask(&self.connection).map_err(|error| examined(&error, &self.connection))
    }

    /// Asks for events between bounds. The last parameter of the query is how many.
    fn events(
        &mut self,
        sql: &str,
        bounds: &[i64],
        limit: PageLimit,
    ) -> Result<EventPage, StoreError> {
        let (connection, known) = (&self.connection, &mut self.known);
        let mut read = || {
            let mut statement = connection.prepare_cached(sql)?;
            let count = bound(limit.events as u64);
            let mut rows =
                statement.query(rusqlite::params_from_iter(bounds.iter().chain([&count])))?;
            let (mut events, mut room) = (Vec::new(), PageRoom::new(limit));
            while let Some(row) = rows.next()? {
                let stream = known.stream(connection, row.get(1)?)?;
                let name = known.name(connection, row.get(4)?)?;
                let event = event(row, stream, name)?;
                let has_room = room.take(&event);
                events.push(event);
                if !has_room {
                    break;
                }
            }
            Ok(room.page(events))
        };
        read().map_err(|error| examined(&error, connection))
    }
}

/// The names that a reader knows by their numbers. What a number stands for never changes.
struct NameCache {
    /// The last one asked for: events that follow each other are often of one stream, and of one name.
    last_stream: Option<(i64, StreamId)>,
    last_name: Option<(i64, Arc<str>)>,
    streams: LruCache<i64, StreamId>,
    names: HashMap<i64, Arc<str>>,
}

impl Default for NameCache {
    fn default() -> Self {
        NameCache {
            last_stream: None,
            last_name: None,
            streams: LruCache::new(STREAMS),
            names: HashMap::new(),
        }
    }
}

impl NameCache {
    fn stream(&mut self, connection: &Connection, id: i64) -> rusqlite::Result<StreamId> {
        if let Some((last, stream)) = &self.last_stream
            && *last == id
        {
            return Ok(stream.clone());
        }
        let stream = match self.streams.get(&id) {
            Some(known) => known.clone(),
            None => {
                let sql = "SELECT name FROM nether_streams WHERE id = ?1";
                let stream = StreamId::from(named(connection, sql, id)?);
                self.streams.put(id, stream.clone());
                stream
            }
        };
        self.last_stream = Some((id, stream.clone()));
        Ok(stream)
    }

    fn name(&mut self, connection: &Connection, id: i64) -> rusqlite::Result<Arc<str>> {
        if let Some((last, name)) = &self.last_name
            && *last == id
        {
            return Ok(Arc::clone(name));
        }
        let name = match self.names.entry(id) {
            Entry::Occupied(known) => Arc::clone(known.get()),
            Entry::Vacant(unknown) => {
                let sql = "SELECT name FROM nether_names WHERE id = ?1";
                let text = named(connection, sql, id)?;
                Arc::clone(unknown.insert(text.into()))
            }
        };
        self.last_name = Some((id, Arc::clone(&name)));
        Ok(name)
    }
}

fn named(connection: &Connection, sql: &str, id: i64) -> rusqlite::Result<String> {
    let mut statement = connection.prepare_cached(sql)?;
    statement.query_row([id], |row| row.get(0))
}

fn event(row: &Row<'_>, stream: StreamId, name: Arc<str>) -> rusqlite::Result<RecordedEvent> {
    let text = |column| -> rusqlite::Result<Option<Arc<str>>> {
        Ok(match row.get_ref(column)? {
            ValueRef::Null => None,
            value => Some(value.as_str()?.into()),
        })
    };
    let id: [u8; 16] = row.get(3)?;
    Ok(RecordedEvent {
        position: Position(row.get::<_, i64>(0)?.cast_unsigned()),
        stream,
        stream_version: row.get::<_, i64>(2)?.cast_unsigned(),
        id: EventId::from_u128(u128::from_be_bytes(id)),
        name,
        schema_version: row.get(5)?,
        payload: Payload {
            encoding: encoding(row.get(6)?)?,
            bytes: row.get_ref(7)?.as_blob()?.to_vec(),
        },
        metadata: Metadata {
            time: row.get::<_, i64>(8)?.cast_unsigned(),
            correlation: text(9)?,
            causation: text(10)?,
            principal: text(11)?,
            entries: text(12)?.map_or_else(MetadataEntries::default, MetadataEntries::from_text),
        },
    })
}

/// So many events, however large.
pub(super) fn without_bytes(events: usize) -> PageLimit {
    PageLimit {
        events,
        bytes: usize::MAX,
    }
}

/// As SQLite counts: what is larger than it can be is the largest.
fn bound(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Column 6.
fn encoding(number: i64) -> rusqlite::Result<Encoding> {
    let known = u8::try_from(number).ok().and_then(Encoding::from_number);
    known.ok_or(rusqlite::Error::IntegralValueOutOfRange(6, number))
}
