//! [`Accepted`]: a message that a shared module has accepted, from then to its end.

use std::future::poll_fn;
use std::mem;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use arc_swap::Guard;

use crate::chance::Chance;
use crate::context::{Context, Handle, HandlerSpan, SpanOutcome};
use crate::envelope::{Label, Parcel, Reply, Source};
use crate::error::{CallError, Deadlock, FailureKind};
use crate::guarded::drop_unpanicked;
use crate::message::{Message, MessageKind};
use crate::module::Module;
use crate::module::handler::{
    Attempt, Unreplied, back_off, count_dead_letter, failure_of, origin_of, origin_of_lost,
    report_dead_letter,
};
use crate::module::shared::places::until_obstacle;
use crate::module::shared::running::Begun;
use crate::module::shared::{Handles, Hosting, SharedCell};
use crate::module::tally::{Crash, CrashCause, Verdict};
use crate::race::race;
use crate::route::NextTry;
use crate::scope::{ParkedGuard, ParkedIn, Scope};
use crate::waiting::{DeliveryWaiter, until_made};

/// A message that a shared module has accepted. Dropped, it counts how the message ended.
pub(super) struct Accepted<M: Module, K: Hosting<M>> {
    pub(super) cell: Arc<SharedCell<M, K>>,
    /// Whether it has one of the module's places.
    pub(super) has_place: bool,
    pub(super) label: Label,
    pub(super) ctx: Context<M>,
    pub(super) end: MessageEnd,
}

/// The module that a message waited for, or why it waits no more.
type NextModule<V> = Result<Guard<Option<Arc<V>>>, Deadlock>;

/// Guards that make a handler which is not done visible from outside.
struct PendingHandler<'a> {
    _begun: Begun<'a>,
    /// Between two polls.
    parked: Option<ParkedGuard<'a>>,
}

/// How a message ended.
pub(super) enum MessageEnd {
    /// On the way: if it stays so, the caller of a query went away, or the module was cut off.
    Waiting,
    /// In its handler; the same is true.
    Handling,
    /// In its handler, which has a span.
    HandlingInSpan(Box<HandlerSpan>),
    Handled(Verdict),
    /// A dead letter, or refused: it is counted.
    Gone,
}

impl MessageEnd {
    /// The span of the handler that has the message.
    #[inline]
    fn span(&self) -> Option<&HandlerSpan> {
        match self {
            MessageEnd::HandlingInSpan(span) => Some(span),
            _ => None,
        }
    }
}

impl<M: Module, K: Hosting<M>> Accepted<M, K> {
    /// Runs the handler. Its failure is logged and published here; returning it is the caller's part.
    pub(super) async fn run<P>(
        &mut self,
        mut turn: K::Turn,
        parcel: &mut Option<P>,
    ) -> Reply<P::Message>
    where
        P: Parcel,
        K: Handles<M, P>,
    {
        if K::HAS_TURNS && !K::is_turn(&turn) {
            Box::pin(self.wait_for_turn(&mut turn, parcel)).await?;
        }
        loop {
            // Rare waits are boxed, so that they make no call larger.
            let module = match self.cell.ready_module(self.chance()) {
                Some(module) => module,
                None => match self.next_module(P::Message::NAME).await {
                    Ok(module) => module,
                    Err(deadlock) => return Err(self.end_in_deadlock(deadlock)),
                },
            };
            let is_refused = K::HAS_TURNS && K::obstacle(&self.cell, &turn).is_some();
            let may_begin =
                module.is_some() && !is_refused && self.ctx.handle().scope.begin_message();
            let (Some(value), true, Some(packed)) = (&*module, may_begin, &mut *parcel) else {
                let crash_loop = K::obstacle(&self.cell, &turn);
                return Err(self.refuse(parcel, crash_loop));
            };
            self.end = MessageEnd::Handling;
            if HandlerSpan::may_be_wanted() {
                self.begin_span();
            }
            let attempt = {
                let line = K::line(&turn);
                let attempt = pin!(K::attempt(&self.cell, value, &mut turn, packed, &self.ctx));
                self.attempt_once(attempt, line).await
            };
            let failed = match attempt {
                Attempt::Ended(Ok(reply)) => {
                    self.succeed();
                    return Ok(reply);
                }
                Attempt::Unanswered => {
                    self.succeed();
                    // No caller is there to see it, and no failure is kept.
                    let message = P::Message::NAME;
                    return Err(CallError::Closed { message });
                }
                Attempt::Ended(Err(failed)) => failed,
                Attempt::Again(cause, backoff) => {
                    // What crashed is gone before the wait, in which the caller may leave.
                    self.try_again(cause, P::Message::NAME, &module, &mut turn);
                    drop(module);
                    let wait = Box::pin(self.back_off(backoff, K::line(&turn)));
                    wait.await;
                    continue;
                }
            };
            let error = self.fail(*failed, packed, &module, &mut turn);
            drop_unpanicked(parcel.take());
            return Err(error);
        }
    }

    /// The handler did its work.
    #[inline]
    fn succeed(&mut self) {
        self.mark_handled(Verdict::Handled);
        if let Some(breaker) = &self.cell.breaker {
            breaker.count(Verdict::Handled, self.ctx.handle());
        }
    }

    #[cold]
    #[inline(never)]
    fn begin_span(&mut self) {
        if let Some(span) = self.ctx.handle_mut().span(self.cell.declaration.name) {
            self.end = MessageEnd::HandlingInSpan(span);
        }
    }

    /// Notes how the handler ended, also in its span.
    #[inline]
    fn mark_handled(&mut self, verdict: Verdict) {
        let before = mem::replace(&mut self.end, MessageEnd::Handled(verdict));
        if let MessageEnd::HandlingInSpan(span) = before {
            span.end(verdict.outcome(), &self.ctx.handle().scope);
        }
    }

    /// There is to be another attempt; and the handler crashed, if there is a `cause`.
    #[cold]
    #[inline(never)]
    fn try_again(
        &mut self,
        cause: Option<CrashCause>,
        message: &'static str,
        module: &Guard<Option<Arc<K::Value>>>,
        turn: &mut K::Turn,
    ) {
        let handle = self.ctx.handle();
        if let MessageEnd::HandlingInSpan(span) = mem::replace(&mut self.end, MessageEnd::Handling)
        {
            let outcome = cause.map_or(SpanOutcome::Failed, CrashCause::outcome);
            span.end(outcome, &handle.scope);
        }
        if let Some(cause) = cause {
            let crash = crash_of(cause.reason(message), handle);
            K::crashed(&self.cell, module, turn, crash);
        }
        self.label = self.label.tried();
        self.ctx.handle_mut().message = Some(self.label);
    }

    /// Waits before the next attempt: the message counts as being handled.
    async fn back_off(&self, backoff: Duration, line: u64) {
        let wait = pin!(back_off(backoff, self.ctx.handle()));
        self.attempt_once(wait, line).await;
    }

    /// Ends a message whose handler failed. Gives back what its caller gets. The failure is logged in the
    /// span of the handler.
    #[cold]
    #[inline(never)]
    fn fail<P: Parcel>(
        &mut self,
        failed: Unreplied<<P::Message as Message>::Error>,
        packed: &P,
        module: &Guard<Option<Arc<K::Value>>>,
        turn: &mut K::Turn,
    ) -> CallError<<P::Message as Message>::Error> {
        let (error, verdict) = {
            let _entered = self.end.span().map(HandlerSpan::enter);
            let (handle, declaration) = (self.ctx.handle(), self.cell.declaration);
            let (awaited, json) = (self.label.is_awaited(), || packed.json());
            failure_of::<P::Message>(failed, awaited, handle, declaration, &json)
        };
        self.mark_handled(verdict);
        let handle = self.ctx.handle();
        if let Some(breaker) = &self.cell.breaker {
            breaker.count(verdict, handle);
        }
        if let Verdict::Crashed(cause) = verdict {
            let crash = crash_of(cause.reason(P::Message::NAME), handle);
            K::crashed(&self.cell, module, turn, crash);
        }
        error
    }

    #[inline]
    fn chance(&self) -> &Chance {
        &self.ctx.handle().scope.mediator.chance
    }

    /// The module, after what holds it up; `None` if there will be none, or if there is a reason not to begin
    /// any more. Boxed here, so that it takes no room on the stack of each call.
    ///
    /// # Errors
    /// If it would never be made, because it waits for the caller.
    #[cold]
    #[inline(never)]
    fn next_module(
        &self,
        message: &'static str,
    ) -> Pin<Box<impl Future<Output = NextModule<K::Value>>>> {
        let scope = &self.ctx.handle().scope;
        Box::pin(self.cell.next_module(self.chance(), scope, message))
    }

    /// Waits for the messages before this one.
    ///
    /// # Errors
    /// If it is not handled any more, which is counted.
    pub(super) async fn wait_for_turn<P>(
        &mut self,
        turn: &mut K::Turn,
        parcel: &mut Option<P>,
    ) -> Result<(), CallError<<P::Message as Message>::Error>>
    where
        P: Parcel,
        K: Handles<M, P>,
    {
        // Until it is counted how the wait has ended.
        let _waits = self.cell.hosting.note_wait();
        let waited = {
            let scope = &self.ctx.handle().scope;
            K::wait_for_turn(&self.cell, turn, scope, self.label).await
        };
        match waited {
            Err(deadlock) => Err(self.end_in_deadlock(deadlock)),
            Ok(()) if K::is_turn(turn) => Ok(()),
            Ok(()) => Err(self.refuse(parcel, None)),
        }
    }

    /// The message would never be handled. Gives back why, for its caller.
    #[cold]
    fn end_in_deadlock<E>(&mut self, deadlock: Deadlock) -> CallError<E> {
        self.abandon();
        CallError::Deadlock(Box::new(deadlock))
    }

    /// Ends the message without a handler and without a report.
    pub(super) fn abandon(&mut self) {
        self.end = MessageEnd::Gone;
        self.cell.tally.count_abandoned();
        self.ctx.handle().scope.take_back(1);
    }

    /// Runs the handler of a message whose reply no caller waits for: a failure is kept for the unit of work.
    pub(super) async fn run_alone<P>(&mut self, turn: K::Turn, mut parcel: Option<P>)
    where
        P: Parcel,
        K: Handles<M, P>,
    {
        self.take_place().await;
        let reply = self.run(turn, &mut parcel).await;
        if let (Err(error), MessageEnd::Handled(verdict)) = (reply, &self.end)
            && !matches!(verdict, Verdict::Handled)
        {
            let of = origin_of(self.ctx.handle(), P::Message::NAME, self.cell.declaration);
            of.keep(FailureKind::of(error));
        }
    }

    /// Makes the message a dead letter before its handler has it. Gives back why, for its caller.
    #[cold]
    #[inline(never)]
    fn refuse<P: Parcel>(
        &mut self,
        parcel: &mut Option<P>,
        crash_loop: Option<NextTry>,
    ) -> CallError<<P::Message as Message>::Error> {
        let (cell, handle) = (&self.cell, self.ctx.handle());
        let obstacle = handle.scope.obstacle();
        let kind = obstacle.unwrap_or_else(|| match crash_loop {
            Some(next_try) => next_try.failure(self.label),
            None => cell.absence(self.label),
        });
        let error = kind.clone().into_call_error(P::Message::NAME);
        cell.refuse(handle.source(), self.label, kind, parcel);
        self.end = MessageEnd::Gone;
        count_dead_letter(handle.source(), self.label, &cell.tally, false);
        error
    }

    /// Runs the handler, which is seen from outside unless it is ready at once.
    #[inline]
    fn attempt_once<'a, F: Future>(
        &'a self,
        mut attempt: Pin<&'a mut F>,
        line: u64,
    ) -> impl Future<Output = F::Output> + use<'a, F, M, K> {
        let mut waiter = DeliveryWaiter::default();
        let mut pending: Option<PendingHandler<'a>> = None;
        poll_fn(move |cx| {
            if let Some(pending) = &mut pending {
                pending.parked = None;
            }
            let scope = &self.ctx.handle().scope;
            let poll = waiter.begin_poll(self.cell.declaration, scope);
            let polled = {
                let _entered = self.end.span().map(HandlerSpan::enter);
                attempt.as_mut().poll(cx)
            };
            waiter.end_poll(poll, scope);
            if polled.is_pending() {
                self.show(&mut pending, line, &waiter);
            }
            polled
        })
    }

    /// The handler was polled, and is not done.
    #[cold]
    #[inline(never)]
    fn show<'a>(
        &'a self,
        pending: &mut Option<PendingHandler<'a>>,
        line: u64,
        waiter: &DeliveryWaiter,
    ) {
        let (cell, handle) = (&*self.cell, self.ctx.handle());
        let pending = pending.get_or_insert_with(|| {
            let is_of_report = handle.scope.is_of_report();
            let begun = cell.running.begin(self.label.message.slot(), is_of_report);
            handle.scope.mediator.watch.notify_busy();
            PendingHandler {
                _begun: begun,
                parked: None,
            }
        });
        let message = self.label.message.name();
        pending.parked = handle.scope.park(handle.delivery(), message, || {
            let place_in = self.has_place.then(|| cell.places.all());
            let elsewhere = waiter.waits_elsewhere(handle.scope.address());
            Some((ParkedIn::Shared { place_in, line }, elsewhere))
        });
    }

    /// Waits for a place, for what a handler caused.
    pub(super) async fn take_place(&mut self) {
        let cell = &self.cell;
        if !self.has_place && !K::HAS_TURNS {
            let scope = &self.ctx.handle().scope;
            self.has_place =
                cell.places.take() || cell.places.wait_inside(scope, self.label.sequence()).await;
        }
    }

    /// The message was dropped on the way.
    #[cold]
    #[inline(never)]
    fn dropped(&mut self) {
        let has_begun = !matches!(self.end, MessageEnd::Waiting);
        // A span ends here.
        self.end = MessageEnd::Gone;
        let Accepted {
            cell, label, ctx, ..
        } = self;
        let scope = &ctx.handle().scope;
        if label.is_awaited() && label.message.kind == MessageKind::Query {
            cell.tally.count_abandoned();
            return if has_begun {
                scope.finish(1)
            } else {
                scope.take_back(1)
            };
        }
        // A command runs on when its caller leaves, so no caller is there to notice that it ended here.
        let kind = scope.obstacle().unwrap_or(FailureKind::Stopped);
        let (source, module) = (ctx.handle().source(), cell.declaration);
        report_dead_letter(source, *label, &kind, module, &|| None);
        origin_of_lost(source, *label, module).keep(kind);
        count_dead_letter(source, *label, &cell.tally, has_begun);
    }
}

/// What a message goes through.
impl<M: Module, K: Hosting<M>> SharedCell<M, K> {
    /// The module, if it is there and nothing holds it up. Held while the handler runs; cheaper than an `Arc`
    /// of its own.
    #[inline]
    fn ready_module(&self, chance: &Chance) -> Option<Guard<Option<Arc<K::Value>>>> {
        if chance.is_drawn() || self.pause.is_on() {
            return None;
        }
        Some(self.module.load()).filter(|module| module.is_some())
    }

    /// The module, after what holds it up; `None` if there will be none, or if there is a reason not to begin
    /// any more.
    ///
    /// # Errors
    /// If it would never be made, because it waits for the caller.
    async fn next_module(
        &self,
        chance: &Chance,
        scope: &Scope,
        message: &'static str,
    ) -> NextModule<K::Value> {
        if chance.is_drawn() {
            chance.shuffle().await;
        }
        if self.pause.is_on() {
            race(self.pause.over(), until_obstacle(scope)).await;
        }
        let module = self.module.load();
        if module.is_some() {
            return Ok(module);
        }
        let obstacle = async {
            until_obstacle(scope).await;
            None
        };
        let made = race(self.module.made(), obstacle);
        let made = until_made(message, &self.waiter, made).await;
        made.map(Guard::from_inner)
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
        report_dead_letter(source, label, &kind, self.declaration, &json);
        if !label.is_awaited() {
            origin_of_lost(source, label, self.declaration).keep(kind);
        }
        drop_unpanicked(parcel.take());
    }
}

impl<M: Module, K: Hosting<M>> Drop for Accepted<M, K> {
    fn drop(&mut self) {
        match self.end {
            MessageEnd::Waiting | MessageEnd::Handling | MessageEnd::HandlingInSpan(_) => {
                self.dropped();
            }
            MessageEnd::Handled(verdict) => {
                self.cell.tally.count(verdict);
                self.ctx.handle().scope.finish(1);
            }
            MessageEnd::Gone => {}
        }
        self.cell.give_back(self.has_place);
        if self.cell.closed.load(Ordering::SeqCst) {
            self.cell.changed.notify_waiters();
        }
        self.cell.stopping.notify_quiet();
    }
}

fn crash_of(reason: String, handle: &Handle) -> Crash {
    Crash {
        reason,
        is_of_report: handle.scope.is_of_report(),
    }
}
