//! [`StoredEvent`]: an event that can be written down and read again, also what an older version of the program wrote.

use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::declaration::Declaration;
use crate::eventstore::store::{Encoding, EventId, NewEvent, Payload, RecordedEvent, StoreError};
use crate::message::Event;

/// An event that can be stored: every [`#[event]`](macro@crate::event) that is not `local`. Not to be implemented by hand.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be stored",
    label = "not an event that can be stored",
    note = "put `#[event]` above the definition of `{Self}`, without `local`"
)]
pub trait StoredEvent: Event + Serialize + DeserializeOwned {
    /// Its name, version and fields.
    #[doc(hidden)]
    const SCHEMA: &'static EventSchema;

    /// The event, from what was written in an older version; `None` if there is no such version.
    #[doc(hidden)]
    fn upcast(schema: u32, payload: &Payload) -> Option<Result<Self, Unreadable>>;
}

/// The shape of an event: what the lock file keeps of it.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct EventSchema {
    pub name: &'static str,
    pub version: u32,
    pub declaration: Declaration,
    pub fields: &'static [FieldSchema],
}

/// One field of an event, or one variant.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FieldSchema {
    /// As it is written down.
    pub name: &'static str,
    /// Its type, as the source says.
    pub ty: &'static str,
    /// Whether it may be absent.
    pub optional: bool,
}

/// An event in the link-time registry.
#[doc(hidden)]
#[derive(Debug)]
pub struct EventRegistration(pub &'static EventSchema);

inventory::collect!(EventRegistration);

/// Why something that was written down cannot be read.
#[doc(hidden)]
#[derive(Debug)]
pub struct Unreadable(String);

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Reads what an older version wrote, and takes the first step to a newer one.
///
/// Not public API. Used by generated code.
#[doc(hidden)]
pub fn read_older<Older: DeserializeOwned, Newer>(
    payload: &Payload,
    step: impl FnOnce(Older) -> Newer,
) -> Result<Newer, Unreadable> {
    read(payload).map(step)
}

/// Writes something down.
pub(super) fn write<T: Serialize>(value: &T, encoding: Encoding) -> Result<Payload, Unreadable> {
    let bytes = match encoding {
        Encoding::Json => serde_json::to_vec(value).map_err(|error| error.to_string()),
        Encoding::MessagePack => rmp_serde::to_vec_named(value).map_err(|error| error.to_string()),
    };
    let bytes = bytes.map_err(Unreadable)?;
    Ok(Payload { encoding, bytes })
}

/// An event to be appended.
pub(super) fn new_event<E: StoredEvent>(
    event: &E,
    encoding: Encoding,
) -> Result<NewEvent, StoreError> {
    let payload = write(event, encoding).map_err(|error| StoreError::Codec {
        what: format!("an event `{}` cannot be written down", E::SCHEMA.name),
        reason: error.to_string(),
    })?;
    Ok(NewEvent {
        id: EventId::new(),
        name: E::SCHEMA.name.into(),
        schema: E::SCHEMA.version,
        payload,
    })
}

/// Reads something that was written down.
pub(super) fn read<T: DeserializeOwned>(payload: &Payload) -> Result<T, Unreadable> {
    let value = match payload.encoding {
        Encoding::Json => serde_json::from_slice(&payload.bytes).map_err(|error| error.to_string()),
        Encoding::MessagePack => {
            rmp_serde::from_slice(&payload.bytes).map_err(|error| error.to_string())
        }
    };
    value.map_err(Unreadable)
}

/// Writes a state down, for a snapshot.
///
/// Not public API. Used by generated code.
#[doc(hidden)]
pub fn save<T: Serialize>(state: &T) -> Result<Payload, Unreadable> {
    write(state, Encoding::Json)
}

/// Reads a state of a snapshot.
///
/// Not public API. Used by generated code.
#[doc(hidden)]
pub fn restore<T: DeserializeOwned>(payload: &Payload) -> Result<T, Unreadable> {
    read(payload)
}

/// The event, of this or an older version.
///
/// # Errors
/// [`StoreError::Unknown`] if it is of a newer version, or cannot be read.
pub(crate) fn decode<E: StoredEvent>(recorded: &RecordedEvent) -> Result<E, StoreError> {
    let current = E::SCHEMA.version;
    let event = if recorded.schema == current {
        Some(read(&recorded.payload))
    } else {
        E::upcast(recorded.schema, &recorded.payload)
    };
    let unknown = |reason: String| unknown(recorded, reason);
    let event = event.ok_or_else(|| {
        unknown(format!(
            "this program knows versions up to {current}: it was written by a newer one"
        ))
    })?;
    event.map_err(|error| unknown(error.to_string()))
}

/// That an event is not known, and why.
pub(super) fn unknown(recorded: &RecordedEvent, reason: String) -> StoreError {
    StoreError::Unknown {
        stream: recorded.stream.clone(),
        position: recorded.position,
        name: recorded.name.clone(),
        schema: recorded.schema,
        reason,
    }
}
