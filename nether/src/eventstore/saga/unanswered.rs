//! Why a command that has started a saga has no answer: [`Unanswerable`] is final, [`SagaBlocked`] is not.

use std::fmt;
use std::sync::Arc;

#[cfg(feature = "http")]
use crate::error::Error;

/// Why a saga that is over has no answer: code of the user's that makes it, or reads it, has failed.
#[derive(Debug)]
pub(super) struct Unanswerable {
    pub(super) command: &'static str,
    pub(super) reason: String,
    /// Whether the saga has failed, or did not begin; otherwise it has ended well. `None` if this program
    /// cannot read even that: another one may.
    pub(super) has_failed: Option<bool>,
}

impl fmt::Display for Unanswerable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Unanswerable {
            command, reason, ..
        } = self;
        write!(
            f,
            "the saga that `{command}` started is over, but its answer could not be made or read: {reason}"
        )
    }
}

impl std::error::Error for Unanswerable {}

/// The saga of a command does not go on until an operator, or another program, sees to it. Its outcome is not
/// known, so this is no answer to the command.
#[derive(Debug)]
pub(super) struct SagaBlocked {
    pub(super) saga: &'static str,
    pub(super) key: Arc<str>,
    pub(super) why: String,
}

impl fmt::Display for SagaBlocked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SagaBlocked { saga, key, why } = self;
        write!(
            f,
            "the saga `{saga}` with the key `{key}` does not go on before an operator sees to it: {why}. The command, sent again with its \
             `CommandId`, gets the answer once there is one"
        )
    }
}

impl std::error::Error for SagaBlocked {}

/// Whether it is final that a command which has started a saga has no answer. `None` if the error says
/// something else.
#[cfg(feature = "http")]
pub(crate) fn is_unanswered_for_good(error: &Error) -> Option<bool> {
    let is_blocked = || error.downcast_ref::<SagaBlocked>().map(|_| false);
    let unanswerable = error.downcast_ref::<Unanswerable>();
    let is_final = unanswerable.map(|it| it.has_failed.is_some());
    is_final.or_else(is_blocked)
}
