//! [`Deadlock`]: a call that would never be answered, because its handler would wait for the caller, directly
//! or through others.

use std::error::Error as StdError;
use std::fmt;

/// A call that would close a circle of exclusive modules, each of which waits for the next before it can
/// handle anything else. The call was refused; the others go on waiting, and are answered once the module
/// that made it goes on.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Deadlock {
    /// The circle, beginning with the call that was refused.
    pub cycle: Vec<WaitEdge>,
}

/// A module that waits for the reply to a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct WaitEdge {
    /// The name of the module that waits.
    pub module: &'static str,
    /// The name of the message.
    pub message: &'static str,
    /// The name of the module that would handle it.
    pub handler: &'static str,
}

impl fmt::Display for WaitEdge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` waits for `{}` in `{}`",
            self.module, self.message, self.handler
        )
    }
}

impl fmt::Display for Deadlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a deadlock")?;
        for (index, edge) in self.cycle.iter().enumerate() {
            let separator = if index == 0 { ": " } else { ", " };
            write!(f, "{separator}{edge}")?;
        }
        f.write_str("; let one of them answer without asking, or publish an event instead")
    }
}

impl StdError for Deadlock {}
