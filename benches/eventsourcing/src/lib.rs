//! Event sourcing beside what it costs without, and beside published crates that do the same.
//!
//! [`scenario`] says what is measured and who takes part, [`rounds`] gives everybody a turn, [`turn`] does
//! the work of ours, [`programs`] runs that of others, [`results`] keeps the times, [`report`] writes them
//! down.

pub mod counter;
pub mod folder;
pub mod memory;
pub mod options;
pub mod programs;
pub mod report;
pub mod results;
pub mod rounds;
pub mod scale;
pub mod scenario;
pub mod stores;
pub mod turn;
