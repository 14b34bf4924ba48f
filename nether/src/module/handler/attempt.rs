//! Attempts at a message, for handlers that have a `timeout` or a `retry`: each is cut off in time, and after
//! one that failed there may be another.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::time::Duration;

use tokio::time::{sleep, timeout};

use crate::context::{Context, Handle};
use crate::declaration::Declaration;
use crate::envelope::{Given, Parcel};
use crate::error::HandlerError;
use crate::guarded::{Guarded, HandlerFault, Shielded, drop_unpanicked, panic_text};
use crate::message::Message;
use crate::module::Module;
use crate::module::handler::handling::{end_observed, observed, open_call};
use crate::module::handler::supervision::{Attempt, Concluded, Handled, Unreplied, settle};
use crate::module::handler::surrounded::{CalledAlone, CalledBeside};
use crate::module::policy::HandlerPolicy;
use crate::module::tally::{CrashCause, Verdict};
use crate::race::race;

/// Whose messages can be handled more than once. (As a trait of the message, the compiler would advise to
/// borrow it.)
#[doc(hidden)]
#[derive(Debug)]
pub enum Attempts {}

/// A message that can be handled more than once.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{M}` cannot be tried again: it is not `Clone`",
    label = "not `Clone`, and its handler has a `retry`",
    note = "each attempt is given the message anew: derive `Clone` for `{M}`",
    note = "or let this handler be tried once: `#[handler(retry = 0)]` above it"
)]
pub trait Repeat<M> {
    #[doc(hidden)]
    fn repeat(given: &Given<M>) -> Given<M>;
}

#[diagnostic::do_not_recommend]
impl<M: Clone> Repeat<M> for Attempts {
    fn repeat(given: &Given<M>) -> Given<M> {
        given.again()
    }
}

/// The message once more.
///
/// Not public API. Used by generated code.
#[doc(hidden)]
pub fn repeated<M>(given: &Given<M>) -> Given<M>
where
    Attempts: Repeat<M>,
{
    Attempts::repeat(given)
}

/// Attempts a message in an exclusive module.
///
/// Not public API. Used by generated code.
#[doc(hidden)]
pub async fn attempt_alone<A, P, M>(
    policy: &HandlerPolicy<P>,
    _: A,
    module: &mut M,
    parcel: &mut P,
    ctx: &Context<M>,
) -> Verdict
where
    A: CalledAlone<P, M>,
    P: Parcel,
    M: Module,
{
    let mut spare = policy.spare(ctx.handle(), parcel);
    let is_last = spare.is_none();
    let (handle, declaration) = (ctx.handle(), &M::descriptor().declaration);
    let judged = {
        let (content, mut open) = parcel.split();
        let given = spare.as_mut().map_or(content, |spare| spare.split().0);
        let mut attempt = pin!(async {
            let handler = pin!(Some(A::call(module, given, ctx)));
            let result = policy.limited(handler, ctx).await;
            let judged = policy.judge(result, is_last, handle, declaration);
            if let Attempt::Again(_, backoff) = judged {
                back_off(backoff, handle).await;
            }
            judged
        });
        poll_fn(|cx| {
            let polled = attempt.as_mut().poll(cx);
            if polled.is_pending() {
                open_call(&mut open, handle);
            }
            polled
        })
        .await
    };
    match judged {
        Attempt::Ended(result) => settle(result, parcel, handle, declaration),
        Attempt::Again(cause, _) => cause.map_or(Verdict::Again, Verdict::CrashedAgain),
        Attempt::Unanswered => Verdict::Handled,
    }
}

/// Attempts a message in a shared module.
///
/// Not public API. Used by generated code.
#[doc(hidden)]
pub async fn attempt_beside<A, P, M>(
    policy: &HandlerPolicy<P>,
    _: A,
    module: &M,
    parcel: &mut P,
    ctx: &Context<M>,
) -> Attempt<P::Message>
where
    A: CalledBeside<P, M>,
    P: Parcel,
    M: Module + Sync,
{
    let mut spare = match policy.spare_caught(ctx.handle(), parcel) {
        Ok(spare) => spare,
        Err(crashed) => return crashed,
    };
    let given = spare.as_mut().unwrap_or(&mut *parcel);
    let result = {
        let handler = pin!(Some(A::call(module, given, ctx)));
        policy.limited(handler, ctx).await
    };
    policy.end(result, spare, parcel, ctx)
}

/// Attempts a message in the value of a key.
///
/// Not public API. Used by generated code.
#[doc(hidden)]
pub async fn attempt_of_key<A, P, M>(
    policy: &HandlerPolicy<P>,
    _: A,
    module: &mut M,
    parcel: &mut P,
    ctx: &Context<M>,
) -> Attempt<P::Message>
where
    A: CalledAlone<P, M>,
    P: Parcel,
    M: Module,
{
    let mut spare = match policy.spare_caught(ctx.handle(), parcel) {
        Ok(spare) => spare,
        Err(crashed) => return crashed,
    };
    let result = {
        let (given, _) = spare.as_mut().unwrap_or(&mut *parcel).split();
        let handler = pin!(Some(A::call(module, given, ctx)));
        policy.limited(handler, ctx).await
    };
    policy.end(result, spare, parcel, ctx)
}

/// Whether the attempt failed so that there is to be another: and then why the handler crashed, if it did.
fn failed<E: HandlerError>(
    unreplied: &Unreplied<E>,
    handle: &Handle,
    message: &'static str,
    module: &'static Declaration,
) -> Option<Option<CrashCause>> {
    let (cause, error) = match unreplied {
        Unreplied::Error(error) => (None, Shielded::new(error).to_string()),
        Unreplied::Fault(fault) => match fault {
            HandlerFault::Panicked(panic) => (Some(CrashCause::Panicked), panic_text(&**panic)),
            HandlerFault::TimedOut(limit) => {
                let error = format!("took longer than {limit:?}");
                (Some(CrashCause::TimedOut), error)
            }
            HandlerFault::Unavailable(error) => (None, Shielded::new(error).to_string()),
            // A rejection is final: it is a decision, and no failure.
            HandlerFault::UnitEnded(_) | HandlerFault::Rejected(_) => return None,
        },
    };
    if handle.scope.obstacle().is_some() {
        return None;
    }
    let attempt = u32::from(handle.attempt()) + 1;
    tracing::warn!(
        message,
        module = module.name,
        attempt,
        error,
        "handler failed and is tried again"
    );
    Some(cause)
}

/// Waits before the next attempt; not while the system stops, nor for a unit of work that has ended.
pub(crate) async fn back_off(backoff: Duration, handle: &Handle) {
    let scope = &handle.scope;
    let ended = race(scope.cancelled(), scope.deadline_passed());
    race(sleep(backoff), race(scope.mediator.stopping.begun(), ended)).await;
}

/// Drops a future where it lies.
struct Emptied<'a, F>(Pin<&'a mut Option<F>>);

impl<F> Drop for Emptied<'_, F> {
    fn drop(&mut self) {
        self.0.set(None);
    }
}

impl<P: Parcel> HandlerPolicy<P> {
    /// The message once more, if this is not the last attempt.
    fn spare(&self, handle: &Handle, parcel: &P) -> Option<P> {
        let again = self
            .again
            .filter(|_| handle.attempt() < self.limits.retries)?;
        Some(again(parcel))
    }

    /// The message once more, as [`spare`](Self::spare) returns it. A panic in its `Clone` is caught, because
    /// an attempt in a shared or keyed module runs in the task of the caller.
    ///
    /// # Errors
    /// The attempt, which the panic ended.
    fn spare_caught(&self, handle: &Handle, parcel: &P) -> Result<Option<P>, Attempt<P::Message>> {
        let copied = catch_unwind(AssertUnwindSafe(|| self.spare(handle, parcel)));
        copied.map_err(|panic| {
            let fault = HandlerFault::Panicked(panic);
            Attempt::Ended(Err(Box::new(fault.into())))
        })
    }

    /// Runs a handler for as long as it may take.
    async fn limited<F, M: Module>(
        &self,
        mut handler: Pin<&mut Option<F>>,
        ctx: &Context<M>,
    ) -> Concluded<P::Message>
    where
        F: Future<Output = Handled<P::Message>>,
    {
        let observed = observed(ctx, P::Message::descriptor);
        let running = handler.as_mut().as_pin_mut();
        let guarded = running.map(|running| Guarded::new(running, observed.as_deref()));
        let result = match (guarded, self.limits.timeout) {
            (Some(guarded), None) => guarded.await.flatten(),
            (Some(guarded), Some(limit)) => match timeout(limit, guarded).await {
                Ok(ended) => ended.flatten(),
                Err(_) => Err(HandlerFault::TimedOut(Box::new(limit))),
            },
            (None, _) => unreachable!("a handler is given to be run"),
        };
        let result = end_observed::<P::Message>(observed, result);
        drop_unpanicked(Emptied(handler));
        result
    }

    /// Ends an attempt for which the handler got `spare`, if there is one.
    fn end<M: Module>(
        &self,
        result: Concluded<P::Message>,
        spare: Option<P>,
        parcel: &mut P,
        ctx: &Context<M>,
    ) -> Attempt<P::Message> {
        let is_last = spare.is_none();
        if !is_last && result.is_ok() {
            parcel.discard();
        }
        let module = &M::descriptor().declaration;
        let judged = self.judge(result, is_last, ctx.handle(), module);
        drop_unpanicked(spare);
        judged
    }

    /// Decides, unless the attempt `is_last`, whether there is to be another.
    fn judge(
        &self,
        result: Concluded<P::Message>,
        is_last: bool,
        handle: &Handle,
        module: &'static Declaration,
    ) -> Attempt<P::Message> {
        if !is_last
            && let Err(unreplied) = &result
            && let Some(cause) = failed(unreplied, handle, P::Message::NAME, module)
        {
            drop_unpanicked(result);
            let failed = u32::from(handle.attempt()) + 1;
            let chance = &handle.scope.mediator.chance;
            return Attempt::Again(cause, self.limits.backoff.wait(failed, chance));
        }
        Attempt::Ended(result)
    }
}
