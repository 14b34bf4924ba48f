//! [`Unavailable`]: what a module stands on failed.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use crate::error::boxed::Error;

/// A message that could not be handled because something failed that its module needs: the event store of an
/// aggregate, or the `#[init]` of a [key](crate::keyed).
#[derive(Debug, Clone)]
pub struct Unavailable {
    /// The message.
    pub message: &'static str,
    /// The module.
    pub module: &'static str,
    /// The error: a `StoreError`, or what `#[init]` returned.
    pub error: Arc<Error>,
}

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` could not handle `{}`: {}",
            self.module, self.message, self.error
        )
    }
}

impl StdError for Unavailable {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(self.error.as_std())
    }
}
