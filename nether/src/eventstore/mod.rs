//! Event sourcing (feature `eventstore`).
//!
#![doc = include_str!("../docs/eventstore.md")]

// Layer 11. `store` says what a backend does, `memory` and `sqlite` are backends, `conformance` checks them;
// `handle` is what programs have of one. `aggregate` writes, `projection` and `saga` each are a `follower`;
// `stored` and `schema_lock` are about events of older programs.

mod aggregate;
mod clock;
pub mod conformance;
mod control;
mod events;
mod follow;
mod follower;
mod handle;
mod keyed;
mod listed;
mod memory;
mod parked;
#[doc(hidden)]
pub mod private;
mod progress;
mod projection;
mod saga;
mod scenario;
mod schema_lock;
mod snapshot;
#[cfg(feature = "sqlite")]
mod sqlite;
mod store;
mod stored;
mod subscription;

pub use self::aggregate::{Aggregate, Aggregates, CommandId, Events};
pub use self::events::{CatchingUp, EventParked, SagaFailed, SagaStuck};
pub use self::handle::Store;
pub use self::keyed::Keyed;
pub use self::memory::MemoryStore;
pub use self::parked::ParkedEvent;
pub use self::projection::{Projection, ProjectionHandle, Projections};
pub use self::saga::{Saga, SagaHandle, SagaStatus, Sagas, Sent, Step};
pub use self::scenario::{Decided, Scenario, given, given_with};
pub use self::schema_lock::{SchemaError, check_schema};
#[cfg(feature = "sqlite")]
pub use self::sqlite::{Durability, SqliteOptions, SqliteStore, SqliteTransaction};
pub use self::store::{
    Append, Appended, Direction, DocumentChange, Documents, Encoding, EventId, EventStore,
    Expected, Metadata, NewEvent, Payload, Position, RecordedEvent, StoreError, StoreFuture,
    StreamId,
};
pub use self::stored::StoredEvent;
pub use self::subscription::EventSubscription;
