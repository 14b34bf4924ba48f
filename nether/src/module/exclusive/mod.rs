//! [`ExclusiveCell`]: a module behind a mailbox, one message at a time.

mod backlog;
mod books;
mod mailbox;
mod pace;
mod work;

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::task::{Context as TaskContext, Poll};

use tokio::time::Instant;

use crate::context::Handle;
use crate::declaration::Declaration;
use crate::envelope::{Label, Parcel, Source, without_reply};
use crate::error::FailureKind;
use crate::guarded::drop_unpanicked;
use crate::mediator::Stopping;
use crate::message::MessageKind;
use crate::module::cell::{ModuleCell, Way};
use crate::module::exclusive::mailbox::Mailbox;
use crate::module::exclusive::work::ExclusiveRunner;
use crate::module::handler::{Breaker, dead_letter};
use crate::module::life::{BeingHandled, Progress};
use crate::module::mode::{Mode, OneAtATime};
use crate::module::tally::Tally;
use crate::module::{Exclusive, Module};
use crate::route::{Availability, CrashLoops, NextTry, Offer, Pool, Queue, Rejected, Route};
use crate::scope::{HeldMailbox, HeldModule};
use crate::waiting::Waiter;

impl<M: Module + Exclusive> Mode<M> for OneAtATime {
    type Cell = ExclusiveCell<M>;
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
    /// Shared, because each message looks for it on both sides of the mailbox.
    breaker: Option<Arc<Breaker>>,
    /// Whether there is a module that handles messages; not so while it starts or is restarted.
    is_made: AtomicBool,
    /// Whether the module has crashed too often.
    is_stopped: AtomicBool,
}

impl<M: Module + Exclusive> ExclusiveCell<M> {
    /// Makes a message a dead letter. Its caller notices that the reply cell is dropped, and gets the reason
    /// from its unit of work, or with the cell if the module is crash-looping.
    #[cold]
    fn dead_letter(&self, source: Source<'_>, label: Label, inbox: M::Inbox, kind: FailureKind) {
        let json = || M::json(&inbox);
        let is_crash_looping = matches!(kind, FailureKind::CrashLooping);
        dead_letter(source, label, kind, &self.tally, self.declaration, &json);
        if is_crash_looping {
            let error = self.next_try().refusal(label.message.name());
            without_reply(error, || drop_unpanicked(inbox));
        } else {
            drop_unpanicked(inbox);
        }
        source.scope.mediator.stopping.notify_quiet();
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
        match rejected.failure(self.is_stopped.load(Ordering::SeqCst)) {
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

    /// The module, whose handler waits; it has taken so many messages of the same unit of work with its own.
    #[cold]
    pub(super) fn held(&self, taken: u64) -> Option<HeldModule> {
        Some(HeldModule {
            number: self.waiter.number(),
            mailbox: Weak::clone(self.this.get()?),
            taken,
        })
    }
}

impl<M: Module + Exclusive> HeldMailbox for ExclusiveCell<M> {
    fn count_of(&self, unit: usize) -> u64 {
        self.mailbox.count_of(unit)
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
    type Runner = ExclusiveRunner<M>;

    fn new(bound: usize, declaration: &'static Declaration, _: Arc<Stopping>) -> Self {
        ExclusiveCell {
            mailbox: Mailbox::new(bound),
            tally: Tally::default(),
            progress: Arc::default(),
            declaration,
            waiter: Waiter::new(declaration),
            this: OnceLock::new(),
            breaker: M::descriptor()
                .breaker
                .map(|policy| Arc::new(Breaker::new(policy, declaration))),
            is_made: AtomicBool::new(false),
            is_stopped: AtomicBool::new(false),
        }
    }

    fn runner(self: Arc<Self>, module_handle: Handle) -> ExclusiveRunner<M> {
        let this: Arc<dyn HeldMailbox> = Arc::clone(&self) as _;
        let this = self.this.get_or_init(|| Arc::downgrade(&this));
        self.waiter.has_mailbox(Weak::clone(this));
        ExclusiveRunner::new(self, module_handle)
    }

    fn crash(&self, reason: String) {
        self.mailbox.crash(reason);
    }

    fn begin_crash_loop(&self, next_try: Instant) {
        self.mailbox.close_until(next_try);
        self.mailbox.drain().drain(|source, label, inbox| {
            self.dead_letter(source, label, inbox, FailureKind::CrashLooping)
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
