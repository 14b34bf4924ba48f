//! Not public API. Used by generated code: what event sourcing adds to `__private`.

pub use crate::eventstore::aggregate::{
    Aggregate, AggregateSettings, Aggregates, Decides, Encoded, EventOf, Events, IntoEvents,
    decided, decode, encode, publish, reply,
};
pub use crate::eventstore::handle::Store;
pub use crate::eventstore::keyed::Keyed;
pub use crate::eventstore::projection::{
    Answers, Keeps, Place, Projection, ProjectionArgument, ProjectionSettings, Projections,
    argument, decoded,
};
pub use crate::eventstore::saga::{
    Delivery, Saga, Sagas, Sends, Step, StoredCommand, Timeout, deliver, key_of, not_listed,
};
#[cfg(feature = "sqlite")]
pub use crate::eventstore::sqlite::SqliteTransaction;
pub use crate::eventstore::store::{Encoding, Payload, RecordedEvent, StoreError};
pub use crate::eventstore::stored::{
    EventRegistration, EventSchema, FieldSchema, StoredEvent, Unreadable, read_older, restore, save,
};
