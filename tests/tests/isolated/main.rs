//! Systems in which nothing starts by itself: each test attaches, or starts by name, what it needs.
//!
//! A binary has one registry, so its modules are `manual` or are started with `isolated().with::<M>()`. A
//! test of what a whole program does at its start needs a binary of its own.

mod attaching;
mod background;
mod beside_handlers;
mod closing;
mod closing_behind;
mod closing_beside;
mod closing_circles;
mod closing_elsewhere;
mod closing_one_way;
mod closing_patience;
mod closing_places;
mod closing_waits;
mod contexts;
mod crash_looping;
mod deadlocks;
mod depth;
mod fairness;
mod forever;
mod giving_up;
mod http_events;
mod http_floats;
mod instances;
mod kept;
mod messages;
mod module_reports;
mod observed;
mod pausing;
mod policies;
mod pools;
mod pressure;
mod reports;
mod runtimes;
mod shared_crashes;
mod shared_modules;
mod shared_transactions;
mod slow_handlers;
mod spawning;
mod sqlite;
mod starting_together;
mod stopping;
mod stream_ends;
mod stream_seeds;
mod streaming;
mod streams;
mod task_pressure;
mod transactions;
mod trying;
mod unread_errors;
mod user_panics;
mod ways_out;
