//! The event store in PostgreSQL, on servers that the tests start.

mod bank;
mod by_hand;
mod changed_tables;
mod conformance;
mod ends;
mod programs;
mod roles;
mod spread;
mod tls;
