//! [`StoreError`]: why a store could not do what it was asked.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use crate::error::Error;
use crate::eventstore::backend::{EventId, Position, StreamId};
use crate::eventstore::clock;

/// Why a store could not do what it was asked. Nothing that was acknowledged before is lost by it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum StoreError {
    /// The stream is in another version than the append expects: another writer has appended to it.
    Conflict {
        /// The stream.
        stream: StreamId,
        /// The version that was expected.
        expected: u64,
        /// The version that it is in.
        actual: u64,
    },
    /// The id of an event that was to be appended belongs to another event in the store, or only a part of
    /// the append is there. Nothing was written.
    Duplicate {
        /// The id.
        id: EventId,
        /// Where the event with that id is.
        position: Position,
    },
    /// Two events of an append have the same id. Nothing was written.
    IdTwice {
        /// The stream to which they were to be appended.
        stream: StreamId,
        /// The id.
        id: EventId,
    },
    /// Two of the appends that were to be made together are to the same stream. Nothing was written.
    StreamTwice {
        /// The stream.
        stream: StreamId,
    },
    /// There is no event with that id at the position. Nothing was changed.
    NoEvent {
        /// The position.
        position: Position,
        /// The id that the event was to have, if any.
        id: Option<EventId>,
    },
    /// The stream is [archived](crate::eventstore::Store::archive): its content is gone, and it is closed for
    /// good. Nothing was written.
    Archived {
        /// The stream.
        stream: StreamId,
        /// When it was archived, in milliseconds since 1970 (UTC).
        time: u64,
    },
    /// The stream was not [archived](crate::eventstore::Store::archive). Nothing was written.
    NotArchived {
        /// The stream.
        stream: StreamId,
        /// Why, and the way out.
        reason: String,
    },
    /// The store cannot do this at all.
    Unsupported {
        /// What it cannot do, behind "cannot".
        what: &'static str,
    },
    /// A command was sent with the [`CommandId`](crate::eventstore::CommandId) of an earlier command to the
    /// same aggregate, which has the same name and another content. The command was not decided upon, and
    /// nothing was written.
    CommandIdReused {
        /// The name of both.
        command: &'static str,
        /// The stream of the aggregate.
        stream: StreamId,
        /// The position of the first event that the earlier command led to.
        position: Position,
    },
    /// A document does not have the content that a change of documents required: it was changed meanwhile.
    /// Nothing was written.
    PreconditionFailed {
        /// What kind of document.
        collection: Arc<str>,
        /// Which one.
        key: Arc<str>,
    },
    /// The store is full: no room on its disk, or its limit of pages is reached.
    Full {
        /// What it says of it.
        reason: String,
    },
    /// The store can be read, but not written.
    ReadOnly {
        /// What it says of it.
        reason: String,
    },
    /// The store is held elsewhere, and was not released in time.
    Locked {
        /// What it says of it.
        reason: String,
    },
    /// The server of the store cannot be reached, or takes no more connections: this passes. Whether what was
    /// being written is stored is not known; an append may be repeated, since its events have ids.
    Unavailable {
        /// Why, as far as that is known.
        reason: String,
    },
    /// The store is open already, in this process or in another.
    AlreadyOpen {
        /// Where the store is: the name of a file, the address of a server.
        location: Arc<str>,
        /// The process that has it open, as far as that is known.
        holder: String,
    },
    /// A file of the store was removed, renamed, replaced or truncated by another program while the store was
    /// open, or cannot be opened safely by that name. The store acknowledges nothing until the file is put
    /// right. Trying again does not put it right, so this error [is permanent](StoreError::is_permanent).
    BadFile {
        /// The name of the file.
        location: Arc<str>,
        /// The problem, and how to solve it.
        problem: String,
    },
    /// The store was written by a newer version of this library.
    Newer {
        /// Where the store is.
        location: Arc<str>,
        /// The version of its tables.
        found: u32,
        /// The newest version that is known here.
        known: u32,
    },
    /// The location holds no event store: another program's data, or no database at all.
    Foreign {
        /// Where it is.
        location: Arc<str>,
        /// How that is known.
        reason: String,
    },
    /// The store is damaged.
    Corrupt {
        /// The damaged part, and how it is damaged.
        reason: String,
        /// Up to here, events can be read, if that is known.
        readable_up_to: Option<Position>,
    },
    /// An event in the store is one that the program does not know: of a name that it does not list, or newer
    /// than what it was built with.
    Unknown {
        /// The stream that it is in.
        stream: StreamId,
        /// Its position.
        position: Position,
        /// Its name.
        name: Arc<str>,
        /// The version of its content's shape.
        schema_version: u32,
        /// Why the program cannot read it.
        reason: String,
    },
    /// An event, snapshot or document cannot be turned into its type, or the other way round.
    Codec {
        /// Which one.
        what: String,
        /// Why.
        reason: String,
    },
    /// The store is closed.
    Closed,
    /// The system or the database failed otherwise.
    Failed {
        /// What it says of it.
        reason: String,
        /// The error itself.
        source: Option<Arc<dyn StdError + Send + Sync>>,
    },
}

impl StoreError {
    /// Whether trying again alone cannot help: it fails in the same way until its cause is removed. Other
    /// errors may pass by themselves: a lock, a full disk, a connection that is lost.
    pub fn is_permanent(&self) -> bool {
        match self {
            StoreError::Duplicate { .. }
            | StoreError::IdTwice { .. }
            | StoreError::StreamTwice { .. }
            | StoreError::NoEvent { .. }
            | StoreError::Archived { .. }
            | StoreError::NotArchived { .. }
            | StoreError::Unsupported { .. }
            | StoreError::CommandIdReused { .. }
            | StoreError::PreconditionFailed { .. }
            | StoreError::BadFile { .. }
            | StoreError::Newer { .. }
            | StoreError::Foreign { .. }
            | StoreError::Corrupt { .. }
            | StoreError::Unknown { .. }
            | StoreError::Codec { .. }
            | StoreError::Closed => true,
            StoreError::Conflict { .. }
            | StoreError::Full { .. }
            | StoreError::ReadOnly { .. }
            | StoreError::Locked { .. }
            | StoreError::Unavailable { .. }
            | StoreError::AlreadyOpen { .. }
            | StoreError::Failed { .. } => false,
        }
    }

    /// The error of the store, if that is what a handler inside of a
    /// [transaction](crate::eventstore::TransactionalStore) has passed on: one that is not about the event,
    /// and may pass. It may be behind errors of the program, whose [`source`](StdError::source) it is.
    /// [`StoreError::Failed`] is none: it does not say whether it is about the event.
    pub fn of_store(error: &Error) -> Option<Self> {
        let is_of_store = |error: &&StoreError| {
            matches!(
                error,
                StoreError::Locked { .. }
                    | StoreError::Full { .. }
                    | StoreError::ReadOnly { .. }
                    | StoreError::Unavailable { .. }
                    | StoreError::Closed
            )
        };
        let mut errors = error.chain().filter_map(|it| it.downcast_ref());
        errors.find(is_of_store).cloned()
    }

    /// An error of the operating system or the database, as an error of the store.
    pub fn failed(error: impl StdError + Send + Sync + 'static) -> Self {
        StoreError::Failed {
            reason: error.to_string(),
            source: Some(Arc::new(error)),
        }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreError::Conflict {
                stream,
                expected,
                actual,
            } => write!(
                f,
                "the stream `{stream}` is in version {actual}, where {expected} was expected: another writer has appended to it"
            ),
            StoreError::Duplicate { id, position } => write!(
                f,
                "nothing was appended: the event {id} is already stored, at position {position}, in another stream or beside other events than in this append. An event id is used again only to repeat the same append"
            ),
            StoreError::IdTwice { stream, id } => write!(
                f,
                "nothing was appended to `{stream}`: two of the events have the id {id}. Each event has an id of its own"
            ),
            StoreError::StreamTwice { stream } => write!(
                f,
                "nothing was appended: two of the appends are to the stream `{stream}`. Put the events of one stream into one append"
            ),
            StoreError::NoEvent { position, id: None } => {
                write!(f, "there is no event at position {position}")
            }
            StoreError::NoEvent {
                position,
                id: Some(id),
            } => write!(
                f,
                "there is no event with the id {id} at position {position}"
            ),
            StoreError::Archived { stream, time } => write!(
                f,
                "the stream `{stream}` was archived at {}: its content is in the copy that was made of it, and it takes no events any more. Something new of that kind needs another key",
                clock::utc(*time)
            ),
            StoreError::NotArchived { stream, reason } => {
                write!(f, "the stream `{stream}` was not archived: {reason}")
            }
            StoreError::Unsupported { what } => write!(f, "the event store cannot {what}"),
            StoreError::CommandIdReused {
                command,
                stream,
                position,
            } => write!(
                f,
                "nothing was done: the id of this `{command}` belongs to an earlier one with another content, which led to the event at position {position} in `{stream}`. Repeat a command with the same content, and send another with a `CommandId` of its own; if different clients choose the ids, give each a scope, `CommandId::scoped`"
            ),
            StoreError::PreconditionFailed { collection, key } => write!(
                f,
                "nothing was written: the document `{key}` of `{collection}` does not have the required content, because it was changed meanwhile"
            ),
            StoreError::Full { reason } => write!(f, "the event store is full: {reason}"),
            StoreError::ReadOnly { reason } => {
                write!(f, "the event store cannot be written: {reason}")
            }
            StoreError::Locked { reason } => {
                write!(f, "the event store is locked elsewhere: {reason}")
            }
            StoreError::Unavailable { reason } => {
                write!(f, "the event store cannot be reached: {reason}")
            }
            StoreError::AlreadyOpen { location, holder } => write!(
                f,
                "the event store `{location}` is open already, {holder}: open it once and share the handle, or open it as `shared`"
            ),
            StoreError::BadFile { location, problem } => {
                write!(f, "the file `{location}` of the event store {problem}")
            }
            StoreError::Newer {
                location,
                found,
                known,
            } => write!(
                f,
                "the event store `{location}` has tables of version {found}, and this program knows them up to {known}: it was written by a newer one"
            ),
            StoreError::Foreign { location, reason } => {
                write!(f, "`{location}` is not an event store: {reason}")
            }
            StoreError::Corrupt {
                reason,
                readable_up_to,
            } => {
                write!(f, "the event store is damaged: {reason}")?;
                match readable_up_to {
                    Some(position) => write!(f, "; events up to position {position} can be read"),
                    None => Ok(()),
                }
            }
            StoreError::Unknown {
                stream,
                position,
                name,
                schema_version,
                reason,
            } => write!(
                f,
                "the event `{name}` (version {schema_version}) at position {position}, in the stream `{stream}`, is not known: {reason}"
            ),
            StoreError::Codec { what, reason } => write!(f, "{what}: {reason}"),
            StoreError::Closed => f.write_str("the event store is closed"),
            StoreError::Failed { reason, .. } => write!(f, "the event store failed: {reason}"),
        }
    }
}

impl StdError for StoreError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            StoreError::Failed {
                source: Some(source),
                ..
            } => Some(&**source),
            _ => None,
        }
    }
}
