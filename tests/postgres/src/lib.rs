//! Servers of PostgreSQL for tests, each private to the process that has started it; and a checker of what
//! processes do on one of them.

pub mod checker;
mod server;

pub use self::server::{Database, Server, StopMode};
