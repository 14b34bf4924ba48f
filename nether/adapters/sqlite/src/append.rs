//! Appends in a transaction, and [`StreamCache`]: what the writer knows without asking, as long as no other
//! process writes.

use std::collections::HashMap;
use std::sync::Arc;

use lru::LruCache;
use nether::eventstore::{
    Append, Appended, DocumentChange, DocumentCondition, EventId, Expected, NewEvent, Position,
    StoreError, StreamId,
};
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use crate::generation::data_version;

/// How many streams are known.
const STREAMS: usize = 65_536;

/// What the writer knows without asking. After an error, or if another process has written, all is forgotten.
pub(super) struct StreamCache {
    /// SQLite's count of what others have committed; `None` before anything is known.
    data_version: Option<i64>,
    head: u64,
    streams: LruCache<StreamId, Stream>,
    names: HashMap<String, i64>,
}

#[derive(Debug, Clone, Copy)]
struct Stream {
    id: i64,
    version: u64,
    /// When it was archived, in milliseconds since 1970, if it was.
    archived_at: Option<u64>,
}

impl Default for StreamCache {
    fn default() -> Self {
        StreamCache {
            data_version: None,
            head: 0,
            // It grows as it is used: room for all from the start would be dear for each that is forgotten.
            streams: LruCache::unbounded(),
            names: HashMap::new(),
        }
    }
}

impl StreamCache {
    /// The position of the newest event; the start, if nothing is known.
    pub(super) fn head(&self) -> Position {
        Position(self.head)
    }

    /// Forgets everything if another process has written since.
    pub(super) fn refresh(&mut self, transaction: &Transaction<'_>) -> rusqlite::Result<()> {
        let version = data_version(transaction)?;
        if self.data_version == Some(version) {
            return Ok(());
        }
        self.forget();
        let head: Option<i64> = transaction
            .prepare_cached("SELECT max(position) FROM nether_events")?
            .query_row([], |row| row.get(0))?;
        self.head = head.unwrap_or(0).cast_unsigned();
        self.data_version = Some(version);
        Ok(())
    }

    /// Forgets everything: what it knew may not be so.
    pub(super) fn forget(&mut self) {
        *self = StreamCache::default();
    }

    fn remember(&mut self, name: &StreamId, stream: Stream) {
        self.streams.put(name.clone(), stream);
        if self.streams.len() > STREAMS {
            self.streams.pop_lru();
        }
    }

    /// Appends, or says why not; then nothing was written.
    pub(super) fn append(
        &mut self,
        transaction: &Transaction<'_>,
        append: &Append,
    ) -> rusqlite::Result<Result<Appended, StoreError>> {
        if let Err(error) = check_conditions(transaction, &append.conditions)? {
            return Ok(Err(error));
        }
        if let Some(first) = append.events.first()
            && let Some(found) = stored(transaction, first.id)?
        {
            return repeated(transaction, append, found);
        }
        let known = self.stream(transaction, &append.stream)?;
        if let Err(conflict) = check_version(append, known) {
            return Ok(Err(duplicate(transaction, append).unwrap_or(conflict)));
        }
        self.write(transaction, append, known).map(Ok)
    }

    /// Appends to several streams, or says why not; then nothing was written. Everything is checked before
    /// the first event is written, because the transaction also holds what others write.
    pub(super) fn append_all(
        &mut self,
        transaction: &Transaction<'_>,
        appends: &[Append],
    ) -> rusqlite::Result<Result<Vec<Appended>, StoreError>> {
        for append in appends {
            if let Err(error) = check_conditions(transaction, &append.conditions)? {
                return Ok(Err(error));
            }
        }
        match self.all_repeated(transaction, appends)? {
            Ok(None) => {}
            Ok(Some(repeated)) => return Ok(Ok(repeated)),
            Err(error) => return Ok(Err(error)),
        }
        let mut conflict = None;
        for append in appends {
            let known = self.stream(transaction, &append.stream)?;
            conflict = conflict.or(check_version(append, known).err());
        }
        let refused = match conflict {
            Some(conflict) => Some(duplicate_of_all(transaction, appends).unwrap_or(conflict)),
            None if Append::check_all(appends).is_err() => duplicate_of_all(transaction, appends),
            None => None,
        };
        if let Some(error) = refused {
            return Ok(Err(error));
        }
        let mut appended = Vec::with_capacity(appends.len());
        for append in appends {
            let known = self.stream(transaction, &append.stream)?;
            appended.push(self.write(transaction, append, known)?);
        }
        Ok(Ok(appended))
    }

    /// The results of the same appends before, if the first events of all that have any are in the store.
    fn all_repeated(
        &mut self,
        transaction: &Transaction<'_>,
        appends: &[Append],
    ) -> rusqlite::Result<Result<Option<Vec<Appended>>, StoreError>> {
        let mut results = Vec::with_capacity(appends.len());
        let (mut known, mut has_new) = (None, false);
        for append in appends {
            let found = match append.events.first() {
                Some(first) => stored(transaction, first.id)?,
                None => None,
            };
            has_new |= found.is_none() && !append.events.is_empty();
            results.push(match found {
                Some(found) => {
                    known = known.or(Some((append.events[0].id, found.position)));
                    match repeated(transaction, append, found)? {
                        Ok(appended) => appended,
                        Err(error) => return Ok(Err(error)),
                    }
                }
                None => Appended {
                    version: self
                        .stream(transaction, &append.stream)?
                        .map_or(0, |stream| stream.version),
                    position: Position(self.head),
                    is_repeated: true,
                },
            });
        }
        Ok(match known {
            Some((id, position)) if has_new => Err(StoreError::Duplicate {
                id,
                position: Position(position.cast_unsigned()),
            }),
            known => Ok(known.map(|_| results)),
        })
    }

    /// Writes events that may be written.
    fn write(
        &mut self,
        transaction: &Transaction<'_>,
        append: &Append,
        known: Option<Stream>,
    ) -> rusqlite::Result<Appended> {
        let actual = known.map_or(0, |stream| stream.version);
        if !append.events.is_empty() {
            let id = match known {
                Some(stream) => stream.id,
                None => new_stream(transaction, &append.stream)?,
            };
            let mut stream = Stream {
                id,
                version: actual,
                archived_at: None,
            };
            for event in &append.events {
                stream.version += 1;
                self.head += 1;
                self.insert(transaction, event, stream, append)?;
            }
            self.remember(&append.stream, stream);
        }
        Ok(Appended {
            version: actual + append.events.len() as u64,
            position: Position(self.head),
            is_repeated: false,
        })
    }

    /// The stream, if it is there.
    fn stream(
        &mut self,
        transaction: &Transaction<'_>,
        name: &StreamId,
    ) -> rusqlite::Result<Option<Stream>> {
        if let Some(stream) = self.streams.get(name) {
            return Ok(Some(*stream));
        }
        let id: Option<i64> = transaction
            .prepare_cached("SELECT id FROM nether_streams WHERE name = ?1")?
            .query_row([name.as_str()], |row| row.get(0))
            .optional()?;
        let Some(id) = id else { return Ok(None) };
        // The content of the first event of an archived stream is gone, and the last one is the record.
        let sql = "SELECT version, time, EXISTS (SELECT 1 FROM nether_events
            WHERE stream = ?1 AND version = 1 AND schema = 0 AND length(payload) = 0)
            FROM nether_events WHERE stream = ?1 ORDER BY version DESC LIMIT 1";
        let last = transaction
            .prepare_cached(sql)?
            .query_row([id], |row| {
                let (version, time): (i64, i64) = (row.get(0)?, row.get(1)?);
                let is_archived: bool = row.get(2)?;
                Ok(Stream {
                    id,
                    version: version.cast_unsigned(),
                    archived_at: is_archived.then_some(time.cast_unsigned()),
                })
            })
            .optional()?;
        let stream = last.unwrap_or(Stream {
            id,
            version: 0,
            archived_at: None,
        });
        self.remember(name, stream);
        Ok(Some(stream))
    }

    /// When a stream was archived, if it was.
    pub(super) fn archived_at(
        &mut self,
        transaction: &Transaction<'_>,
        name: &StreamId,
    ) -> rusqlite::Result<Option<u64>> {
        Ok(self
            .stream(transaction, name)?
            .and_then(|it| it.archived_at))
    }

    /// Has a stream read from the file when it is needed next.
    pub(super) fn read_again(&mut self, name: &StreamId) {
        self.streams.pop(name);
    }

    fn insert(
        &mut self,
        transaction: &Transaction<'_>,
        event: &NewEvent,
        stream: Stream,
        append: &Append,
    ) -> rusqlite::Result<()> {
        let name = self.name(transaction, &event.name)?;
        let metadata = &append.metadata;
        transaction
            .prepare_cached(
                "INSERT INTO nether_events VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
            )?
            .execute(params![
                self.head.cast_signed(),
                stream.id,
                stream.version.cast_signed(),
                event.id.as_u128().to_be_bytes(),
                name,
                event.schema_version,
                event.payload.encoding.number(),
                event.payload.bytes,
                metadata.time.cast_signed(),
                metadata.correlation.as_deref(),
                metadata.causation.as_deref(),
                metadata.principal.as_deref(),
                metadata.entries.as_text(),
            ])?;
        Ok(())
    }

    /// The number of an event's name.
    fn name(&mut self, transaction: &Transaction<'_>, name: &str) -> rusqlite::Result<i64> {
        if let Some(id) = self.names.get(name) {
            return Ok(*id);
        }
        let known: Option<i64> = transaction
            .prepare_cached("SELECT id FROM nether_names WHERE name = ?1")?
            .query_row([name], |row| row.get(0))
            .optional()?;
        let id = match known {
            Some(id) => id,
            None => {
                let sql = "INSERT INTO nether_names (name) VALUES (?1)";
                transaction.prepare_cached(sql)?.insert([name])?
            }
        };
        self.names.insert(name.to_owned(), id);
        Ok(id)
    }
}

fn check_version(append: &Append, known: Option<Stream>) -> Result<(), StoreError> {
    if let Some(time) = known.and_then(|stream| stream.archived_at) {
        let stream = append.stream.clone();
        return Err(StoreError::Archived { stream, time });
    }
    let actual = known.map_or(0, |stream| stream.version);
    match append.expected {
        Expected::Version(expected) if expected != actual => Err(StoreError::Conflict {
            stream: append.stream.clone(),
            expected,
            actual,
        }),
        Expected::Version(_) | Expected::Any => Ok(()),
    }
}

fn new_stream(transaction: &Transaction<'_>, name: &StreamId) -> rusqlite::Result<i64> {
    let sql = "INSERT INTO nether_streams (name) VALUES (?1)";
    transaction.prepare_cached(sql)?.insert([name.as_str()])
}

/// An event in the store, as far as a repeated append is compared with it.
struct KnownEvent {
    position: i64,
    version: i64,
    stream: String,
    name: String,
}

fn stored(transaction: &Connection, id: EventId) -> rusqlite::Result<Option<KnownEvent>> {
    let sql = "SELECT e.position, e.version, s.name, n.name FROM nether_events e
        JOIN nether_streams s ON s.id = e.stream JOIN nether_names n ON n.id = e.name WHERE e.id = ?1";
    transaction
        .prepare_cached(sql)?
        .query_row([id.as_u128().to_be_bytes()], |row| {
            Ok(KnownEvent {
                position: row.get(0)?,
                version: row.get(1)?,
                stream: row.get(2)?,
                name: row.get(3)?,
            })
        })
        .optional()
}

/// The result of the same append before, whose first event is in the store; an error if any of its events is
/// not where it would be then.
#[cold]
fn repeated(
    transaction: &Transaction<'_>,
    append: &Append,
    first: KnownEvent,
) -> rusqlite::Result<Result<Appended, StoreError>> {
    let (version, position) = (first.version, first.position);
    let mut last = first;
    for (event, version) in append.events.iter().zip(version..) {
        let found = stored(transaction, event.id)?.filter(|found| {
            found.stream == append.stream.as_str()
                && found.version == version
                && found.name == event.name
        });
        match found {
            Some(found) => last = found,
            None => {
                return Ok(Err(StoreError::Duplicate {
                    id: append.events[0].id,
                    position: Position(position.cast_unsigned()),
                }));
            }
        }
    }
    Ok(Ok(Appended {
        version: last.version.cast_unsigned(),
        position: Position(last.position.cast_unsigned()),
        is_repeated: true,
    }))
}

/// The event of an append that is in the store already, although the first is not, or the id that two events
/// of the append have: why the database has refused it, or would.
#[cold]
pub(super) fn duplicate(connection: &Connection, append: &Append) -> Option<StoreError> {
    stored_event(connection, append).or_else(|| append.check_ids().err())
}

/// The event of an append that is in the store already, as the error.
fn stored_event(connection: &Connection, append: &Append) -> Option<StoreError> {
    append.events.iter().find_map(|event| {
        let found = stored(connection, event.id).ok()??;
        Some(StoreError::Duplicate {
            id: event.id,
            position: Position(found.position.cast_unsigned()),
        })
    })
}

/// As [`duplicate`], of appends that are made together.
#[cold]
pub(super) fn duplicate_of_all(connection: &Connection, appends: &[Append]) -> Option<StoreError> {
    let duplicate = appends.iter().find_map(|it| stored_event(connection, it));
    duplicate.or_else(|| Append::check_all(appends).err())
}

pub(super) fn change_document(
    transaction: &Transaction<'_>,
    change: &DocumentChange,
) -> rusqlite::Result<()> {
    let (collection, key) = (&*change.collection, &*change.key);
    match &change.content {
        Some(content) => transaction
            .prepare_cached(
                "INSERT INTO nether_documents VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET content = ?3",
            )?
            .execute(params![collection, key, content])?,
        None => transaction
            .prepare_cached("DELETE FROM nether_documents WHERE collection = ?1 AND key = ?2")?
            .execute(params![collection, key])?,
    };
    Ok(())
}

/// Whether the document of a condition has the content that it must have.
fn holds(transaction: &Transaction<'_>, condition: &DocumentCondition) -> rusqlite::Result<bool> {
    let sql = "SELECT content FROM nether_documents WHERE collection = ?1 AND key = ?2";
    let mut statement = transaction.prepare_cached(sql)?;
    let mut rows = statement.query(params![&*condition.collection, &*condition.key])?;
    let found = rows.next()?.map(|row| row.get_ref(0)).transpose()?;
    let found = found.map(|content| content.as_bytes()).transpose()?;
    Ok(found == condition.content.as_deref())
}

/// Checks that all conditions hold. The inner error names the first one that does not.
pub(super) fn check_conditions(
    transaction: &Transaction<'_>,
    conditions: &[DocumentCondition],
) -> rusqlite::Result<Result<(), StoreError>> {
    for condition in conditions {
        if !holds(transaction, condition)? {
            return Ok(Err(StoreError::PreconditionFailed {
                collection: Arc::clone(&condition.collection),
                key: Arc::clone(&condition.key),
            }));
        }
    }
    Ok(Ok(()))
}
