//! `Idempotency-Key`: a command that is sent twice is handled once.

pub(super) mod key;
pub(super) mod keyed;
#[cfg(feature = "eventstore")]
pub(super) mod sourcing;
