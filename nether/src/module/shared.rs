//! [`SharedCell`]: a module whose handlers run concurrently: in the caller's task, or in tasks of their own.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};

use arc_swap::{ArcSwapOption, Guard};
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinSet;

use crate::context::{Context, Handle};
use crate::declaration::Declaration;
use crate::envelope::{Header, Parcel, Reply};
use crate::error::{FailureKind, Result};
use crate::guarded::{catch, drop_unpanicked};
use crate::mediator::{HoldsMessages, Mediator, Stopping};
use crate::message::{Message, MessageKind};
use crate::module::accepted::{Accepted, MessageEnd};
use crate::module::breaker::Breaker;
use crate::module::cell::{Ended, ModuleCell, Way};
use crate::module::handling::SharedHandler;
use crate::module::instance::BeingHandled;
use crate::module::places::{Offered, Places};
use crate::module::progress::Pause;
use crate::module::restart::Supervisor;
use crate::module::running::Running;
use crate::module::supervision::{
    count_dead_letter, origin_of, origin_of_lost, report_dead_letter,
};
use crate::module::tally::{Crash, Tally};
use crate::module::{Module, Restart, Shared};
use crate::route::{BoxFuture, Inline, InlineCall, Rejected, Route};
use crate::sync::lock;
use crate::waiting::Waiter;

/// A shared module, and what it has done.
#[doc(hidden)]
pub struct SharedCell<M: Module + Shared> {
    /// `None` while it is being made, and once there will be none.
    pub(super) module: ArcSwapOption<M>,
    /// Set once there will be no module any more. Stays so.
    is_gone: AtomicBool,
    /// Whether that is because it has crashed too often.
    is_stopped: AtomicBool,
    /// Told when the module is there, and when there will be none.
    made: Notify,
    /// How the module has crashed, until somebody sees to it.
    crash: Mutex<Option<Crash>>,
    /// Whether the module goes on as it is when a handler has panicked.
    resumes: bool,
    pub(super) places: Places,
    /// The handlers that no caller runs; `None` once the module is cut off.
    tasks: Mutex<Option<JoinSet<()>>>,
    /// What is being handled that was not ready at once, by its number.
    pub(super) running: Running,
    pub(super) pause: Pause,
    accepted: AtomicU64,
    pub(super) closed: AtomicBool,
    /// Told by `close`, by every message that ends after it, and by a crash.
    pub(super) changed: Notify,
    pub(super) stopping: Arc<Stopping>,
    /// Where handlers run that no caller runs.
    runtime: tokio::runtime::Handle,
    pub(super) tally: Tally,
    /// Boxed: most modules have none, and look for it with each message.
    pub(super) breaker: Option<Box<Breaker>>,
    pub(super) declaration: &'static Declaration,
}

impl<M: Module + Shared> SharedCell<M> {
    /// Accepts a message; it is answered for by what this gives back.
    #[inline]
    fn accept<P: Parcel>(
        self: Arc<Self>,
        header: Header,
        parcel: &Option<P>,
        has_place: bool,
    ) -> Result<Accepted<M>, Rejected> {
        let json = || parcel.as_ref().and_then(Parcel::json);
        self.accepted.fetch_add(1, Ordering::SeqCst);
        if self.closed.load(Ordering::SeqCst) {
            self.places.give_back(has_place);
            return Err(self.turn_away(Rejected::Closed, &header, &json));
        }
        let breaker = self.breaker.as_ref();
        if breaker.is_some_and(|breaker| !breaker.lets_pass()) {
            self.places.give_back(has_place);
            return Err(self.turn_away(Rejected::BreakerOpen, &header, &json));
        }
        Ok(Accepted {
            cell: self,
            has_place,
            label: header.label,
            ctx: Context::new(Handle::of(header)),
            end: MessageEnd::Waiting,
        })
    }

    /// Refuses a message. A rejected command or query returns an error to its sender. An event has no sender
    /// to notify, so it becomes a dead letter, if the module was stopped for its crashes or its breaker is
    /// open.
    #[cold]
    fn turn_away(
        &self,
        rejected: Rejected,
        header: &Header,
        json: &dyn Fn() -> Option<String>,
    ) -> Rejected {
        let Header { scope, label, .. } = header;
        let is_stopped = self.is_stopped.load(Ordering::SeqCst);
        let kind = match rejected {
            Rejected::BreakerOpen => Some(FailureKind::BreakerOpen),
            Rejected::Closed if is_stopped => Some(FailureKind::Stopped),
            Rejected::Closed | Rejected::Full | Rejected::Cancelled => None,
        };
        match kind {
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
        self.changed.notify_waiters();
        self.stopping.notify_quiet();
        rejected
    }

    /// Waits until the cell is closed and everything accepted has ended, or the module has crashed, and says
    /// how.
    async fn ended(&self) -> Option<Crash> {
        loop {
            let notified = self.changed.notified();
            tokio::pin!(notified);
            notified.as_mut().enable();
            if let Some(crash) = lock(&self.crash).take() {
                return Some(crash);
            }
            let ended = self.tally.ended();
            if self.closed.load(Ordering::SeqCst) && self.accepted.load(Ordering::SeqCst) == ended {
                return None;
            }
            notified.await;
        }
    }

    /// Waits for the module. `None` if there will be none.
    pub(super) async fn made(&self) -> Option<Arc<M>> {
        loop {
            let notified = self.made.notified();
            tokio::pin!(notified);
            notified.as_mut().enable();
            if let Some(module) = self.module.load_full() {
                return Some(module);
            }
            if self.is_gone.load(Ordering::SeqCst) {
                return None;
            }
            notified.await;
        }
    }

    /// A handler has fallen. Whoever comes next waits for another module, unless there is another already.
    #[cold]
    pub(super) fn crashed(&self, module: &Guard<Option<Arc<M>>>, crash: Crash) {
        if self.resumes {
            return;
        }
        let current = self.module.compare_and_swap(module, None);
        let was_current = current.as_ref().map(Arc::as_ptr) == module.as_ref().map(Arc::as_ptr);
        if was_current {
            self.end_with(crash);
        }
    }

    /// Lets the module's task know that the module has crashed.
    fn end_with(&self, crash: Crash) {
        lock(&self.crash).get_or_insert(crash);
        self.changed.notify_waiters();
    }

    /// Accepts the message, and lets its handler run in a task of its own. Without a place it waits for one
    /// there.
    fn begin<P>(self: Arc<Self>, parcel: P, header: Header, has_place: bool) -> Result<(), Rejected>
    where
        P: Parcel,
        M: SharedHandler<P>,
    {
        let parcel = Some(parcel);
        let accepted = Arc::clone(&self).accept(header, &parcel, has_place)?;
        self.run_alone(accepted, parcel);
        Ok(())
    }

    /// Lets the handler run in a task of its own; without a place it waits for one there.
    fn run_alone<P>(&self, mut accepted: Accepted<M>, mut parcel: Option<P>)
    where
        P: Parcel,
        M: SharedHandler<P>,
    {
        self.spawn(async move {
            accepted.take_place().await;
            let reply = accepted.run(&mut parcel).await;
            if let (Err(error), MessageEnd::Handled(_)) = (reply, accepted.end) {
                let Accepted { cell, ctx, .. } = &accepted;
                let of = origin_of(ctx.handle(), P::Message::NAME, cell.declaration);
                of.keep(FailureKind::of(error));
            }
        });
    }

    /// The module is there.
    fn put(&self, module: M) {
        self.module.store(Some(Arc::new(module)));
        self.made.notify_waiters();
    }

    /// Runs a handler in a task of its own. Once the module is cut off, it is dropped instead.
    fn spawn(&self, handler: impl Future<Output = ()> + Send + 'static) {
        if let Some(tasks) = &mut *lock(&self.tasks) {
            while tasks.try_join_next().is_some() {}
            tasks.spawn_on(handler, &self.runtime);
        }
    }
}

impl<M, P> Inline<P> for SharedCell<M>
where
    P: Parcel,
    M: Module + Shared + SharedHandler<P>,
{
    fn call(
        self: Arc<Self>,
        parcel: P,
        header: Header,
        is_external: bool,
    ) -> Result<InlineCall<Reply<P::Message>>, Rejected> {
        let has_place = is_external && self.places.take();
        if is_external && !has_place {
            let offered = Offered::new(parcel, header);
            return Ok(InlineCall::Waiting(Box::pin(async move {
                let (parcel, header) = offered.enter(&self.places).await?;
                let mut parcel = Some(parcel);
                let mut accepted = self.accept(header, &parcel, true)?;
                Ok(Box::pin(async move { accepted.run(&mut parcel).await }) as BoxFuture<_>)
            })));
        }
        // What the future captures lies where it is, and is not moved once more.
        let mut parcel = Some(parcel);
        let mut accepted = self.accept(header, &parcel, has_place)?;
        let handler = Box::pin(async move { accepted.run(&mut parcel).await });
        Ok(InlineCall::Accepted(handler))
    }

    fn post(
        self: Arc<Self>,
        parcel: P,
        header: Header,
        is_external: bool,
    ) -> Result<Option<BoxFuture<Result<(), Rejected>>>, Rejected> {
        let has_place = self.places.take();
        if !has_place && is_external {
            let offered = Offered::new(parcel, header);
            return Ok(Some(Box::pin(async move {
                let (parcel, header) = offered.enter(&self.places).await?;
                self.begin(parcel, header, true)
            })));
        }
        self.begin(parcel, header, has_place).map(|()| None)
    }

    fn try_call(
        self: Arc<Self>,
        parcel: &mut Option<P>,
        header: Header,
        is_external: bool,
    ) -> Result<BoxFuture<Reply<P::Message>>, Rejected> {
        let has_place = self.places.try_take(&header, is_external)?;
        let mut accepted = self.accept(header, parcel, has_place)?;
        let mut parcel = parcel.take();
        Ok(Box::pin(async move { accepted.run(&mut parcel).await }))
    }

    fn try_post(
        self: Arc<Self>,
        parcel: &mut Option<P>,
        header: Header,
        is_external: bool,
    ) -> Result<(), Rejected> {
        let has_place = self.places.try_take(&header, is_external)?;
        let accepted = Arc::clone(&self).accept(header, parcel, has_place)?;
        self.run_alone(accepted, parcel.take());
        Ok(())
    }
}

impl<M, P> Way<P> for SharedCell<M>
where
    M: Module + Shared + SharedHandler<P>,
    P: Parcel,
{
    #[allow(private_interfaces)]
    fn route(cells: &[Arc<Self>]) -> Route<P> {
        // Its handlers run concurrently as it is: there is one instance.
        Route::Inline(Arc::clone(&cells[0]) as _)
    }
}

#[allow(private_interfaces)]
impl<M: Module + Shared> ModuleCell<M> for SharedCell<M> {
    fn new(bound: usize, declaration: &'static Declaration, mediator: &Mediator) -> Self {
        SharedCell {
            module: ArcSwapOption::empty(),
            is_gone: AtomicBool::new(false),
            is_stopped: AtomicBool::new(false),
            made: Notify::new(),
            crash: Mutex::default(),
            resumes: M::descriptor().restart.restart == Restart::Resume,
            places: Places::new(bound),
            tasks: Mutex::new(Some(JoinSet::new())),
            running: Running::default(),
            pause: Pause::default(),
            accepted: AtomicU64::new(0),
            closed: AtomicBool::new(false),
            changed: Notify::new(),
            stopping: Arc::clone(&mediator.stopping),
            runtime: mediator.runtime.clone(),
            tally: Tally::default(),
            breaker: M::descriptor()
                .breaker
                .map(|policy| Box::new(Breaker::new(policy, declaration))),
            declaration,
        }
    }

    fn serve(
        self: Arc<Self>,
        module: M,
        mut supervisor: Supervisor<M>,
        started: oneshot::Sender<Result<()>>,
    ) -> BoxFuture<Ended> {
        let living = async move {
            self.put(module);
            supervisor.mark_started();
            let _ = started.send(Ok(()));
            while let Some(crash) = self.ended().await {
                // Its other handlers run on with it; it is dropped when the last one has ended.
                drop_unpanicked(self.module.swap(None));
                let Some(module) = supervisor.again(crash).await else {
                    return Ok(());
                };
                lock(&self.crash).take();
                self.put(module);
                supervisor.mark_started();
            }
            let module = self.module.swap(None);
            self.is_gone.store(true, Ordering::SeqCst);
            let ctx = Context::new(supervisor.module_handle.clone());
            match module {
                Some(module) => M::on_stop(&module, &ctx).await,
                None => Ok(()),
            }
        };
        Box::pin(catch(living))
    }

    fn crash(&self, reason: String) {
        self.end_with(Crash {
            reason,
            is_of_report: false,
        });
    }

    fn stop(&self) {
        self.is_stopped.store(true, Ordering::SeqCst);
        self.give_up();
    }

    fn give_up(&self) {
        self.close();
        self.is_gone.store(true, Ordering::SeqCst);
        self.made.notify_waiters();
    }

    fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        self.places.close();
        self.changed.notify_waiters();
    }

    async fn cut_off(&self) {
        self.give_up();
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
        self.module.load_full()
    }

    fn mailbox(_: &Arc<Self>) -> Option<Weak<dyn HoldsMessages>> {
        None
    }

    fn waiter(&self) -> Option<&Arc<Waiter>> {
        None
    }
}

impl<M: Module + Shared> fmt::Debug for SharedCell<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedCell")
            .field("module", &M::descriptor().declaration.name)
            .finish_non_exhaustive()
    }
}
