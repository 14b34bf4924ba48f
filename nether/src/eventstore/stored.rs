//! [`StoredEvent`]: an event that can be written down and read again, also what an older version of the
//! program wrote.

mod retired;
mod shape;
mod successors;

#[cfg(feature = "test")]
pub(super) use self::retired::try_successors;
pub use self::retired::{RetiredRegistration, Succession, succession};
pub(super) use self::retired::{is_retired, may_become, retired_into, successors};
pub(super) use self::shape::StoredShape;
pub use self::successors::{ReadableEvent, Successors, step};

use std::fmt;
#[cfg(feature = "http")]
use std::panic::{AssertUnwindSafe, catch_unwind};

use serde::de::DeserializeOwned;
use serde::{Deserializer, Serialize};
use serde_json::value::{RawValue, to_raw_value};

use crate::context::Context;
use crate::declaration::Declaration;
use crate::escaped::Escaped;
use crate::eventstore::backend::{Encoding, EventId, NewEvent, Payload, RecordedEvent, StoreError};
#[cfg(feature = "erasure")]
use crate::eventstore::personal::checked;
use crate::finite;
#[cfg(feature = "http")]
use crate::guarded::panicked;
use crate::message::{Event, Message, MessageProof};
use crate::routing::Caller;

/// An event that can be stored: every [`#[event]`](macro@crate::event) that is not `local`. Not to be
/// implemented by hand.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be stored",
    label = "not an event that can be stored",
    note = "put `#[event]` above the definition of `{Self}`, without `local`; an event with `becomes` is not stored any more: \
            name the events that it becomes",
    note = "a command or a query does not happen, so that it is not stored: an aggregate or a decision has it in `handles`"
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

    /// Writes it down, and reads it again: from then on, what was read is the event.
    #[doc(hidden)]
    fn encoded(event: &Self, encoding: Encoding) -> Result<(Encoded, Self), Unreadable> {
        let (payload, event) = write(event, encoding)?;
        let schema = Self::SCHEMA;
        Ok((Encoded { schema, payload }, event))
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
                tracing::warn!(error = %Escaped(&error), "an event was stored, but not published");
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

/// A type that is kept as text: the state of an aggregate that has snapshots, a saga and the commands that it
/// sends.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be written down and read again",
    label = "not `Serialize` and `Deserialize`",
    note = "derive both: `#[derive(serde::Serialize, serde::Deserialize)]` above `{Self}`; of a message, remove `local`"
)]
pub trait Storable: Serialize + DeserializeOwned {}

#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned> Storable for T {}

/// How something is [`Storable`]. A value says so and not a bound, so that an error is reported once, where
/// the value is made.
#[doc(hidden)]
#[derive(Debug)]
pub struct Keeping<T> {
    /// As text that can be read again.
    pub(super) save: fn(&T) -> Result<Box<RawValue>, Unreadable>,
    pub(super) restore: fn(&RawValue) -> Result<T, Unreadable>,
    pub(super) shape: StoredShape,
}

/// How it is kept.
///
/// Not public API. Used by generated code.
#[doc(hidden)]
pub const fn kept<T: Storable>() -> Keeping<T> {
    Keeping {
        save: save::<T>,
        restore: restore::<T>,
        shape: StoredShape::of::<T>(),
    }
}

fn save<T: Storable>(value: &T) -> Result<Box<RawValue>, Unreadable> {
    check_finite(value, true)?;
    let write = || to_raw_value(value).map_err(|error| Unreadable(error.to_string()));
    #[cfg(feature = "erasure")]
    let text = checked(Encoding::Json, write, |it| it.get().as_bytes(), Unreadable)?;
    #[cfg(not(feature = "erasure"))]
    let text = write()?;
    restore::<T>(&text).map_err(Unreadable::again)?;
    Ok(text)
}

/// JSON has no number for what is not finite, and would not be read again.
fn check_finite<T: Serialize>(value: &T, is_text: bool) -> Result<(), Unreadable> {
    finite::check(value, is_text)
        .map_err(|not| Unreadable(format!("{not}: only finite numbers can be stored")))
}

fn restore<T: Storable>(text: &RawValue) -> Result<T, Unreadable> {
    from_json(text.get().as_bytes())
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
    /// Whether its name was given: else it is the path of the type, and changes when that moves.
    pub is_named: bool,
    pub fields: &'static [FieldSchema],
    pub shape: StoredShape,
}

/// What an event looks like that is written down, and how it reads what its older versions have written.
///
/// Not public API. Used by generated code.
#[doc(hidden)]
pub const fn event_shape<E: ReadableEvent>() -> StoredShape {
    #[cfg(feature = "test")]
    let shape = StoredShape::versioned::<E>(read_version::<E>);
    #[cfg(not(feature = "test"))]
    let shape = StoredShape::of::<E>();
    #[cfg(feature = "http")]
    let shape = shape.shown_by(show::<E>);
    shape
}

/// The event as JSON, as a client sees it. Reading and writing it is the user's code.
#[cfg(feature = "http")]
fn show<E: ReadableEvent>(recorded: &RecordedEvent) -> Result<String, String> {
    let shown = catch_unwind(AssertUnwindSafe(|| {
        let event = decode::<E>(recorded).map_err(|error| error.to_string())?;
        serde_json::to_string(&event).map_err(|error| error.to_string())
    }));
    shown.unwrap_or_else(|panic| Err(panicked(&*panic).to_string()))
}

/// Reads what that version has written, and writes it again.
#[cfg(feature = "test")]
fn read_version<E: ReadableEvent>(
    version: u32,
    payload: &Payload,
) -> Option<Result<String, String>> {
    let event = match version == E::READ_AS.version {
        true => read(payload),
        false => E::from_older(version, payload)?,
    };
    let event = event.map_err(|error| error.to_string());
    Some(shape::written_again(event))
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

/// Why something cannot be written down, or cannot be read.
#[doc(hidden)]
#[derive(Debug)]
pub struct Unreadable(String);

impl Unreadable {
    /// It was just written.
    #[cold]
    fn again(self) -> Self {
        Unreadable(format!(
            "what is written of it could not be read again: {self}"
        ))
    }
}

impl std::error::Error for Unreadable {}

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

/// Writes something down, and gives what is read of that: nothing is acknowledged that cannot be read.
fn write<T: Serialize + DeserializeOwned>(
    value: &T,
    encoding: Encoding,
) -> Result<(Payload, T), Unreadable> {
    let is_text = encoding == Encoding::Json;
    check_finite(value, is_text)?;
    let write = || match is_text {
        true => serde_json::to_vec(value).map_err(|error| Unreadable(error.to_string())),
        false => rmp_serde::to_vec_named(value).map_err(|error| Unreadable(error.to_string())),
    };
    #[cfg(feature = "erasure")]
    let bytes = checked(encoding, write, Vec::as_slice, Unreadable)?;
    #[cfg(not(feature = "erasure"))]
    let bytes = write()?;
    let payload = Payload { encoding, bytes };
    let written = read(&payload).map_err(Unreadable::again)?;
    Ok((payload, written))
}

/// An event to be appended.
pub(super) fn new_event<E: StoredEvent>(
    event: &E,
    encoding: Encoding,
) -> Result<NewEvent, StoreError> {
    if !E::SCHEMA.is_named {
        return Err(unnamed(E::SCHEMA));
    }
    let (payload, _) = write(event, encoding).map_err(|error| unwritten(E::SCHEMA, &error))?;
    Ok(NewEvent {
        id: EventId::new(),
        name: E::SCHEMA.name.into(),
        schema_version: E::SCHEMA.version,
        payload,
    })
}

/// The error for an event that has no name of its own, so that it is not found again when its type moves.
#[cold]
fn unnamed(schema: &EventSchema) -> StoreError {
    StoreError::Codec {
        what: format!("an event {} cannot be stored", schema.declaration),
        reason: "it has no name of its own, so that stores would not know it when its type moves: write `#[event(name = \"..\")]` \
                 above its definition, with the path so far as the name if stores hold it already"
            .to_owned(),
    }
}

/// The error for an event that cannot be stored, with the reason.
#[cold]
pub(super) fn unwritten(schema: &EventSchema, error: &Unreadable) -> StoreError {
    StoreError::Codec {
        what: format!("an event `{}` cannot be stored", schema.name),
        reason: error.to_string(),
    }
}

/// Reads something that was written down.
pub(super) fn read<T: DeserializeOwned>(payload: &Payload) -> Result<T, Unreadable> {
    match payload.encoding {
        Encoding::Json => from_json(&payload.bytes),
        Encoding::MessagePack => rmp_serde::from_slice(&payload.bytes).map_err(|error| {
            let mut reader = rmp_serde::Deserializer::from_read_ref(&payload.bytes);
            located::<T, _>(&mut reader, &error)
        }),
    }
}

fn from_json<T: DeserializeOwned>(text: &[u8]) -> Result<T, Unreadable> {
    serde_json::from_slice(text).map_err(|error| {
        let mut reader = serde_json::Deserializer::from_slice(text);
        located::<T, _>(&mut reader, &error)
    })
}

/// Says in which field an error is, by reading once more.
#[cold]
fn located<'de, T: DeserializeOwned, D: Deserializer<'de>>(
    reader: D,
    error: &dyn fmt::Display,
) -> Unreadable {
    let path = serde_path_to_error::deserialize::<_, T>(reader).err();
    let path = path.map(|it| it.path().to_string());
    match path.filter(|path| path != ".") {
        Some(path) => Unreadable(format!("`{path}`: {error}")),
        None => Unreadable(error.to_string()),
    }
}

/// The event, of this or an older version.
///
/// # Errors
/// [`StoreError::Unknown`] if it is of a newer version, archived, or cannot be read.
pub(crate) fn decode<E: ReadableEvent>(recorded: &RecordedEvent) -> Result<E, StoreError> {
    let current = E::READ_AS.version;
    let event = if recorded.schema_version == current {
        Some(read(&recorded.payload))
    } else {
        E::from_older(recorded.schema_version, &recorded.payload)
    };
    let unknown = |reason: String| unknown(recorded, reason);
    if recorded.is_archived() {
        return Err(unknown(
            "its stream is archived, and its content gone".to_owned(),
        ));
    }
    let event = event.ok_or_else(|| {
        unknown(format!(
            "this program knows versions up to {current}: it was written by a newer one"
        ))
    })?;
    event.map_err(|error| unknown(error.to_string()))
}

/// The error for an event that the program does not know, with the reason.
pub(super) fn unknown(recorded: &RecordedEvent, reason: String) -> StoreError {
    StoreError::Unknown {
        stream: recorded.stream.clone(),
        position: recorded.position,
        name: recorded.name.clone(),
        schema_version: recorded.schema_version,
        reason,
    }
}
