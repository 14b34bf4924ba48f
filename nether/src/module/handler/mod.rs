//! From a message to its handler, and what comes of it: panics, time-outs, other attempts, dead letters.

mod attempt;
mod breaker;
mod handling;
mod supervision;
mod surrounded;

pub(super) use self::attempt::back_off;
pub use self::attempt::{attempt_alone, attempt_beside, attempt_of_key, repeated};
pub(super) use self::breaker::Breaker;
#[cfg(any(feature = "eventstore", feature = "test"))]
pub(crate) use self::handling::Replied;
pub use self::handling::{
    Addressee, ExclusiveHandler, HandlerByReference, HandlerByValue, KeyedHandler, ReplySink,
    SharedHandler,
};
#[cfg(feature = "eventstore")]
pub(crate) use self::handling::{end_observed, observed};
pub use self::supervision::Attempt;
#[cfg(feature = "test")]
pub(crate) use self::supervision::conclude;
pub(crate) use self::supervision::{
    Unreplied, count_dead_letter, failure_of, origin_of, origin_of_lost, report_dead_letter,
    report_task, settle_panic,
};
