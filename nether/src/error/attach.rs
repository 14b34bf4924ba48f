//! [`AttachError`]: why a module could not be attached.

use std::error::Error as StdError;
use std::fmt;

use crate::declaration::Declaration;
use crate::error::boxed::Error;

/// Why a module could not be attached. The system is as it was before.
#[derive(Debug)]
#[non_exhaustive]
pub enum AttachError {
    /// Another running module handles one of its commands or queries.
    AlreadyHandled {
        /// The message's name.
        message: &'static str,
        /// The module to be attached.
        module: Declaration,
        /// The module that handles it already.
        handler: Declaration,
    },
    /// Its `#[on_start]` failed.
    Failed {
        /// The module.
        module: Declaration,
        /// What it said.
        error: Error,
    },
    /// One of its messages is missing from the link-time registry.
    NotRegistered {
        /// The message's name.
        message: &'static str,
        /// The module.
        module: Declaration,
    },
    /// The system is stopping.
    Stopping {
        /// The module.
        module: Declaration,
    },
}

impl fmt::Display for AttachError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AttachError::AlreadyHandled {
                message,
                module,
                handler,
            } => {
                write!(
                    f,
                    "cannot attach {module}: `{message}` is handled by {handler}; detach that one first"
                )
            }
            AttachError::Failed { module, error } => write!(f, "cannot attach {module}: {error}"),
            AttachError::NotRegistered { message, module } => {
                write!(
                    f,
                    "cannot attach {module}: `{message}` is missing from the link-time registry"
                )
            }
            AttachError::Stopping { module } => {
                write!(f, "cannot attach {module}: the system is stopping")
            }
        }
    }
}

impl StdError for AttachError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            AttachError::Failed { error, .. } => error.as_std().source(),
            _ => None,
        }
    }
}
