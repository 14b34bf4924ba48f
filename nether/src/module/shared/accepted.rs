//! [`Accepted`]: a message that a shared module has accepted, from then to its end.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use arc_swap::Guard;

use crate::chance::Chance;
use crate::context::{Context, Handle};
use crate::envelope::{Label, Parcel, Reply, Source};
use crate::error::{CallError, Deadlock, FailureKind, SendError};
use crate::guarded::drop_unpanicked;
use crate::message::Message;
use crate::module::handler::{Attempt, SharedHandler, dead_letter, dead_letter_begun, failure_of};
use crate::module::shared::SharedCell;
use crate::module::tally::Verdict;
use crate::module::{Module, Shared};
use crate::route::CrashLoops;
use crate::waiting::until_made;

/// A message that a shared module has accepted. Dropped, it counts how the message ended.
pub(super) struct Accepted<M: Module + Shared> {
    pub(super) cell: Arc<SharedCell<M>>,
    pub(super) label: Label,
    pub(super) ctx: Context<M>,
    pub(super) end: MessageEnd,
}

/// How a message ended.
#[derive(Clone, Copy)]
pub(super) enum MessageEnd {
    /// On the way: if it stays so, the caller of a query went away, or the module was cut off.
    Waiting,
    /// In its handler; the same is true.
    Handling,
    Handled(Verdict),
    /// A dead letter, or refused: it is counted.
    Gone,
}

impl<M: Module + Shared> Accepted<M> {
    /// Runs the handler, after waiting for a permit if it `waits`. Its failure is logged and published here;
    /// telling it is the caller's part.
    pub(super) async fn run<P>(&mut self, parcel: &mut Option<P>, waits: bool) -> Reply<P::Message>
    where
        P: Parcel,
        M: SharedHandler<P>,
    {
        let Accepted {
            cell,
            label,
            ctx,
            end,
        } = self;
        // What is rarely waited for is boxed, so that it makes no call larger.
        let _permit = match waits.then(|| cell.permits.try_acquire()) {
            None => None,
            Some(Ok(permit)) => Some(permit),
            Some(Err(_)) => Box::pin(cell.permits.acquire()).await.ok(),
        };
        loop {
            let chance = &ctx.handle().scope.mediator.chance;
            let module = match cell.ready_module(chance) {
                Some(module) => module,
                None => match Box::pin(cell.next_module(chance, P::Message::NAME)).await {
                    Ok(module) => module,
                    Err(deadlock) => {
                        *end = MessageEnd::Gone;
                        cell.tally.count_abandoned();
                        ctx.handle().scope.take_back(1);
                        return Err(CallError::Deadlock(Box::new(deadlock)));
                    }
                },
            };
            let obstacle = ctx.handle().scope.obstacle();
            let (Some(value), None, Some(packed)) = (&*module, &obstacle, &mut *parcel) else {
                let kind = obstacle.unwrap_or_else(|| cell.absence());
                let error = cell.refusal(P::Message::NAME, &kind);
                cell.refuse(ctx.handle().source(), *label, kind, parcel);
                *end = MessageEnd::Gone;
                return Err(error.into());
            };
            *end = MessageEnd::Handling;
            let attempt = {
                let attempt = pin!(M::attempt(value, packed, ctx));
                cell.attempt_once(attempt, *label, ctx.handle()).await
            };
            let failed = match attempt {
                Attempt::Ended(Ok(Ok(reply))) => {
                    *end = MessageEnd::Handled(Verdict::Handled);
                    cell.conclude(Verdict::Handled, P::Message::NAME, ctx.handle(), &module);
                    return Ok(reply);
                }
                Attempt::Ended(failed) => failed,
                Attempt::Again(cause) => {
                    if let Some(cause) = cause {
                        cell.crashed(&module, cause.reason(P::Message::NAME));
                    }
                    *label = label.tried();
                    ctx.handle_mut().message = Some(*label);
                    continue;
                }
            };
            let (handle, json) = (ctx.handle(), || packed.json());
            let awaited = label.is_awaited();
            let (reply, verdict) =
                failure_of::<P::Message>(failed, awaited, handle, cell.declaration, &json);
            *end = MessageEnd::Handled(verdict);
            cell.conclude(verdict, P::Message::NAME, ctx.handle(), &module);
            return reply;
        }
    }

    /// The message was dropped on the way.
    #[cold]
    fn dropped(&self) {
        let Accepted {
            cell,
            label,
            ctx,
            end,
        } = self;
        let scope = &ctx.handle().scope;
        let has_begun = matches!(end, MessageEnd::Handling);
        if label.is_awaited() {
            cell.tally.count_abandoned();
            return if has_begun {
                scope.finish(1)
            } else {
                scope.take_back(1)
            };
        }
        let kind = scope.obstacle().unwrap_or(FailureKind::Stopped);
        let (source, module) = (ctx.handle().source(), cell.declaration);
        if has_begun {
            dead_letter_begun(source, *label, kind, &cell.tally, module);
        } else {
            dead_letter(source, *label, kind, &cell.tally, module, &|| None);
        }
    }
}

/// What a message goes through.
impl<M: Module + Shared> SharedCell<M> {
    /// The module, if it is there and nothing holds it up. Held while the handler runs; cheaper than an `Arc`
    /// of its own.
    #[inline]
    fn ready_module(&self, chance: &Chance) -> Option<Guard<Option<Arc<M>>>> {
        if chance.is_drawn() || self.pause.is_on() {
            return None;
        }
        Some(self.module.load()).filter(|module| module.is_some())
    }

    /// The module, after what holds it up; `None` if there will be none.
    ///
    /// # Errors
    /// If it would never be made, because it waits for the caller.
    async fn next_module(
        &self,
        chance: &Chance,
        message: &'static str,
    ) -> Result<Guard<Option<Arc<M>>>, Deadlock> {
        if chance.is_drawn() {
            chance.shuffle().await;
        }
        if self.pause.is_on() {
            self.pause.over().await;
        }
        let module = self.module.load();
        if module.is_some() {
            return Ok(module);
        }
        let made = until_made(message, &self.waiter, self.module.made());
        made.await.map(Guard::from_inner)
    }

    /// Runs the handler, which is seen from outside unless it is ready at once.
    #[inline]
    fn attempt_once<'a, F: Future>(
        &'a self,
        mut attempt: Pin<&'a mut F>,
        label: Label,
        handle: &'a Handle,
    ) -> impl Future<Output = F::Output> + use<'a, F, M> {
        let mut begun = None;
        let mut parked = None;
        poll_fn(move |cx| {
            drop(parked.take());
            let polled = attempt.as_mut().poll(cx);
            if polled.is_pending() {
                if begun.is_none() {
                    begun = Some(self.running.begin(label.message.slot()));
                    handle.scope.mediator.watch.notify_busy();
                }
                parked = handle
                    .scope
                    .park(handle.delivery(), label.message.name(), || None);
            }
            polled
        })
    }

    /// Makes a message a dead letter before its handler has it.
    #[cold]
    fn refuse<P: Parcel>(
        &self,
        source: Source<'_>,
        label: Label,
        kind: FailureKind,
        parcel: &mut Option<P>,
    ) {
        let json = || parcel.as_ref().and_then(Parcel::json);
        dead_letter(source, label, kind, &self.tally, self.declaration, &json);
        drop_unpanicked(parcel.take());
    }

    /// What the caller gets of a message that is a dead letter.
    #[cold]
    fn refusal(&self, message: &'static str, kind: &FailureKind) -> SendError {
        match kind {
            FailureKind::Cancelled => SendError::Cancelled { message },
            FailureKind::DeadlineExceeded => SendError::DeadlineExceeded { message },
            FailureKind::CrashLooping => self.next_try().refusal(message),
            _ => SendError::Stopped { message },
        }
    }

    /// Takes account of how the handler ended.
    #[inline]
    fn conclude(
        &self,
        verdict: Verdict,
        message: &'static str,
        handle: &Handle,
        module: &Guard<Option<Arc<M>>>,
    ) {
        if let Some(breaker) = &self.breaker {
            breaker.count(verdict, handle);
        }
        if let Verdict::Crashed(cause) = verdict {
            self.crashed(module, cause.reason(message));
        }
    }
}

impl<M: Module + Shared> Drop for Accepted<M> {
    fn drop(&mut self) {
        match self.end {
            MessageEnd::Waiting | MessageEnd::Handling => self.dropped(),
            MessageEnd::Handled(verdict) => {
                self.cell.tally.count(verdict);
                self.ctx.handle().scope.finish(1);
            }
            MessageEnd::Gone => {}
        }
        if self.cell.closed.load(Ordering::SeqCst) {
            self.cell.changed.notify_waiters();
        }
        self.cell.stopping.notify_quiet();
    }
}
