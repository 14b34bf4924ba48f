//! [`ContextError`]: a unit of work that did not succeed.

use std::error::Error as StdError;
use std::fmt;

use crate::error::deadlock::Deadlock;
use crate::error::failure::{Failure, FailureKind};
use crate::error::transaction::TransactionReport;

/// A unit of work that did not succeed: what [`close`](crate::Context::close) gives then.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ContextError {
    /// The messages that failed while no caller waited for their reply, or that were never handled, in the
    /// order of the failures: the first 1,000 of them. Each failure is also logged and published, as
    /// [`HandlerFailed`](crate::HandlerFailed) or [`DeadLetter`](crate::DeadLetter), when it happens.
    pub failures: Vec<Failure>,
    /// How many messages failed after those in `failures`.
    pub unlisted: u64,
    /// Whether the context was cancelled.
    pub cancelled: bool,
    /// How many messages were still in flight when the context's deadline, or a deadlock, ended the wait; 0
    /// otherwise.
    pub unfinished: u64,
    /// The circle of waits, if it waited for the handler or task that closed it.
    pub deadlock: Option<Box<Deadlock>>,
    /// The results of its transactions; empty if it had none, or if all were committed.
    pub transactions: Box<TransactionReport>,
}

impl fmt::Display for ContextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        if let Some(deadlock) = &self.deadlock {
            parts.push(format!(
                "it waited for the handler or task that closed it, with {} messages in flight: {deadlock}",
                self.unfinished
            ));
        } else if self.cancelled {
            parts.push("the context was cancelled".to_owned());
        }
        if self.unfinished > 0 && self.deadlock.is_none() {
            parts.push(format!(
                "the deadline passed with {} messages in flight",
                self.unfinished
            ));
        }
        match self.failures.as_slice() {
            [] => {}
            [one] => parts.push(one.to_string()),
            [first, rest @ ..] => parts.push(format!(
                "{} messages failed, first {first}, then {}",
                self.failures.len() as u64 + self.unlisted,
                list(rest, self.unlisted)
            )),
        }
        if !self.transactions.are_committed() {
            parts.push(self.transactions.to_string());
        }
        f.write_str(&parts.join("; "))
    }
}

/// How many failures the text of the error names.
const NAMED: usize = 20;

fn list(failures: &[Failure], unlisted: u64) -> String {
    let named = failures.iter().take(NAMED).map(Failure::to_string);
    let mut named: Vec<String> = named.collect();
    let unnamed = failures.len().saturating_sub(NAMED) as u64 + unlisted;
    if unnamed > 0 {
        named.push(format!("and {unnamed} more"));
    }
    named.join(", ")
}

impl StdError for ContextError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self.failures.first().map(|failure| &failure.kind) {
            Some(FailureKind::Handler(error)) => error.as_std().source(),
            Some(FailureKind::Nested(error)) => Some(&**error),
            Some(_) => None,
            None => Some(self.transactions.failed.first()?.error.as_std()),
        }
    }
}
