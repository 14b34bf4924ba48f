//! [`ExclusiveCell`]: a module behind a mailbox, one message at a time.

mod backlog;
mod books;
mod held;
mod mailbox;
mod pace;
mod runner;
mod work;

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::task::{Context as TaskContext, Poll};

use tokio::time::Instant;

use crate::context::{Context, Handle};
use crate::declaration::Declaration;
use crate::envelope::{Label, Parcel, Source};
use crate::error::{FailureKind, Result};
use crate::guarded::drop_unpanicked;
use crate::mediator::{HoldsMessages, Mediator};
use crate::message::MessageKind;
use crate::module::cell::{ModuleCell, Way};
use crate::module::exclusive::backlog::BacklogRest;
use crate::module::exclusive::held::TakenUnits;
use crate::module::exclusive::mailbox::Mailbox;
use crate::module::exclusive::runner::ExclusiveRunner;
use crate::module::handler::{Breaker, count_dead_letter, origin_of_lost, report_dead_letter};
use crate::module::life::{BeingHandled, Progress};
use crate::module::mode::{Mode, OneAtATime};
use crate::module::tally::Tally;
use crate::module::{Exclusive, Module};
use crate::route::{Availability, CrashLoops, NextTry, Offer, Pool, Queue, Rejected, Route};
use crate::scope::HeldMailbox;
use crate::sync::Mutex;
use crate::waiting::Waiter;

impl<M: Module + Exclusive> Mode<M> for OneAtATime {
    type Cell = ExclusiveCell<M>;
    type Value = M;
}

/// The mailbox of an exclusive module, and what it has done.
#[doc(hidden)]
pub struct ExclusiveCell<M: Module + Exclusive> {
    mailbox: Mailbox<M::Inbox>,
    tally: Tally,
    progress: Arc<Progress>,
    declaration: &'static Declaration,
    /// What it waits for.
    waiter: Arc<Waiter>,
    /// This cell, for a unit of work that counts its messages here.
    this: OnceLock<Weak<dyn HeldMailbox>>,
    /// The units of work whose messages had been taken when a handler last began to wait.
    taken: Mutex<TakenUnits>,
    /// Shared, because each message looks for it on both sides of the mailbox.
    breaker: Option<Arc<Breaker>>,
    /// Whether there is a module that handles messages; not so while it starts or is restarted.
    is_made: AtomicBool,
    /// Whether the module has crashed too often.
    is_stopped: AtomicBool,
}

impl<M: Module + Exclusive> ExclusiveCell<M> {
    /// Makes a message a dead letter. Its caller gets the reason; if there is none, or none any more, it is a
    /// failure of its unit of work.
    #[cold]
    fn dead_letter(&self, source: Source<'_>, label: Label, inbox: M::Inbox, kind: FailureKind) {
        self.end_unhandled(source, label, Some(inbox), kind, false);
        source.scope.mediator.stopping.notify_quiet();
    }

    /// Makes a message a dead letter whose handler was cut off.
    #[cold]
    pub(super) fn dead_letter_begun(
        &self,
        source: Source<'_>,
        label: Label,
        inbox: Option<M::Inbox>,
    ) {
        self.end_unhandled(source, label, inbox, FailureKind::Stopped, true);
    }

    fn end_unhandled(
        &self,
        source: Source<'_>,
        label: Label,
        mut inbox: Option<M::Inbox>,
        kind: FailureKind,
        has_begun: bool,
    ) {
        let of = origin_of_lost(source, label, self.declaration);
        match inbox.as_mut().map(M::parcel) {
            Some(parcel) => {
                let json = || parcel.json().filter(|_| !has_begun);
                report_dead_letter(source, label, &kind, self.declaration, &json);
                parcel.fail(kind, of);
            }
            None => {
                report_dead_letter(source, label, &kind, self.declaration, &|| None);
                of.keep(kind);
            }
        }
        drop_unpanicked(inbox);
        count_dead_letter(source, label, &self.tally, has_begun);
    }
}

impl<M: Module + Exclusive> ExclusiveCell<M> {
    /// Refuses a message. A rejected command or query returns an error to its sender. An event has no sender
    /// to notify, so it becomes a dead letter, if the module is crash-looping or was stopped for its crashes,
    /// or if its breaker is open.
    #[cold]
    fn turn_away<P>(
        &self,
        rejected: Rejected,
        source: Source<'_>,
        label: Label,
        parcel: &mut Option<P>,
    ) -> Result<(), Rejected>
    where
        M::Inbox: From<P>,
    {
        let is_stopped = self.is_stopped.load(Ordering::SeqCst);
        match rejected.failure(is_stopped, label, self) {
            Some(kind) if label.message.kind == MessageKind::Event => {
                self.mailbox.count_accepted();
                self.dead_letter(source, label, take(parcel).into(), kind);
                Ok(())
            }
            _ => Err(rejected),
        }
    }

    /// Whether the breaker keeps messages from the module.
    #[inline]
    fn is_left_alone(&self) -> bool {
        let breaker = self.breaker.as_ref();
        breaker.is_some_and(|breaker| breaker.is_open() && !self.lets_probe(breaker))
    }

    /// Whether a message passes an open breaker. What a module refuses that is crash-looping is no probe.
    #[cold]
    fn lets_probe(&self, breaker: &Breaker) -> bool {
        self.mailbox.next_try().is_some() || breaker.lets_probe()
    }

    /// How soon the module handles what it gets, which is not at once.
    #[cold]
    fn delay(&self, is_left_alone: bool) -> Availability {
        if self.mailbox.next_try().is_some() {
            Availability::CrashLooping
        } else if is_left_alone {
            Availability::BreakerOpen
        } else {
            Availability::NotYet
        }
    }
}

impl<M: Module + Exclusive> ExclusiveCell<M> {
    /// Called when a handler has been polled and is not done.
    #[inline]
    pub(super) fn look_again(&self) {
        self.waiter.look_again();
    }

    /// Makes dead letters of what was taken of units of work that were cancelled since: the module may be
    /// busy for long. `current` is the handle of the current run, of which `left` messages are left.
    #[cold]
    fn forget_taken(&self, rest: &mut BacklogRest<'_, M::Inbox>, current: &Handle, left: usize) {
        if self.mailbox.take_request_to_forget() {
            rest.take_cancelled(current.source(), left, |source, label, inbox| {
                self.dead_letter(source, label, inbox, FailureKind::Cancelled);
            });
        }
    }
}

impl<M: Module + Exclusive> HoldsMessages for ExclusiveCell<M> {
    fn forget(&self, scope: usize) {
        self.mailbox.forget(scope).drain(|source, label, inbox| {
            self.dead_letter(source, label, inbox, FailureKind::Cancelled);
        });
    }
}

impl<M: Module + Exclusive> CrashLoops for ExclusiveCell<M> {
    fn next_try(&self) -> NextTry {
        NextTry {
            module: self.declaration.name,
            at: self.mailbox.next_try().unwrap_or_else(Instant::now),
        }
    }
}

/// The parcel of an offer.
fn take<P>(parcel: &mut Option<P>) -> P {
    parcel.take().expect("an offer is accepted once")
}

#[allow(private_interfaces)]
impl<M: Module + Exclusive> ModuleCell<M> for ExclusiveCell<M> {
    type Value = M;
    type Runner = ExclusiveRunner<M>;

    fn on_start(module: &mut M, ctx: &Context<M>) -> impl Future<Output = Result<()>> + Send {
        M::on_start(module, ctx)
    }

    fn new(bound: usize, declaration: &'static Declaration, _: &Mediator) -> Self {
        ExclusiveCell {
            mailbox: Mailbox::new(bound),
            tally: Tally::default(),
            progress: Arc::default(),
            declaration,
            waiter: Waiter::new(declaration),
            this: OnceLock::new(),
            taken: Mutex::default(),
            breaker: M::descriptor()
                .breaker
                .map(|policy| Arc::new(Breaker::new(policy, declaration))),
            is_made: AtomicBool::new(false),
            is_stopped: AtomicBool::new(false),
        }
    }

    fn link(cell: &Arc<Self>) {
        let this: Arc<dyn HeldMailbox> = Arc::clone(cell) as _;
        let this = cell.this.get_or_init(|| Arc::downgrade(&this));
        cell.waiter.set_mailbox(Weak::clone(this));
    }

    fn runner(self: Arc<Self>, module_handle: Handle) -> ExclusiveRunner<M> {
        ExclusiveRunner::new(self, module_handle)
    }

    fn crash(&self, reason: String) {
        self.mailbox.crash(reason);
    }

    fn begin_crash_loop(&self, next_try: Instant) {
        self.mailbox.close_until(next_try);
        self.mailbox.drain().drain(|source, label, inbox| {
            let kind = self.next_try().failure(label);
            self.dead_letter(source, label, inbox, kind);
        });
    }

    fn end_crash_loop(&self) {
        self.mailbox.reopen();
    }

    fn stop(&self) {
        self.is_stopped.store(true, Ordering::SeqCst);
        self.give_up();
    }

    fn give_up(&self) {
        self.close();
        self.mailbox.drain().drain(|source, label, inbox| {
            self.dead_letter(source, label, inbox, FailureKind::Stopped)
        });
    }

    fn close(&self) {
        self.mailbox.close();
    }

    async fn cut_off(&self) {
        self.give_up();
    }

    fn accepted(&self) -> u64 {
        self.mailbox.accepted()
    }

    fn handling(&self) -> Vec<BeingHandled> {
        let current = self.progress.current();
        let current = current.map(|(turn, slot)| BeingHandled {
            turn,
            slot,
            since: None,
            is_of_report: self.progress.is_of_report(turn),
        });
        current.into_iter().collect()
    }

    fn pause(&self, is_paused: bool) {
        self.progress.pause.set(is_paused);
    }

    fn is_paused(&self) -> bool {
        self.progress.pause.is_on()
    }

    fn waiting(&self) -> usize {
        self.mailbox.len()
    }

    fn room(&self) -> Option<usize> {
        Some(self.mailbox.bound())
    }

    fn tally(&self) -> &Tally {
        &self.tally
    }

    fn shared(&self) -> Option<Arc<M>> {
        None
    }

    fn mailbox(cell: &Arc<Self>) -> Option<Weak<dyn HoldsMessages>> {
        let cell: Weak<Self> = Arc::downgrade(cell);
        Some(cell)
    }

    fn waiter(&self) -> &Arc<Waiter> {
        &self.waiter
    }
}

impl<M, P> Queue<P> for ExclusiveCell<M>
where
    M: Module + Exclusive,
    M::Inbox: From<P>,
{
    #[inline]
    fn poll_accept(
        &self,
        source: Source<'_>,
        label: Label,
        offer: &mut Offer<P>,
        cx: &mut TaskContext<'_>,
    ) -> Poll<Result<(), Rejected>> {
        let Offer {
            parcel,
            is_external,
            ticket,
        } = offer;
        // A sender that waits in line has passed the breaker before.
        if ticket.is_none() && self.is_left_alone() {
            return Poll::Ready(self.turn_away(Rejected::BreakerOpen, source, label, parcel));
        }
        let make = || take(parcel).into();
        let polled = self
            .mailbox
            .poll_put(source, label, *is_external, ticket, cx, make);
        match polled {
            Poll::Ready(Ok(())) => {
                source.scope.forget_if_cancelled();
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(rejected)) => {
                Poll::Ready(self.turn_away(rejected, source, label, parcel))
            }
            Poll::Pending => Poll::Pending,
        }
    }

    fn try_accept(
        &self,
        source: Source<'_>,
        label: Label,
        is_external: bool,
        parcel: &mut Option<P>,
    ) -> Result<(), Rejected> {
        let make = || take(parcel).into();
        let accepted = if self.is_left_alone() {
            Err(Rejected::BreakerOpen)
        } else {
            self.mailbox.try_put(source, label, is_external, make)
        };
        match accepted {
            Ok(()) => source.scope.forget_if_cancelled(),
            Err(_) => source.scope.take_back(1),
        }
        accepted
    }

    fn availability(&self) -> Availability {
        let breaker = self.breaker.as_ref();
        let is_left_alone = breaker.is_some_and(|breaker| !breaker.would_let_pass());
        if self.is_stopped.load(Ordering::SeqCst) {
            Availability::Stopped
        } else if is_left_alone
            || self.progress.pause.is_on()
            || !self.is_made.load(Ordering::SeqCst)
        {
            self.delay(is_left_alone)
        } else {
            Availability::Running
        }
    }

    fn load(&self) -> u64 {
        let ended = self.tally.ended();
        self.mailbox.accepted().saturating_sub(ended)
    }

    fn waiter(&self) -> &Arc<Waiter> {
        &self.waiter
    }

    fn withdraw(&self, ticket: u64) {
        self.mailbox.withdraw(ticket);
    }
}

impl<M, P> Way<P> for ExclusiveCell<M>
where
    M: Module + Exclusive,
    M::Inbox: From<P>,
{
    #[allow(private_interfaces)]
    fn route(cells: &[Arc<Self>]) -> Route<P>
    where
        P: Parcel,
    {
        let queue = |cell: &Arc<Self>| Arc::clone(cell) as Arc<dyn Queue<P>>;
        match cells {
            [cell] => Route::Queue(queue(cell)),
            cells => Route::Pool(Pool::new(cells.iter().map(queue).collect())),
        }
    }
}

impl<M: Module + Exclusive> fmt::Debug for ExclusiveCell<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExclusiveCell")
            .field("module", &M::descriptor().declaration.name)
            .field("mailbox", &self.mailbox)
            .finish()
    }
}
