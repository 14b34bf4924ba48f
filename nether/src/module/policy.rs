//! [`RestartPolicy`]: what a module's attribute says of its crashes.

use std::time::Duration;

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

/// How a module goes on after a crash.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Restart {
    /// Made anew, by its `#[init]` or `Default`.
    Always,
    /// Not at all.
    Never,
    /// With the state that the crash left.
    Resume,
}
