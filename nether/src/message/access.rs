//! What `requires = ..` says: who may send a command or query from outside, or read the stream of an event.

use crate::message::Message;
use crate::principal::Principal;

/// The requirements of a message, for descriptions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccessDescriptor {
    /// The roles that the principal must have, all of them.
    pub roles: &'static [&'static str],
    /// Whether functions of the program decide besides.
    pub has_functions: bool,
}

/// A function of `requires = path::to::function`.
pub type AccessFunction<M> = fn(&Principal, &M) -> bool;

/// The requirements of a message.
///
/// Not public API. Used by generated code.
#[doc(hidden)]
#[derive(Debug)]
pub struct AccessRule<M: 'static> {
    /// All of them.
    pub roles: &'static [&'static str],
    /// All of them say yes.
    pub functions: &'static [AccessFunction<M>],
}

impl AccessDescriptor {
    /// Not public API. Used by generated code.
    #[doc(hidden)]
    pub const fn of<M: Message>() -> Option<Self> {
        match M::ACCESS {
            Some(rule) => Some(AccessDescriptor {
                roles: rule.roles,
                has_functions: !rule.functions.is_empty(),
            }),
            None => None,
        }
    }

    /// The first role that the principal does not have.
    #[cfg(feature = "http")]
    pub(crate) fn missing(self, principal: &Principal) -> Option<&'static str> {
        missing(self.roles, principal)
    }
}

impl<M> AccessRule<M> {
    /// The first role that the principal does not have.
    pub(crate) fn missing(&self, principal: &Principal) -> Option<&'static str> {
        missing(self.roles, principal)
    }
}

fn missing(roles: &'static [&'static str], principal: &Principal) -> Option<&'static str> {
    roles.iter().copied().find(|role| !principal.has_role(role))
}
