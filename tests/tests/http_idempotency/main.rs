//! `Idempotency-Key`: a command that comes again under its key is handled once, whatever happens in between.
//!
//! Each promise is tried on exclusive and on shared modules, and with the keys in memory and in event stores.

mod bank;
mod bounds;
mod failing;
mod http_2;
mod outcomes;
mod progress;
mod restarts;
mod sourced;
mod till;
mod users;
