//! [`RunnerEnd`]: why a runner ends.

use tokio::sync::oneshot;

use crate::error::{Error, Result};
use crate::eventstore::backend::StoreError;

/// Why a runner ends.
#[derive(Debug)]
pub(in crate::eventstore) enum RunnerEnd {
    /// It had to stop. What it has in memory can be saved.
    Stopped,
    /// It had to stop, and what it has done could not be saved. Nothing that it has in memory may reach the
    /// store after that: the store would have one half of a change, and the other half would be done again.
    Unsaved,
    /// Another runner has taken over.
    Fenced,
    /// It took over, and what follows could not be made again.
    Unmade(String),
    /// The store has failed for good.
    Failed(StoreError),
}

impl RunnerEnd {
    /// Why an order is not carried out to its end.
    pub(super) fn to_error(&self) -> Error {
        match self {
            RunnerEnd::Stopped | RunnerEnd::Unsaved => Error::msg("it is stopping"),
            RunnerEnd::Fenced => Error::msg("another runner has taken over"),
            RunnerEnd::Unmade(error) => Error::msg(error.clone()),
            RunnerEnd::Failed(error) => error.clone().into(),
        }
    }
}

/// Answers an order. An end of the runner is an error for those who gave the order, and it still ends the
/// runner.
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
