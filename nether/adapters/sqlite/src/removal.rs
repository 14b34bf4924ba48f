//! [`Removal`]: content that is to leave the file, with what takes its place.

use std::sync::Arc;

use nether::eventstore::{
    Appended, Archival, DocumentChange, EventId, Position, Redaction, StoreError, StreamId,
};
use rusqlite::{OptionalExtension, Transaction, params};

use crate::append::{StreamCache, change_document};

/// Content that is removed in a transaction of its own, after which the log is emptied.
pub(super) enum Removal {
    Redaction(Redaction),
    Archival(Archival),
}

impl Removal {
    /// Makes it, or says why not.
    pub(super) fn make(
        &self,
        transaction: &Transaction<'_>,
        cache: &mut StreamCache,
    ) -> rusqlite::Result<Result<Appended, StoreError>> {
        match self {
            Removal::Redaction(redaction) => match redact(transaction, cache, redaction)? {
                Ok(()) => cache.append(transaction, &redaction.record),
                Err(error) => Ok(Err(error)),
            },
            Removal::Archival(archival) => archive(transaction, cache, archival),
        }
    }

    /// The error for content that is removed, and still in the log.
    #[cold]
    pub(super) fn in_log(&self) -> StoreError {
        let (what, again) = match self {
            Removal::Redaction(Redaction { position, .. }) => (
                format!("the content of the event at position {position} is replaced"),
                "redact the event again",
            ),
            Removal::Archival(Archival { record, .. }) => (
                format!("the content of the stream `{}` is removed", record.stream),
                "archive the stream again",
            ),
        };
        StoreError::Locked {
            reason: format!(
                "{what}, but something reads the store as it was before, so that the former content is still in its log: {again}"
            ),
        }
    }
}

/// Replaces the content of an event, and removes what was made of it; or says why not.
fn redact(
    transaction: &Transaction<'_>,
    cache: &mut StreamCache,
    redaction: &Redaction,
) -> rusqlite::Result<Result<(), StoreError>> {
    let (position, id) = (redaction.position, redaction.id);
    if let Some(error) = unredactable(transaction, cache, position, id)? {
        return Ok(Err(error));
    }
    let sql =
        "UPDATE nether_events SET payload = ?2, encoding = ?3, schema = ?4 WHERE position = ?1";
    transaction.prepare_cached(sql)?.execute(params![
        position.0.cast_signed(),
        redaction.payload.bytes,
        redaction.payload.encoding.number(),
        redaction.schema_version,
    ])?;
    for (collection, key) in &redaction.documents {
        change_document(
            transaction,
            &DocumentChange {
                collection: Arc::clone(collection),
                key: Arc::clone(key),
                content: None,
            },
        )?;
    }
    Ok(Ok(()))
}

/// Why the event at a position cannot get other content: it has another id, or its stream is archived.
fn unredactable(
    transaction: &Transaction<'_>,
    cache: &mut StreamCache,
    position: Position,
    id: EventId,
) -> rusqlite::Result<Option<StoreError>> {
    let sql = "SELECT s.name, e.schema = 0 AND length(e.payload) = 0 FROM nether_events e
        JOIN nether_streams s ON s.id = e.stream WHERE e.position = ?1 AND e.id = ?2";
    let found = transaction
        .prepare_cached(sql)?
        .query_row(
            params![position.0.cast_signed(), id.as_u128().to_be_bytes()],
            |row| Ok((row.get::<_, String>(0)?, row.get::<_, bool>(1)?)),
        )
        .optional()?;
    Ok(match found {
        Some((stream, true)) => {
            let stream = StreamId::from(stream);
            let time = cache.archived_at(transaction, &stream)?.unwrap_or_default();
            Some(StoreError::Archived { stream, time })
        }
        Some((_, false)) => None,
        None => {
            let id = Some(id);
            Some(StoreError::NoEvent { position, id })
        }
    })
}

/// Appends the record to a stream, and removes the content of all events before it; or says why not.
fn archive(
    transaction: &Transaction<'_>,
    cache: &mut StreamCache,
    archival: &Archival,
) -> rusqlite::Result<Result<Appended, StoreError>> {
    let stream = &archival.record.stream;
    let appended = match cache.append(transaction, &archival.record)? {
        Ok(appended) => appended,
        Err(error) => return Ok(Err(error)),
    };
    let sql = "UPDATE nether_events SET payload = x'', encoding = 0, schema = 0
        WHERE stream = (SELECT id FROM nether_streams WHERE name = ?1) AND version < ?2";
    transaction
        .prepare_cached(sql)?
        .execute(params![stream.as_str(), appended.version.cast_signed()])?;
    for change in &archival.changes {
        change_document(transaction, change)?;
    }
    cache.read_again(stream);
    Ok(Ok(appended))
}
