//! Lets an aggregate decide or answer, within its time and that of the unit of work, and again if that fails.
//!
//! Neither stores anything, so both can be cut off and repeated at any point.

use std::fmt;
use std::panic::resume_unwind;

use tokio::time::sleep;

use crate::context::Context;
use crate::eventstore::aggregate::{Aggregate, AggregateHandler, Aggregates, FactSource};
use crate::eventstore::handling::{CutOff, HandlingPolicy, within_unit};
use crate::guarded::{PanicPayload, Shielded, catch, drop_unpanicked, panic_text};
use crate::message::{Message, MessageKind};
use crate::race::race;
use crate::routing::Caller;

/// The decision of an aggregate upon a command, or its answer to a query.
pub(super) async fn handled<A, M>(
    state: &A,
    message: M,
    resources: &A::Resources,
    ctx: &Context<Aggregates<A>>,
) -> Result<Result<A::Outcome, A::Error>, CutOff>
where
    A: Aggregate + AggregateHandler<M>,
    A::Error: fmt::Display + Send,
    M: Message + Send,
{
    let facts = &FactSource::of(ctx.handle());
    let handling = HandledInTime {
        policy: A::SETTINGS.policy,
        by: A::DESCRIPTOR.declaration.name,
        again: A::again,
        handle: |message| state.handle(message, resources, facts),
    };
    handling.run(message, ctx).await
}

/// How a message is handled within its time.
pub(in crate::eventstore) struct HandledInTime<M, H> {
    pub(in crate::eventstore) policy: HandlingPolicy,
    /// The name of what handles it, for the log.
    pub(in crate::eventstore) by: &'static str,
    /// The message once more, if it may be handled again after a failure.
    pub(in crate::eventstore) again: fn(&M) -> Option<M>,
    pub(in crate::eventstore) handle: H,
}

impl<M, H, F, T, E> HandledInTime<M, H>
where
    M: Message + Send,
    H: Fn(M) -> F + Send + Sync,
    F: Future<Output = Result<T, E>> + Send,
    E: fmt::Display + Send,
{
    /// The decision upon a command or the answer to a query, or that it was cut off.
    pub(in crate::eventstore) async fn run<S: Caller>(
        &self,
        message: M,
        ctx: &Context<S>,
    ) -> Result<Result<T, E>, CutOff> {
        if self.policy.retries > 0 {
            return Box::pin(self.run_repeatedly(message, ctx)).await;
        }
        within_unit((self.handle)(message), self.policy.timeout, ctx).await
    }

    /// Handles the message again after an error, a panic or a time-out, up to as many times as the policy
    /// says.
    async fn run_repeatedly<S: Caller>(
        &self,
        mut message: M,
        ctx: &Context<S>,
    ) -> Result<Result<T, E>, CutOff> {
        let policy = self.policy;
        let mut failed = 0;
        loop {
            let again = match failed < policy.retries {
                true => (self.again)(&message),
                false => None,
            };
            let handling = within_unit((self.handle)(message), policy.timeout, ctx);
            let outcome = catch(handling).await;
            let has_ended = ctx.handle().scope.obstacle().is_some();
            let (Some(again), Some(error), false) = (again, failure(&outcome), has_ended) else {
                return outcome.unwrap_or_else(|panic| resume_unwind(panic));
            };
            drop_unpanicked(outcome);
            message = again;
            failed += 1;
            tracing::warn!(
                message = M::NAME,
                by = self.by,
                attempt = failed,
                error,
                "{} failed and is made again",
                match M::KIND {
                    MessageKind::Query => "an answer",
                    MessageKind::Command | MessageKind::Event => "a decision",
                }
            );
            let scope = &ctx.handle().scope;
            let wait = policy.backoff.wait(failed.into(), &scope.mediator.chance);
            let ended = race(scope.cancelled(), scope.deadline_passed());
            race(sleep(wait), race(scope.mediator.stopping.begun(), ended)).await;
            if let Some(reason) = scope.obstacle() {
                return Err(CutOff::UnitEnded(reason));
            }
        }
    }
}

/// Why a decision or an answer is made again, if it is.
fn failure<T, E: fmt::Display>(
    outcome: &Result<Result<Result<T, E>, CutOff>, PanicPayload>,
) -> Option<String> {
    match outcome {
        Ok(Ok(Ok(_)) | Err(CutOff::UnitEnded(_))) => None,
        Ok(Ok(Err(error))) => Some(Shielded::new(error).to_string()),
        Ok(Err(CutOff::TimedOut(limit))) => Some(format!("took longer than {limit:?}")),
        Err(panic) => Some(format!("panicked: {}", panic_text(&**panic))),
    }
}
