//! [`TransactionReport`]: the results of a unit of work's transactions, if not all were committed.

use std::error::Error as StdError;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::boxed::Error;

/// The results of a unit of work's transactions, if not all were committed. Transactions are named by their
/// types.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct TransactionReport {
    /// The transactions that were committed, in that order.
    pub committed: Vec<&'static str>,
    /// The transactions that were rolled back, in that order.
    pub rolled_back: Vec<&'static str>,
    /// The transactions whose step failed. If a commit or rollback failed, its effect is unknown.
    pub failed: Vec<TransactionFailure>,
    /// The message and the module whose failure rolled them back, if a handler failed and its caller got the
    /// error.
    pub because_of: Option<(&'static str, &'static str)>,
}

/// A transaction whose step failed.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct TransactionFailure {
    /// Its type.
    pub transaction: &'static str,
    /// The step that failed.
    pub step: TransactionStep,
    /// The error.
    pub error: Arc<Error>,
    /// Whether the step had not ended in time, and was cut off. Nothing is known of its effect: a commit may
    /// have happened.
    pub cut_off: bool,
}

/// A step of a transaction when its unit of work ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TransactionStep {
    /// To make sure that it can commit. One that cannot is rolled back with all others.
    Prepare,
    /// To commit.
    Commit,
    /// To roll back.
    RollBack,
}

impl TransactionReport {
    /// Whether there were none, or all were committed.
    pub(crate) fn are_committed(&self) -> bool {
        self.rolled_back.is_empty() && self.failed.is_empty()
    }
}

impl fmt::Display for TransactionReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts: Vec<String> = self.failed.iter().map(ToString::to_string).collect();
        let lists = [
            ("committed", &self.committed),
            ("rolled back", &self.rolled_back),
        ];
        for (what, names) in lists.iter().filter(|(_, names)| !names.is_empty()) {
            parts.push(format!("{what}: {}", names.join(", ")));
        }
        if let Some((message, module)) = self.because_of {
            parts.push(format!(
                "because `{message}` failed in `{module}`, though its caller got the error"
            ));
        }
        f.write_str(&parts.join("; "))
    }
}

impl fmt::Display for TransactionFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let step = match self.step {
            TransactionStep::Prepare => "prepare",
            TransactionStep::Commit => "commit",
            TransactionStep::RollBack => "roll back",
        };
        write!(f, "`{}` could not {step}: {}", self.transaction, self.error)
    }
}

/// A transaction that a context did not take, handed back: the context has ended, or is a module's own, that
/// of its hooks and background tasks, which has no end at which a transaction could be committed.
pub struct EnlistError<T> {
    /// In a lock, so that the error can cross threads whatever the transaction is.
    transaction: Mutex<T>,
}

impl<T> EnlistError<T> {
    pub(crate) fn new(transaction: T) -> Self {
        EnlistError {
            transaction: Mutex::new(transaction),
        }
    }

    /// The transaction.
    pub fn into_inner(self) -> T {
        self.transaction
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> fmt::Debug for EnlistError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EnlistError").finish_non_exhaustive()
    }
}

impl<T> fmt::Display for EnlistError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "a context that has ended takes no transactions, nor does a module's own: \
             in a hook or a background task, open one with `ctx.nested()`, and close it",
        )
    }
}

impl<T> StdError for EnlistError<T> {}
