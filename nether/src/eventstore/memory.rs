//! [`MemoryStore`]: the events of one process, for tests and for programs that may forget.

mod documents;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use tokio::sync::watch;

use self::documents::MemoryDocuments;
use crate::eventstore::backend::{
    Append, Appended, Archival, Direction, DocumentChange, DocumentCondition, Documents, Encoding,
    EventId, EventPage, EventStore, Expected, Metadata, NewEvent, PageLimit, PageRoom, Payload,
    Position, RecordedEvent, Redaction, StoreError, StoreFuture, StreamId,
};
use crate::sync::lock;

/// A store that keeps everything in memory, as long as the program runs.
#[derive(Debug)]
pub struct MemoryStore {
    kept: Mutex<MemoryLog>,
    /// The position of the newest event. Changed after the event is in `kept`.
    head: watch::Sender<Position>,
}

impl Default for MemoryStore {
    fn default() -> Self {
        MemoryStore {
            kept: Mutex::default(),
            head: watch::Sender::new(Position::START),
        }
    }
}

#[derive(Debug, Default)]
struct MemoryLog {
    /// By position: the first is at index 0.
    events: Vec<RecordedEvent>,
    /// By version: indices of `events`.
    streams: HashMap<StreamId, Vec<usize>>,
    ids: HashMap<EventId, usize>,
    documents: MemoryDocuments,
}

impl MemoryLog {
    fn append(&mut self, append: Append) -> Result<Appended, StoreError> {
        self.documents.check(&append.conditions)?;
        if let Some(repeated) = self.repeated(&append)? {
            return Ok(repeated);
        }
        append.check_ids()?;
        self.check_version(&append)?;
        Ok(self.write(append))
    }

    fn append_all(&mut self, appends: Vec<Append>) -> Result<Vec<Appended>, StoreError> {
        for append in &appends {
            self.documents.check(&append.conditions)?;
        }
        if let Some(repeated) = self.all_repeated(&appends)? {
            return Ok(repeated);
        }
        Append::check_all(&appends)?;
        for append in &appends {
            self.check_version(append)?;
        }
        Ok(appends.into_iter().map(|it| self.write(it)).collect())
    }

    fn check_version(&self, append: &Append) -> Result<(), StoreError> {
        if let Some(time) = self.archived_at(&append.stream) {
            let stream = append.stream.clone();
            return Err(StoreError::Archived { stream, time });
        }
        let actual = self.version(&append.stream);
        match append.expected {
            Expected::Version(expected) if expected != actual => Err(StoreError::Conflict {
                stream: append.stream.clone(),
                expected,
                actual,
            }),
            Expected::Version(_) | Expected::Any => Ok(()),
        }
    }

    /// Writes events that may be written.
    fn write(&mut self, append: Append) -> Appended {
        let mut version = self.version(&append.stream);
        for event in append.events {
            version += 1;
            self.keep(event, &append.stream, version, &append.metadata);
        }
        Appended {
            version,
            position: self.head(),
            is_repeated: false,
        }
    }

    fn redact(&mut self, redaction: Redaction) -> Result<Appended, StoreError> {
        let Redaction { position, id, .. } = redaction;
        let index = self.ids.get(&id).copied();
        let index = index.filter(|it| *it as u64 + 1 == position.0);
        let Some(index) = index else {
            let id = Some(id);
            return Err(StoreError::NoEvent { position, id });
        };
        if self.events[index].is_archived() {
            let stream = self.events[index].stream.clone();
            let time = self.archived_at(&stream).unwrap_or_default();
            return Err(StoreError::Archived { stream, time });
        }
        let appended = self.append(redaction.record)?;
        self.events[index].payload = redaction.payload;
        self.events[index].schema_version = redaction.schema_version;
        let removed = redaction.documents.into_iter();
        let removed = removed.map(|(collection, key)| DocumentChange {
            collection,
            key,
            content: None,
        });
        self.documents.change(removed.collect(), &[])?;
        Ok(appended)
    }

    fn archive(&mut self, archival: Archival) -> Result<Appended, StoreError> {
        let stream = archival.record.stream.clone();
        let appended = self.append(archival.record)?;
        let events = self.streams.get(&stream).into_iter().flatten();
        for index in events.take(appended.version as usize - 1) {
            let event = &mut self.events[*index];
            event.schema_version = 0;
            event.payload = Payload {
                encoding: Encoding::Json,
                bytes: Vec::new(),
            };
        }
        self.documents.change(archival.changes, &[])?;
        Ok(appended)
    }

    /// When a stream was archived, if it was: then the content of its first event is gone.
    fn archived_at(&self, stream: &StreamId) -> Option<u64> {
        let indices = self.streams.get(stream)?;
        let (first, last) = (*indices.first()?, *indices.last()?);
        let is_archived = self.events[first].is_archived();
        is_archived.then(|| self.events[last].metadata.time)
    }

    /// The results of the same appends before, if all of their events are there.
    fn all_repeated(&self, appends: &[Append]) -> Result<Option<Vec<Appended>>, StoreError> {
        let mut repeated = Vec::new();
        let (mut known, mut has_new) = (None, false);
        for append in appends {
            let found = self.repeated(append)?;
            has_new |= found.is_none() && !append.events.is_empty();
            known = known.or(found.map(|_| append.events[0].id));
            repeated.push(found.unwrap_or(Appended {
                version: self.version(&append.stream),
                position: self.head(),
                is_repeated: true,
            }));
        }
        match known {
            Some(id) if has_new => {
                let position = self.find(id).map_or(Position::START, |it| it.position);
                Err(StoreError::Duplicate { id, position })
            }
            known => Ok(known.map(|_| repeated)),
        }
    }

    /// The result of the same append before, if all of its events are there.
    fn repeated(&self, append: &Append) -> Result<Option<Appended>, StoreError> {
        let mut known = append.events.iter().filter_map(|it| self.find(it.id));
        let Some(first) = known.next() else {
            return Ok(None);
        };
        let stored = self.streams.get(&append.stream);
        let from = first.stream_version as usize - 1;
        let stored = stored.and_then(|it| it.get(from..from + append.events.len()));
        let is_same = |(new, index): (&NewEvent, &usize)| {
            let stored = &self.events[*index];
            (new.id, &*new.name) == (stored.id, &*stored.name)
        };
        match stored {
            Some(stored) if append.events.iter().zip(stored).all(is_same) => {
                let last = &self.events[stored[stored.len() - 1]];
                Ok(Some(Appended {
                    version: last.stream_version,
                    position: last.position,
                    is_repeated: true,
                }))
            }
            _ => Err(StoreError::Duplicate {
                id: first.id,
                position: first.position,
            }),
        }
    }

    fn keep(&mut self, event: NewEvent, stream: &StreamId, version: u64, metadata: &Metadata) {
        let index = self.events.len();
        self.ids.insert(event.id, index);
        self.streams.entry(stream.clone()).or_default().push(index);
        self.events.push(RecordedEvent {
            position: Position(index as u64 + 1),
            stream: stream.clone(),
            stream_version: version,
            id: event.id,
            name: event.name.into(),
            schema_version: event.schema_version,
            payload: event.payload,
            metadata: metadata.clone(),
        });
    }

    fn head(&self) -> Position {
        Position(self.events.len() as u64)
    }

    fn version(&self, stream: &StreamId) -> u64 {
        self.streams
            .get(stream)
            .map_or(0, |events| events.len() as u64)
    }

    fn find(&self, id: EventId) -> Option<&RecordedEvent> {
        self.events.get(*self.ids.get(&id)?)
    }

    fn read_stream(
        &self,
        stream: &StreamId,
        from: u64,
        direction: Direction,
        limit: usize,
    ) -> Vec<RecordedEvent> {
        let Some(events) = self.streams.get(stream) else {
            return Vec::new();
        };
        let event = |index: &usize| self.events[*index].clone();
        match direction {
            Direction::Forwards => {
                let skipped = usize::try_from(from.saturating_sub(1)).unwrap_or(usize::MAX);
                events.iter().skip(skipped).take(limit).map(event).collect()
            }
            Direction::Backwards => {
                let kept = usize::try_from(from).unwrap_or(usize::MAX);
                let older = &events[..kept.min(events.len())];
                older.iter().rev().take(limit).map(event).collect()
            }
        }
    }
}

/// A page of these events.
fn page<'a>(events: impl Iterator<Item = &'a RecordedEvent>, limit: PageLimit) -> EventPage {
    let mut room = PageRoom::new(limit);
    let mut read = Vec::new();
    for event in events.take(limit.events) {
        read.push(event.clone());
        if !room.take(event) {
            break;
        }
    }
    room.page(read)
}

/// A future that is ready at once with the result.
fn done<'a, T: Send + 'a>(result: Result<T, StoreError>) -> StoreFuture<'a, T> {
    Box::pin(std::future::ready(result))
}

impl EventStore for MemoryStore {
    fn append(&self, append: Append) -> StoreFuture<'_, Appended> {
        let appended = {
            let mut kept = lock(&self.kept);
            let appended = kept.append(append);
            // Under the lock, so that it only grows.
            self.head.send_replace(kept.head());
            appended
        };
        done(appended)
    }

    fn append_all(&self, appends: Vec<Append>) -> StoreFuture<'_, Vec<Appended>> {
        let appended = {
            let mut kept = lock(&self.kept);
            let appended = kept.append_all(appends);
            self.head.send_replace(kept.head());
            appended
        };
        done(appended)
    }

    fn can_append_all(&self) -> bool {
        true
    }

    fn can_redact(&self) -> bool {
        true
    }

    fn redact(&self, redaction: Redaction) -> StoreFuture<'_, Appended> {
        let appended = {
            let mut kept = lock(&self.kept);
            let appended = kept.redact(redaction);
            self.head.send_replace(kept.head());
            appended
        };
        done(appended)
    }

    fn can_archive(&self) -> bool {
        true
    }

    fn archive(&self, archival: Archival) -> StoreFuture<'_, Appended> {
        let appended = {
            let mut kept = lock(&self.kept);
            let appended = kept.archive(archival);
            self.head.send_replace(kept.head());
            appended
        };
        done(appended)
    }

    fn read_stream(
        &self,
        stream: &StreamId,
        from: u64,
        direction: Direction,
        limit: usize,
    ) -> StoreFuture<'_, Vec<RecordedEvent>> {
        done(Ok(
            lock(&self.kept).read_stream(stream, from, direction, limit)
        ))
    }

    fn read_all(&self, after: Position, limit: usize) -> StoreFuture<'_, Vec<RecordedEvent>> {
        let skipped = usize::try_from(after.0).unwrap_or(usize::MAX);
        let kept = lock(&self.kept);
        let events = kept.events.iter().skip(skipped).take(limit);
        done(Ok(events.cloned().collect()))
    }

    fn read_all_page(&self, after: Position, limit: PageLimit) -> StoreFuture<'_, EventPage> {
        let skipped = usize::try_from(after.0).unwrap_or(usize::MAX);
        let kept = lock(&self.kept);
        done(Ok(page(kept.events.iter().skip(skipped), limit)))
    }

    fn read_stream_page(
        &self,
        stream: &StreamId,
        from: u64,
        limit: PageLimit,
    ) -> StoreFuture<'_, EventPage> {
        let kept = lock(&self.kept);
        let skipped = usize::try_from(from.saturating_sub(1)).unwrap_or(usize::MAX);
        let indices = kept.streams.get(stream).into_iter().flatten().skip(skipped);
        done(Ok(page(indices.map(|index| &kept.events[*index]), limit)))
    }

    fn head(&self) -> StoreFuture<'_, Position> {
        done(Ok(*self.head.borrow()))
    }

    fn wait_for_new(&self, after: Position) -> StoreFuture<'_, Position> {
        let mut head = self.head.subscribe();
        Box::pin(async move {
            let newest = head.wait_for(|head| *head > after).await;
            newest.map(|head| *head).map_err(|_| StoreError::Closed)
        })
    }

    fn find(&self, id: EventId) -> StoreFuture<'_, Option<RecordedEvent>> {
        done(Ok(lock(&self.kept).find(id).cloned()))
    }

    fn document(&self, collection: &str, key: &str) -> StoreFuture<'_, Option<Vec<u8>>> {
        done(Ok(lock(&self.kept).documents.get(collection, key).cloned()))
    }

    fn documents(&self, collection: &str) -> StoreFuture<'_, Documents> {
        done(Ok(lock(&self.kept).documents.all(collection)))
    }

    fn collections(&self) -> StoreFuture<'_, Vec<Arc<str>>> {
        done(Ok(lock(&self.kept).documents.collections()))
    }

    fn change_documents(
        &self,
        changes: Vec<DocumentChange>,
        conditions: Vec<DocumentCondition>,
    ) -> StoreFuture<'_, ()> {
        done(lock(&self.kept).documents.change(changes, &conditions))
    }

    fn is_shared(&self) -> bool {
        false
    }
}
