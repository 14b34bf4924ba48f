//! Layer 11 (feature `eventstore`): event sourcing.

mod memory;
mod store;

pub use self::memory::MemoryStore;
pub use self::store::{
    Append, Appended, Direction, DocumentChange, Encoding, EventId, EventStore, Expected, Metadata,
    NewEvent, Payload, Position, RecordedEvent, StoreError, StoreFuture, StreamId,
};
