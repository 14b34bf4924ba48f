//! Keyed modules: one value for each key, made at its first message. The messages of a key are handled one at
//! a time, in the order in which they are accepted; those of different keys concurrently.
//!
//! The module is a shared one around a table of values ([`Keys`]): places, pause, breaker, time-outs, spans
//! and dead letters are those of `module/shared`.

mod forget;
mod history;
mod key;
mod keys;
mod leaving;
mod line;
mod live_count;
mod table;
mod turn;

pub use self::key::{ModuleKey, key_of};
pub use self::keys::launch_keyed;
pub(in crate::module) use self::live_count::LiveGuard;
