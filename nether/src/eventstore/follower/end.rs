//! [`RunnerEnd`]: why a runner ends.

use tokio::sync::oneshot;

use crate::error::{Error, Result};
use crate::eventstore::backend::StoreError;

/// Why a runner ends.
#[derive(Debug)]
pub(in crate::eventstore) enum RunnerEnd {
    /// The module has to stop. What the runner has in memory can still be saved.
    Stopped,
    /// The module has to stop, and the progress could not be saved. Nothing that the runner has in memory may
    /// reach the store after that: the store would have one half of a change, and the other half would be
    /// done again.
    Unsaved,
    /// Another runner has taken the lease.
    Fenced,
    /// What follows could not be made again to take over, or may not begin: why.
    Unmade(String),
    /// A newer program has run it: why that is so. This runner stands by.
    Outdated(String),
    /// The store has failed for good.
    Failed(StoreError),
}

impl RunnerEnd {
    /// The answer to an order that this end has cut short.
    pub(super) fn to_error(&self) -> Error {
        match self {
            RunnerEnd::Stopped | RunnerEnd::Unsaved => Error::msg("it is stopping"),
            RunnerEnd::Fenced => Error::msg("another runner has taken over"),
            RunnerEnd::Unmade(error) | RunnerEnd::Outdated(error) => Error::msg(error.clone()),
            RunnerEnd::Failed(error) => error.clone().into(),
        }
    }
}

/// Answers an order. If the runner has ended while it carried the order out, the answer is an error, and the
/// end is returned, so that it ends the runner too.
pub(in crate::eventstore) fn answer<T>(
    done: oneshot::Sender<Result<T>>,
    carried: Result<Result<T>, RunnerEnd>,
) -> Result<(), RunnerEnd> {
    let (answer, end) = match carried {
        Ok(answer) => (answer, Ok(())),
        Err(end) => (Err(end.to_error()), Err(end)),
    };
    let _ = done.send(answer);
    end
}
