//! How a unit of work ends: [`Context::close`].

use crate::context::Context;
use crate::context::subscription::end_subscriptions;
use crate::error::ContextError;
use crate::routing::Root;
use crate::scope::Scope;

/// A unit of work that succeeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Outcome {
    /// How many deliveries were handled in it: one for each command and query, and one for each module an event was shown to.
    pub handled: u64,
}

impl Context<Root> {
    /// Ends the unit of work: takes no more messages from outside, and waits until nothing of it is in flight, also not what
    /// handlers caused in turn.
    ///
    /// Clones of the context may close it too, and wait for the same end.
    ///
    /// # Errors
    /// Everything that failed while nobody waited for its reply; that the context was cancelled; how many messages were
    /// still in flight when its deadline passed.
    pub async fn close(self) -> Result<Outcome, ContextError> {
        let scope = &self.handle().scope;
        let unfinished = match scope.deadline() {
            None => {
                scope.drain().await;
                0
            }
            Some(deadline) => match tokio::time::timeout_at(deadline.0, scope.drain()).await {
                Ok(()) => 0,
                Err(_) => scope.in_flight(),
            },
        };
        scope.end();
        if unfinished == 0 {
            // A handler may have left a handle to somebody who sent in between; from now on that is refused.
            scope.drain().await;
        }
        end_subscriptions(scope);
        outcome(scope, unfinished)
    }
}

fn outcome(scope: &Scope, unfinished: u64) -> Result<Outcome, ContextError> {
    let failures = scope.failures();
    let cancelled = scope.is_cancelled();
    if cancelled || unfinished > 0 || !failures.is_empty() {
        return Err(ContextError {
            failures,
            cancelled,
            unfinished,
        });
    }
    Ok(Outcome {
        handled: scope.handled(),
    })
}
