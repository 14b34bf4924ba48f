//! [`Deadlock`]: a call that would never be answered, because its handler would wait for the caller, directly
//! or through others.

use std::error::Error as StdError;
use std::fmt;

use crate::escaped::Escaped;

/// A call that would close a circle of exclusive modules, or of values of keyed modules, each of which waits
/// for the next before it can handle anything else. The call was refused; the others go on waiting, and are
/// answered once the module that made it goes on.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Deadlock {
    /// The circle, beginning with the call that was refused.
    pub cycle: Vec<WaitEdge>,
}

/// A module that waits for the reply to a message.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct WaitEdge {
    /// The name of the module that waits.
    pub module: &'static str,
    /// The text of the key whose value waits, if that module has a value [for each key](crate::keyed). Errors
    /// and logs show it, so a key must not be a secret.
    pub module_key: Option<String>,
    /// The name of the message.
    pub message: &'static str,
    /// The name of the module that would handle it.
    pub handler: &'static str,
    /// The text of the key whose value would handle it, if that module has a value for each key.
    pub handler_key: Option<String>,
}

impl fmt::Display for WaitEdge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (module, handler) = (
            ModuleAndKey(self.module, self.module_key.as_deref()),
            ModuleAndKey(self.handler, self.handler_key.as_deref()),
        );
        write!(f, "{module} waits for `{}` in {handler}", self.message)
    }
}

/// A module, and the key of the value that is meant, if it has several.
struct ModuleAndKey<'a>(&'a str, Option<&'a str>);

impl fmt::Display for ModuleAndKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.1 {
            Some(key) => write!(f, "`{}` (key `{}`)", self.0, Escaped(&key)),
            None => write!(f, "`{}`", self.0),
        }
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
