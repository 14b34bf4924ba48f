//! Retired events: what stores hold of them has to become what their functions in `becomes` return.

use crate::eventstore::backend::{
    Encoding, EventId, Metadata, Payload, Position, RecordedEvent, StoreError, StreamId,
};
use crate::eventstore::schema_lock::file::{PackedSample, RecordedShape};
use crate::eventstore::schema_lock::finding::SchemaFinding;
use crate::eventstore::stored::{EventSchema, try_successors};

/// All values that the file has of a version, as stores hold them.
pub(super) fn payloads(record: &RecordedShape) -> impl Iterator<Item = Payload> {
    let texts = record.samples.iter().map(|sample| Payload {
        encoding: Encoding::Json,
        bytes: sample.get().as_bytes().to_vec(),
    });
    texts.chain(record.packed.iter().map(PackedSample::payload))
}

/// The first sample of a version that can be read, and cannot become what it should.
pub(super) fn stuck(
    event: &EventSchema,
    version: u32,
    record: &RecordedShape,
) -> Option<SchemaFinding> {
    let (payload, reason) = payloads(record).find_map(|payload| {
        event.shape.read_again(version, &payload)?.ok()?;
        let reason = refusal(event.name, version, &payload)?;
        Some((payload, reason))
    })?;
    Some(SchemaFinding::Unreadable(format!(
        "{}: `{}`, which version {version} has written, does not become other events: {reason}; make its function in `becomes` \
         take that, and lead to events that are stored",
        event.declaration,
        String::from_utf8_lossy(&payload.bytes)
    )))
}

/// Why a value cannot become what it should. A panic is no reason, as in the steps of `upcast`: the function
/// need not bear every number.
fn refusal(name: &str, version: u32, payload: &Payload) -> Option<String> {
    let recorded = RecordedEvent {
        position: Position::START,
        stream: StreamId::from("nether.schema_lock"),
        stream_version: 1,
        id: EventId::from_u128(1),
        name: name.into(),
        schema_version: version,
        payload: payload.clone(),
        metadata: Metadata::default(),
    };
    let refused = try_successors(&recorded)?.err()?;
    match refused.error {
        _ if refused.has_panicked => None,
        StoreError::Unknown { reason, .. } => Some(reason),
        other => Some(other.to_string()),
    }
}
