//! Checks who may send a message from outside, before the message waits for room. Its rules are checked once
//! it has a route, by [`Handle::admit_valid`].

use crate::context::handle::Handle;
use crate::error::{Forbidden, SendError};
use crate::guarded::{PanicPayload, catch_now, said_last};
use crate::message::{AccessRule, Message, MessageKind};
use crate::principal::Principal;

/// Checks that the message may be sent with this handle. A message that requires nothing pays nothing for
/// this.
///
/// # Errors
/// [`SendError::Forbidden`].
#[inline(always)]
pub(super) fn check<M: Message>(handle: &Handle, message: &M) -> Result<(), SendError> {
    match M::ACCESS {
        // What an event requires is about who reads its stream.
        Some(rule) if !matches!(M::KIND, MessageKind::Event) => {
            check_access(handle, &rule, message)
        }
        _ => Ok(()),
    }
}

#[cold]
#[inline(never)]
fn check_access<M: Message>(
    handle: &Handle,
    rule: &AccessRule<M>,
    message: &M,
) -> Result<(), SendError> {
    if !handle.is_from_outside() {
        return Ok(());
    }
    let principal = handle.scope.principal();
    let role = match principal {
        None => None,
        Some(principal) => match rule.missing(principal) {
            None if rule.allows(principal, message) => return Ok(()),
            missing => missing,
        },
    };
    Err(SendError::Forbidden(Box::new(Forbidden {
        message: M::NAME,
        principal: principal.map(|principal| principal.id().to_owned()),
        role,
    })))
}

impl<M: Message> AccessRule<M> {
    /// Whether all functions allow it. One that panics does not.
    pub(crate) fn allows(&self, principal: &Principal, message: &M) -> bool {
        self.functions.iter().all(|function| {
            let mut is_allowed = false;
            if let Err(panic) = catch_now(&mut || is_allowed = function(principal, message)) {
                report_panic(M::NAME, panic);
            }
            is_allowed
        })
    }
}

#[cold]
fn report_panic(message: &str, panic: PanicPayload) {
    let panic = said_last(panic);
    tracing::error!(
        message,
        panic,
        "a function of `requires` panicked, so the message is refused"
    );
}
