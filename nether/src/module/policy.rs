//! What attributes say of a module's crashes ([`RestartPolicy`]), of its breaker ([`BreakerPolicy`]), and of
//! its handlers' time-outs and retries ([`HandlerLimits`]).

use std::time::Duration;

use crate::chance::Chance;

/// What becomes of a module that crashes.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct RestartPolicy {
    pub restart: Restart,
    /// So many crashes within so long are one too many.
    pub max_restarts: u32,
    pub within: Duration,
    /// Whether the system stops with it.
    pub is_essential: bool,
}

impl RestartPolicy {
    /// Whether the module goes on as it is after any crash.
    pub(super) fn resumes(&self) -> bool {
        self.restart == Restart::Resume
    }

    /// Whether the module goes on as it is after a crash of a handler.
    pub(super) fn outlives_handlers(&self) -> bool {
        matches!(self.restart, Restart::Resume | Restart::Contain)
    }

    /// Whether the module is rebuilt once it has crashed.
    pub(super) fn makes_anew(&self) -> bool {
        matches!(self.restart, Restart::Always | Restart::Contain)
    }
}

/// How a module goes on after a crash.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Restart {
    /// Rebuilt, by its `#[init]` or `Default`.
    Always,
    /// Not at all.
    Never,
    /// With the state that the crash left.
    Resume,
    /// With its state after a crash of a handler, which fails its message and no more; rebuilt after a crash
    /// beside the handlers. What a shared module does that says nothing else.
    Contain,
}

/// So many failures within so long are too many: then the module is left alone, but for a probe now and then.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct BreakerPolicy {
    pub failures: u32,
    pub within: Duration,
    pub probe_after: Duration,
}

/// How long a handler may take, and how often it is tried.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct HandlerLimits {
    pub timeout: Option<Duration>,
    /// How often it is tried again.
    pub retries: u8,
    pub backoff: Backoff,
}

/// The limits of a handler, with what they need of its message. `P` is how that is packed.
#[doc(hidden)]
#[derive(Debug)]
pub struct HandlerPolicy<P> {
    pub limits: HandlerLimits,
    /// The message once more, if it is ever tried again.
    pub again: Option<fn(&P) -> P>,
}

/// How long to wait before the next attempt.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct Backoff {
    pub first: Duration,
    pub longest: Duration,
}

impl Backoff {
    /// The wait before the attempt after the `failed`th one, counted from 1: twice as long each time, of
    /// which half is by chance, so that those who failed together do not try again together ("equal jitter":
    /// M. Brooker, "Exponential backoff and jitter", 2015).
    pub(crate) fn wait(self, failed: u32, chance: &Chance) -> Duration {
        let longest = self.longest_wait(failed);
        longest.mul_f64(0.5 + chance.fraction() / 2.0)
    }

    /// The upper bound of the wait after `failed` failures: the wait without jitter.
    pub(crate) fn longest_wait(self, failed: u32) -> Duration {
        let doublings = failed.saturating_sub(1).min(20);
        self.first.saturating_mul(1 << doublings).min(self.longest)
    }
}
