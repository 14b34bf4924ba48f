//! [`ExclusiveCell`]: a module behind a mailbox, one message at a time.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::task::{Context as TaskContext, Poll};
use std::{mem, ptr};

use tokio::sync::oneshot;

use crate::context::Handle;
use crate::declaration::Declaration;
use crate::envelope::{Label, Parcel, Source};
use crate::error::{FailureKind, Result};
use crate::guarded::{catch, drop_unpanicked};
use crate::mediator::{HoldsMessages, Mediator};
use crate::message::MessageKind;
use crate::module::backlog::BacklogRest;
use crate::module::breaker::Breaker;
use crate::module::cell::{Ended, ModuleCell, Way};
use crate::module::instance::BeingHandled;
use crate::module::mailbox::Mailbox;
use crate::module::progress::Progress;
use crate::module::restart::Supervisor;
use crate::module::supervision::{count_dead_letter, origin_of_lost, report_dead_letter};
use crate::module::tally::Tally;
use crate::module::work::{LoopEnd, Work};
use crate::module::{Exclusive, Module};
use crate::route::{BoxFuture, Offer, Pool, Queue, Rejected, Route};
use crate::scope::{BlockedMailbox, Scope};
use crate::sync::{Mutex, lock};
use crate::waiting::Waiter;

/// The mailbox of an exclusive module, and what it has done.
#[doc(hidden)]
pub struct ExclusiveCell<M: Module + Exclusive> {
    pub(super) mailbox: Mailbox<M::Inbox>,
    pub(super) tally: Tally,
    pub(super) progress: Arc<Progress>,
    pub(super) declaration: &'static Declaration,
    /// What it waits for.
    waiter: Arc<Waiter>,
    /// The address of a unit of work, and the number of its messages that were taken from the mailbox and
    /// queue behind the handler that is currently waiting.
    behind: Mutex<(usize, u64)>,
    /// This cell, as the unit of work that counts those messages sees it.
    blocked: OnceLock<Weak<dyn BlockedMailbox>>,
    /// Boxed, because most modules have none, and each message looks for it.
    pub(super) breaker: Option<Box<Breaker>>,
    /// Whether the module has crashed too often.
    is_stopped: AtomicBool,
}

impl<M: Module + Exclusive> ExclusiveCell<M> {
    /// Makes a message a dead letter. Its caller gets the reason; if there is none, or none any more, it is a
    /// failure of its unit of work.
    #[cold]
    pub(super) fn dead_letter(
        &self,
        source: Source<'_>,
        label: Label,
        inbox: M::Inbox,
        kind: FailureKind,
    ) {
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
    /// to notify, so it becomes a dead letter, if the module was stopped for its crashes or its breaker is
    /// open.
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
        let kind = match rejected {
            Rejected::BreakerOpen => FailureKind::BreakerOpen,
            Rejected::Closed if self.is_stopped.load(Ordering::SeqCst) => FailureKind::Stopped,
            Rejected::Closed | Rejected::Full | Rejected::Cancelled => return Err(rejected),
        };
        if label.message.kind != MessageKind::Event {
            return Err(rejected);
        }
        self.mailbox.count_accepted();
        self.dead_letter(source, label, take(parcel).into(), kind);
        Ok(())
    }

    /// Whether the breaker keeps messages from the module.
    #[inline]
    fn is_left_alone(&self) -> bool {
        let breaker = self.breaker.as_ref();
        breaker.is_some_and(|breaker| !breaker.lets_pass())
    }
}

impl<M: Module + Exclusive> ExclusiveCell<M> {
    /// Makes dead letters of what was taken of units of work that were cancelled since: the module may be
    /// busy for long. `current` is the handle of the current run, of which `left` messages are left.
    #[cold]
    pub(super) fn forget_taken(
        &self,
        rest: &mut BacklogRest<'_, M::Inbox>,
        current: &Handle,
        left: usize,
    ) {
        if self.mailbox.take_request_to_forget() {
            rest.take_cancelled(current.source(), left, |source, label, inbox| {
                self.dead_letter(source, label, inbox, FailureKind::Cancelled);
            });
        }
    }

    /// Registers that a handler waits at a stream, and that messages taken with its own wait behind it.
    #[cold]
    pub(super) fn hold_up(&self, scope: &Scope, taken: u64) {
        let behind = (ptr::from_ref(scope).addr(), taken);
        if mem::replace(&mut *lock(&self.behind), behind) == behind {
            return;
        }
        if let Some(blocked) = self.blocked.get() {
            scope.remove_blocked(blocked);
            scope.add_blocked(Weak::clone(blocked));
        }
        scope.notify_changed();
    }

    /// Registers that the handler continues.
    #[cold]
    pub(super) fn go_on(&self, scope: &Scope) {
        *lock(&self.behind) = (0, 0);
        if let Some(blocked) = self.blocked.get() {
            scope.remove_blocked(blocked);
        }
    }
}

impl<M: Module + Exclusive> BlockedMailbox for ExclusiveCell<M> {
    fn behind(&self, scope: &Scope) -> u64 {
        let (of, taken) = *lock(&self.behind);
        let taken = if of == ptr::from_ref(scope).addr() {
            taken
        } else {
            0
        };
        taken + self.mailbox.count_of(scope)
    }
}

impl<M: Module + Exclusive> HoldsMessages for ExclusiveCell<M> {
    fn forget(&self, scope: usize) {
        self.mailbox.forget(scope).drain(|source, label, inbox| {
            self.dead_letter(source, label, inbox, FailureKind::Cancelled);
        });
    }
}

/// The parcel of an offer.
fn take<P>(parcel: &mut Option<P>) -> P {
    parcel.take().expect("an offer is accepted once")
}

#[allow(private_interfaces)]
impl<M: Module + Exclusive> ModuleCell<M> for ExclusiveCell<M> {
    fn new(bound: usize, declaration: &'static Declaration, _: &Mediator) -> Self {
        ExclusiveCell {
            mailbox: Mailbox::new(bound),
            tally: Tally::default(),
            progress: Arc::default(),
            declaration,
            waiter: Waiter::new(declaration),
            behind: Mutex::default(),
            blocked: OnceLock::new(),
            breaker: M::descriptor()
                .breaker
                .map(|policy| Box::new(Breaker::new(policy, declaration))),
            is_stopped: AtomicBool::new(false),
        }
    }

    fn serve(
        self: Arc<Self>,
        mut module: M,
        mut supervisor: Supervisor<M>,
        started: oneshot::Sender<Result<()>>,
    ) -> BoxFuture<Ended> {
        let blocked: Arc<dyn BlockedMailbox> = Arc::clone(&self) as _;
        self.blocked.get_or_init(|| Arc::downgrade(&blocked));
        Box::pin(async move {
            let module_handle = supervisor.module_handle.clone();
            let mut work = Work::new(&self, module_handle, supervisor.resumes());
            supervisor.mark_started();
            let _ = started.send(Ok(()));
            loop {
                // What panics here is user code beside a handler, whose own panics are caught before.
                match catch(work.run(&mut module)).await {
                    Ok(LoopEnd::Closed) => {
                        let ended = catch(M::on_stop(&mut module, work.module_ctx())).await;
                        drop_unpanicked(module);
                        return ended;
                    }
                    Ok(LoopEnd::Crashed) => {}
                    Err(panic) => {
                        if work.settle_panic(panic) {
                            continue;
                        }
                    }
                }
                drop_unpanicked(module);
                let crash = work.crash();
                module = match work.forget_during(supervisor.again(crash)).await {
                    Some(module) => module,
                    None => return Ok(Ok(())),
                };
                // A background task may have crashed beside the handler.
                self.mailbox.take_crash();
                supervisor.mark_started();
            }
        })
    }

    fn crash(&self, reason: String) {
        self.mailbox.crash(reason);
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

    fn waiter(&self) -> Option<&Arc<Waiter>> {
        Some(&self.waiter)
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
            Poll::Ready(Err(rejected)) => {
                Poll::Ready(self.turn_away(rejected, source, label, parcel))
            }
            accepted => accepted,
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
        if accepted.is_err() {
            source.scope.take_back(1);
        }
        accepted
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
