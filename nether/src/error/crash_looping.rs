//! [`CrashLooping`]: a module that crashes again and again refuses messages until its next try.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use tokio::time::Instant;

/// A message that was refused because its module crashed more often than its `max_restarts` allows: the
/// module is left alone for a while before it is built again.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CrashLooping {
    /// The message's name.
    pub message: &'static str,
    /// The module's name.
    pub module: &'static str,
    /// When the module is built again. In the past, it is being built.
    pub next_try: Instant,
}

impl CrashLooping {
    /// How long it takes until the module is built again. Zero while it is being built.
    pub fn retry_in(&self) -> Duration {
        self.next_try.saturating_duration_since(Instant::now())
    }
}

impl fmt::Display for CrashLooping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` crashes again and again and refused `{}`; its next try is in {} ms",
            self.module,
            self.message,
            self.retry_in().as_millis()
        )
    }
}

impl StdError for CrashLooping {}
