//! [`Accepted`]: a message that a shared module has accepted, from then to its end.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use arc_swap::Guard;

use crate::context::{Context, Handle};
use crate::envelope::{Label, Parcel, Reply};
use crate::error::{FailureKind, SendError};
use crate::guarded::drop_unpanicked;
use crate::message::{Message, MessageKind};
use crate::module::handling::SharedHandler;
use crate::module::places::until_obstacle;
use crate::module::shared::SharedCell;
use crate::module::supervision::{
    Attempt, count_dead_letter, failure_of, origin_of_lost, report_dead_letter,
};
use crate::module::tally::{Crash, CrashCause, Verdict};
use crate::module::{Module, Shared};
use crate::race::race;
use crate::scope::Scope;

/// A message that a shared module has accepted. Dropped, it counts how the message ended.
pub(super) struct Accepted<M: Module + Shared> {
    pub(super) cell: Arc<SharedCell<M>>,
    /// Whether it has one of the module's places.
    pub(super) has_place: bool,
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
    /// Runs the handler. Its failure is logged and published here; telling it is the caller's part.
    pub(super) async fn run<P>(&mut self, parcel: &mut Option<P>) -> Reply<P::Message>
    where
        P: Parcel,
        M: SharedHandler<P>,
    {
        let Accepted {
            cell,
            label,
            ctx,
            end,
            ..
        } = self;
        loop {
            // What is rarely waited for is boxed, so that it makes no call larger.
            let chance = &ctx.handle().scope.mediator.chance;
            if chance.is_drawn() {
                Box::pin(chance.shuffle()).await;
            }
            if cell.pause.is_on() {
                Box::pin(race(cell.pause.over(), until_obstacle(&ctx.handle().scope))).await;
            }
            // Held while the handler runs; cheaper than an `Arc` of its own.
            let mut module = cell.module.load();
            if module.is_none() {
                module = Guard::from_inner(Box::pin(made(cell, &ctx.handle().scope)).await);
            }
            let handle = ctx.handle();
            let obstacle = handle.scope.obstacle();
            let (Some(value), None, Some(packed)) = (&*module, &obstacle, &mut *parcel) else {
                let kind = obstacle.unwrap_or(FailureKind::Stopped);
                let error = refusal(P::Message::NAME, &kind);
                let json = || parcel.as_ref().and_then(Parcel::json);
                let source = handle.source();
                report_dead_letter(source, *label, &kind, cell.declaration, &json);
                if !label.is_awaited() {
                    origin_of_lost(source, *label, cell.declaration).keep(kind);
                }
                drop_unpanicked(parcel.take());
                *end = MessageEnd::Gone;
                count_dead_letter(source, *label, &cell.tally, false);
                return Err(error.into());
            };
            *end = MessageEnd::Handling;
            let attempt = {
                let mut attempt = pin!(M::attempt(value, packed, ctx));
                let mut begun = None;
                poll_fn(|cx| {
                    let polled = attempt.as_mut().poll(cx);
                    if polled.is_pending() && begun.is_none() {
                        let is_of_report = handle.scope.is_of_report();
                        begun = Some(cell.running.begin(label.message.slot(), is_of_report));
                        handle.scope.mediator.watch.notify_busy();
                    }
                    polled
                })
                .await
            };
            let result = match attempt {
                Attempt::Ended(Ok(Ok(reply))) => {
                    *end = MessageEnd::Handled(Verdict::Handled);
                    if let Some(breaker) = &cell.breaker {
                        breaker.count(Verdict::Handled, handle);
                    }
                    return Ok(reply);
                }
                Attempt::Ended(failed) => failed,
                Attempt::Again(cause) => {
                    if let Some(cause) = cause {
                        cell.crashed(&module, crash_of::<P::Message>(cause, handle));
                    }
                    *label = label.tried();
                    ctx.handle_mut().message = Some(*label);
                    continue;
                }
            };
            let json = || packed.json();
            let awaited = label.is_awaited();
            let (reply, verdict) =
                failure_of::<P::Message>(result, awaited, handle, cell.declaration, &json);
            *end = MessageEnd::Handled(verdict);
            if let Some(breaker) = &cell.breaker {
                breaker.count(verdict, handle);
            }
            if let Verdict::Crashed(cause) = verdict {
                cell.crashed(&module, crash_of::<P::Message>(cause, handle));
            }
            drop_unpanicked(parcel.take());
            return reply;
        }
    }

    /// Waits for a place, for what a handler caused.
    pub(super) async fn take_place(&mut self) {
        let cell = &self.cell;
        if !self.has_place {
            self.has_place =
                cell.places.take() || cell.places.wait_inside(&self.ctx.handle().scope).await;
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
            ..
        } = self;
        let scope = &ctx.handle().scope;
        let has_begun = matches!(end, MessageEnd::Handling);
        if label.is_awaited() && label.message.kind == MessageKind::Query {
            cell.tally.count_abandoned();
            return if has_begun {
                scope.finish(1)
            } else {
                scope.take_back(1)
            };
        }
        // A command runs on when its caller leaves, so nobody is there to notice that it ended here.
        let kind = scope.obstacle().unwrap_or(FailureKind::Stopped);
        let (source, module) = (ctx.handle().source(), cell.declaration);
        report_dead_letter(source, *label, &kind, module, &|| None);
        origin_of_lost(source, *label, module).keep(kind);
        count_dead_letter(source, *label, &cell.tally, has_begun);
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
        self.cell.places.give_back(self.has_place);
        if self.cell.closed.load(Ordering::SeqCst) {
            self.cell.changed.notify_waiters();
        }
        self.cell.stopping.notify_quiet();
    }
}

/// The module, once it is there; none if there will be none, or if there is a reason not to begin any more.
async fn made<M: Module + Shared>(cell: &SharedCell<M>, scope: &Scope) -> Option<Arc<M>> {
    let obstacle = async {
        until_obstacle(scope).await;
        None
    };
    race(cell.made(), obstacle).await
}

fn crash_of<M: Message>(cause: CrashCause, handle: &Handle) -> Crash {
    Crash {
        reason: cause.reason(M::NAME),
        is_of_report: handle.scope.is_of_report(),
    }
}

fn refusal(message: &'static str, kind: &FailureKind) -> SendError {
    match kind {
        FailureKind::Cancelled => SendError::Cancelled { message },
        FailureKind::DeadlineExceeded => SendError::DeadlineExceeded { message },
        _ => SendError::Stopped { message },
    }
}
