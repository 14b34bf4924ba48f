//! A world of modules that fail in every way, drawn from a seed. `tests/chaos_seeds.rs` runs it with a
//! hundred seeds, `src/bin/soak.rs` for as long as is asked.

mod acting;
mod audit;
mod ledger;
mod lost;
mod luck;
mod memory;
mod messages;
mod modules;
mod round;
mod sending;
mod streaming;
mod ticket;
mod units;
mod ways;

pub use self::lost::watch_log;
pub use self::memory::in_use;
pub use self::round::{Round, Totals};
pub use self::ticket::panicked_drops;
