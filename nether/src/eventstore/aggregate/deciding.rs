//! Lets an aggregate decide, within its time and that of the unit of work, and again if that fails.
//!
//! A decision stores nothing, so it can be cut off and repeated at any point.

use std::fmt;
use std::panic::resume_unwind;

use tokio::time::sleep;

use crate::context::Context;
use crate::eventstore::aggregate::{Aggregate, Aggregates, Decides, Events, FactSource};
use crate::eventstore::handling::{CutOff, within_unit};
use crate::guarded::{PanicPayload, Shielded, catch, drop_unpanicked, panic_text};
use crate::message::Command;
use crate::race::race;

type Decision<A, C> = Result<Events<A>, <A as Decides<C>>::Error>;

/// The decision upon a command, or that it was cut off.
pub(super) async fn decide<A, C>(
    state: &A,
    command: C,
    resources: &A::Resources,
    ctx: &Context<Aggregates<A>>,
) -> Result<Decision<A, C>, CutOff>
where
    A: Aggregate + Decides<C>,
    A::Error: fmt::Display + Send,
    C: Command,
{
    let facts = &FactSource::of(ctx.handle());
    let policy = A::SETTINGS.policy;
    if policy.retries > 0 {
        return Box::pin(decide_repeatedly(state, command, resources, ctx)).await;
    }
    within_unit(state.decide(command, resources, facts), policy.timeout, ctx).await
}

/// Decides again after an error, a panic or a time-out, up to as many times as the aggregate says.
async fn decide_repeatedly<A, C>(
    state: &A,
    mut command: C,
    resources: &A::Resources,
    ctx: &Context<Aggregates<A>>,
) -> Result<Decision<A, C>, CutOff>
where
    A: Aggregate + Decides<C>,
    A::Error: fmt::Display + Send,
    C: Command,
{
    let facts = &FactSource::of(ctx.handle());
    let policy = A::SETTINGS.policy;
    let mut failed = 0;
    loop {
        let again = match failed < policy.retries {
            true => A::again(&command),
            false => None,
        };
        let decision = within_unit(state.decide(command, resources, facts), policy.timeout, ctx);
        let decided = catch(decision).await;
        let has_ended = ctx.handle().scope.obstacle().is_some();
        let (Some(again), Some(error), false) = (again, failure(&decided), has_ended) else {
            return decided.unwrap_or_else(|panic| resume_unwind(panic));
        };
        drop_unpanicked(decided);
        command = again;
        failed += 1;
        tracing::warn!(
            message = C::NAME,
            aggregate = A::DESCRIPTOR.declaration.name,
            attempt = failed,
            error,
            "a decision failed and is made again"
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

/// Why a decision is made again, if it is.
fn failure<T, E: fmt::Display>(
    decided: &Result<Result<Result<T, E>, CutOff>, PanicPayload>,
) -> Option<String> {
    match decided {
        Ok(Ok(Ok(_)) | Err(CutOff::UnitEnded(_))) => None,
        Ok(Ok(Err(error))) => Some(Shielded::new(error).to_string()),
        Ok(Err(CutOff::TimedOut(limit))) => Some(format!("took longer than {limit:?}")),
        Err(panic) => Some(format!("panicked: {}", panic_text(&**panic))),
    }
}
