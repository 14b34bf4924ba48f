//! The messages of the world. Each carries a [`Draw`].

use std::fmt;
use std::thread::panicking;

use nether::prelude::*;

use crate::ticket::Draw;

/// Declares commands that carry a draw and reply nothing.
macro_rules! commands {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[command]
        pub(crate) struct $name {
            pub(crate) draw: Draw,
        }
    )*};
}

commands! {
    /// To an instance of a pool whose instances are stopped by a crash.
    Loose;
    /// To an exclusive module that tries again.
    Patient;
    /// To a shared module that tries again.
    Spread;
    /// To an exclusive module with a breaker.
    Fragile;
    /// To a shared module with a breaker and few places.
    Narrow;
    /// To an exclusive module that comes and goes.
    Visit;
    /// To a shared module that comes and goes.
    Call;
    /// To an exclusive module that comes and goes, and that a crash stops.
    Ride;
    /// To an exclusive module that uses streams.
    Reel;
    /// To a shared module that uses streams.
    Flow;
}

/// To an instance of a pool that is crash-looping now and then.
#[command(key = account)]
pub(crate) struct Keyed {
    pub(crate) account: u8,
    pub(crate) draw: Draw,
}

/// To the value of a key of a keyed module, of which one is crash-looping now and then.
#[command(key = player)]
pub(crate) struct Play {
    pub(crate) player: u8,
    pub(crate) draw: Draw,
}

/// At times, the `Drop` of its reply panics, or the `Display` of its error.
#[command(reply = Answer, error = Mute)]
pub(crate) struct Speak {
    pub(crate) draw: Draw,
}

/// To an exclusive module.
#[query(reply = u64)]
pub(crate) struct Count {
    pub(crate) draw: Draw,
}

/// To a shared module, whose handler is dropped with its caller.
#[query(reply = u64)]
pub(crate) struct Look {
    pub(crate) draw: Draw,
}

/// To three modules of the program, and two guests.
#[event]
pub(crate) struct Told {
    pub(crate) draw: Draw,
}

/// A reply.
#[derive(Debug)]
pub(crate) struct Answer {
    /// Whether its `Drop` panics.
    pub(crate) is_sticky: bool,
}

impl Drop for Answer {
    fn drop(&mut self) {
        if self.is_sticky && !panicking() {
            panic!("the reply does not go away");
        }
    }
}

/// An error.
#[derive(Debug)]
pub(crate) struct Mute {
    /// Whether its `Display` panics.
    pub(crate) is_mute: bool,
}

impl fmt::Display for Mute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        assert!(!self.is_mute, "nothing to say");
        f.write_str("out of words")
    }
}

impl std::error::Error for Mute {}
