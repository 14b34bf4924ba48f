//! [`SharedCell`]: a module whose handlers run concurrently: in the caller's task, or in tasks of their own.

mod accepted;
mod for_all;
mod hosting;
mod inline;
mod places;
mod running;
mod slot;

use std::fmt;
use std::future::pending;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use arc_swap::Guard;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use crate::context::{Context, Handle};
use crate::declaration::Declaration;
use crate::envelope::{Header, Label, Parcel};
use crate::error::{FailureKind, Result, SendError};
use crate::guarded::{PanicPayload, catch, drop_unpanicked};
use crate::mediator::{HoldsMessages, Mediator, Stopping};
use crate::message::MessageKind;
use crate::module::cell::{ModuleCell, ModuleRunner, RunEnd};
use crate::module::handler::{Breaker, count_dead_letter, origin_of_lost, report_dead_letter};
use crate::module::life::{BeingHandled, Pause};
use crate::module::mode::{Concurrently, Mode};
use crate::module::shared::accepted::{Accepted, MessageEnd};
pub(crate) use crate::module::shared::hosting::Handles;
pub(super) use crate::module::shared::hosting::{Hosting, Whole};
use crate::module::shared::places::Places;
pub(super) use crate::module::shared::places::until_obstacle;
use crate::module::shared::running::Running;
use crate::module::shared::slot::ModuleSlot;
use crate::module::tally::{Crash, Tally};
use crate::module::{KeyedStatus, Module, Shared};
use crate::race::race;
use crate::route::{BoxFuture, CrashLoops, NextTry, Rejected};
use crate::sync::lock;
use crate::waiting::Waiter;

/// How long a module that is cut off waits, at most, until the callers that wait for a turn have noticed: one
/// that does not poll its call never does, and is not in the report of the stop.
const LONGEST_NOTICE: Duration = Duration::from_millis(100);

impl<M: Module + Shared> Mode<M> for Concurrently {
    type Cell = SharedCell<M, Whole>;
    type Value = M;
}

/// A shared module, and what it has done.
#[doc(hidden)]
pub struct SharedCell<M: Module, K: Hosting<M>> {
    module: ModuleSlot<K::Value>,
    /// How it keeps its state.
    pub(crate) hosting: K,
    /// Whether the module has crashed too often.
    is_stopped: AtomicBool,
    places: Places,
    /// The handlers that no caller runs; `None` once the module is cut off.
    tasks: Mutex<Option<JoinSet<()>>>,
    running: Running,
    pause: Pause,
    accepted: AtomicU64,
    closed: AtomicBool,
    /// When the module is built again, if the cell is closed only until then. Locked to close it and to open
    /// it.
    next_try: Mutex<Option<Instant>>,
    /// Notified by `close`, by every message that ends after it, and by a crash.
    changed: Notify,
    stopping: Arc<Stopping>,
    /// Where handlers run that no caller runs.
    runtime: tokio::runtime::Handle,
    tally: Tally,
    /// Boxed: most modules have none, and look for it with each message.
    breaker: Option<Box<Breaker>>,
    declaration: &'static Declaration,
    /// What it waits for while it starts.
    waiter: Arc<Waiter>,
}

impl<M: Module, K: Hosting<M>> SharedCell<M, K> {
    /// Accepts a message; it is answered for by what this gives back.
    #[inline]
    fn accept<P: Parcel>(
        self: Arc<Self>,
        header: Header,
        parcel: &Option<P>,
        has_place: bool,
    ) -> Result<(Accepted<M, K>, K::Turn), SendError>
    where
        K: Handles<M, P>,
    {
        self.let_in(&header, parcel, has_place, Breaker::lets_pass)?;
        let Some(sent) = parcel else {
            unreachable!("a message that is accepted is there")
        };
        let turn = match K::enter(&self, sent) {
            Ok(turn) => turn,
            Err(next_try) => {
                self.give_back(has_place);
                let json = || parcel.as_ref().and_then(Parcel::json);
                return Err(self.turn_away(Rejected::CrashLooping, &next_try, &header, &json));
            }
        };
        let accepted = Accepted {
            cell: self,
            has_place,
            label: header.label,
            ctx: Context::new(Handle::of(header)),
            end: MessageEnd::Waiting,
        };
        Ok((accepted, turn))
    }

    /// Counts a message as accepted, unless the module takes none now, or its breaker does not let it pass.
    #[inline]
    fn let_in<P: Parcel>(
        &self,
        header: &Header,
        parcel: &Option<P>,
        has_place: bool,
        lets_pass: fn(&Breaker) -> bool,
    ) -> Result<(), SendError> {
        self.accepted.fetch_add(1, Ordering::SeqCst);
        let rejected = if self.closed.load(Ordering::SeqCst) {
            self.rejected()
        } else if self.breaker.as_ref().is_some_and(|it| !lets_pass(it)) {
            Rejected::BreakerOpen
        } else {
            return Ok(());
        };
        self.give_back(has_place);
        let json = || parcel.as_ref().and_then(Parcel::json);
        Err(self.turn_away(rejected, self, header, &json))
    }

    /// Gives the place of a message back, if it has one.
    #[inline]
    fn give_back(&self, has_place: bool) {
        match K::HAS_TURNS && has_place {
            true => self.places.repay(),
            false => self.places.give_back(has_place),
        }
    }

    /// Refuses a message. A rejected command or query returns an error to its sender. An event has no sender
    /// to notify, so it becomes a dead letter, if the module is crash-looping or was stopped for its crashes,
    /// or if its breaker is open.
    #[cold]
    fn turn_away(
        &self,
        rejected: Rejected,
        crash_loop: &dyn CrashLoops,
        header: &Header,
        json: &dyn Fn() -> Option<String>,
    ) -> SendError {
        let Header { scope, label, .. } = header;
        let is_stopped = self.is_stopped.load(Ordering::SeqCst);
        match rejected.failure(is_stopped, *label, crash_loop) {
            Some(kind) if label.message.kind == MessageKind::Event => {
                let source = header.source();
                report_dead_letter(source, *label, &kind, self.declaration, json);
                origin_of_lost(source, *label, self.declaration).keep(kind);
                count_dead_letter(source, *label, &self.tally, false);
            }
            _ => {
                self.tally.count_abandoned();
                scope.take_back(1);
            }
        }
        self.note_ended();
        rejected.error(label.message.name(), crash_loop)
    }

    /// A message has ended that was counted as accepted.
    fn note_ended(&self) {
        self.changed.notify_waiters();
        self.stopping.notify_quiet();
    }

    /// Why the cell, which is closed, refuses messages.
    #[cold]
    fn rejected(&self) -> Rejected {
        match *lock(&self.next_try) {
            Some(_) => Rejected::CrashLooping,
            None => Rejected::Closed,
        }
    }

    /// Why there was no module for a message that was accepted.
    #[cold]
    fn absence(&self, label: Label) -> FailureKind {
        // Meanwhile it may be built again.
        if self.closed.load(Ordering::SeqCst) && lock(&self.next_try).is_none() {
            FailureKind::Stopped
        } else {
            self.next_try().failure(label)
        }
    }

    /// Waits until the cell is closed and everything accepted has ended, or the module has crashed, and says
    /// how.
    async fn ended(&self) -> Option<Crash> {
        loop {
            let notified = self.changed.notified();
            tokio::pin!(notified);
            notified.as_mut().enable();
            if let Some(crash) = self.module.take_crash() {
                return Some(crash);
            }
            let ended = self.tally.ended();
            if self.closed.load(Ordering::SeqCst) && self.accepted.load(Ordering::SeqCst) == ended {
                return None;
            }
            notified.await;
        }
    }

    /// A handler crashed. Later messages wait for the next module value, unless one exists already.
    #[cold]
    fn crashed(&self, module: &Guard<Option<Arc<K::Value>>>, crash: Crash) {
        if self.module.remove(module) {
            self.end_with(crash);
        }
    }

    /// Waits until there will be no module any more.
    pub(crate) async fn until_gone(&self) {
        self.module.until_gone().await;
    }

    /// Lets the module's task know that the module has crashed.
    fn end_with(&self, crash: Crash) {
        self.module.crash(crash);
        self.changed.notify_waiters();
    }

    /// Runs a handler in a task of its own. Once the module is cut off, it is dropped instead.
    ///
    /// Boxed, so that tokio's part of a task is compiled once and not for each message.
    pub(crate) fn spawn(&self, handler: BoxFuture<()>) {
        let refused = match &mut *lock(&self.tasks) {
            Some(tasks) => {
                while tasks.try_join_next().is_some() {}
                tasks.spawn_on(handler, &self.runtime);
                None
            }
            None => Some(handler),
        };
        // What it holds is the user's: it is dropped outside of the lock.
        refused.into_iter().for_each(drop_unpanicked);
    }
}

impl<M: Module, K: Hosting<M>> CrashLoops for SharedCell<M, K> {
    fn next_try(&self) -> NextTry {
        let next_try = *lock(&self.next_try);
        NextTry {
            module: self.declaration.name,
            at: next_try.unwrap_or_else(Instant::now),
        }
    }
}

/// Runs a shared module: its handlers run by themselves, so it waits for their end.
#[doc(hidden)]
#[allow(missing_debug_implementations)] // Named by the hidden part of `Module`; no code outside has one.
pub struct SharedRunner<M: Module, K: Hosting<M>> {
    cell: Arc<SharedCell<M, K>>,
    ctx: Context<M>,
}

#[allow(private_interfaces)]
impl<M: Module, K: Hosting<M>> ModuleRunner<K::Value> for SharedRunner<M, K> {
    /// Each message is with its caller or its task, which gives it up itself.
    fn give_up_taken(&mut self) {}

    fn put(&mut self, module: K::Value) {
        self.cell.module.put(module);
    }

    async fn run(&mut self) -> Result<RunEnd, PanicPayload> {
        let cell = &self.cell;
        catch(async {
            let ended = race(cell.ended(), async {
                K::meanwhile(cell).await;
                pending().await
            });
            match ended.await {
                Some(crash) => {
                    cell.module.clear();
                    RunEnd::Crashed(crash)
                }
                None => RunEnd::Closed,
            }
        })
        .await
    }

    async fn on_stop(&mut self) -> Result<()> {
        match self.cell.module.take_last() {
            Some(module) => K::on_stop(&self.cell, &module, &self.ctx).await,
            None => Ok(()),
        }
    }
}

#[allow(private_interfaces)]
impl<M: Module, K: Hosting<M>> ModuleCell<M> for SharedCell<M, K> {
    type Value = K::Value;
    type Runner = SharedRunner<M, K>;

    fn on_start(value: &mut K::Value, ctx: &Context<M>) -> impl Future<Output = Result<()>> + Send {
        K::on_start(value, ctx)
    }

    fn new(bound: usize, declaration: &'static Declaration, mediator: &Mediator) -> Self {
        let waiter = Waiter::new(declaration);
        let bound = match M::IS_UNBOUNDED {
            true => usize::MAX,
            false => bound,
        };
        SharedCell {
            module: ModuleSlot::new(K::outlives_handlers()),
            hosting: K::new(),
            is_stopped: AtomicBool::new(false),
            places: Places::new(bound, &waiter),
            tasks: Mutex::new(Some(JoinSet::new())),
            running: Running::default(),
            pause: Pause::default(),
            accepted: AtomicU64::new(0),
            closed: AtomicBool::new(false),
            next_try: Mutex::default(),
            changed: Notify::new(),
            stopping: Arc::clone(&mediator.stopping),
            runtime: mediator.runtime.clone(),
            tally: Tally::default(),
            breaker: M::descriptor()
                .breaker
                .map(|policy| Box::new(Breaker::new(policy, declaration))),
            declaration,
            waiter,
        }
    }

    fn link(_: &Arc<Self>) {}

    fn runner(self: Arc<Self>, module_handle: Handle) -> SharedRunner<M, K> {
        self.hosting.begin(&module_handle);
        SharedRunner {
            cell: self,
            ctx: Context::new(module_handle),
        }
    }

    fn crash(&self, reason: String) {
        self.end_with(Crash {
            reason,
            is_of_report: false,
        });
    }

    fn begin_crash_loop(&self, next_try: Instant) {
        let mut until = lock(&self.next_try);
        if until.is_some() || !self.closed.load(Ordering::SeqCst) {
            *until = Some(next_try);
            self.closed.store(true, Ordering::SeqCst);
            drop(until);
            self.module.give_up();
            self.places.close();
        }
    }

    fn end_crash_loop(&self) {
        let mut until = lock(&self.next_try);
        if until.take().is_some() {
            self.module.expect();
            self.places.open();
            self.closed.store(false, Ordering::SeqCst);
        }
    }

    fn stop(&self) {
        self.is_stopped.store(true, Ordering::SeqCst);
        self.give_up();
    }

    fn give_up(&self) {
        self.close();
        self.module.give_up();
    }

    fn close(&self) {
        {
            let mut until = lock(&self.next_try);
            *until = None;
            self.closed.store(true, Ordering::SeqCst);
        }
        self.places.close();
        self.changed.notify_waiters();
    }

    /// What waits in the tasks of callers does not begin any more when what it waited for is cut off.
    async fn cut_off(&self) {
        if K::HAS_TURNS {
            self.module.clear();
        }
        self.give_up();
        let _ = timeout(LONGEST_NOTICE, self.hosting.callers_notice()).await;
        let tasks = lock(&self.tasks).take();
        if let Some(mut tasks) = tasks {
            tasks.shutdown().await;
        }
    }

    fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::SeqCst)
    }

    fn handling(&self) -> Vec<BeingHandled> {
        self.running.all()
    }

    fn pause(&self, is_paused: bool) {
        self.pause.set(is_paused);
    }

    fn is_paused(&self) -> bool {
        self.pause.is_on()
    }

    fn waiting(&self) -> usize {
        0
    }

    fn room(&self) -> Option<usize> {
        None
    }

    fn tally(&self) -> &Tally {
        &self.tally
    }

    fn shared(&self) -> Option<Arc<M>> {
        self.module.share().and_then(K::whole)
    }

    fn keyed(&self) -> Option<KeyedStatus> {
        self.hosting.status()
    }

    fn mailbox(_: &Arc<Self>) -> Option<Weak<dyn HoldsMessages>> {
        None
    }

    fn waiter(&self) -> &Arc<Waiter> {
        &self.waiter
    }
}

impl<M: Module, K: Hosting<M>> fmt::Debug for SharedCell<M, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedCell")
            .field("module", &M::descriptor().declaration.name)
            .finish_non_exhaustive()
    }
}
