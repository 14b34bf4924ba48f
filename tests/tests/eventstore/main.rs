//! Event sourcing: stores, and the aggregates, projections and sagas that stand on them.
//!
//! A binary has one registry, so each test starts the aggregates, projections and sagas it needs by name.

mod aggregates;
mod ahead;
mod backups;
mod begins;
mod changed;
mod conformance;
mod crashes;
mod decisions;
mod disk;
mod evolving;
mod faults;
mod files;
mod floats;
mod forward;
mod keeping;
mod lease_changes;
mod lease_free;
mod lease_stops;
mod leases;
mod logs;
mod media;
mod names;
mod of_many;
mod panics;
mod processes;
mod projections;
mod queries;
mod readable;
mod rebuilding;
mod retries;
mod saga_commands;
mod saga_held;
mod saga_outcomes;
mod saga_parked;
mod saga_turns;
mod sagas;
mod shapes;
mod skipped;
mod stopping;
mod takeovers;
mod unsaved;
mod unsteady;
mod versions;
mod waiting;
