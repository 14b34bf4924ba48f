//! [`EventStore`]: what a backend has to do, in terms of streams, positions and documents. Knows no
//! aggregates.

mod archival;
mod driving;
mod entries;
mod error;
mod event;
mod event_id;
mod redaction;
mod transactional;

pub use self::archival::Archival;
pub use self::entries::MetadataEntries;
pub use self::error::StoreError;
pub use self::event::{Encoding, Metadata, NewEvent, Payload, RecordedEvent};
pub use self::event_id::EventId;
pub use self::redaction::Redaction;
pub use self::transactional::{
    AsyncTransaction, EarlyEnd, StoreTransaction, SyncTransaction, TransactionWork,
    TransactionalStore, Transactions, Worked,
};
pub(super) use self::transactional::{HandlerWork, StepFailure, WorkStep, WorkSteps};

use std::collections::HashSet;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The future of the methods of an [`EventStore`]: boxed, so that the trait can be used as an object.
pub type StoreFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// The name of a stream: the events of one aggregate, in the order they happened.
///
/// It has two parts: what kind of thing it is of, and which one: `account/42`. Only the first `/` divides
/// them, so a key may contain others.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StreamId(Arc<str>);

impl StreamId {
    /// The stream of the thing `key` of a category.
    pub fn new(category: &str, key: impl fmt::Display) -> Self {
        StreamId(format!("{category}/{key}").into())
    }

    /// The whole name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What kind of thing it is of.
    pub fn category(&self) -> &str {
        self.0
            .split_once('/')
            .map_or(&self.0, |(category, _)| category)
    }

    /// Which one.
    pub fn key(&self) -> &str {
        self.0.split_once('/').map_or("", |(_, key)| key)
    }
}

impl From<&str> for StreamId {
    fn from(name: &str) -> Self {
        StreamId(name.into())
    }
}

impl From<String> for StreamId {
    fn from(name: String) -> Self {
        StreamId(name.into())
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The place of an event among all events of a store: 1 for the first, and no gaps.
/// [`START`](Position::START) is before all.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Position(pub u64);

impl Position {
    /// Before the first event.
    pub const START: Position = Position(0);
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// In which version a stream has to be for an append to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// In any.
    Any,
    /// In this one: so many events are in it. 0 if it is new.
    Version(u64),
}

/// Events for one stream, written together or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Append {
    /// The stream.
    pub stream: StreamId,
    /// The version that it has to be in.
    pub expected: Expected,
    /// The events, in order. None is no append, and succeeds if the version is as expected.
    pub events: Vec<NewEvent>,
    /// What else is known of them.
    pub metadata: Metadata,
    /// What documents have to be for the append to be made; mostly nothing.
    pub conditions: Vec<DocumentCondition>,
}

impl Append {
    /// Checks that no two of the appends are to one stream, and that no two of all their events have one id.
    /// For backends, as [`check_ids`](Append::check_ids).
    ///
    /// # Errors
    /// [`StoreError::StreamTwice`] or [`StoreError::IdTwice`], of the first append that repeats something.
    pub fn check_all(appends: &[Append]) -> Result<(), StoreError> {
        let (mut streams, mut ids) = (HashSet::new(), HashSet::new());
        for append in appends {
            if !streams.insert(&append.stream) {
                return Err(StoreError::StreamTwice {
                    stream: append.stream.clone(),
                });
            }
            if let Some(event) = append.events.iter().find(|event| !ids.insert(event.id)) {
                return Err(StoreError::IdTwice {
                    stream: append.stream.clone(),
                    id: event.id,
                });
            }
        }
        Ok(())
    }

    /// Checks that no two of the events have one id. For backends: a store that has a unique index of the ids
    /// need not ask before the index refuses the append.
    ///
    /// # Errors
    /// [`StoreError::IdTwice`] if two have.
    pub fn check_ids(&self) -> Result<(), StoreError> {
        if self.events.len() < 2 {
            return Ok(());
        }
        let mut ids = HashSet::with_capacity(self.events.len());
        match self.events.iter().find(|event| !ids.insert(event.id)) {
            Some(event) => Err(StoreError::IdTwice {
                stream: self.stream.clone(),
                id: event.id,
            }),
            None => Ok(()),
        }
    }
}

/// What an append has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// The version of the stream with the last of the events.
    pub version: u64,
    /// The position of the last of the events.
    pub position: Position,
    /// Whether they were in the store already, by their ids, and nothing was written.
    pub is_repeated: bool,
}

/// In which direction a stream is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From older to newer.
    Forwards,
    /// From newer to older.
    Backwards,
}

/// A change of one document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentChange {
    /// What kind of document: `snapshot/account`, `checkpoint`.
    pub collection: Arc<str>,
    /// Which one.
    pub key: Arc<str>,
    /// Its content from now on; `None` removes it.
    pub content: Option<Vec<u8>>,
}

/// A condition on a change of documents: the content that a document must have. Two writers exclude each
/// other by it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentCondition {
    /// What kind of document.
    pub collection: Arc<str>,
    /// Which one.
    pub key: Arc<str>,
    /// The content that the document must have, byte for byte; `None` if there must be no such document.
    pub content: Option<Vec<u8>>,
}

/// How many events are read at a time by those who read many, and about how many bytes.
pub(crate) const PAGE: PageLimit = PageLimit {
    events: 1024,
    bytes: 4 << 20,
};

/// How much is read at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageLimit {
    /// The most events.
    pub events: usize,
    /// A page ends with the event whose content reaches so many bytes. So a page holds an event of any size,
    /// and at most one event more than fits.
    pub bytes: usize,
}

/// Events that were read at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventPage {
    /// The events, in order.
    pub events: Vec<RecordedEvent>,
    /// Whether there was no other event behind them. A page that is empty is the last.
    pub is_last: bool,
}

impl EventPage {
    /// A page of events that were read with that limit of events, cut off at that of bytes.
    fn cut(mut events: Vec<RecordedEvent>, limit: PageLimit) -> Self {
        let mut room = PageRoom::new(limit);
        let last = events.iter().position(|event| !room.take(event));
        if let Some(last) = last {
            events.truncate(last + 1);
        }
        room.page(events)
    }

    /// A page of events that were read with that limit of events.
    fn counted(events: Vec<RecordedEvent>, limit: PageLimit) -> Self {
        EventPage {
            is_last: events.len() < limit.events,
            events,
        }
    }
}

/// Ends a page that has grown to its limit.
#[derive(Debug)]
pub struct PageRoom {
    limit: PageLimit,
    bytes: usize,
    is_full: bool,
}

impl PageRoom {
    /// Room for a page of that limit.
    pub fn new(limit: PageLimit) -> Self {
        PageRoom {
            limit,
            bytes: 0,
            is_full: false,
        }
    }

    /// Counts an event, and says whether there is room for another.
    pub fn take(&mut self, event: &RecordedEvent) -> bool {
        self.bytes = self.bytes.saturating_add(event.payload.bytes.len());
        self.is_full = self.bytes >= self.limit.bytes;
        !self.is_full
    }

    /// The page of the events that were counted.
    pub fn page(&self, events: Vec<RecordedEvent>) -> EventPage {
        let page = EventPage::counted(events, self.limit);
        EventPage {
            is_last: page.is_last && !self.is_full,
            ..page
        }
    }
}

/// Documents of a collection, with their keys.
pub type Documents = Vec<(Arc<str>, Vec<u8>)>;

/// A store of events: appends to streams, reads them, and reports new events. Beside them it keeps small
/// documents (snapshots, checkpoints, the state of sagas) by collection and key.
///
/// Implement it for a database, and let [`conformance`](crate::eventstore::conformance) check what is only
/// said here in words:
///
/// - Acknowledged appends are durable, as far as the store is: an append whose future has returned `Ok`
///   survives a crash.
/// - Positions have no gaps, and grow in the order in which events become visible: no new event appears
///   before a position that a reader has reached.
/// - An append is atomic, and so is a change of documents.
/// - A future that is dropped may or may not have done its work; nothing is done in part.
pub trait EventStore: Send + Sync + 'static {
    /// Appends events to one stream.
    ///
    /// The [conditions](Append::conditions) are checked in the transaction that appends: a store that ignores
    /// them lets two processes run one saga.
    ///
    /// If all of the events are in that stream already, by their ids and one after the other, nothing is
    /// written, and the result is that of the first append, with `is_repeated`, whatever version is expected.
    ///
    /// # Errors
    /// [`StoreError::PreconditionFailed`] if a condition does not hold, whatever else is so;
    /// [`StoreError::Duplicate`] if only some of the events are in the store, or in another stream or order,
    /// whatever version is expected; [`StoreError::IdTwice`] if two of the events have one id, and it is not
    /// in the store; [`StoreError::Archived`] if the stream is [archived](EventStore::archive), also if there
    /// are no events; [`StoreError::Conflict`] if the stream is in another version than expected; else why it
    /// could not be written.
    fn append(&self, append: Append) -> StoreFuture<'_, Appended>;

    /// Appends events to several streams in one transaction: all of the appends are made, or none. The
    /// results are in the order of the appends, and so are the positions of their events.
    ///
    /// An append without events only checks the version of its stream, as the transaction sees it, and its
    /// result has the position of the newest event in the store. So several of them alone are one consistent
    /// look at several streams.
    ///
    /// If the events of every append that has some are stored already, each as [`append`](EventStore::append)
    /// says, nothing is written and no version is checked, and every result has `is_repeated`.
    ///
    /// By default the store cannot do it; one that can says so with
    /// [`can_append_all`](EventStore::can_append_all).
    ///
    /// # Errors
    /// Those of [`append`](EventStore::append), in the order that stands there, each for the first append
    /// that has it, with [`StoreError::Duplicate`] also if only some of the appends are stored;
    /// [`StoreError::StreamTwice`] if two of the appends are to one stream; [`StoreError::Unsupported`] if
    /// the store cannot append to several streams at once.
    fn append_all(&self, appends: Vec<Append>) -> StoreFuture<'_, Vec<Appended>> {
        let _ = appends;
        Box::pin(std::future::ready(Err(StoreError::Unsupported {
            what: "append to several streams in one transaction",
        })))
    }

    /// Whether [`append_all`](EventStore::append_all) is implemented: `false` by default. A program with a
    /// [`#[decision]`](macro@crate::decision) over several aggregates does not start with a store that
    /// returns `false`.
    fn can_append_all(&self) -> bool {
        false
    }

    /// Reads up to `limit` events of a stream: forwards those from version `from` on, backwards those from
    /// `from` down (`u64::MAX` for the newest). A stream that was never written is empty.
    ///
    /// # Errors
    /// Why it could not be read.
    fn read_stream(
        &self,
        stream: &StreamId,
        from: u64,
        direction: Direction,
        limit: usize,
    ) -> StoreFuture<'_, Vec<RecordedEvent>>;

    /// Reads up to `limit` events of all streams after a position, in order.
    ///
    /// # Errors
    /// Why they could not be read.
    fn read_all(&self, after: Position, limit: usize) -> StoreFuture<'_, Vec<RecordedEvent>>;

    /// Reads events of all streams after a position, in order, up to a limit. A backend whose events may be
    /// large implements it so that no more than a page is in memory; as it stands, `limit.events` are read
    /// before the page is cut off.
    ///
    /// # Errors
    /// Why they could not be read.
    fn read_all_page(&self, after: Position, limit: PageLimit) -> StoreFuture<'_, EventPage> {
        let events = self.read_all(after, limit.events);
        Box::pin(async move { Ok(EventPage::cut(events.await?, limit)) })
    }

    /// Reads events of a stream from a version on, in order, up to a limit; as
    /// [`read_all_page`](EventStore::read_all_page) does.
    ///
    /// # Errors
    /// Why they could not be read.
    fn read_stream_page(
        &self,
        stream: &StreamId,
        from: u64,
        limit: PageLimit,
    ) -> StoreFuture<'_, EventPage> {
        let events = self.read_stream(stream, from, Direction::Forwards, limit.events);
        Box::pin(async move { Ok(EventPage::cut(events.await?, limit)) })
    }

    /// The position of the newest event; [`Position::START`] if there is none.
    ///
    /// # Errors
    /// Why it could not be read.
    fn head(&self) -> StoreFuture<'_, Position>;

    /// Waits until there is an event after the position, also one that another process has written, and gives
    /// the position of the newest.
    ///
    /// # Errors
    /// Why that could not be known, or that the store is closed.
    fn wait_for_new(&self, after: Position) -> StoreFuture<'_, Position>;

    /// The event with that id, if it is in the store, in whatever stream.
    ///
    /// # Errors
    /// Why it could not be read.
    fn find(&self, id: EventId) -> StoreFuture<'_, Option<RecordedEvent>>;

    /// The document, if there is one.
    ///
    /// # Errors
    /// Why it could not be read.
    fn document(&self, collection: &str, key: &str) -> StoreFuture<'_, Option<Vec<u8>>>;

    /// All documents of a collection with their keys, by key.
    ///
    /// # Errors
    /// Why they could not be read.
    fn documents(&self, collection: &str) -> StoreFuture<'_, Documents>;

    /// The names of all collections that have a document, in order. A copy of the store in another
    /// database needs it.
    ///
    /// By default the store cannot do it.
    ///
    /// # Errors
    /// [`StoreError::Unsupported`] if the store cannot list them; or why they could not be read.
    fn collections(&self) -> StoreFuture<'_, Vec<Arc<str>>> {
        Box::pin(std::future::ready(Err(StoreError::Unsupported {
            what: "list the collections of its documents",
        })))
    }

    /// Changes documents in the order given, if all conditions hold, and otherwise changes none of them. No
    /// other change of a document of a condition comes between the check and these changes, also if these
    /// changes are of other documents: snapshot isolation alone is not enough.
    ///
    /// # Errors
    /// [`StoreError::PreconditionFailed`] if a condition does not hold; then nothing is changed. Or why the
    /// documents could not be written; they may be written all the same.
    fn change_documents(
        &self,
        changes: Vec<DocumentChange>,
        conditions: Vec<DocumentCondition>,
    ) -> StoreFuture<'_, ()>;

    /// Replaces the content of an event, removes documents, and appends the record, in one transaction. When
    /// it returns `Ok`, no byte of the former content is left where the store keeps it: not in free space of
    /// a file, nor in a log. If the record is in the store already, the rest is done again.
    ///
    /// By default the store cannot do it; one that can says so with [`can_redact`](EventStore::can_redact).
    ///
    /// # Errors
    /// [`StoreError::NoEvent`] if there is no such event at the position; [`StoreError::Archived`] if its
    /// stream is archived, and it is not the record of that; those of [`append`](EventStore::append), of the
    /// record; [`StoreError::Locked`] if the content is replaced, and
    /// something reads a former state in which it still is; [`StoreError::Unsupported`] if the store cannot
    /// replace content.
    fn redact(&self, redaction: Redaction) -> StoreFuture<'_, Appended> {
        let _ = redaction;
        Box::pin(std::future::ready(Err(StoreError::Unsupported {
            what: "replace the content of an event",
        })))
    }

    /// Whether [`redact`](EventStore::redact) is implemented: `false` by default.
    fn can_redact(&self) -> bool {
        false
    }

    /// Archives a stream, in one transaction: appends the record to it, removes the content of all events
    /// before the record, and changes documents. An event without content has an empty payload and 0 as
    /// `schema_version`, by which it [is known](RecordedEvent::is_archived); everything else of it stays.
    /// From then on the stream is closed: an append to it is refused, whatever version is expected. When it
    /// returns `Ok`, no byte of the content is left where the store keeps it: not in free space of a file,
    /// nor in a log. If the record is in the store already, the rest is done again.
    ///
    /// By default the store cannot do it; one that can says so with [`can_archive`](EventStore::can_archive).
    ///
    /// # Errors
    /// Those of [`append`](EventStore::append), of the record; [`StoreError::Locked`] if the content is
    /// removed, and something reads a former state in which it still is; [`StoreError::Unsupported`] if the
    /// store cannot archive.
    fn archive(&self, archival: Archival) -> StoreFuture<'_, Appended> {
        let _ = archival;
        Box::pin(std::future::ready(Err(StoreError::Unsupported {
            what: "archive a stream",
        })))
    }

    /// Whether [`archive`](EventStore::archive) is implemented: `false` by default.
    fn can_archive(&self) -> bool {
        false
    }

    /// Whether another process may have the store open at the same time: `true` by default. If it returns
    /// `false`, the store belongs to this process until it is closed. Then projections and sagas write no
    /// heartbeats for other processes, and take over at once from a process that was killed. If it is wrongly
    /// `false`, two processes take over from each other without end.
    fn is_shared(&self) -> bool {
        true
    }

    /// The transactions of the store, in which projections write: `Some(Transactions::of(self))` if it is a
    /// [`TransactionalStore`]. By default there are none.
    fn transactions(&self) -> Option<Transactions<'_>> {
        None
    }
}
