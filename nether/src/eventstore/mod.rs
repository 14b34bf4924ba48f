//! Event sourcing (feature `eventstore`).
//!
#![doc = include_str!("../docs/eventstore.md")]

// `backend` says what a backend does; `memory` is one, and others are crates of their own; `conformance`
// checks them. `store` is the `Store` that a program provides. `aggregate` appends events; a `projection` and
// a `saga` each follow them by a `follower`. `stored` and `schema_lock` are about events that older versions
// of the program wrote.

mod aggregate;
mod archived;
mod archiving;
mod backend;
mod checkpoint;
mod clock;
mod command_id;
pub mod conformance;
mod control;
mod copying;
mod decision;
mod definition;
mod digest;
mod events;
mod finished;
mod follower;
mod generations;
mod handle;
mod handling;
mod history;
mod keyed;
#[cfg(feature = "http")]
mod keys;
mod lease;
mod listed;
#[cfg(feature = "http")]
mod log;
mod memory;
mod origin;
mod parked;
#[cfg(feature = "erasure")]
mod personal;
mod prepared;
#[doc(hidden)]
pub mod private;
#[cfg(feature = "test")]
mod probe;
mod process;
mod progress;
mod projection;
mod redacting;
mod registered;
mod saga;
mod scenario;
#[cfg(feature = "test")]
mod schema_lock;
mod snapshot;
mod start_key;
mod store;
mod stored;
mod stream_copy;
mod subscription;
mod tables;

pub use self::aggregate::{Aggregate, Aggregates, Events, Facts};
pub use self::archiving::StreamArchived;
#[doc(hidden)]
pub use self::backend::PageRoom;
pub use self::backend::{
    Append, Appended, Archival, AsyncTransaction, Direction, DocumentChange, DocumentCondition,
    Documents, EarlyEnd, Encoding, EventId, EventPage, EventStore, Expected, Metadata,
    MetadataEntries, NewEvent, PageLimit, Payload, Position, RecordedEvent, Redaction, StoreError,
    StoreFuture, StoreTransaction, StreamId, SyncTransaction, TransactionWork, TransactionalStore,
    Transactions, Worked,
};
pub use self::command_id::CommandId;
pub use self::control::NotRunning;
#[doc(hidden)]
pub use self::copying::DocumentsToCopy;
pub use self::decision::{
    Decision, DecisionScenario, Decisions, JointlyDecided, given_decision, given_decision_with,
};
pub use self::events::{CatchingUp, EventParked, LeaseLost, LeaseTaken, SagaFailed, SagaStuck};
#[cfg(feature = "http")]
pub(crate) use self::keys::stored_keys;
#[cfg(feature = "http")]
pub(crate) use self::log::is_appended;
pub use self::memory::MemoryStore;
pub use self::parked::ParkedEvent;
#[cfg(feature = "erasure")]
pub use self::personal::{
    MemoryKeys, Personal, SubjectForgotten, SubjectKey, SubjectKeyState, SubjectKeys,
};
pub use self::projection::{
    Projection, ProjectionHandle, ProjectionScenario, Projections, given_projection,
};
pub use self::redacting::EventRedacted;
#[cfg(feature = "http")]
pub(crate) use self::registered::knows_command_ids;
#[cfg(feature = "http")]
pub(crate) use self::saga::is_unanswered_for_good;
pub use self::saga::{
    RepeatedCommand, Saga, SagaHandle, SagaScenario, SagaStatus, Sagas, Sent, Step, StepFailed,
    StepFailureKind, given_saga,
};
pub use self::scenario::{Decided, Scenario, given, given_with};
#[cfg(feature = "test")]
pub use self::schema_lock::{SchemaError, SchemaLock, check_schema};
pub use self::store::Store;
pub use self::stored::StoredEvent;
pub use self::stream_copy::StreamCopy;
pub use self::subscription::EventSubscription;
pub use self::tables::Tables;
pub use crate::message::Keyed;
