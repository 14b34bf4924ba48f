//! Lets an aggregate decide or answer, within its time and that of the unit of work, and again if that fails.
//!
//! Neither stores anything, so both can be cut off and repeated at any point.

use std::fmt;
use std::panic::resume_unwind;

use tokio::time::sleep;

use crate::context::Context;
use crate::eventstore::aggregate::{Aggregate, AggregateHandler, Aggregates, FactSource};
use crate::eventstore::handling::{CutOff, within_unit};
use crate::guarded::{PanicPayload, Shielded, catch, drop_unpanicked, panic_text};
use crate::message::{Message, MessageKind};
use crate::race::race;

type HandledOutcome<A, M> =
    Result<<A as AggregateHandler<M>>::Outcome, <A as AggregateHandler<M>>::Error>;

/// The decision upon a command or the answer to a query, or that it was cut off.
pub(super) async fn handle_in_time<A, M>(
    state: &A,
    message: M,
    resources: &A::Resources,
    ctx: &Context<Aggregates<A>>,
) -> Result<HandledOutcome<A, M>, CutOff>
where
    A: Aggregate + AggregateHandler<M>,
    A::Error: fmt::Display + Send,
    M: Message + Send,
{
    let facts = &FactSource::of(ctx.handle());
    let policy = A::SETTINGS.policy;
    if policy.retries > 0 {
        return Box::pin(handle_repeatedly(state, message, resources, ctx)).await;
    }
    within_unit(state.handle(message, resources, facts), policy.timeout, ctx).await
}

/// Handles the message again after an error, a panic or a time-out, up to as many times as the aggregate
/// says.
async fn handle_repeatedly<A, M>(
    state: &A,
    mut message: M,
    resources: &A::Resources,
    ctx: &Context<Aggregates<A>>,
) -> Result<HandledOutcome<A, M>, CutOff>
where
    A: Aggregate + AggregateHandler<M>,
    A::Error: fmt::Display + Send,
    M: Message + Send,
{
    let facts = &FactSource::of(ctx.handle());
    let policy = A::SETTINGS.policy;
    let mut failed = 0;
    loop {
        let again = match failed < policy.retries {
            true => A::again(&message),
            false => None,
        };
        let handling = within_unit(state.handle(message, resources, facts), policy.timeout, ctx);
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
            aggregate = A::DESCRIPTOR.declaration.name,
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
