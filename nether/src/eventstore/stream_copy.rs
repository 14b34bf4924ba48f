//! [`StreamCopy`]: all events of a stream as a value, to be kept outside of the store.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::digest::digest;
use crate::eventstore::archived;
use crate::eventstore::backend::{
    Encoding, EventId, Metadata, MetadataEntries, PAGE, Payload, Position, RecordedEvent,
    StoreError, StreamId,
};
use crate::eventstore::store::Store;
use crate::hexadecimal::{from_hexadecimal, hexadecimal};

/// All events of a stream, as [`Store::copy_of`] has copied them: with their positions, ids, names, versions,
/// metadata and content. It is written to a place of the program's own with `serde`, as JSON in most cases,
/// and [`Store::read_copy`] gives the events again.
///
/// [Personal values](crate::upkeep#forget-a-person) in it are encrypted, as they are in the store. They
/// cannot be read without the keys of the store, and a person who is forgotten is forgotten in the copy too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamCopy {
    stream: StreamId,
    sha256: String,
    events: Vec<CopiedEvent>,
}

/// An event, as it is in a copy. Its JSON is part of the hash of the copy: a field is added only as one that
/// is left out where it is absent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CopiedEvent {
    pub(super) position: Position,
    version: u64,
    pub(super) id: EventId,
    pub(super) name: Arc<str>,
    schema_version: u32,
    time: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    correlation: Option<Arc<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    causation: Option<Arc<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    principal: Option<Arc<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    metadata: Option<String>,
    #[serde(flatten)]
    content: CopiedContent,
}

/// The content of an event, byte for byte.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum CopiedContent {
    /// JSON, as text.
    Json(String),
    /// MessagePack, as hexadecimal digits.
    MessagePack(String),
}

impl CopiedEvent {
    /// # Errors
    /// [`StoreError::Codec`] if its content is not what its encoding says.
    pub(super) fn of(event: RecordedEvent) -> Result<Self, StoreError> {
        let Payload { encoding, bytes } = event.payload;
        let content = match encoding {
            Encoding::Json => String::from_utf8(bytes).map(CopiedContent::Json),
            Encoding::MessagePack => Ok(CopiedContent::MessagePack(hexadecimal(&bytes))),
        };
        let content = content.map_err(|error| StoreError::Codec {
            what: format!(
                "the event at position {}, in the stream `{}`, cannot be copied",
                event.position, event.stream
            ),
            reason: format!("it is no JSON: {error}"),
        })?;
        let metadata = event.metadata;
        Ok(CopiedEvent {
            position: event.position,
            version: event.stream_version,
            id: event.id,
            name: event.name,
            schema_version: event.schema_version,
            time: metadata.time,
            correlation: metadata.correlation,
            causation: metadata.causation,
            principal: metadata.principal,
            metadata: metadata.entries.as_text().map(str::to_owned),
            content,
        })
    }

    /// The event again; `None` if its content cannot be read.
    fn recorded(&self, stream: &StreamId) -> Option<RecordedEvent> {
        let (encoding, bytes) = match &self.content {
            CopiedContent::Json(text) => (Encoding::Json, text.as_bytes().to_vec()),
            CopiedContent::MessagePack(digits) => {
                (Encoding::MessagePack, from_hexadecimal(digits)?)
            }
        };
        let entries = self.metadata.clone();
        Some(RecordedEvent {
            position: self.position,
            stream: stream.clone(),
            stream_version: self.version,
            id: self.id,
            name: Arc::clone(&self.name),
            schema_version: self.schema_version,
            payload: Payload { encoding, bytes },
            metadata: Metadata {
                time: self.time,
                correlation: self.correlation.clone(),
                causation: self.causation.clone(),
                principal: self.principal.clone(),
                entries: entries.map_or_else(MetadataEntries::default, MetadataEntries::from_text),
            },
        })
    }
}

impl StreamCopy {
    fn new(stream: StreamId, events: Vec<CopiedEvent>) -> Self {
        StreamCopy {
            sha256: hash(&stream, &events),
            stream,
            events,
        }
    }

    /// The stream that it is of.
    pub fn stream(&self) -> &StreamId {
        &self.stream
    }

    /// The number of its events, which is the version that the stream was in.
    pub fn version(&self) -> u64 {
        self.events.len() as u64
    }

    /// The position of its last event. A projection that has [come so
    /// far](crate::eventstore::ProjectionHandle::wait_for) has handled all of them.
    pub fn position(&self) -> Position {
        self.events.last().map_or(Position::START, |it| it.position)
    }

    /// The SHA-256 of the copy, as 64 hexadecimal digits: it is part of the copy, and of the record that the
    /// stream was archived.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    pub(super) fn events(&self) -> &[CopiedEvent] {
        &self.events
    }

    /// Checks that it is what was copied.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if it is not.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        let found = hash(&self.stream, &self.events);
        match found == self.sha256 {
            true => Ok(()),
            false => Err(self.corrupt(&format!(
                "it has the SHA-256 {found}, and says that it is {}",
                self.sha256
            ))),
        }
    }

    fn corrupt(&self, how: &str) -> StoreError {
        StoreError::Corrupt {
            reason: format!(
                "the copy of the stream `{}` is not as it was made: {how}. Use another copy",
                self.stream
            ),
            readable_up_to: None,
        }
    }
}

fn hash(stream: &StreamId, events: &[CopiedEvent]) -> String {
    let events = events.iter().map(serde_json::to_vec);
    let events: Result<Vec<_>, _> = events.collect();
    let events = events.expect("it is made of numbers and texts");
    let first = [&b"nether.stream_copy"[..], stream.as_str().as_bytes()];
    let values: Vec<_> = first
        .into_iter()
        .chain(events.iter().map(Vec::as_slice))
        .collect();
    hexadecimal(&digest(&values))
}

impl Store {
    /// Copies all events of a stream, as they are stored, to be kept outside of the store before it is
    /// [archived](Store::archive). The whole stream is in memory meanwhile.
    ///
    /// # Errors
    /// [`StoreError::Archived`] if the stream is archived already; [`StoreError::Codec`] if an event has
    /// content that is not what its encoding says; or why the stream could not be read.
    pub async fn copy_of(&self, stream: impl Into<StreamId>) -> Result<StreamCopy, StoreError> {
        let stream = stream.into();
        let mut events = Vec::new();
        loop {
            let next = events.len() as u64 + 1;
            let page = self.raw().read_stream_page(&stream, next, PAGE).await?;
            archived::check(self, &page.events).await?;
            for event in page.events {
                events.push(CopiedEvent::of(event)?);
            }
            if page.is_last {
                return Ok(StreamCopy::new(stream, events));
            }
        }
    }

    /// The events in a copy, in order, as they were in the store. Personal values are decrypted with the keys
    /// of this store.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if the copy is damaged or was changed, or if the key of a person is missing;
    /// or why the keys could not be read.
    pub async fn read_copy(&self, copy: &StreamCopy) -> Result<Vec<RecordedEvent>, StoreError> {
        copy.check()?;
        let events = copy.events.iter().map(|it| it.recorded(&copy.stream));
        let events: Option<Vec<_>> = events.collect();
        let events = events.ok_or_else(|| copy.corrupt("content is not hexadecimal"))?;
        #[cfg(feature = "erasure")]
        let events = self.personal.open_events(events).await?;
        Ok(events)
    }
}
