//! Systems in which nothing starts by itself: each test attaches, or starts by name, what it needs.
//!
//! A binary has one registry, so its modules are `manual` or are started with `isolated().with::<M>()`. A
//! test of what a whole program does at its start needs a binary of its own.

mod attaching;
mod background;
mod beside_handlers;
mod crash_looping;
mod deadlocks;
mod fairness;
mod http_absent;
mod http_events;
mod http_filters;
mod http_floats;
mod http_metrics;
mod http_resuming;
mod http_rules;
mod http_stored;
mod instances;
mod messages;
mod module_reports;
mod observed;
mod pausing;
mod policies;
mod pools;
mod pressure;
mod refusals;
mod reports;
mod runtimes;
mod shared_crashes;
mod shared_modules;
mod slow_handlers;
mod starting_together;
mod stopping;
mod task_pressure;
mod trying;
mod user_panics;
mod validation;
mod ways_out;
