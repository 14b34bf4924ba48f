//! The events of event sourcing itself, which any module may handle.

use nether_macros::event;

/// How far a projection or saga has come that has much to read: published about once a second while it
/// catches up or is rebuilt, and when that is done, with nothing remaining.
#[event(__framework, name = "nether.catching_up")]
pub struct CatchingUp {
    /// The name of the projection or saga.
    pub name: String,
    /// Whether it is a rebuild, which reads all events again while old data answers queries.
    pub rebuild: bool,
    /// The position it has come to.
    pub position: u64,
    /// The position of the newest event.
    pub head: u64,
    /// How many events it has read since it began.
    pub events: u64,
    /// How many it reads in a second, on average since it began.
    pub events_per_second: u64,
}

impl CatchingUp {
    /// How many events remain.
    pub fn remaining(&self) -> u64 {
        self.head.saturating_sub(self.position)
    }
}

/// A projection or saga could not handle an event, and its retries failed too. Later events of the same
/// stream (in a saga: with the same key) wait; all others are handled. See `retry_parked` of
/// [`ProjectionHandle`](crate::eventstore::ProjectionHandle) and
/// [`SagaHandle`](crate::eventstore::SagaHandle).
#[event(__framework, name = "nether.event_parked")]
pub struct EventParked {
    /// The name of the projection or saga.
    pub name: String,
    /// The stream, or the key, that waits.
    pub key: String,
    /// The position of the event.
    pub position: u64,
    /// Why it could not be handled.
    pub error: String,
}

/// A saga has failed, and all that it had done is compensated.
#[event(__framework, name = "nether.saga_failed")]
pub struct SagaFailed {
    /// The name of its type.
    pub name: String,
    /// Its key.
    pub key: String,
    /// Why it failed.
    pub reason: String,
}

/// A saga has failed, and one of its compensations failed too. The saga is kept until an operator continues
/// it; see `retry_stuck` of [`SagaHandle`](crate::eventstore::SagaHandle).
#[event(__framework, name = "nether.saga_stuck")]
pub struct SagaStuck {
    /// The name of its type.
    pub name: String,
    /// Its key.
    pub key: String,
    /// Why it failed.
    pub reason: String,
    /// The command that failed.
    pub command: String,
    /// Why that failed.
    pub error: String,
}

/// This system runs a projection, or the sagas of a type, from now on: it has taken the lease. Published by
/// the system that has taken it, also if no other system was there.
#[event(__framework, name = "nether.lease_taken")]
pub struct LeaseTaken {
    /// The name of the projection or saga.
    pub name: String,
    /// The process that runs it: its id, and the name of its host.
    pub holder: String,
    /// How often the lease was taken, by any process.
    pub epoch: u64,
}

/// Another system has taken over a projection, or the sagas of a type, because this one was silent for the
/// lease time. Published by the system that ran it, which stands by from now on.
#[event(__framework, name = "nether.lease_lost")]
pub struct LeaseLost {
    /// The name of the projection or saga.
    pub name: String,
    /// The epoch that has ended.
    pub epoch: u64,
}
