//! Tracing: the spans of handlers, sagas, projections and requests, what connects them, and the access log.
//!
//! A subscriber is one of its thread here, so each test has its own.

mod access_log;
mod levels;
mod outcomes;
mod passing;
mod recorder;
mod requests;
mod shop;
mod shown;
mod stored;
mod tasks;
mod tree;
