//! Decisions over several aggregates: all of their streams are written, or none.

mod bank;
mod conflicts;
mod files;
mod limits;
mod repeated;
mod start;
mod store;
mod transfers;
mod unique;
mod web;
