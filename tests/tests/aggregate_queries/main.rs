//! Queries of aggregates: answered from the state, behind every command that was acknowledged before.

mod acknowledged;
mod waiting;
