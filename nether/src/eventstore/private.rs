//! Not public API. Used by generated code: what event sourcing adds to `__private`.

pub use crate::eventstore::aggregate::{
    Aggregate, AggregateSettings, Aggregates, Decides, DecisionArgument, EventOf, Events, Initial,
    IntoEvents, Parts, decided, initial, reply,
};
pub use crate::eventstore::backend::{Encoding, Payload, RecordedEvent, StoreError};
pub use crate::eventstore::keyed::{Keyed, key_of};
pub use crate::eventstore::listed::{ListedCommand, ListedQuery, add_command, add_query};
pub use crate::eventstore::projection::{
    Answers, Beginning, Copied, EventPlace, Keeps, NeverCopied, Projection, ProjectionArgument,
    ProjectionSettings, Projections, argument, begin,
};
pub use crate::eventstore::registered::{
    RegisteredCommand, RegisteredName, RegisteredSaga, shape_sent,
};
pub use crate::eventstore::saga::{
    Delivery, Saga, Sagas, SentBy, Step, StoredCommand, Timeout, deliver, not_listed, text_of,
};
#[cfg(feature = "sqlite")]
pub use crate::eventstore::sqlite::SqliteTransaction;
pub use crate::eventstore::store::{STORE, Store};
pub use crate::eventstore::stored::{
    Encoded, EventRegistration, EventSchema, FieldSchema, Keeping, Older, Storable, StoredEvent,
    Unreadable, event_shape, kept, older, step,
};
