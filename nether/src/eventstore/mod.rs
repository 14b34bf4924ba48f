//! Event sourcing (feature `eventstore`).
//!
#![doc = include_str!("../docs/eventstore.md")]

// `backend` says what a backend does; `memory` and `sqlite` are backends, and `conformance` checks them.
// `store` is the `Store` that a program provides. `aggregate` appends events; a `projection` and a `saga`
// each follow them by a `follower`. `stored` and `schema_lock` are about events that older versions of the
// program wrote.

mod aggregate;
mod backend;
mod checkpoint;
mod clock;
pub mod conformance;
mod control;
mod events;
mod follower;
mod handle;
mod keyed;
mod lease;
mod listed;
mod memory;
mod parked;
#[doc(hidden)]
pub mod private;
#[cfg(feature = "test")]
mod probe;
mod progress;
mod projection;
mod registered;
mod saga;
mod scenario;
#[cfg(feature = "test")]
mod schema_lock;
mod snapshot;
#[cfg(feature = "sqlite")]
mod sqlite;
mod store;
mod stored;
mod subscription;

pub use self::aggregate::{Aggregate, Aggregates, CommandId, Events};
pub use self::control::NotRunning;
pub use self::events::{CatchingUp, EventParked, LeaseLost, LeaseTaken, SagaFailed, SagaStuck};
pub use self::keyed::Keyed;
pub use self::memory::MemoryStore;
pub use self::parked::ParkedEvent;
pub use self::projection::{Projection, ProjectionHandle, Projections};
pub use self::saga::{RepeatedCommand, Saga, SagaHandle, SagaStatus, Sagas, Sent, Step};
pub use self::scenario::{Decided, Scenario, given, given_with};
#[cfg(feature = "test")]
pub use self::schema_lock::{SchemaError, SchemaLock, check_schema};
pub use self::store::Store;
/// The release of `rusqlite` that [`SqliteTransaction`] comes from. A program that writes through one uses
/// this, or depends on `rusqlite` in the same version.
#[cfg(feature = "sqlite")]
#[doc(no_inline)]
pub use rusqlite;

pub use self::backend::{
    Append, Appended, Direction, DocumentChange, DocumentCondition, Documents, Encoding, EventId,
    EventPage, EventStore, Expected, Metadata, NewEvent, PageLimit, Payload, Position,
    RecordedEvent, StoreError, StoreFuture, StreamId,
};
#[cfg(feature = "sqlite")]
pub use self::sqlite::{Durability, SqliteOptions, SqliteStore, SqliteTransaction};
pub use self::stored::StoredEvent;
pub use self::subscription::EventSubscription;
