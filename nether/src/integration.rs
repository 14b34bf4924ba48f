//! The door for adapters: crates that connect Nether to a system outside.
//!
//! The helpers here are what an adapter needs of Nether's inside, and no more. They are exempt from semantic
//! versioning until version 1.0: an adapter that is not part of this repository names the exact version.
//!
#![doc = include_str!("docs/adapters.md")]

pub use crate::clock_hold::{ClockHold, hold_clock};
#[cfg(feature = "eventstore")]
pub use crate::eventstore::{DocumentsToCopy, PageRoom};
pub use crate::guarded::panic_text;
pub use crate::race::race;
pub use crate::sync::lock;
