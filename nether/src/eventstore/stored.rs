//! [`StoredEvent`]: an event that can be written down and read again, also what an older version of the
//! program wrote.

use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::context::Context;
use crate::declaration::Declaration;
use crate::eventstore::backend::{Encoding, EventId, NewEvent, Payload, RecordedEvent, StoreError};
use crate::message::{Event, Message, MessageProof};
use crate::routing::Caller;

/// An event that can be stored: every [`#[event]`](macro@crate::event) that is not `local`. Not to be
/// implemented by hand.
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

    // What generated code does with an event is said here and not by functions with a bound, whose names the
    // compiler would tell: so an event that cannot be stored is one error, however often it is named.

    /// What a module's list holds of it.
    #[doc(hidden)]
    const LISTED: MessageProof = <Self as Message>::PROOF;

    /// Writes it down.
    #[doc(hidden)]
    fn encoded(event: &Self, encoding: Encoding) -> Result<Encoded, Unreadable> {
        Ok(Encoded {
            schema: Self::SCHEMA,
            payload: write(event, encoding)?,
        })
    }

    /// The event, if it is one of this type.
    #[doc(hidden)]
    fn decoded(recorded: &RecordedEvent) -> Option<Result<Self, StoreError>> {
        (*recorded.name == *Self::SCHEMA.name).then(|| decode(recorded))
    }

    /// Publishes it to the modules that handle it. A failure to publish (the unit of work is cancelled, the
    /// chain of causes is too long) is only logged, because the event is already stored.
    #[doc(hidden)]
    fn shown<S: Caller>(event: Self, ctx: &Context<S>) -> impl Future<Output = ()> + Send {
        async move {
            if let Err(error) = ctx.publish_unproven(event).await {
                tracing::warn!(%error, "an event was stored, but not published");
            }
        }
    }
}

/// An event, written down.
#[doc(hidden)]
#[derive(Debug)]
pub struct Encoded {
    pub(super) schema: &'static EventSchema,
    pub(super) payload: Payload,
}

/// What is kept as text: the state of an aggregate that has snapshots, a saga and the commands that it sends.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be written down and read again",
    label = "not `Serialize` and `Deserialize`",
    note = "derive both: `#[derive(serde::Serialize, serde::Deserialize)]` above `{Self}`; of a message, remove `local`"
)]
pub trait Storable: Serialize + DeserializeOwned {}

#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned> Storable for T {}

/// How something is [`Storable`]. It is told by a value and not by a bound: so what is wrong is told where
/// that is made, and once.
#[doc(hidden)]
#[derive(Debug)]
pub struct Keeping<T> {
    pub(super) save: fn(&T) -> Result<Value, serde_json::Error>,
    pub(super) restore: fn(&Value) -> Result<T, serde_json::Error>,
}

/// How it is kept.
///
/// Not public API. Used by generated code.
#[doc(hidden)]
pub const fn kept<T: Storable>() -> Keeping<T> {
    Keeping {
        save: |value| serde_json::to_value(value),
        restore: |value| T::deserialize(value),
    }
}

/// What an event was in an older version.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be read: a step begins with what an older version has written",
    label = "takes something that is not `Deserialize`",
    note = "derive it: `#[derive(serde::Deserialize)]` above `{Self}`"
)]
pub trait Older: DeserializeOwned {}

#[diagnostic::do_not_recommend]
impl<T: DeserializeOwned> Older for T {}

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

/// Reads what an older version wrote.
///
/// Not public API. Used by generated code.
#[doc(hidden)]
pub fn older<T: Older>(payload: &Payload) -> Result<T, Unreadable> {
    read(payload)
}

/// Takes a step from one version to the next.
///
/// Not public API. Used by generated code.
#[doc(hidden)]
pub fn step<From, To>(
    older: Result<From, Unreadable>,
    step: impl FnOnce(From) -> To,
) -> Result<To, Unreadable> {
    older.map(step)
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
        schema_version: E::SCHEMA.version,
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

/// The event, of this or an older version.
///
/// # Errors
/// [`StoreError::Unknown`] if it is of a newer version, or cannot be read.
pub(crate) fn decode<E: StoredEvent>(recorded: &RecordedEvent) -> Result<E, StoreError> {
    let current = E::SCHEMA.version;
    let event = if recorded.schema_version == current {
        Some(read(&recorded.payload))
    } else {
        E::upcast(recorded.schema_version, &recorded.payload)
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
        schema_version: recorded.schema_version,
        reason,
    }
}
