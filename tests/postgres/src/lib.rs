//! Servers of PostgreSQL for tests, each private to the process that has started it.

mod server;

pub use self::server::{Database, Server, StopMode};
