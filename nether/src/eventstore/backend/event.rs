//! Events as a store keeps them: [`NewEvent`] goes in, [`RecordedEvent`] comes out.

use std::borrow::Cow;
use std::sync::Arc;

use crate::eventstore::backend::{EventId, MetadataEntries, Position, StreamId};

/// How an event's content is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Encoding {
    /// JSON: can be read with any tool. The default.
    #[default]
    Json,
    /// MessagePack with names of fields: smaller, and for machines alone.
    MessagePack,
}

impl Encoding {
    /// The number that a backend stores for it, which never changes.
    pub const fn number(self) -> u8 {
        match self {
            Encoding::Json => 0,
            Encoding::MessagePack => 1,
        }
    }

    /// The encoding of that number, if there is one.
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Encoding::Json),
            1 => Some(Encoding::MessagePack),
            _ => None,
        }
    }
}

/// The content of an event, written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payload {
    /// How.
    pub encoding: Encoding,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// The origin of the events of one append: all but their content.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Metadata {
    /// When they were appended, in milliseconds since 1970 (UTC).
    pub time: u64,
    /// The context in which they happened; if a saga has sent the command that led to them, that of the event
    /// with which the saga began.
    pub correlation: Option<Arc<str>>,
    /// The ID of the message that was being handled; if a saga has sent it, the ID of the event because of
    /// which it did.
    pub causation: Option<Arc<str>>,
    /// On whose behalf: the ID of the principal.
    pub principal: Option<Arc<str>>,
    /// Metadata that only some events have.
    pub entries: MetadataEntries,
}

/// An event to be appended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    /// Its id.
    pub id: EventId,
    /// Its stable name.
    pub name: Cow<'static, str>,
    /// The version of its content's shape, from 1.
    pub schema_version: u32,
    /// Its content.
    pub payload: Payload,
}

/// An event in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedEvent {
    /// Its place among all events of the store.
    pub position: Position,
    /// The stream that it is in.
    pub stream: StreamId,
    /// Its number in that stream, from 1.
    pub stream_version: u64,
    /// Its id.
    pub id: EventId,
    /// Its stable name.
    pub name: Arc<str>,
    /// The version of its content's shape.
    pub schema_version: u32,
    /// Its content.
    pub payload: Payload,
    /// What else is known of it.
    pub metadata: Metadata,
}

impl RecordedEvent {
    /// Whether its content is gone, because its stream was [archived](crate::eventstore::Store::archive): it
    /// has an empty payload, and 0 as `schema_version`. Such an event cannot be read as its type, and no
    /// projection or saga is shown it.
    pub fn is_archived(&self) -> bool {
        self.schema_version == 0 && self.payload.bytes.is_empty()
    }
}
