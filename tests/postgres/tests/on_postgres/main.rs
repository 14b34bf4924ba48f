//! The event store in PostgreSQL, on real servers.

mod conformance;
