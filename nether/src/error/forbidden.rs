//! [`Forbidden`]: a message that its sender may not send.

use std::error::Error as StdError;
use std::fmt;

/// A message that was refused because of the principal of its unit of work: the message says
/// `requires = ".."`, and the principal has not what that asks for.
#[derive(Debug, Clone)]
pub struct Forbidden {
    /// The message's name.
    pub message: &'static str,
    /// The ID of the principal; `None` if the unit of work has none.
    pub principal: Option<String>,
    /// The role that is missing; `None` if a function of `requires` refused the message.
    pub role: Option<&'static str>,
}

impl fmt::Display for Forbidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let message = self.message;
        match (&self.principal, self.role) {
            (Some(_), Some(role)) => write!(
                f,
                "`{message}` requires the role `{role}`, which the principal does not have"
            ),
            (Some(_), None) => write!(f, "`{message}` is not for this principal"),
            (None, _) => write!(
                f,
                "`{message}` requires a principal, and the unit of work has none: give it one by `with_principal`, \
                 or mark it as the program's own by `as_system`"
            ),
        }
    }
}

impl StdError for Forbidden {}
