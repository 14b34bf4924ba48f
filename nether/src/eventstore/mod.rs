//! Layer 11 (feature `eventstore`): event sourcing.

mod aggregate;
mod clock;
mod handle;
mod keyed;
mod memory;
#[doc(hidden)]
pub mod private;
mod snapshot;
mod store;
mod stored;

pub use self::aggregate::{Aggregate, Aggregates, CommandId, Events};
pub use self::handle::Store;
pub use self::keyed::Keyed;
pub use self::memory::MemoryStore;
pub use self::store::{
    Append, Appended, Direction, DocumentChange, Encoding, EventId, EventStore, Expected, Metadata,
    NewEvent, Payload, Position, RecordedEvent, StoreError, StoreFuture, StreamId,
};
pub use self::stored::StoredEvent;
